//! Piecewise linear approximations of smooth functions, and shrinkage.

use crate::Tensor;
use crate::nn::Module;
use crate::nn::repr::python_float;
use crate::ops::{HardshrinkOptions, HardtanhOptions, SoftshrinkOptions};

/// `min(max(x, min_val), max_val)`, by default with -1 and 1. Any shape. See [`Tensor::hardtanh`].
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let y = nn::Hardtanh::builder().min_val(0.0).build().forward(&Tensor::from([-2.0f32, 0.5]));
/// assert_eq!(y.to_string(), "tensor([0.0000, 0.5000])");
/// ```
#[derive(Clone, Copy, Debug, Default, Module)]
#[module(function = Tensor::try_hardtanh_with, extra_repr = Self::extra_repr)]
pub struct Hardtanh {
    options: HardtanhOptions,
}

impl Hardtanh {
    fn extra_repr(&self) -> String {
        let HardtanhOptions { min_val, max_val } = self.options;
        format!("min_val={}, max_val={}", python_float(min_val), python_float(max_val))
    }
}

/// `min(max(x + 3, 0), 6) / 6`. Any shape. See [`Tensor::hardsigmoid`].
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let y = nn::Hardsigmoid::new().forward(&Tensor::from([-4.0f32, 0.0, 4.0]));
/// assert_eq!(y.to_string(), "tensor([0.0000, 0.5000, 1.0000])");
/// ```
#[derive(Clone, Copy, Debug, Default, Module)]
#[module(function = Tensor::try_hardsigmoid)]
pub struct Hardsigmoid;

/// `x * min(max(x + 3, 0), 6) / 6`. Any shape. See [`Tensor::hardswish`].
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let y = nn::Hardswish::new().forward(&Tensor::from([1.0f32, 4.0]));
/// assert_eq!(y.to_string(), "tensor([0.6667, 4.0000])");
/// ```
#[derive(Clone, Copy, Debug, Default, Module)]
#[module(function = Tensor::try_hardswish)]
pub struct Hardswish;

/// 0 where `|x| <= lambd`, by default 0.5, and `x` elsewhere. Any shape. See [`Tensor::hardshrink`].
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let y = nn::Hardshrink::builder().lambd(1.0).build().forward(&Tensor::from([-2.0f32, 0.5]));
/// assert_eq!(y.to_string(), "tensor([-2.,  0.])");
/// ```
#[derive(Clone, Copy, Debug, Default, Module)]
#[module(function = Tensor::try_hardshrink_with, extra_repr = Self::extra_repr)]
pub struct Hardshrink {
    options: HardshrinkOptions,
}

impl Hardshrink {
    fn extra_repr(&self) -> String {
        python_float(self.options.lambd)
    }
}

/// `x` moved towards 0 by `lambd`, by default 0.5, at most to 0. Any shape. See [`Tensor::softshrink`].
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let y = nn::Softshrink::builder().lambd(1.0).build().forward(&Tensor::from([-2.0f32, 0.5]));
/// assert_eq!(y.to_string(), "tensor([-1.,  0.])");
/// ```
#[derive(Clone, Copy, Debug, Default, Module)]
#[module(function = Tensor::try_softshrink_with, extra_repr = Self::extra_repr)]
pub struct Softshrink {
    options: SoftshrinkOptions,
}

impl Softshrink {
    fn extra_repr(&self) -> String {
        python_float(self.options.lambd)
    }
}

/// `x - tanh(x)`. Any shape. See [`Tensor::tanhshrink`].
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let y = nn::Tanhshrink::new().forward(&Tensor::from([0.0f32, 2.0]));
/// assert_eq!(y.to_string(), "tensor([0.0000, 1.0360])");
/// ```
#[derive(Clone, Copy, Debug, Default, Module)]
#[module(function = Tensor::try_tanhshrink)]
pub struct Tanhshrink;
