//! Normal distribution: Box-Muller one pair at a time, or on blocks of 16.

use std::f64::consts::TAU;

use rushlight_kernels::isa;
use rushlight_kernels::simd::{Kernel, Simd, dispatch};

use super::element::Float;
use super::element::sealed::FloatKernels;
use super::generator::{Generator, State};
use super::mt19937::Mt19937;

/// The number of values drawn and transformed at a time, which fit in the first-level cache.
const CHUNK: usize = 2048;

impl Generator {
    /// Fills a contiguous `out` with normal numbers, as `out.normal_(mean, std)`.
    ///
    /// PyTorch has two streams for this: below 16 elements it is [`Self::normal_scalar`], from 16 on a faster one by blocks.
    ///
    /// # Errors
    /// If `std` is negative or NaN.
    pub fn normal<T: Float>(&self, out: &mut [T], mean: f64, std: f64) -> Result<(), String> {
        if out.len() < 16 {
            return self.normal_scalar(out, mean, std);
        }
        check_std(std)?;
        let engine = &mut self.lock().engine;
        T::fill_normal(engine, out, mean, std);
        Ok(())
    }

    /// Fills `out` with normal numbers pair by pair: PyTorch's stream for tensors of less than 16 elements and for
    /// tensors that are not contiguous, whose elements are in the order of [`fill_order`](super::fill_order).
    ///
    /// An odd number of elements leaves half a pair in the generator, which the next call uses first.
    ///
    /// # Errors
    /// If `std` is negative or NaN.
    pub fn normal_scalar<T: Float>(&self, out: &mut [T], mean: f64, std: f64) -> Result<(), String> {
        check_std(std)?;
        let state = &mut *self.lock();
        for o in out {
            *o = T::from_f64(state.standard_normal().mul_add(std, mean));
        }
        Ok(())
    }

    /// Fills `out` with exp of normal numbers, as `out.log_normal_(mean, std)`; they share the pairs of [`Self::normal_scalar`].
    ///
    /// # Errors
    /// If `std` is not positive.
    pub fn log_normal<T: Float>(&self, out: &mut [T], mean: f64, std: f64) -> Result<(), String> {
        if std.is_nan() || std <= 0.0 {
            return Err(format!("log_normal_ expects std > 0.0, but found std={std}"));
        }
        let state = &mut *self.lock();
        for o in out {
            *o = T::from_f64(state.standard_normal().mul_add(std, mean).exp());
        }
        Ok(())
    }
}

impl State {
    pub(super) fn standard_normal(&mut self) -> f64 {
        if let Some(z) = self.cached_normal.take() {
            return z;
        }
        let u1 = self.engine.next_f64();
        let u2 = self.engine.next_f64();
        let radius = (-2.0 * (-u2).ln_1p()).sqrt();
        let angle = TAU * u1;
        self.cached_normal = Some(radius * angle.sin());
        radius * angle.cos()
    }
}

fn check_std(std: f64) -> Result<(), String> {
    if std >= 0.0 {
        Ok(())
    } else {
        Err(format!("normal expects std >= 0.0, but found std {}", std.to_string().to_lowercase()))
    }
}

/// Fills `out` with uniform numbers and transforms whole blocks to normal ones; if a partial block remains, the last 16 elements are
/// drawn again.
pub(super) fn fill_blocks<T>(
    engine: &mut Mt19937,
    out: &mut [T],
    uniform: fn(&mut Mt19937, &mut [T], f64, f64),
    box_muller: impl Fn(&mut [[T; 16]]),
) {
    let mut fill = |part: &mut [T]| {
        uniform(engine, part, 0.0, 1.0);
        box_muller(part.as_chunks_mut().0);
    };
    out.chunks_mut(CHUNK).for_each(&mut fill);
    if !out.len().is_multiple_of(16) {
        let start = out.len() - 16;
        fill(&mut out[start..]);
    }
}

/// [`fill_blocks`] for 16-bit floats, from float32 numbers. Only whole blocks are drawn before the last 16 places.
pub(super) fn fill_narrow_blocks<T>(
    engine: &mut Mt19937,
    out: &mut [T],
    mean: f64,
    std: f64,
    narrow: impl Fn(f32) -> T,
) {
    let mut wide = [0f32; CHUNK];
    let mut fill = |part: &mut [T]| {
        let wide = &mut wide[..part.len()];
        f32::fill_uniform(engine, wide, 0.0, 1.0);
        box_muller_f32(wide.as_chunks_mut().0, mean, std);
        part.iter_mut().zip(wide).for_each(|(out, &mut x)| *out = narrow(x));
    };
    let whole = out.len() / 16 * 16;
    out[..whole].chunks_mut(CHUNK).for_each(&mut fill);
    if whole < out.len() {
        let start = out.len() - 16;
        fill(&mut out[start..]);
    }
}

pub(super) fn box_muller_f64(blocks: &mut [[f64; 16]], mean: f64, std: f64) {
    for block in blocks {
        for j in 0..8 {
            let radius = (-2.0 * (1.0 - block[j]).ln()).sqrt();
            let angle = TAU * block[j + 8];
            block[j] = (radius * angle.cos()).mul_add(std, mean);
            block[j + 8] = (radius * angle.sin()).mul_add(std, mean);
        }
    }
}

pub(super) fn box_muller_f32(blocks: &mut [[f32; 16]], mean: f64, std: f64) {
    dispatch(isa::isa(), BoxMullerF32 { blocks, mean: mean as f32, std: std as f32 });
}

struct BoxMullerF32<'a> {
    blocks: &'a mut [[f32; 16]],
    mean: f32,
    std: f32,
}

impl Kernel for BoxMullerF32<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        for block in self.blocks {
            let (u1, u2): ([f32; 8], [f32; 8]) =
                (std::array::from_fn(|j| block[j]), std::array::from_fn(|j| block[j + 8]));
            for j in 0..8 {
                let radius = (-2.0 * ln(1.0 - u1[j])).sqrt();
                let (sin, cos) = sin_cos(std::f32::consts::TAU * u2[j]);
                block[j] = (radius * cos).mul_add(self.std, self.mean);
                block[j + 8] = (radius * sin).mul_add(self.std, self.mean);
            }
        }
    }
}

// The next two are the polynomials of the Cephes library (S. L. Moshier) for single precision in the order of operations of
// PyTorch's AVX2 kernels. They are off by up to 2e-6, so only the same polynomials reproduce the numbers.

/// Natural logarithm of a normal number in (0, 1].
#[expect(clippy::excessive_precision, reason = "the coefficients as published")]
#[inline(always)]
fn ln(x: f32) -> f32 {
    const COEFFICIENTS: [f32; 8] = [
        -1.1514610310e-1,
        1.1676998740e-1,
        -1.2420140846e-1,
        1.4249322787e-1,
        -1.6668057665e-1,
        2.0000714765e-1,
        -2.4999993993e-1,
        3.3333331174e-1,
    ];
    let bits = x.to_bits();
    let exponent = (bits >> 23) as i32 as f32 - 126.0;
    let mantissa = f32::from_bits(bits & 0x007f_ffff | 126 << 23); // in [0.5, 1)
    let small = mantissa < std::f32::consts::FRAC_1_SQRT_2;
    let e = if small { exponent - 1.0 } else { exponent };
    let x = mantissa - 1.0 + if small { mantissa } else { 0.0 };
    let z = x * x;
    let mut y = 7.0376836292e-2;
    for c in COEFFICIENTS {
        y = f32::mul_add(y, x, c);
    }
    y *= x;
    y = y.mul_add(z, e * -2.12194440e-4);
    y = (-z).mul_add(0.5, y);
    e.mul_add(0.693359375, x + y)
}

/// Sine and cosine of a small positive angle.
#[expect(clippy::excessive_precision, reason = "the coefficients as published")]
#[inline(always)]
fn sin_cos(angle: f32) -> (f32, f32) {
    const FOUR_OVER_PI: f32 = 1.27323954473516;
    let octant = ((angle * FOUR_OVER_PI) as i32 + 1) & !1;
    let k = octant as f32;
    let r = k.mul_add(-0.78515625, angle);
    let r = k.mul_add(-2.4187564849853515625e-4, r);
    let r = k.mul_add(-3.77489497744594108e-8, r);
    let z = r * r;
    let c = 2.443315711809948e-5f32.mul_add(z, -1.388731625493765e-3).mul_add(z, 4.166664568298827e-2) * z;
    let c = c.mul_add(z, -(z * 0.5)) + 1.0;
    let s = (-1.9515295891e-4f32).mul_add(z, 8.3321608736e-3).mul_add(z, -1.6666654611e-1) * z;
    let s = s.mul_add(r, r);
    let (sin, cos) = if octant & 2 == 0 { (s, c) } else { (c, s) };
    let negate = |x: f32, bit: i32| f32::from_bits(x.to_bits() ^ (bit as u32 & 4) << 29);
    (negate(sin, octant), negate(cos, !(octant - 2)))
}
