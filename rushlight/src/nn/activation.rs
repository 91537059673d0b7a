//! Activations: elementwise functions and softmax, as layers.

use super::Module;
use super::module::forward;
use super::repr::python_float;
use crate::ops::LeakyReluOptions;

macro_rules! activations {
    ($($(#[$doc:meta])* $name:ident = $method:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, Module)]
        pub struct $name;

        impl $name {
            /// The activation.
            pub fn new() -> $name {
                $name
            }
        }

        forward!($name, |_layer, x| x.$method());
    )*};
}
activations! {
    /// Rectified linear unit, `max(x, 0)`. Any shape. See [`Tensor::relu`](crate::Tensor::relu).
    ///
    /// ```
    /// use rushlight::{Tensor, nn, nn::Forward};
    /// let y = nn::ReLU::new().forward(&Tensor::from([[1.0f32, 2.0, -1.0, -1.0]]));
    /// assert_eq!(y.to_string(), "tensor([[1., 2., 0., 0.]])");
    /// ```
    ReLU = try_relu;
    /// `min(max(x, 0), 6)`. Any shape. See [`Tensor::relu6`](crate::Tensor::relu6).
    ///
    /// ```
    /// use rushlight::{Tensor, nn, nn::Forward};
    /// let y = nn::ReLU6::new().forward(&Tensor::from([-1.0f32, 3.0, 9.0]));
    /// assert_eq!(y.to_string(), "tensor([0., 3., 6.])");
    /// ```
    ReLU6 = try_relu6;
    /// The logistic function `1 / (1 + exp(-x))`. Any shape. See [`Tensor::sigmoid`](crate::Tensor::sigmoid).
    ///
    /// ```
    /// use rushlight::{Tensor, nn, nn::Forward};
    /// let y = nn::Sigmoid::new().forward(&Tensor::from([0.0f32, 2.0]));
    /// assert_eq!(y.to_string(), "tensor([0.5000, 0.8808])");
    /// ```
    Sigmoid = try_sigmoid;
    /// The hyperbolic tangent. Any shape. See [`Tensor::tanh`](crate::Tensor::tanh).
    ///
    /// ```
    /// use rushlight::{Tensor, nn, nn::Forward};
    /// let y = nn::Tanh::new().forward(&Tensor::from([0.0f32, 1.0]));
    /// assert_eq!(y.to_string(), "tensor([0.0000, 0.7616])");
    /// ```
    Tanh = try_tanh;
}

/// `max(x, 0) + negative_slope * min(x, 0)`. Any shape. See [`Tensor::leaky_relu`](crate::Tensor::leaky_relu).
///
/// ```
/// use rushlight::{Tensor, nn, nn::Forward};
/// let y = nn::LeakyReLU::new(0.1).forward(&Tensor::from([-1.0f32, 2.0]));
/// assert_eq!(y.to_string(), "tensor([-0.1000,  2.0000])");
/// assert_eq!(nn::LeakyReLU::default().to_string(), "LeakyReLU(negative_slope=0.01)");
/// ```
#[derive(Clone, Copy, Debug, Module)]
#[module(plain, extra_repr = LeakyReLU::extra_repr)]
pub struct LeakyReLU {
    /// The slope for negative numbers; default 0.01.
    pub negative_slope: f64,
}

impl LeakyReLU {
    /// The activation with this slope for negative numbers.
    pub fn new(negative_slope: f64) -> LeakyReLU {
        LeakyReLU { negative_slope }
    }

    fn extra_repr(&self) -> String {
        format!("negative_slope={}", python_float(self.negative_slope))
    }
}

impl Default for LeakyReLU {
    fn default() -> LeakyReLU {
        LeakyReLU::new(0.01)
    }
}

forward!(LeakyReLU, |layer, x| x.try_leaky_relu_with(LeakyReluOptions { negative_slope: layer.negative_slope }));

macro_rules! along_a_dimension {
    ($($(#[$doc:meta])* $name:ident = $method:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Module)]
        #[module(plain, extra_repr = $name::extra_repr)]
        pub struct $name {
            /// The dimension along which the probabilities sum to 1; a negative one counts from the end.
            pub dim: isize,
        }

        impl $name {
            /// The activation along `dim`.
            pub fn new(dim: isize) -> $name {
                $name { dim }
            }

            fn extra_repr(&self) -> String {
                format!("dim={}", self.dim)
            }
        }

        forward!($name, |layer, x| x.$method(layer.dim));
    )*};
}
along_a_dimension! {
    /// `exp(x) / sum(exp(x))` along a dimension. Any shape with that dimension. See [`Tensor::softmax`](crate::Tensor::softmax).
    ///
    /// ```
    /// use rushlight::{Tensor, nn, nn::Forward};
    /// let y = nn::Softmax::new(1).forward(&Tensor::from([[0.0f32, 0.0]]));
    /// assert_eq!(y.to_string(), "tensor([[0.5000, 0.5000]])");
    /// ```
    Softmax = try_softmax;
    /// The logarithm of [`Softmax`], exact for small probabilities. See [`Tensor::log_softmax`](crate::Tensor::log_softmax).
    ///
    /// ```
    /// use rushlight::{Tensor, nn, nn::Forward};
    /// let y = nn::LogSoftmax::new(-1).forward(&Tensor::from([[0.0f32, 0.0]]));
    /// assert_eq!(y.to_string(), "tensor([[-0.6931, -0.6931]])");
    /// ```
    LogSoftmax = try_log_softmax;
}
