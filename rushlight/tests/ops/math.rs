//! Functions of one element.

use crate::harness::{ALL_DTYPES, FLOATS, NUMBERS, Row, real, sample};
use rushlight::DType::Bool;
use serde_json::json;

const INF: f64 = f64::INFINITY;

/// A function without options, given its name.
macro_rules! function {
    ($name:ident, $try_name:ident) => {
        Row::new(stringify!($name), |x, _| x[0].$try_name(), |x, _| x[0].$name())
    };
    ($name:ident, $try_name:ident, $in_place:ident, $try_in_place:ident) => {
        function!($name, $try_name).in_place(
            stringify!($in_place),
            |x, _| x[0].$try_in_place(),
            |x, _| x[0].$in_place(),
        )
    };
}

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = smooth();
    rows.extend(steps());
    rows.extend(others());
    rows
}

/// Functions computed in floating-point for every input dtype.
fn smooth() -> Vec<Row> {
    let real = |row: Row| row.takes(ALL_DTYPES).elementwise(-2.0, 2.0);
    let positive = |row: Row| row.takes(ALL_DTYPES).elementwise(0.3, 3.0);
    vec![
        real(function!(exp, try_exp, exp_, try_exp_)).in_place_takes(FLOATS).kink([0.0], 1.0, [1.0]).kink(
            [-INF],
            0.0,
            [0.0],
        ),
        real(function!(expm1, try_expm1)).kink([0.0], 0.0, [1.0]),
        positive(function!(log, try_log, log_, try_log_)).in_place_takes(FLOATS).kink([1.0], 0.0, [1.0]).kink(
            [0.0],
            -INF,
            [INF],
        ),
        positive(function!(log1p, try_log1p)).kink([0.0], 0.0, [1.0]).kink([-1.0], -INF, [INF]),
        positive(function!(log2, try_log2)).kink([0.0], -INF, [INF]),
        positive(function!(log10, try_log10)).kink([0.0], -INF, [INF]),
        positive(function!(sqrt, try_sqrt, sqrt_, try_sqrt_)).in_place_takes(FLOATS).kink([4.0], 2.0, [0.25]).kink(
            [0.0],
            0.0,
            [INF],
        ),
        positive(function!(rsqrt, try_rsqrt)).kink([4.0], 0.5, [-0.0625]).kink([0.0], INF, [-INF]),
        positive(function!(reciprocal, try_reciprocal)).kink([-2.0], -0.5, [-0.25]).kink([0.0], INF, [-INF]),
        real(function!(sin, try_sin)).kink([0.0], 0.0, [1.0]),
        real(function!(cos, try_cos)).kink([0.0], 1.0, [0.0]),
        function!(tan, try_tan).takes(ALL_DTYPES).elementwise(-1.2, 1.2).kink([0.0], 0.0, [1.0]),
        real(function!(atan, try_atan)).kink([0.0], 0.0, [1.0]),
        real(function!(sinh, try_sinh)).kink([0.0], 0.0, [1.0]),
        real(function!(cosh, try_cosh)).kink([0.0], 1.0, [0.0]),
        real(function!(erf, try_erf)).kink([INF], 1.0, [0.0]),
        real(function!(erfc, try_erfc)).kink([INF], 0.0, [0.0]).kink([-INF], 2.0, [0.0]),
        function!(asin, try_asin).takes(ALL_DTYPES).elementwise(-0.9, 0.9).kink([0.0], 0.0, [1.0]).kink(
            [2.0],
            f64::NAN,
            [f64::NAN],
        ),
        function!(acos, try_acos).takes(ALL_DTYPES).elementwise(-0.9, 0.9).kink([1.0], 0.0, [-INF]),
        real(function!(asinh, try_asinh)).kink([0.0], 0.0, [1.0]),
        function!(acosh, try_acosh).takes(ALL_DTYPES).elementwise(1.2, 3.0).kink([1.0], 0.0, [INF]).kink(
            [0.5],
            f64::NAN,
            [f64::NAN],
        ),
        function!(atanh, try_atanh).takes(ALL_DTYPES).elementwise(-0.9, 0.9).kink([0.0], 0.0, [1.0]).kink(
            [1.0],
            INF,
            [INF],
        ),
    ]
}

/// Piecewise constant functions; integers are unchanged.
fn steps() -> Vec<Row> {
    vec![
        function!(floor, try_floor).takes(NUMBERS).elementwise(-2.0, 2.0).kink([-1.0], -1.0, [0.0]).kink(
            [-0.5],
            -1.0,
            [0.0],
        ),
        function!(ceil, try_ceil).takes(NUMBERS).elementwise(-2.0, 2.0).kink([1.0], 1.0, [0.0]).kink([0.5], 1.0, [0.0]),
        function!(round, try_round).takes(NUMBERS).elementwise(-2.0, 2.0).kink([0.5], 0.0, [0.0]).kink(
            [1.5],
            2.0,
            [0.0],
        ),
        function!(trunc, try_trunc).takes(NUMBERS).elementwise(-2.0, 2.0).kink([-1.5], -1.0, [0.0]),
        function!(sign, try_sign).takes(ALL_DTYPES).elementwise(-2.0, 2.0).kink([0.0], 0.0, [0.0]).kink(
            [-3.0],
            -1.0,
            [0.0],
        ),
    ]
}

fn others() -> Vec<Row> {
    vec![
        function!(neg, try_neg, neg_, try_neg_)
            .takes(NUMBERS)
            .elementwise(-2.0, 2.0)
            .kink([3.0], -3.0, [-1.0])
            .refuses_dtype(Bool, sample([real(&[2])]), &["bool", "logical_not"]),
        function!(abs, try_abs, abs_, try_abs_).takes(NUMBERS).elementwise(-2.0, 2.0).kink([0.0], 0.0, [0.0]).kink(
            [-3.0],
            3.0,
            [-1.0],
        ),
        function!(square, try_square).takes(ALL_DTYPES).elementwise(-2.0, 2.0).kink([0.0], 0.0, [0.0]).kink(
            [-3.0],
            9.0,
            [-6.0],
        ),
        function!(frac, try_frac).elementwise(0.1, 0.9).kink([1.0], 0.0, [1.0]).kink([-1.5], -0.5, [1.0]).kink(
            [-0.0],
            0.0,
            [1.0],
        ),
        Row::new(
            "clamp",
            |x, a| x[0].try_clamp(a.scalar("min"), a.scalar("max")),
            |x, a| x[0].clamp(a.scalar("min"), a.scalar("max")),
        )
        .takes(ALL_DTYPES)
        .in_place(
            "clamp_",
            |x, a| x[0].try_clamp_(a.scalar("min"), a.scalar("max")),
            |x, a| x[0].clamp_(a.scalar("min"), a.scalar("max")),
        )
        .in_place_takes(NUMBERS)
        .elementwise(-2.0, 2.0)
        .with_args(json!({"min": -1, "max": 1}))
        .samples([sample([real(&[2, 3])]).args(json!({"min": -1})), sample([real(&[2, 3])]).args(json!({"max": 1}))])
        .kink([-1.0], -1.0, [0.0])
        .kink([0.5], 0.5, [1.0])
        .kink([1.0], 1.0, [0.0])
        .kink([3.0], 1.0, [0.0])
        .refuses(sample([real(&[2])]), &["bound"]),
    ]
}
