//! Printing tensors as PyTorch does.

use super::format::{Part, PrintOptions, Suffixes, Value, format_sparse, format_tensor};
use super::{Scalar, Tensor, get_default_dtype};
use crate::autograd::GradFn;
use std::fmt;

/// The text that `write` makes of the function that returns the element of a strided tensor at a row-major index, or why there is none.
fn elements(tensor: &Tensor, write: impl FnOnce(&dyn Fn(usize) -> Value) -> String) -> String {
    let Ok(here) = tensor.on_host() else {
        return "tensor(<memory cannot be read>)".into();
    };
    let Ok(input) = here.read("print") else {
        return "tensor(<being written by another thread>)".into();
    };
    write(&|mut index: usize| {
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
    })
}

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
        let grad_fn = self.grad_fn();
        let suffixes = Suffixes {
            dtype: self.dtype().name(),
            default_dtype: get_default_dtype().name(),
            grad_fn: grad_fn.as_ref().map(GradFn::name),
            requires_grad: self.requires_grad(),
        };
        let default = PrintOptions::default();
        let options = PrintOptions { precision: f.precision().unwrap_or(default.precision), ..default };
        let text = match self.coo("print") {
            Ok(coo) => elements(&coo.indices, |index| {
                elements(&coo.values, |value| {
                    let [indices, values] = [(&coo.indices, index), (&coo.values, value)]
                        .map(|(part, value)| Part { shape: part.shape(), value });
                    format_sparse(self.shape(), &indices, &values, &suffixes, &options)
                })
            }),
            Err(_) => elements(self, |value| format_tensor(self.shape(), value, &suffixes, &options)),
        };
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
