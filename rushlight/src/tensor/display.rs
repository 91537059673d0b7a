//! Printing tensors as PyTorch does.

use super::format::{PrintOptions, Suffixes, Value, format_tensor};
use super::{Scalar, Tensor, get_default_dtype};
use std::fmt;

impl fmt::Display for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ok(here) = self.on_host() else {
            return f.write_str("tensor(<its memory cannot be read>)");
        };
        let Ok(input) = here.read("print") else {
            return f.write_str("tensor(<being changed by another thread>)");
        };
        let value = |mut index: usize| {
            let mut place = 0;
            for (&size, &stride) in here.shape().iter().zip(here.strides()).rev() {
                place += (index % size) as isize * stride;
                index /= size;
            }
            match input.element(place) {
                Scalar::F64(v) => Value::Float(v),
                Scalar::I64(v) => Value::Int(v),
                Scalar::Bool(v) => Value::Bool(v),
            }
        };
        let suffixes = Suffixes {
            dtype: self.dtype().name(),
            default_dtype: get_default_dtype().name(),
            grad_fn: self.grad_fn_name(),
            requires_grad: self.requires_grad(),
        };
        let text = format_tensor(self.shape(), value, &suffixes, &PrintOptions::default());
        f.write_str(&text)
    }
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
