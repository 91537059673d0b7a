//! The computed types of reductions, and the fold of each operation for them.

use super::Axes;
use super::arg::{Arg, Ordered};
use super::engine::{Out, Source, reduce};
use super::fold::{self, Folding};
use super::var::Var;
use crate::dtype::{Computed, Stored};
use crate::float::Float;

/// A reduction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Writes the type of sums: integers and booleans are summed in i64. An empty sum is 0.
    Sum,
    /// Of floating-point elements; NaN for empty input.
    Mean,
    /// Writes the type of sums; an empty product is 1.
    Prod,
    /// The maximum; NaN if any element is NaN.
    Max,
    /// The minimum; NaN if any element is NaN.
    Min,
    /// Whether any element differs from 0; writes bool.
    Any,
    /// Whether all elements differ from 0; writes bool.
    All,
}

/// A type that reductions are compiled for: `f32`, `f64`, `i64` or `bool`.
pub trait Reduce: Ordered {
    /// The type of sums and products of elements that are stored as `T` and computed in this type: floating-point types
    /// keep theirs, integers and booleans give `i64`.
    type SumOf<T: Stored>: Stored;

    /// Writes the result of `op`: a sum or a product in the computed type of [`SumOf`](Self::SumOf), `Self`, or `bool`.
    ///
    /// # Safety
    /// As for [`super::sum`].
    #[doc(hidden)]
    unsafe fn reduce(op: Op, x: Source<Self>, kept: &Axes, reduced: &Axes, out: *mut u8)
    where
        Self: Sized;

    /// # Safety
    /// As for [`super::max_with_index`].
    #[doc(hidden)]
    unsafe fn reduce_with_index(
        max: bool,
        x: Source<Self>,
        kept: &Axes,
        reduced: &Axes,
        values: *mut Self,
        indices: *mut i64,
    ) where
        Self: Sized;
}

/// A floating-point computed type: `f32` or `f64`.
pub trait FloatElement: Computed + Float {
    /// # Safety
    /// As for [`super::var`].
    #[doc(hidden)]
    unsafe fn reduce_var(
        correction: f64,
        x: Source<Self>,
        kept: &Axes,
        reduced: &Axes,
        variances: *mut Self,
        means: *mut Self,
    );
}

macro_rules! element {
    ($t:ty, sum |$stored:ident| $sum:ty $(, mean $mean:ident)?) => {
        impl Reduce for $t {
            type SumOf<$stored: Stored> = $sum;

            unsafe fn reduce(op: Op, x: Source<$t>, kept: &Axes, reduced: &Axes, out: *mut u8) {
                // SAFETY: guaranteed by the caller; each operation writes its result type to `out`.
                unsafe {
                    match op {
                        Op::Sum => reduce(Folding(fold::Sum), x, kept, reduced, Out::one(out)),
                        $(Op::Mean => reduce(Folding(fold::$mean), x, kept, reduced, Out::one(out)),)?
                        Op::Prod => reduce(Folding(fold::Prod), x, kept, reduced, Out::one(out)),
                        Op::Max => reduce(Folding(fold::Max), x, kept, reduced, Out::one(out)),
                        Op::Min => reduce(Folding(fold::Min), x, kept, reduced, Out::one(out)),
                        Op::Any => reduce(Folding(fold::Any), x, kept, reduced, Out::one(out)),
                        Op::All => reduce(Folding(fold::All), x, kept, reduced, Out::one(out)),
                        #[allow(unreachable_patterns)]
                        Op::Mean => unreachable!("only floating-point types have a mean"),
                    }
                }
            }

            unsafe fn reduce_with_index(
                max: bool,
                x: Source<$t>,
                kept: &Axes,
                reduced: &Axes,
                values: *mut $t,
                indices: *mut i64,
            ) {
                let out = Out::two(values, indices);
                // SAFETY: guaranteed by the caller.
                unsafe {
                    if max {
                        reduce(Arg::<fold::Max>::NEW, x, kept, reduced, out)
                    } else {
                        reduce(Arg::<fold::Min>::NEW, x, kept, reduced, out)
                    }
                }
            }
        }
    };
}
element!(f32, sum |T| T, mean Mean);
element!(f64, sum |T| T, mean Mean);
element!(i64, sum | T | i64);
element!(bool, sum | T | i64);

macro_rules! float_element {
    ($t:ty) => {
        impl FloatElement for $t {
            unsafe fn reduce_var(
                correction: f64,
                x: Source<$t>,
                kept: &Axes,
                reduced: &Axes,
                variances: *mut $t,
                means: *mut $t,
            ) {
                // SAFETY: guaranteed by the caller.
                unsafe { reduce(Var { correction }, x, kept, reduced, Out::two(variances, means)) }
            }
        }
    };
}
float_element!(f32);
float_element!(f64);
