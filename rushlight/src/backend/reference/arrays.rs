//! Reductions, products of matrices, and elements chosen by indices.

use super::{Reference, positions, read, write};
use crate::Result;
use crate::backend::{Indexing, Product, ReduceOp, Reduction, bad_index};
use crate::tensor::{DType, Layout, ReadGuard, Scalar, WriteGuard, unsupported};
use rushlight_kernels::index::check_indices;

impl Reduction for Reference {
    fn reduce(&self, op: ReduceOp, x: &ReadGuard<'_>, reduced: &[bool], out: &mut WriteGuard<'_>) -> Result<()> {
        if op == ReduceOp::Mean && !x.dtype().is_float() {
            return Err(unsupported("mean", x.dtype()));
        }
        let values = read(x);
        // Where each element goes: the reduced dimensions have no step in the output.
        let dims = x.layout().dims();
        let mut strides = vec![0; dims.len()];
        let mut count = 1;
        for d in (0..dims.len()).rev().filter(|&d| !reduced[d]) {
            strides[d] = count as isize;
            count *= dims[d];
        }
        let mut groups = vec![vec![]; count];
        for (value, group) in values.into_iter().zip(positions(&Layout::strided(dims, &strides, 0))) {
            groups[group].push(value);
        }
        write(out, groups.iter().map(|group| fold(op, x.dtype(), group)));
        Ok(())
    }
}

fn fold(op: ReduceOp, dtype: DType, values: &[Scalar]) -> Scalar {
    let floats = || values.iter().map(|value| value.to_f64());
    let integers = || values.iter().map(|value| value.to_i64());
    let float = dtype.is_float();
    // Nan wins.
    let extreme = |better: fn(f64, f64) -> bool, worst: f64| {
        floats().fold(worst, |best, x| if x.is_nan() || better(x, best) { x } else { best })
    };
    match op {
        ReduceOp::Sum if float => Scalar::F64(floats().sum()),
        ReduceOp::Sum => Scalar::I64(integers().fold(0, i64::wrapping_add)),
        ReduceOp::Mean => Scalar::F64(floats().sum::<f64>() / values.len() as f64),
        ReduceOp::Prod if float => Scalar::F64(floats().product()),
        ReduceOp::Prod => Scalar::I64(integers().fold(1, i64::wrapping_mul)),
        ReduceOp::Max if float => Scalar::F64(extreme(|x, best| x > best, f64::NEG_INFINITY)),
        ReduceOp::Max => Scalar::I64(integers().fold(i64::MIN, i64::max)),
        ReduceOp::Min if float => Scalar::F64(extreme(|x, best| x < best, f64::INFINITY)),
        ReduceOp::Min => Scalar::I64(integers().fold(i64::MAX, i64::min)),
        ReduceOp::Any => Scalar::Bool(values.iter().any(|value| value.to_bool())),
        ReduceOp::All => Scalar::Bool(values.iter().all(|value| value.to_bool())),
    }
}

impl Product for Reference {
    fn matmul(
        &self,
        a: &ReadGuard<'_>,
        b: &ReadGuard<'_>,
        bias: Option<&ReadGuard<'_>>,
        out: &mut WriteGuard<'_>,
    ) -> Result<()> {
        let (x, y, bias) = (read(a), read(b), bias.map(read));
        let (da, db) = (a.layout().dims(), b.layout().dims());
        let [m, k] = [da[da.len() - 2], da[da.len() - 1]];
        let n = db[db.len() - 1];
        let batch = |dims: &[usize]| if dims.len() == 3 { dims[0] } else { 1 };
        let (batches, float) = (batch(out.layout().dims()), a.dtype().is_float());
        // A batch of one is used for all.
        let start = |dims: &[usize], i: usize, size: usize| if batch(dims) == 1 { 0 } else { i * size };
        let mut values = Vec::with_capacity(batches * m * n);
        for i in 0..batches {
            let (x, y) = (&x[start(da, i, m * k)..], &y[start(db, i, k * n)..]);
            for row in 0..m {
                for column in 0..n {
                    let pairs = (0..k).map(|j| (x[row * k + j], y[j * n + column]));
                    let bias = bias.as_ref().map_or(Scalar::I64(0), |bias| bias[column]);
                    values.push(if float {
                        Scalar::F64(pairs.map(|(x, y)| x.to_f64() * y.to_f64()).sum::<f64>() + bias.to_f64())
                    } else {
                        let product = |(x, y): (Scalar, Scalar)| x.to_i64().wrapping_mul(y.to_i64());
                        Scalar::I64(pairs.map(product).fold(bias.to_i64(), i64::wrapping_add))
                    });
                }
            }
        }
        write(out, values);
        Ok(())
    }
}

/// For each element of `index`, of the sizes `dims`, the element that it names along `dim` of a contiguous array of sizes `sizes`.
fn named(sizes: &[usize], dim: usize, index: &ReadGuard<'_>, op: &'static str) -> Result<Vec<usize>> {
    let named: Vec<i64> = read(index).into_iter().map(Scalar::to_i64).collect();
    check_indices(&named, sizes[dim]).map_err(|bad| bad_index(op, bad))?;
    let whole = Layout::contiguous(sizes);
    let mut strides = whole.strides().to_vec();
    let step = std::mem::take(&mut strides[dim]) as usize;
    let others = positions(&Layout::strided(index.layout().dims(), &strides, 0));
    Ok(others.into_iter().zip(named).map(|(at, index)| at + index as usize * step).collect())
}

impl Indexing for Reference {
    fn gather(&self, x: &ReadGuard<'_>, dim: usize, index: &ReadGuard<'_>, out: &mut WriteGuard<'_>) -> Result<()> {
        let (values, places) = (read(x), named(x.layout().dims(), dim, index, "gather")?);
        write(out, places.into_iter().map(|place| values[place]));
        Ok(())
    }

    fn scatter_add(
        &self,
        dim: usize,
        index: &ReadGuard<'_>,
        source: &ReadGuard<'_>,
        out: &mut WriteGuard<'_>,
    ) -> Result<()> {
        let places = named(out.layout().dims(), dim, index, "scatter_add")?;
        let mut sums = super::read_as(None, out);
        for (place, value) in places.into_iter().zip(read(source)) {
            sums[place] = match (sums[place], value) {
                (Scalar::Bool(sum), Scalar::Bool(value)) => Scalar::Bool(sum | value),
                (Scalar::I64(sum), Scalar::I64(value)) => Scalar::I64(sum.wrapping_add(value)),
                (sum, value) => Scalar::F64(sum.to_f64() + value.to_f64()),
            };
        }
        write(out, sums);
        Ok(())
    }
}
