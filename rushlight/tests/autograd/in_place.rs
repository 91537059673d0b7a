//! Sequences of in-place changes, through several views of the same memory, and inputs that occur twice. Each single
//! in-place operation is checked by the table of operations.

use rushlight::autograd::{gradcheck, gradgradcheck};
use rushlight::ops::SliceOptions;
use rushlight::{DType, Result, Tensor};

/// First and second derivatives against finite differences.
fn check(f: impl Fn(&[&Tensor]) -> Result<Tensor>, shapes: &[&[usize]]) {
    let leaf = |(i, shape): (usize, &&[usize])| {
        let count = shape.iter().product::<usize>();
        let values: Vec<f64> = (0..count).map(|k| 1.7 * ((7 * i + k) as f64 * 1.9).sin()).collect();
        Tensor::from_slice(&values, *shape).requires_grad_(true)
    };
    let leaves: Vec<Tensor> = shapes.iter().enumerate().map(leaf).collect();
    let leaves: Vec<&Tensor> = leaves.iter().collect();
    gradcheck(&f, &leaves).unwrap();
    gradgradcheck(&f, &leaves).unwrap();
}

#[test]
fn overlapping_parts() {
    let f = |x: &[&Tensor]| {
        let y = x[0].try_copy()?;
        y.try_narrow(0, 1, 4)?.try_add_(&y.try_narrow(0, 0, 4)?)?;
        y.try_narrow(0, 0, 4)?.try_mul_(&y.try_narrow(0, 1, 4)?.try_copy()?)
    };
    check(f, &[&[5]]);
}

#[test]
fn several_views() {
    let f = |x: &[&Tensor]| {
        let y = x[0].try_contiguous()?.try_copy()?;
        let (rows, flat) = (y.try_view([4, 3])?, y.try_view([12])?);
        rows.try_select(0, 1)?.try_mul_(&flat.try_narrow(0, 6, 3)?.try_copy()?)?;
        flat.try_slice_with(0, ..12, SliceOptions::new().step(3))?.try_tanh_()?.try_mul_(2.0)?;
        rows.try_t()?.try_select(0, 2)?.try_exp_()?;
        flat.try_mul(&rows.try_view([12])?)
    };
    check(f, &[&[2, 2, 3]]);
}

#[test]
fn a_buffer_of_zeros() {
    let f = |x: &[&Tensor]| {
        let buffer = x[0].detach().try_zeros_like()?.try_expand([2, 3])?.try_copy()?;
        buffer.try_select(0, 0)?.try_copy_(x[0])?;
        buffer.try_select(0, 1)?.try_add_(x[1])?.try_mul_(x[0])?;
        buffer.try_prod()
    };
    check(f, &[&[3], &[3]]);
}

#[test]
fn a_detached_part() {
    let f = |x: &[&Tensor]| {
        let table = Tensor::arange(12.0).to_dtype(DType::F64).view([3, 4]);
        let gaps = table.try_copy()?.try_slice_with(1, 1..4, SliceOptions::new().step(2))?.detach();
        gaps.try_select(1, 1)?.try_mul_(x[0])?;
        gaps.try_t()?.try_select(0, 0)?.try_add_(&x[0].try_exp()?)?;
        gaps.try_mul(&gaps)
    };
    check(f, &[&[3]]);
}

#[test]
fn an_input_that_occurs_twice() {
    check(|x| x[0].try_mul(x[0]), &[&[2, 3]]);
    check(|x| Tensor::try_cat_dim([x[0], x[0]], 1), &[&[2, 3]]);
    check(|x| x[0].try_copy()?.try_mul_(x[0]), &[&[2, 3]]);
}
