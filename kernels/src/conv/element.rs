//! The element types of convolution, and the choice of algorithm.

use super::{ConvShape, correlate, depthwise, weight, winograd};
use crate::Activation;
use crate::convert::{read, read_optional, write};
use crate::dtype::Stored;
use crate::gemm::Kerneled;
use crate::gemm::scratch::Buffer;
use crate::half::{Bf16, F16};
use crate::isa;

/// An element type that convolution is defined for: a floating-point type. 16-bit floats are computed in `f32`.
pub trait ConvElement: Convolved {}

/// The algorithm of the forward pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Winograd's, with tiles of this size.
    Winograd(usize),
    Depthwise,
    Correlate,
}

/// A weight, either as stored or converted to the computed type and packed for one of the algorithms.
#[derive(Clone, Copy)]
pub enum Weight<'a, T: Stored> {
    Plain(&'a [T]),
    Packed(*const T::Computed),
}

// SAFETY: only read.
unsafe impl<T: Stored> Sync for Weight<'_, T> {}

/// The complete operations. Not generic, so that they are compiled in this crate rather than in every dependent crate.
pub trait Convolved: Stored {
    /// The fastest algorithm for `s`.
    fn best(s: &ConvShape) -> Algorithm;
    fn forward(
        s: &ConvShape,
        algorithm: Algorithm,
        x: &[Self],
        w: Weight<'_, Self>,
        bias: Option<&[Self]>,
        activation: Activation,
        out: &mut [Self],
    );
    /// The weight packed for `algorithm`, if keeping it packed gains anything.
    fn pack(s: &ConvShape, algorithm: Algorithm, w: &[Self]) -> Option<Buffer>;
    fn backward_input(s: &ConvShape, grad_out: &[Self], w: &[Self], grad_x: &mut [Self]);
    fn backward_weight(s: &ConvShape, x: &[Self], grad_out: &[Self], grad_w: &mut [Self]);
}

/// The operations of one type, with or without Winograd's algorithm.
macro_rules! convolved {
    ($t:ident $(, $winograd:ident)?) => {
        impl ConvElement for $t {}

        impl Convolved for $t {
            fn best(s: &ConvShape) -> Algorithm {
                $(if super::winograd() && let Some(m) = winograd::tile(s) {
                    return Algorithm::$winograd(m);
                })?
                if depthwise::applies(s) { Algorithm::Depthwise } else { Algorithm::Correlate }
            }

            fn forward(
                s: &ConvShape, algorithm: Algorithm, x: &[$t], w: Weight<'_, $t>, bias: Option<&[$t]>,
                activation: Activation, out: &mut [$t],
            ) {
                let clamp = activation.limits();
                let kernels = <$t>::kernels(isa::isa());
                match (algorithm, w) {
                    $((Algorithm::$winograd(m), w) => winograd::forward(s, m, kernels, x, w, bias, clamp, out),)?
                    (Algorithm::Depthwise, Weight::Plain(w)) => depthwise::forward(s, kernels, x, w, bias, clamp, out),
                    (_, w) => correlate::forward(s, kernels, x, w, bias, clamp, out),
                }
            }

            fn pack(s: &ConvShape, algorithm: Algorithm, w: &[$t]) -> Option<Buffer> {
                let kernels = <$t>::kernels(isa::isa());
                match algorithm {
                    $(Algorithm::$winograd(m) => winograd::pack_forward(s, m, kernels, w),)?
                    Algorithm::Depthwise => None,
                    _ => Some(correlate::pack_forward(s, kernels, w)),
                }
            }

            fn backward_input(s: &ConvShape, grad_out: &[$t], w: &[$t], grad_x: &mut [$t]) {
                let kernels = <$t>::kernels(isa::isa());
                match Self::best(s) {
                    $(Algorithm::$winograd(m) => winograd::backward_input(s, m, kernels, grad_out, w, grad_x),)?
                    Algorithm::Depthwise => depthwise::backward_input(s, kernels, grad_out, w, grad_x),
                    _ => correlate::backward_input(s, kernels, grad_out, w, grad_x),
                }
            }

            fn backward_weight(s: &ConvShape, x: &[$t], grad_out: &[$t], grad_w: &mut [$t]) {
                let kernels = <$t>::kernels(isa::isa());
                match Self::best(s) {
                    $(Algorithm::$winograd(m) => winograd::backward_weight(s, m, kernels, x, grad_out, grad_w),)?
                    Algorithm::Depthwise => depthwise::backward_weight(s, kernels, x, grad_out, grad_w),
                    _ => weight::backward_weight(s, kernels, x, grad_out, grad_w),
                }
            }
        }
    };
}
convolved!(f32, Winograd);
convolved!(f64);

/// The operations of a 16-bit type, computed by those of `f32`.
macro_rules! converted {
    ($t:ident) => {
        impl ConvElement for $t {}

        impl Convolved for $t {
            fn best(s: &ConvShape) -> Algorithm {
                f32::best(s)
            }

            fn forward(
                s: &ConvShape,
                algorithm: Algorithm,
                x: &[$t],
                w: Weight<'_, $t>,
                bias: Option<&[$t]>,
                activation: Activation,
                out: &mut [$t],
            ) {
                let run = |x: &[f32], w: Weight<'_, f32>, out: &mut [f32]| {
                    read_optional(bias, |bias| f32::forward(s, algorithm, x, w, bias, activation, out))
                };
                read(x, |x| {
                    write(out, |out| match w {
                        Weight::Plain(w) => read(w, |w| run(x, Weight::Plain(w), out)),
                        Weight::Packed(w) => run(x, Weight::Packed(w), out),
                    })
                })
            }

            fn pack(s: &ConvShape, algorithm: Algorithm, w: &[$t]) -> Option<Buffer> {
                read(w, |w| f32::pack(s, algorithm, w))
            }

            fn backward_input(s: &ConvShape, grad_out: &[$t], w: &[$t], grad_x: &mut [$t]) {
                read(grad_out, |g| read(w, |w| write(grad_x, |grad_x| f32::backward_input(s, g, w, grad_x))))
            }

            fn backward_weight(s: &ConvShape, x: &[$t], grad_out: &[$t], grad_w: &mut [$t]) {
                read(x, |x| read(grad_out, |g| write(grad_w, |grad_w| f32::backward_weight(s, x, g, grad_w))))
            }
        }
    };
}
converted!(F16);
converted!(Bf16);
