//! Softmax and log-softmax over one dimension, with their gradients.
//!
//! Arrays are contiguous, with shape `[outer, n, inner]`; the softmax runs over `n`. The maximum is subtracted before
//! the exponential, so nothing overflows; a row that contains NaN or +inf, or consists of -inf, gives NaN, as in
//! PyTorch.

use crate::convert::{for_blocks, read, write};
use crate::dtype::StoredFloat;
use crate::instances::instances;
use crate::split::Parts;

instances! {
    /// A floating-point type that softmax is defined for.
    pub trait Element: StoredFloat; Float types, bodies in self {
        fn forward(x: &[Self], y: &mut [Self], sizes: [usize; 3], log: bool);
        fn backward(y: &[Self], g: &[Self], dx: &mut [Self], sizes: [usize; 3], log: bool);
    }
}

/// `exp(x - max) / sum(exp(x - max))` over the middle dimension. Within about 2 ulp.
///
/// # Panics
/// If a slice does not have `outer * n * inner` elements.
#[inline]
pub fn softmax<T: Element>(x: &[T], y: &mut [T], outer: usize, n: usize, inner: usize) {
    T::forward(x, y, [outer, n, inner], false);
}

/// `x - max - log(sum(exp(x - max)))` over the middle dimension.
///
/// # Panics
/// If a slice does not have `outer * n * inner` elements.
#[inline]
pub fn log_softmax<T: Element>(x: &[T], y: &mut [T], outer: usize, n: usize, inner: usize) {
    T::forward(x, y, [outer, n, inner], true);
}

/// The gradient through [`softmax`] from its output: `dx = y * (g - sum(g * y))`.
///
/// # Panics
/// If a slice does not have `outer * n * inner` elements.
#[inline]
pub fn softmax_backward<T: Element>(y: &[T], g: &[T], dx: &mut [T], outer: usize, n: usize, inner: usize) {
    T::backward(y, g, dx, [outer, n, inner], false);
}

/// The gradient through [`log_softmax`] from its output: `dx = g - exp(y) * sum(g)`.
///
/// # Panics
/// If a slice does not have `outer * n * inner` elements.
#[inline]
pub fn log_softmax_backward<T: Element>(y: &[T], g: &[T], dx: &mut [T], outer: usize, n: usize, inner: usize) {
    T::backward(y, g, dx, [outer, n, inner], true);
}

fn forward<T: StoredFloat>(x: &[T], y: &mut [T], [outer, n, inner]: [usize; 3], log: bool) {
    let len = outer * n * inner;
    assert!(
        x.len() == len && y.len() == len,
        "softmax: expected slices of {len} elements, got {} and {}",
        x.len(),
        y.len()
    );
    if len == 0 {
        return;
    }
    let y = Parts::new(y);
    for_blocks::<T>(outer, n * inner, |block| {
        let part = block.start * n * inner..block.end * n * inner;
        // SAFETY: blocks do not overlap.
        let y = unsafe { y.part(part.clone()) };
        let sizes = [block.len(), n, inner];
        read(&x[part], |x| {
            write(
                y,
                |y| if log { rows::forward::<_, true>(x, y, sizes) } else { rows::forward::<_, false>(x, y, sizes) },
            )
        });
    });
}

fn backward<T: StoredFloat>(y: &[T], g: &[T], dx: &mut [T], [outer, n, inner]: [usize; 3], log: bool) {
    let len = outer * n * inner;
    assert!(
        y.len() == len && g.len() == len && dx.len() == len,
        "softmax backward: expected slices of {len} elements, got {}, {} and {}",
        y.len(),
        g.len(),
        dx.len()
    );
    if len == 0 {
        return;
    }
    let dx = Parts::new(dx);
    for_blocks::<T>(outer, n * inner, |block| {
        let part = block.start * n * inner..block.end * n * inner;
        // SAFETY: blocks do not overlap.
        let dx = unsafe { dx.part(part.clone()) };
        let sizes = [block.len(), n, inner];
        read(&y[part.clone()], |y| {
            read(&g[part], |g| {
                write(dx, |dx| {
                    if log {
                        rows::backward::<_, true>(y, g, dx, sizes)
                    } else {
                        rows::backward::<_, false>(y, g, dx, sizes)
                    }
                })
            })
        });
    });
}

/// Defines a kernel from a loop body, so that the functions below can be written as closures over it.
macro_rules! kernel {
    ($name:ident<$($life:lifetime,)? $t:ident $(, const $c:ident: bool)?> { $($field:ident: $ty:ty),* } -> $out:ty, $s:ident => $body:block) => {
        struct $name<$($life,)? $t: Float $(, const $c: bool)?> { $($field: $ty),* }
        impl<$($life,)? $t: Float $(, const $c: bool)?> Kernel for $name<$($life,)? $t $(, $c)?> {
            type Output = $out;
            const AVX512: bool = wide::<$t>();
            #[inline(always)]
            fn run<$s: Simd>(self) -> $out {
                let $name { $($field),* } = self;
                $body
            }
        }
    };
}

mod rows;
mod tiles;
pub(crate) use rows::{FETCH, exp_sum, sum_above};
pub(crate) use tiles::{Columns, Tiles};

#[cfg(test)]
mod tests;
