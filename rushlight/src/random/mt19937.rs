//! The Mersenne Twister mt19937 (Matsumoto and Nishimura, 1998), as PyTorch's CPU generator runs it.

use rushlight_kernels::isa;
use rushlight_kernels::simd::{Kernel, Simd, dispatch};

/// Words of state.
pub(super) const N: usize = 624;
const M: usize = 397;

/// The engine: 624 words, of which `next` is the first unused one and `left - 1` are unused.
///
/// The two counters are equivalent except right after seeding (`left` 1, `next` 0); both are kept because both are in
/// PyTorch's state record.
#[derive(Clone)]
pub struct Mt19937 {
    pub(super) seed: u64,
    pub(super) words: [u32; N],
    pub(super) left: u32,
    pub(super) next: u32,
}

impl Mt19937 {
    pub(super) fn new(seed: u64) -> Self {
        let mut words = [0; N];
        // Only the low half reaches the words; PyTorch keeps the whole seed for `initial_seed`.
        words[0] = seed as u32;
        for j in 1..N {
            let previous: u32 = words[j - 1];
            words[j] = 1812433253u32.wrapping_mul(previous ^ (previous >> 30)).wrapping_add(j as u32);
        }
        Mt19937 { seed, words, left: 1, next: 0 }
    }

    /// The next 32-bit output.
    pub(super) fn next_u32(&mut self) -> u32 {
        temper(self.take(1)[0])
    }

    /// Two outputs, the first one in the high half.
    pub(super) fn next_u64(&mut self) -> u64 {
        let high = u64::from(self.next_u32());
        high << 32 | u64::from(self.next_u32())
    }

    /// A uniform number in [0, 1) from the low 53 bits of [`Self::next_u64`].
    pub(super) fn next_f64(&mut self) -> f64 {
        unit_f64(self.next_u64())
    }

    /// Fills `out` with `f` of one 32-bit output each.
    pub(super) fn fill_u32<T>(&mut self, out: &mut [T], f: impl Fn(u32) -> T) {
        dispatch(isa::isa(), FillU32 { engine: self, out, f });
    }

    /// Fills `out` with `f` of one 64-bit output (two words) each.
    pub(super) fn fill_u64<T>(&mut self, out: &mut [T], f: impl Fn(u64) -> T) {
        dispatch(isa::isa(), FillU64 { engine: self, out, f });
    }

    /// Returns between 1 and `max` consecutive untempered words (`max` > 0): as many as are left before the next regeneration.
    #[inline(always)]
    fn take(&mut self, max: usize) -> &[u32] {
        if self.left == 1 {
            regenerate(&mut self.words);
            self.left = N as u32 + 1;
            self.next = 0;
        }
        let count = max.min(self.left as usize - 1);
        let start = self.next as usize;
        self.left -= count as u32;
        self.next += count as u32;
        &self.words[start..start + count]
    }
}

#[inline(always)]
fn twist(u: u32, v: u32) -> u32 {
    ((u & 0x8000_0000 | v & 0x7fff_ffff) >> 1) ^ ((v & 1).wrapping_neg() & 0x9908_b0df)
}

// Three plain loops instead of one with indices modulo 624: the distance of 227 between a word and the new words that it
// depends on leaves the compiler room for vectors.
#[inline(always)]
fn regenerate(s: &mut [u32; N]) {
    for j in 0..N - M {
        s[j] = s[j + M] ^ twist(s[j], s[j + 1]);
    }
    for j in N - M..N - 1 {
        s[j] = s[j - (N - M)] ^ twist(s[j], s[j + 1]);
    }
    s[N - 1] = s[M - 1] ^ twist(s[N - 1], s[0]);
}

#[inline(always)]
fn temper(mut y: u32) -> u32 {
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c_5680;
    y ^= (y << 15) & 0xefc6_0000;
    y ^ (y >> 18)
}

/// The low 24 bits as a float32 in [0, 1).
#[inline(always)]
pub(super) fn unit_f32(word: u32) -> f32 {
    (word & 0xff_ffff) as i32 as f32 * (1.0 / (1u32 << 24) as f32)
}

/// The low 53 bits as a float64 in [0, 1).
#[inline(always)]
pub(super) fn unit_f64(draw: u64) -> f64 {
    const SCALE: f64 = 1.0 / (1u64 << 53) as f64;
    // In halves, both exact: vectors of 32-bit integers convert on every instruction set, 64-bit ones do not.
    let high = ((draw >> 32) as u32 & 0x1f_ffff) as i32 as f64;
    let low = draw as u32 as f64;
    (high * 4294967296.0 + low) * SCALE
}

struct FillU32<'a, T, F> {
    engine: &'a mut Mt19937,
    out: &'a mut [T],
    f: F,
}

impl<T, F: Fn(u32) -> T> Kernel for FillU32<'_, T, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let FillU32 { engine, mut out, f } = self;
        while !out.is_empty() {
            let words = engine.take(out.len());
            let (now, later) = out.split_at_mut(words.len());
            for (o, &word) in now.iter_mut().zip(words) {
                *o = f(temper(word));
            }
            out = later;
        }
    }
}

struct FillU64<'a, T, F> {
    engine: &'a mut Mt19937,
    out: &'a mut [T],
    f: F,
}

impl<T, F: Fn(u64) -> T> Kernel for FillU64<'_, T, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let FillU64 { engine, mut out, f } = self;
        while let Some(first) = out.first_mut() {
            if engine.left <= 2 {
                // No whole pair is left: this draw extends into the next 624 words.
                *first = f(engine.next_u64());
                out = &mut out[1..];
                continue;
            }
            let pairs = out.len().min((engine.left as usize - 1) / 2);
            let (now, later) = out.split_at_mut(pairs);
            for (o, pair) in now.iter_mut().zip(engine.take(2 * pairs).as_chunks::<2>().0) {
                *o = f(u64::from(temper(pair[0])) << 32 | u64::from(temper(pair[1])));
            }
            out = later;
        }
    }
}
