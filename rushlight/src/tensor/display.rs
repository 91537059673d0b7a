//! Printing tensors as PyTorch does.

use super::format::{PrintOptions, Suffixes, Value, format_tensor};
use super::{Scalar, Tensor, get_default_dtype};
use crate::autograd::GradFn;
use std::fmt;

/// Formats the tensor as PyTorch does. A precision (`{:.2}`) is the number of decimals, as `torch.set_printoptions(precision=2)` sets it; a width pads a
/// text of one line.
///
/// ```
/// use rushlight::Tensor;
/// let x = Tensor::from([1.0f32 / 3.0, 2.0]);
/// assert_eq!(format!("{x} {x:.2}"), "tensor([0.3333, 2.0000]) tensor([0.33, 2.00])");
/// ```
impl fmt::Display for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ok(here) = self.on_host() else {
            return f.write_str("tensor(<memory cannot be read>)");
        };
        let Ok(input) = here.read("print") else {
            return f.write_str("tensor(<being written by another thread>)");
        };
        let value = |mut index: usize| {
            let mut place = 0;
            for (&size, &stride) in here.shape().iter().zip(here.stride()).rev() {
                place += (index % size) as isize * stride;
                index /= size;
            }
            match input.element(place) {
                Scalar::F64(v) => Value::Float(v),
                Scalar::I64(v) => Value::Int(v),
                Scalar::Bool(v) => Value::Bool(v),
            }
        };
        let grad_fn = self.grad_fn();
        let suffixes = Suffixes {
            dtype: self.dtype().name(),
            default_dtype: get_default_dtype().name(),
            grad_fn: grad_fn.as_ref().map(GradFn::name),
            requires_grad: self.requires_grad(),
        };
        let default = PrintOptions::default();
        let options = PrintOptions { precision: f.precision().unwrap_or(default.precision), ..default };
        let text = format_tensor(self.shape(), value, &suffixes, &options);
        match f.width() {
            Some(width) if !text.contains('\n') => match f.align() {
                Some(fmt::Alignment::Right) => write!(f, "{text:>width$}"),
                Some(fmt::Alignment::Center) => write!(f, "{text:^width$}"),
                _ => write!(f, "{text:<width$}"),
            },
            _ => f.write_str(&text),
        }
    }
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
