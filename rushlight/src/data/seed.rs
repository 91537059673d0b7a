//! Random numbers per item, independent of the thread that reads it.

use crate::random::{Generator, default_generator};
use std::cell::RefCell;

thread_local! {
    /// The item being read on this thread: its seed, and its generator once requested.
    static READING: RefCell<Option<(u64, Option<Generator>)>> = const { RefCell::new(None) };
}

/// Returns the generator to draw from inside [`Dataset::get`](super::Dataset::get), for random crops, flips, noise and the like.
///
/// While a [`DataLoader`](super::DataLoader) reads an item, this is a generator of that item. Its seed is derived from the
/// number that the loader draws at the start of the epoch and the item's position in the epoch, so that numbers are reproducible by
/// `manual_seed`, differ between epochs, and do not depend on the number of workers. PyTorch instead seeds a generator per worker, so
/// that numbers depend on `num_workers`. Otherwise this is the default generator.
///
/// Do not draw from the default generator (`Tensor::rand`) in `get`: all threads share it, in nondeterministic order.
///
/// ```
/// use rushlight::data::{DataLoader, Dataset, TensorDataset, sample_generator};
/// use rushlight::{Tensor, TensorOptions};
///
/// let noisy = |num_workers| {
///     rushlight::manual_seed(0);
///     let dataset = TensorDataset::new(Tensor::zeros([8, 2]))
///         .map(|x| x.try_add(&Tensor::try_randn_with([2], TensorOptions::new().generator(&sample_generator()))?));
///     let loader = DataLoader::builder(dataset).batch_size(8).num_workers(num_workers).build();
///     loader.iter().next().unwrap().to_vec::<f32>()
/// };
/// assert_eq!(noisy(0), noisy(3));
/// ```
pub fn sample_generator() -> Generator {
    READING.with_borrow_mut(|reading| match reading {
        Some((seed, generator)) => generator.get_or_insert_with(|| Generator::from_seed(*seed)).clone(),
        None => default_generator().clone(),
    })
}

/// Runs `read` with the generator of the item at `position` in the epoch of `base_seed`.
pub(super) fn reading<R>(base_seed: i64, position: usize, read: impl FnOnce() -> R) -> R {
    let _restore = Restore(READING.replace(Some((mix(base_seed as u64, position as u64), None))));
    read()
}

struct Restore(Option<(u64, Option<Generator>)>);

impl Drop for Restore {
    fn drop(&mut self) {
        READING.set(self.0.take());
    }
}

/// SplitMix64's output for the state `seed` after `position + 1` steps. A generator uses only the low half of its seed, so
/// every input bit must affect every output bit.
fn mix(seed: u64, position: u64) -> u64 {
    let mut z = seed.wrapping_add((position.wrapping_add(1)).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
