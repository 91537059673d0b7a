//! [`Generator`]: a handle to a stream of random numbers, its seed and its state record.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::mt19937::{Mt19937, N};

/// The default seed of a `Generator`.
const DEFAULT_SEED: u64 = 67280421310721;
/// Size of PyTorch's state record, `torch.get_rng_state().numel()`.
const STATE_SIZE: usize = 5056;

/// A source of random numbers with PyTorch's CPU stream: the same seed and calls produce the same numbers.
///
/// A `Generator` is a handle: clones share one state. Each call holds a lock, so several threads may draw from one
/// generator, but the order of their draws is then nondeterministic.
///
/// The functions that draw fill slices in element order, independently of the number of threads. For invalid arguments they return
/// PyTorch's error message without drawing.
///
/// ```
/// use rushlight::random::Generator;
///
/// let generator = Generator::from_seed(0);
/// let mut x = [0.0f32; 2];
/// generator.uniform(&mut x, 0.0, 1.0).unwrap();
/// assert_eq!(x, [0.4962566, 0.7682218]); // torch.manual_seed(0); torch.rand(2)
/// ```
#[derive(Clone)]
pub struct Generator(Arc<Mutex<State>>);

pub(super) struct State {
    pub(super) engine: Mt19937,
    /// The second value of a Box-Muller pair, the next normal number of the scalar path.
    pub(super) cached_normal: Option<f64>,
}

impl State {
    fn new(seed: u64) -> Self {
        State { engine: Mt19937::new(seed), cached_normal: None }
    }
}

impl Generator {
    /// Creates a generator with PyTorch's default seed, 67280421310721, as `torch.Generator()`.
    pub fn new() -> Self {
        Self::from_seed(DEFAULT_SEED)
    }

    /// Creates a generator with the given seed, as `torch.Generator().manual_seed(seed)`.
    pub fn from_seed(seed: u64) -> Self {
        Generator(Arc::new(Mutex::new(State::new(seed))))
    }

    /// Resets the generator to `seed`. (PyTorch interprets a negative seed s as s + 2^64: `s as u64`.)
    pub fn manual_seed(&self, seed: u64) {
        *self.lock() = State::new(seed);
    }

    /// Seeds the generator from the operating system and returns that seed (53 bits).
    pub fn seed(&self) -> u64 {
        let seed = os_seed();
        self.manual_seed(seed);
        seed
    }

    /// Returns the seed that the current stream began with.
    pub fn initial_seed(&self) -> u64 {
        self.lock().engine.seed
    }

    /// Returns the state as PyTorch's record of 5056 bytes, for `torch.set_rng_state` and [`Self::set_state`].
    pub fn get_state(&self) -> Vec<u8> {
        let state = self.lock();
        let engine = &state.engine;
        let mut bytes = Vec::with_capacity(STATE_SIZE);
        bytes.extend(engine.seed.to_le_bytes());
        bytes.extend(engine.left.to_le_bytes());
        bytes.extend(1u32.to_le_bytes()); // seeded
        bytes.extend(u64::from(engine.next).to_le_bytes());
        for word in engine.words {
            bytes.extend(u64::from(word).to_le_bytes());
        }
        bytes.extend([0; 8]);
        bytes.extend(state.cached_normal.unwrap_or(0.0).to_le_bytes());
        bytes.extend([0; 8]);
        bytes.extend(u32::from(state.cached_normal.is_some()).to_le_bytes());
        bytes.resize(STATE_SIZE, 0); // a float32 cache that no CPU kernel uses
        bytes
    }

    /// Restores a state returned by [`Self::get_state`] or `torch.get_rng_state`.
    ///
    /// # Errors
    /// If `record` is not 5056 bytes long or is not a valid state.
    pub fn set_state(&self, record: &[u8]) -> Result<(), String> {
        let Ok(record) = <&[u8; STATE_SIZE]>::try_from(record) else {
            return Err(format!(
                "Expected a CPUGeneratorImplState of size {STATE_SIZE} but found the input RNG state size to be {}",
                record.len()
            ));
        };
        let (numbers, _) = record.as_chunks::<8>();
        let number = |offset: usize| u64::from_le_bytes(numbers[offset / 8]);
        let (left, seeded) = (number(8) as u32, number(8) >> 32);
        let next = number(16);
        // PyTorch accepts a `left` greater than the number of words after `next`, and then reads out of bounds.
        let valid =
            seeded == 1 && (1..=N as u32).contains(&left) && next <= N as u64 && next as usize + left as usize - 1 <= N;
        if !valid {
            return Err("Invalid mt19937 state".into());
        }
        let engine = Mt19937 {
            seed: number(0),
            words: std::array::from_fn(|j| number(24 + 8 * j) as u32),
            left,
            next: next as u32,
        };
        let cached_normal = (number(5040) as u32 != 0).then(|| f64::from_bits(number(5024)));
        *self.lock() = State { engine, cached_normal };
        Ok(())
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // Every state is valid, so a poisoned lock can be ignored.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<&Generator> for Generator {
    /// Clones the handle to the same stream.
    fn from(generator: &Generator) -> Generator {
        generator.clone()
    }
}

impl Default for Generator {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Generator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Generator").field("initial_seed", &self.initial_seed()).finish_non_exhaustive()
    }
}

/// Returns the default generator, initially seeded from the operating system.
pub fn default_generator() -> &'static Generator {
    static DEFAULT: OnceLock<Generator> = OnceLock::new();
    DEFAULT.get_or_init(|| Generator::from_seed(os_seed()))
}

/// Seeds the default generator, as `torch.manual_seed(seed)`.
///
/// ```
/// use rushlight::Tensor;
/// rushlight::manual_seed(0);
/// assert_eq!(Tensor::rand([2]).to_string(), "tensor([0.4963, 0.7682])");
/// ```
pub fn manual_seed(seed: u64) {
    default_generator().manual_seed(seed);
}

/// 53 unpredictable bits (so that the seed is exact as a float64, too), as PyTorch draws them.
fn os_seed() -> u64 {
    // The keys of the standard library's hash maps come from the operating system's random source.
    RandomState::new().hash_one(std::time::SystemTime::now()) & ((1 << 53) - 1)
}
