//! `+ - * / %`, powers, maxima and minima of two operands, with broadcasting and type promotion.

use crate::harness::{
    ALL_DTYPES, Args, FLOATS, Inputs, NUMBERS, Row, Sample, between, given, number, positive, real, sample,
};
use rushlight::DType::{Bool, F32, I64};
use rushlight::{Operand, Result, Scalar, Tensor, catch};
use serde_json::json;

/// Operands drawn from a range, broadcast in every way; those whose shape grows have no in-place form.
fn operands(low: f64, high: f64) -> Vec<Sample> {
    let of = |a: &[usize], b: &[usize]| sample([between(low, high, a), between(low, high, b)]);
    vec![
        of(&[2, 3], &[2, 3]),
        of(&[2, 3], &[3]),
        of(&[2, 3], &[2, 1]),
        of(&[2, 3], &[]),
        of(&[], &[]),
        of(&[0, 3], &[3]),
        of(&[2, 1], &[4]).out_of_place(),
        of(&[3], &[2, 2, 3]).out_of_place(),
    ]
}

/// Every operation on two operands names shapes that do not broadcast.
fn of_two(row: Row) -> Row {
    row.refuses(sample([real(&[2, 3]), real(&[4])]), &["[2, 3]", "[4]"])
}

/// An operator with a scalar on the left, which has only a panicking form.
macro_rules! number_first {
    ($name:literal, $operator:tt) => {{
        fn call(x: &Inputs, _: &Args) -> Tensor {
            match x.number(0) {
                Some(Scalar::Bool(number)) => number $operator &x[1],
                Some(Scalar::I64(number)) => number $operator &x[1],
                Some(Scalar::F64(number)) => number $operator &x[1],
                None => panic!("the first argument is not a number"),
            }
        }
        Row::new($name, |x, a| catch(|| call(x, a)), call).operator()
    }};
}

/// `x + alpha * y` and similar forms, if the case has an `alpha`.
fn scaled(x: &Inputs, a: &Args) -> Result<Option<Tensor>> {
    a.scalar("alpha").map(|alpha| x[1].try_mul(alpha)).transpose()
}

fn alpha(a: &Args) -> f64 {
    a.float("alpha", 1.0)
}

/// The weight of `lerp`: the third tensor, if there is one.
fn weight<'a>(x: &'a Inputs, a: &Args) -> Operand<'a> {
    x.option(2).map_or_else(|| a.float("weight", 0.25).into(), Operand::from)
}

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = four_operations();
    rows.extend(reversed());
    rows.extend(powers());
    rows.extend(others());
    rows
}

fn four_operations() -> Vec<Row> {
    vec![
        of_two(Row::new(
            "add",
            |x, a| match scaled(x, a)? {
                Some(scaled) => x[0].try_add(&scaled),
                None => x[0].try_add(x.operand(1)),
            },
            |x, _| x[0].add(x.operand(1)),
        ))
        .takes(ALL_DTYPES)
        .in_place("add_", |x, _| x[0].try_add_(x.operand(1)), |x, _| x[0].add_(x.operand(1)))
        .samples(operands(-2.0, 2.0))
        .in_place_refuses(F32, sample([real(&[4]), real(&[2, 3])]), &["[2, 3]", "[4]"])
        .in_place_refuses(I64, sample([real(&[2]), number(0.5)]), &["float32", "int64"])
        .in_place_refuses(Bool, sample([real(&[2]), number(1)]), &["int64", "bool"]),
        of_two(Row::new(
            "sub",
            |x, a| match scaled(x, a)? {
                Some(scaled) => x[0].try_sub(&scaled),
                None => x[0].try_sub(x.operand(1)),
            },
            |x, _| x[0].sub(x.operand(1)),
        ))
        .takes(NUMBERS)
        .in_place("sub_", |x, _| x[0].try_sub_(x.operand(1)), |x, _| x[0].sub_(x.operand(1)))
        .samples(operands(-2.0, 2.0))
        .in_place_refuses(F32, sample([real(&[4]), real(&[2, 3])]), &["[2, 3]", "[4]"]),
        of_two(Row::new("mul", |x, _| x[0].try_mul(x.operand(1)), |x, _| x[0].mul(x.operand(1))))
            .takes(ALL_DTYPES)
            .in_place("mul_", |x, _| x[0].try_mul_(x.operand(1)), |x, _| x[0].mul_(x.operand(1)))
            .samples(operands(-2.0, 2.0))
            .in_place_refuses(F32, sample([real(&[4]), real(&[2, 3])]), &["[2, 3]", "[4]"]),
        of_two(Row::new("div", |x, _| x[0].try_div(x.operand(1)), |x, _| x[0].div(x.operand(1))))
            .takes(ALL_DTYPES)
            .in_place("div_", |x, _| x[0].try_div_(x.operand(1)), |x, _| x[0].div_(x.operand(1)))
            .in_place_takes(FLOATS)
            .samples(operands(0.3, 3.0))
            .kink([1.0, 0.0], f64::INFINITY, [f64::INFINITY, f64::NEG_INFINITY])
            .in_place_refuses(I64, sample([real(&[2]), number(2)]), &["float32", "int64"]),
        Row::only_in_place(
            "add_scaled_",
            |x, a| x[0].try_add_scaled_(&x[1], alpha(a)),
            |x, a| x[0].add_scaled_(&x[1], alpha(a)),
        )
        .takes(NUMBERS)
        .samples([sample([real(&[2, 3]), real(&[2, 3])]), sample([real(&[2, 3]), real(&[3])])])
        .with_args(json!({"alpha": -3.0}))
        .refuses(sample([real(&[4]), real(&[2, 3])]), &["[2, 3]", "[4]"]),
    ]
}

fn reversed() -> Vec<Row> {
    vec![
        number_first!("radd", +).takes(ALL_DTYPES).samples([sample([number(2), real(&[2, 3])])]),
        number_first!("rsub", -).takes(NUMBERS).says("sub").samples([sample([number(2), real(&[2, 3])])]),
        number_first!("rmul", *).takes(ALL_DTYPES).samples([sample([number(2), real(&[2, 3])])]),
        number_first!("rdiv", /).takes(ALL_DTYPES).samples([sample([number(2), positive(&[2, 3])])]),
    ]
}

fn powers() -> Vec<Row> {
    let of = |low, high, exponent: Scalar| sample([between(low, high, &[2, 3]), number(exponent)]).only(FLOATS);
    vec![
        of_two(Row::new("pow", |x, _| x[0].try_pow(x.operand(1)), |x, _| x[0].pow(x.operand(1))))
            .takes(NUMBERS)
            .in_place("pow_", |x, _| x[0].try_pow_(x.operand(1)), |x, _| x[0].pow_(x.operand(1)))
            .in_place_takes(NUMBERS)
            .samples(operands(0.3, 3.0))
            .samples([
                of(0.3, 3.0, 2.5.into()),
                of(-2.0, 2.0, 2.into()),
                of(-2.0, 2.0, 3.into()),
                of(-2.0, 2.0, 1.into()),
                of(-2.0, 2.0, 0.into()),
                of(0.3, 3.0, (-1).into()),
            ])
            .kink([0.0, 0.0], 1.0, [0.0, 0.0])
            .kink([0.0, 2.0], 0.0, [0.0, 0.0])
            .refuses_dtype(I64, sample([real(&[2]), number(-1)]), &["-1"])
            .in_place_refuses(I64, sample([real(&[2]), number(-1)]), &["-1"]),
        Row::new(
            "rpow",
            |x, _| x[1].try_rpow(x.number(0).expect("a number")),
            |x, _| x[1].rpow(x.number(0).expect("a number")),
        )
        .takes(ALL_DTYPES)
        .samples([sample([number(1.7), real(&[2, 3])]), sample([number(3), real(&[])])]),
    ]
}

fn others() -> Vec<Row> {
    let quotients = |a: &[usize], b: &[usize]| sample([between(4.4, 7.6, a), between(1.1, 1.9, b)]);
    let quotients = || [quotients(&[2, 3], &[2, 3]), quotients(&[2, 3], &[]), quotients(&[0, 3], &[3])];
    let zero = || sample([real(&[2]), given(Tensor::from([1i64, 0]))]);
    vec![
        of_two(Row::new("remainder", |x, _| x[0].try_remainder(x.operand(1)), |x, _| x[0].remainder(x.operand(1))))
            .takes(NUMBERS)
            .samples(quotients())
            .kink([-1.0, 3.0], 2.0, [1.0, 1.0])
            .kink([6.0, 3.0], 0.0, [1.0, -2.0])
            .refuses_dtype(I64, zero(), &["zero"]),
        of_two(Row::new(
            "floor_divide",
            |x, _| x[0].try_floor_divide(x.operand(1)),
            |x, _| x[0].floor_divide(x.operand(1)),
        ))
        .takes(NUMBERS)
        .constant()
        .samples(quotients())
        .refuses_dtype(I64, zero(), &["zero"]),
        of_two(Row::new("maximum", |x, _| x[0].try_maximum(x.operand(1)), |x, _| x[0].maximum(x.operand(1))))
            .takes(ALL_DTYPES)
            .samples(operands(-2.0, 2.0))
            .kink([2.0, 2.0], 2.0, [0.5, 0.5])
            .kink([1.0, 2.0], 2.0, [0.0, 1.0])
            .kink([f64::NAN, 2.0], f64::NAN, [1.0, 1.0]),
        of_two(Row::new("minimum", |x, _| x[0].try_minimum(x.operand(1)), |x, _| x[0].minimum(x.operand(1))))
            .takes(ALL_DTYPES)
            .samples(operands(-2.0, 2.0))
            .kink([2.0, 2.0], 2.0, [0.5, 0.5])
            .kink([1.0, 2.0], 1.0, [1.0, 0.0])
            .kink([f64::NAN, 2.0], f64::NAN, [1.0, 1.0]),
        of_two(Row::new("fmax", |x, _| x[0].try_fmax(x.operand(1)), |x, _| x[0].fmax(x.operand(1))))
            .takes(ALL_DTYPES)
            .samples(operands(-2.0, 2.0))
            .kink([2.0, 2.0], 2.0, [0.5, 0.5])
            .kink([1.0, 2.0], 2.0, [0.0, 1.0])
            .kink([f64::NAN, 2.0], 2.0, [0.0, 1.0])
            .kink([2.0, f64::NAN], 2.0, [1.0, 0.0]),
        of_two(Row::new("fmin", |x, _| x[0].try_fmin(x.operand(1)), |x, _| x[0].fmin(x.operand(1))))
            .takes(ALL_DTYPES)
            .samples(operands(-2.0, 2.0))
            .kink([2.0, 2.0], 2.0, [0.5, 0.5])
            .kink([1.0, 2.0], 1.0, [1.0, 0.0])
            .kink([f64::NAN, 2.0], 2.0, [0.0, 1.0])
            .kink([2.0, f64::NAN], 2.0, [1.0, 0.0]),
        of_two(Row::new("fmod", |x, _| x[0].try_fmod(x.operand(1)), |x, _| x[0].fmod(x.operand(1))))
            .takes(NUMBERS)
            .samples(quotients())
            .kink([-7.0, 3.0], -1.0, [1.0, 2.0])
            .kink([3.0, 3.0], 0.0, [1.0, -1.0])
            .refuses_dtype(I64, zero(), &["zero"]),
        of_two(Row::new("atan2", |x, _| x[0].try_atan2(x.operand(1)), |x, _| x[0].atan2(x.operand(1))))
            .takes(ALL_DTYPES)
            .samples(operands(0.3, 3.0))
            .kink([0.0, 2.0], 0.0, [0.5, 0.0])
            .kink([0.0, 0.0], 0.0, [0.0, 0.0]),
        of_two(Row::new("lerp", |x, a| x[0].try_lerp(&x[1], weight(x, a)), |x, a| x[0].lerp(&x[1], weight(x, a))))
            .samples(operands(-2.0, 2.0))
            .samples([sample([real(&[2, 3]), real(&[2, 3])]).args(json!({"weight": 0.75}))])
            .samples([
                sample([real(&[2, 3]), real(&[2, 3]), between(0.0, 1.0, &[2, 3])]),
                sample([real(&[2, 1]), real(&[3]), real(&[4, 1, 1])]),
                sample([real(&[]), real(&[]), real(&[])]),
                sample([real(&[0, 3]), real(&[3]), real(&[3])]),
            ])
            .kink([1.0, 3.0], 1.5, [0.75, 0.25])
            .kink([1.0, 3.0, 0.25], 1.5, [0.75, 0.25, 2.0])
            .kink([1.0, 3.0, 0.5], 2.0, [0.5, 0.5, 2.0])
            .refuses(sample([real(&[2]), real(&[2]), real(&[3])]), &["[2]", "[3]"])
            .refuses(sample([real(&[2]), real(&[2]), given(Tensor::from([1.0f64, 2.0]))]), &["float32", "float64"])
            .refuses(sample([real(&[2]), given(Tensor::from([1.0f64, 2.0]))]), &["float32", "float64"]),
    ]
}
