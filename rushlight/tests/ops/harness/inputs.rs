//! The inputs of a call: positional tensors, scalars and absent arguments, and named options.

use super::device::place;
use crate::harness::golden::{dtype, numbers};
use rushlight::ops::SliceOptions;
use rushlight::tensor::ReduceDims;
use rushlight::{DType, Operand, Reduction, Result, Scalar, Tensor, keepdim};
use serde_json::Value;
use std::ops::Index;

/// A positional argument.
#[derive(Clone)]
pub(crate) enum Arg {
    Tensor(Tensor),
    Number(Scalar),
    Absent,
}

/// The positional arguments. `x[0]` is the first one, a tensor.
pub(crate) struct Inputs(pub Vec<Arg>);

impl Index<usize> for Inputs {
    type Output = Tensor;

    fn index(&self, i: usize) -> &Tensor {
        match &self.0[i] {
            Arg::Tensor(tensor) => tensor,
            _ => panic!("argument {i} is not a tensor"),
        }
    }
}

impl Inputs {
    /// A tensor or a scalar.
    pub(crate) fn operand(&self, i: usize) -> Operand<'_> {
        match &self.0[i] {
            Arg::Tensor(tensor) => tensor.into(),
            Arg::Number(number) => (*number).into(),
            Arg::Absent => panic!("argument {i} is absent"),
        }
    }

    pub(crate) fn number(&self, i: usize) -> Option<Scalar> {
        match self.0[i] {
            Arg::Number(number) => Some(number),
            _ => None,
        }
    }

    /// An optional tensor.
    pub(crate) fn option(&self, i: usize) -> Option<&Tensor> {
        match self.0.get(i) {
            Some(Arg::Tensor(tensor)) => Some(tensor),
            _ => None,
        }
    }

    /// All arguments, which must be tensors.
    pub(crate) fn all(&self) -> Vec<&Tensor> {
        (0..self.0.len()).map(|i| &self[i]).collect()
    }
}

/// The options of a call, by PyTorch's names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Args(pub Value);

impl Args {
    pub(crate) fn has(&self, key: &str) -> bool {
        self.0.get(key).is_some()
    }

    pub(crate) fn get(&self, key: &str) -> &Value {
        &self.0[key]
    }

    /// The integer, or `default` if it is absent or null.
    pub(crate) fn int(&self, key: &str, default: i64) -> i64 {
        self.0[key].as_i64().unwrap_or(default)
    }

    pub(crate) fn dim(&self, key: &str) -> isize {
        self.0[key].as_i64().unwrap_or_else(|| panic!("option {key} is not an integer")) as isize
    }

    /// A size or a count, or `default`.
    pub(crate) fn size(&self, key: &str, default: usize) -> usize {
        self.0[key].as_u64().map_or(default, |size| size as usize)
    }

    pub(crate) fn float(&self, key: &str, default: f64) -> f64 {
        self.0[key].as_f64().unwrap_or(default)
    }

    pub(crate) fn flag(&self, key: &str, default: bool) -> bool {
        self.0[key].as_bool().unwrap_or(default)
    }

    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.0[key].as_str()
    }

    /// A list of integers; a single one is a list of one.
    pub(crate) fn list(&self, key: &str) -> Vec<i64> {
        let value = &self.0[key];
        numbers(value).unwrap_or_else(|| value.as_i64().into_iter().collect())
    }

    /// A size per dimension; a single one applies to all.
    pub(crate) fn sizes<const N: usize>(&self, key: &str, default: usize) -> [usize; N] {
        match self.list(key)[..] {
            [] => [default; N],
            [all] => [all as usize; N],
            ref list => std::array::from_fn(|i| list[i] as usize),
        }
    }

    /// The dimensions of a reduction.
    pub(crate) fn dims(&self) -> ReduceDims {
        let dims = self.list("dim");
        if self.flag("keepdim", false) { keepdim(dims) } else { dims.into() }
    }

    pub(crate) fn scalar(&self, key: &str) -> Option<Scalar> {
        let value = &self.0[key];
        value.as_i64().map(Scalar::I64).or_else(|| value.as_f64().map(Scalar::F64))
    }

    pub(crate) fn dtype(&self, key: &str) -> Option<DType> {
        self.text(key).map(dtype)
    }

    pub(crate) fn reduction(&self) -> Reduction {
        match self.text("reduction") {
            None | Some("mean") => Reduction::Mean,
            Some("sum") => Reduction::Sum,
            Some("none") => Reduction::None,
            Some(other) => panic!("{other} is not a reduction"),
        }
    }
}

/// The results of an operation, as a list of tensors.
pub(crate) trait Outputs {
    fn list(self) -> Vec<Tensor>;
}

impl Outputs for Tensor {
    fn list(self) -> Vec<Tensor> {
        vec![self]
    }
}

impl Outputs for (Tensor, Tensor) {
    fn list(self) -> Vec<Tensor> {
        vec![self.0, self.1]
    }
}

impl Outputs for Vec<Tensor> {
    fn list(self) -> Vec<Tensor> {
        self
    }
}

impl Outputs for bool {
    fn list(self) -> Vec<Tensor> {
        vec![place(&Tensor::from(self))]
    }
}

/// Applies a view by which cases refer to parts of tensors.
pub(super) fn apply_view(t: &Tensor, view: &[Value]) -> Result<Tensor> {
    let name = view[0].as_str().expect("the view's name");
    let n = |i: usize| view[i].as_i64().expect("an integer") as isize;
    let all = || (1..view.len()).map(n).collect::<Vec<_>>();
    match name {
        "slice" => t.try_slice_with(n(1), n(2)..n(3), SliceOptions::new().step(n(4) as usize)),
        "permute" => t.try_permute(all()),
        "expand" => t.try_expand(all()),
        "reshape" => t.try_reshape(all()),
        "transpose" => t.try_transpose(n(1), n(2)),
        "narrow" => t.try_narrow(n(1), n(2), n(3) as usize),
        "select" => t.try_select(n(1), n(2)),
        "unsqueeze" => t.try_unsqueeze(n(1)),
        "t" => t.try_t(),
        other => panic!("unknown view {other}"),
    }
}
