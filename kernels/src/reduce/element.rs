//! The element types of reductions, and which fold each operation is for them.

use super::Axes;
use super::arg::{Arg, Ordered};
use super::engine::{Out, reduce};
use super::fold::{self, Folding};
use super::var::Var;
use crate::float::Float;

/// A reduction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Writes [`Element::Sum`]: integers and bools are summed in i64. 0 where there is nothing to sum.
    Sum,
    /// Of floating-point elements; nan where there are none.
    Mean,
    /// Writes [`Element::Sum`]; 1 where there is nothing to multiply.
    Prod,
    /// The largest element; nan if there is one.
    Max,
    /// The smallest element; nan if there is one.
    Min,
    /// Whether any element differs from 0; writes bool.
    Any,
    /// Whether all elements differ from 0; writes bool.
    All,
}

/// `f32`, `f64`, `i64` or `bool`.
pub trait Element: Ordered {
    /// The type of sums and products: floating-point types keep theirs, integers and bools give `i64`.
    type Sum: Copy + Send + Sync + 'static;

    /// Writes `Self::Sum`, `Self` or `bool`, as `op` says.
    ///
    /// # Safety
    /// As for [`super::sum`].
    #[doc(hidden)]
    unsafe fn reduce(op: Op, x: *const Self, kept: &Axes, reduced: &Axes, out: *mut u8);

    /// # Safety
    /// As for [`super::max_with_index`].
    #[doc(hidden)]
    unsafe fn reduce_with_index(
        max: bool,
        x: *const Self,
        kept: &Axes,
        reduced: &Axes,
        values: *mut Self,
        indices: *mut i64,
    );
}

/// `f32` or `f64`.
pub trait FloatElement: Element<Sum = Self> + Float {
    /// # Safety
    /// As for [`super::var`].
    #[doc(hidden)]
    unsafe fn reduce_var(
        correction: f64,
        x: *const Self,
        kept: &Axes,
        reduced: &Axes,
        variances: *mut Self,
        means: *mut Self,
    );
}

macro_rules! element {
    ($t:ty, sum $sum:ty $(, mean $mean:ident)?) => {
        impl Element for $t {
            type Sum = $sum;

            unsafe fn reduce(op: Op, x: *const $t, kept: &Axes, reduced: &Axes, out: *mut u8) {
                // SAFETY: passed on; each operation writes what the caller's `out` points to.
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
                x: *const $t,
                kept: &Axes,
                reduced: &Axes,
                values: *mut $t,
                indices: *mut i64,
            ) {
                let out = Out::two(values, indices);
                // SAFETY: passed on.
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
element!(f32, sum f32, mean Mean);
element!(f64, sum f64, mean Mean);
element!(i64, sum i64);
element!(bool, sum i64);

macro_rules! float_element {
    ($t:ty) => {
        impl FloatElement for $t {
            unsafe fn reduce_var(
                correction: f64,
                x: *const $t,
                kept: &Axes,
                reduced: &Axes,
                variances: *mut $t,
                means: *mut $t,
            ) {
                // SAFETY: passed on.
                unsafe { reduce(Var { correction }, x, kept, reduced, Out::two(variances, means)) }
            }
        }
    };
}
float_element!(f32);
float_element!(f64);
