//! Elementwise operations, fills and copies.

use super::functions::{binary_bool, binary_float, binary_int, unary_bool, unary_float, unary_int};
use super::{Reference, read_as, write};
use crate::backend::{BinaryOp, CompareOp, Elementwise, UnaryOp};
use crate::tensor::{Category, DType, ReadGuard, Scalar, WriteGuard, unsupported};
use crate::{Error, Result};

/// An element with which to find out whether an operation exists for a dtype where there are no elements.
fn one(dtype: DType) -> Scalar {
    match dtype.category() {
        Category::Bool => Scalar::Bool(true),
        Category::Integer => Scalar::I64(1),
        Category::Float => Scalar::F64(1.0),
    }
}

impl Elementwise for Reference {
    fn fill(&self, value: Scalar, out: &mut WriteGuard<'_>) -> Result<()> {
        write(out, std::iter::repeat(value));
        Ok(())
    }

    fn copy(&self, x: &ReadGuard<'_>, out: &mut WriteGuard<'_>) -> Result<()> {
        let values = read_as(Some(x), out);
        write(out, values);
        Ok(())
    }

    fn unary(&self, op: UnaryOp, x: Option<&ReadGuard<'_>>, out: &mut WriteGuard<'_>) -> Result<()> {
        let function = |x: Scalar| match x {
            Scalar::Bool(x) => unary_bool(op, x).map(Scalar::Bool),
            Scalar::I64(x) => unary_int(op, x).map(Scalar::I64),
            Scalar::F64(x) => unary_float(op, x).map(Scalar::F64),
        };
        let elements = read_as(x, out);
        if elements.is_empty() && function(one(out.dtype())).is_none() {
            return Err(unsupported("elementwise", out.dtype()));
        }
        let values: Option<Vec<Scalar>> = elements.into_iter().map(function).collect();
        write(out, values.ok_or_else(|| unsupported("elementwise", out.dtype()))?);
        Ok(())
    }

    fn binary(
        &self,
        op: BinaryOp,
        a: Option<&ReadGuard<'_>>,
        b: Option<&ReadGuard<'_>>,
        out: &mut WriteGuard<'_>,
    ) -> Result<()> {
        use BinaryOp::{FloorDivide, Fmod, Remainder};
        let divides = matches!(op, FloorDivide | Fmod | Remainder);
        let function = |(a, b)| match (a, b) {
            (Scalar::I64(_), Scalar::I64(0)) if divides => {
                Err(Error::value("elementwise", "an integer was divided by zero"))
            }
            (Scalar::Bool(a), Scalar::Bool(b)) => Ok(binary_bool(op, a, b).map(Scalar::Bool)),
            (Scalar::I64(a), Scalar::I64(b)) => Ok(binary_int(op, a, b).map(Scalar::I64)),
            (a, b) => Ok(binary_float(op, a.to_f64(), b.to_f64()).map(Scalar::F64)),
        };
        let pairs = read_as(a, out).into_iter().zip(read_as(b, out));
        if pairs.len() == 0 && function((one(out.dtype()), one(out.dtype())))?.is_none() {
            return Err(unsupported("elementwise", out.dtype()));
        }
        let values = pairs.map(function).collect::<Result<Option<Vec<Scalar>>>>()?;
        write(out, values.ok_or_else(|| unsupported("elementwise", out.dtype()))?);
        Ok(())
    }

    fn compare(&self, op: CompareOp, a: &ReadGuard<'_>, b: &ReadGuard<'_>, out: &mut WriteGuard<'_>) -> Result<()> {
        fn holds<T: PartialOrd>(op: CompareOp, a: T, b: T) -> bool {
            match op {
                CompareOp::Eq => a == b,
                CompareOp::Ne => a != b,
                CompareOp::Lt => a < b,
                CompareOp::Le => a <= b,
                CompareOp::Gt => a > b,
                CompareOp::Ge => a >= b,
            }
        }
        let function = |(a, b)| match (a, b) {
            (Scalar::Bool(a), Scalar::Bool(b)) => holds(op, a, b),
            (Scalar::I64(a), Scalar::I64(b)) => holds(op, a, b),
            (a, b) => holds(op, a.to_f64(), b.to_f64()),
        };
        let pairs = read_as(Some(a), out).into_iter().zip(read_as(Some(b), out));
        write(out, pairs.map(function).map(Scalar::Bool).collect::<Vec<_>>());
        Ok(())
    }

    fn where_(
        &self,
        condition: &ReadGuard<'_>,
        a: &ReadGuard<'_>,
        b: &ReadGuard<'_>,
        out: &mut WriteGuard<'_>,
    ) -> Result<()> {
        let (a, b) = (read_as(Some(a), out), read_as(Some(b), out));
        let chosen = read_as(Some(condition), out).into_iter().zip(a.into_iter().zip(b));
        write(out, chosen.map(|(c, (a, b))| if c.to_bool() { a } else { b }).collect::<Vec<_>>());
        Ok(())
    }
}
