//! Elementwise kernels: `cargo bench -p rushlight-kernels --bench elementwise -- [FILTER...]`.
//!
//! For 16 elements (the cost of a call), as many as fit in the L1 cache, and 16 million.

mod common;

use common::{Buffer, Case, cases};
use divan::Bencher;
use divan::counter::BytesCount;
use rushlight_kernels::elementwise::{self, BinaryOp, CompareOp, UnaryOp};

fn main() {
    common::main();
}

const SIZES: [usize; 3] = [16, 4096, 1 << 24];

const UNARY: [UnaryOp; 13] = [
    UnaryOp::Relu,
    UnaryOp::Sqrt,
    UnaryOp::Exp,
    UnaryOp::Log,
    UnaryOp::Tanh,
    UnaryOp::Sigmoid,
    UnaryOp::Silu,
    UnaryOp::Gelu,
    UnaryOp::Erf,
    UnaryOp::Expm1,
    UnaryOp::Log1p,
    UnaryOp::Sin,
    UnaryOp::PowScalar(2.3),
];

const BINARY: [BinaryOp; 4] = [BinaryOp::Add, BinaryOp::Div, BinaryOp::Pow, BinaryOp::Remainder];

fn sizes() -> Vec<Case<usize>> {
    cases(SIZES, |n| n.to_string())
}

/// Each operation at each size.
fn operations<O: Copy + std::fmt::Debug>(ops: &[O]) -> Vec<Case<(O, usize)>> {
    let all = ops.iter().flat_map(|&op| SIZES.map(|n| (op, n)));
    cases(all, |(op, n)| format!("{op:?} {n}"))
}

/// Matrices to which a row or a column is added.
fn matrices() -> Vec<Case<[usize; 2]>> {
    cases([[64, 10], [64, 64], [64, 256], [256, 1024]], |[rows, width]| format!("{rows}x{width}"))
}

/// Values from -4 to 4.2 in pseudorandom order.
fn data(n: usize) -> Buffer<f32> {
    Buffer::new(n, |i| (i * 7919 % 4099) as f32 * 0.002 - 4.0)
}

/// Like [`data`], in another order.
fn other_data(n: usize) -> Buffer<f32> {
    Buffer::new(n, |i| 4.2 - (i * 3001 % 4099) as f32 * 0.002)
}

fn zeros<T: Copy + Default>(n: usize) -> Buffer<T> {
    Buffer::new(n, |_| T::default())
}

/// A square matrix of `n` elements: its sizes, its strides, and those of its transpose.
fn square(n: usize) -> ([usize; 2], [isize; 2], [isize; 2]) {
    let side = n.isqrt();
    ([side, side], [side as isize, 1], [1, side as isize])
}

#[divan::bench(args = operations(&UNARY))]
fn unary(bencher: Bencher, case: &Case<(UnaryOp, usize)>) {
    let (op, n) = case.input;
    let (x, mut out) = (data(n), zeros::<f32>(n));
    case.measure(bencher, BytesCount::new(8 * n), || {
        // SAFETY: both buffers hold n elements, a multiple of four.
        unsafe { elementwise::unary(op, &[n / 4, 4], x.as_ptr(), &[4, 1], out.as_mut_ptr(), &[4, 1]) }.unwrap();
    });
}

/// An operation on a contiguous matrix of these sizes and one with other strides.
fn with_other<T>(bencher: Bencher, case: &Case<T>, op: BinaryOp, dims: [usize; 2], strides: [isize; 2]) {
    let (n, contiguous) = (dims[0] * dims[1], [dims[1] as isize, 1]);
    let reach = (dims[0] - 1) * strides[0] as usize + (dims[1] - 1) * strides[1] as usize + 1;
    let (a, b, mut out) = (data(n), other_data(reach), zeros::<f32>(n));
    case.measure(bencher, BytesCount::new(4 * (2 * n + reach)), || {
        let (a, b, out) = (a.as_ptr(), b.as_ptr(), out.as_mut_ptr());
        // SAFETY: `a` and `out` hold the matrix, and `b` the elements that its strides address.
        unsafe { elementwise::binary(op, &dims, a, &contiguous, b, &strides, out, &contiguous) }.unwrap();
    });
}

#[divan::bench(args = operations(&BINARY))]
fn binary(bencher: Bencher, case: &Case<(BinaryOp, usize)>) {
    let (op, n) = case.input;
    with_other(bencher, case, op, [n / 4, 4], [4, 1]);
}

#[divan::bench(args = sizes())]
fn add_scalar(bencher: Bencher, case: &Case<usize>) {
    let n = case.input;
    with_other(bencher, case, BinaryOp::Add, [n / 4, 4], [0, 0]);
}

#[divan::bench(args = sizes())]
fn add_row(bencher: Bencher, case: &Case<usize>) {
    let (dims, ..) = square(case.input);
    with_other(bencher, case, BinaryOp::Add, dims, [0, 1]);
}

#[divan::bench(args = sizes())]
fn add_transposed(bencher: Bencher, case: &Case<usize>) {
    let (dims, _, transposed) = square(case.input);
    with_other(bencher, case, BinaryOp::Add, dims, transposed);
}

#[divan::bench(args = matrices())]
fn add_row_to(bencher: Bencher, case: &Case<[usize; 2]>) {
    with_other(bencher, case, BinaryOp::Add, case.input, [0, 1]);
}

#[divan::bench(args = matrices())]
fn add_column_to(bencher: Bencher, case: &Case<[usize; 2]>) {
    with_other(bencher, case, BinaryOp::Add, case.input, [1, 0]);
}

#[divan::bench(args = sizes())]
fn copy(bencher: Bencher, case: &Case<usize>) {
    let (dims, rows, _) = square(case.input);
    let (x, mut out) = (data(case.input), zeros::<f32>(case.input));
    case.measure(bencher, BytesCount::new(8 * case.input), || {
        // SAFETY: both buffers hold the matrix.
        unsafe { elementwise::copy(&dims, x.as_ptr(), &rows, out.as_mut_ptr(), &rows) }
    });
}

#[divan::bench(args = sizes())]
fn copy_transposed(bencher: Bencher, case: &Case<usize>) {
    let (dims, rows, transposed) = square(case.input);
    let (x, mut out) = (data(case.input), zeros::<f32>(case.input));
    case.measure(bencher, BytesCount::new(8 * case.input), || {
        // SAFETY: both buffers hold the matrix.
        unsafe { elementwise::copy(&dims, x.as_ptr(), &transposed, out.as_mut_ptr(), &rows) }
    });
}

#[divan::bench(args = sizes())]
fn fill(bencher: Bencher, case: &Case<usize>) {
    let (dims, rows, _) = square(case.input);
    let mut out = zeros::<f32>(case.input);
    case.measure(bencher, BytesCount::new(4 * case.input), || {
        // SAFETY: the buffer holds the matrix.
        unsafe { elementwise::fill(&dims, out.as_mut_ptr(), &rows, 1.0) }
    });
}

#[divan::bench(args = cases(SIZES.map(|n| n / 2), |n| n.to_string()))]
fn f32_to_i64(bencher: Bencher, case: &Case<usize>) {
    let n = case.input;
    let (x, mut out) = (data(n), zeros::<i64>(n));
    case.measure(bencher, BytesCount::new(12 * n), || {
        // SAFETY: both buffers hold n elements.
        unsafe { elementwise::copy(&[n], x.as_ptr(), &[1], out.as_mut_ptr(), &[1]) }
    });
}

#[divan::bench(args = sizes())]
fn gt(bencher: Bencher, case: &Case<usize>) {
    let (dims, rows, _) = square(case.input);
    let (a, b, mut out) = (data(case.input), other_data(case.input), zeros::<bool>(case.input));
    case.measure(bencher, BytesCount::new(9 * case.input), || {
        let (a, b, out) = (a.as_ptr(), b.as_ptr(), out.as_mut_ptr());
        // SAFETY: all buffers hold the matrix.
        unsafe { elementwise::compare(CompareOp::Gt, &dims, a, &rows, b, &rows, out, &rows) }
    });
}

#[divan::bench(args = sizes(), name = "where")]
fn where_(bencher: Bencher, case: &Case<usize>) {
    let n = case.input;
    let (a, b, mut out) = (data(n), other_data(n), zeros::<f32>(n));
    let mask = Buffer::new(n, |i| a[i] > 0.0);
    case.measure(bencher, BytesCount::new(13 * n), || {
        let (mask, a, b, out) = (mask.as_ptr(), a.as_ptr(), b.as_ptr(), out.as_mut_ptr());
        // SAFETY: all buffers hold n elements.
        unsafe { elementwise::where_(&[n], mask, &[1], a, &[1], b, &[1], out, &[1]) }
    });
}
