//! The streams of one epoch, read in turn by any number of threads.

use super::IterableDataset;
use crate::Result;
use crate::data::loader::located;
use crate::data::{CollateItems, seed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// The state that threads need to create the batches of one epoch. Batch number `n` consists of the next items of shard
/// `n % num_shards`.
pub(super) struct Streams<D: IterableDataset, C> {
    pub(super) dataset: Arc<D>,
    pub(super) collator: Arc<C>,
    pub(super) batch_size: usize,
    pub(super) drop_last: bool,
    pub(super) base_seed: i64,
    pub(super) lanes: Vec<Lane<D::Item>>,
}

/// One shard. Its batches are read in order: a thread that comes early waits for those before, which other threads have
/// begun.
pub(super) struct Lane<T> {
    state: Mutex<State<T>>,
    turn: Condvar,
}

struct State<T> {
    /// The number of batches read so far.
    round: usize,
    /// The number of items read so far.
    taken: usize,
    stream: Stream<T>,
}

enum Stream<T> {
    Unopened,
    Open(Box<dyn Iterator<Item = Result<T>> + Send>),
    Ended,
}

impl<T> Lane<T> {
    pub(super) fn new() -> Lane<T> {
        Lane { state: Mutex::new(State { round: 0, taken: 0, stream: Stream::Unopened }), turn: Condvar::new() }
    }

    /// The state once all batches before `round` were read.
    fn enter(&self, round: usize) -> MutexGuard<'_, State<T>> {
        // No code panics while it holds the lock.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while state.round < round {
            state = self.turn.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state
    }
}

impl<D: IterableDataset, C: CollateItems<D::Item>> Streams<D, C> {
    /// Batch number `number`; `None` if its shard has no items for a batch, now or later.
    pub(super) fn batch(&self, number: usize) -> Option<Result<C::Batch>> {
        let (shard, round) = (number % self.lanes.len(), number / self.lanes.len());
        let lane = &self.lanes[shard];
        let mut state = lane.enter(round);
        let items = self.take(shard, &mut state);
        state.round += 1;
        drop(state);
        lane.turn.notify_all();
        match items {
            Ok(items) if items.is_empty() || self.drop_last && items.len() < self.batch_size => None,
            Ok(items) => Some(located(|| self.collator.collate(items), || format!("batch {number}"))),
            Err(error) => Some(Err(error)),
        }
    }

    /// The next items of a shard, fewer than a batch if it ends.
    fn take(&self, shard: usize, state: &mut State<D::Item>) -> Result<Vec<D::Item>> {
        let shards = self.lanes.len();
        // After an error or a panic the stream remains ended, as a generator in Python.
        let mut stream = match std::mem::replace(&mut state.stream, Stream::Ended) {
            Stream::Ended => return Ok(Vec::new()),
            Stream::Open(stream) => stream,
            Stream::Unopened => {
                let open = || seed::reading(self.base_seed, usize::MAX - shard, || self.dataset.iter(shard));
                located(|| Ok(open()), || format!("stream {shard} of the data set"))?
            }
        };
        let mut items = Vec::new();
        while items.len() < self.batch_size {
            let number = state.taken;
            state.taken += 1;
            let position = number.wrapping_mul(shards).wrapping_add(shard);
            let next = located(
                || seed::reading(self.base_seed, position, || stream.next().transpose()),
                || format!("item {number} of stream {shard} of the data set"),
            )?;
            let Some(item) = next else { return Ok(items) };
            items.push(item);
        }
        state.stream = Stream::Open(stream);
        Ok(items)
    }
}
