//! Activations other than softmax.

use crate::harness::{ALL_DTYPES, Args, FLOATS, NUMBERS, Row, between, positive, real, sample};
use rushlight::DType::{Bool, I64};
use rushlight::ops::{
    Approximate, CeluOptions, EluOptions, GeluOptions, HardtanhOptions, LeakyReluOptions, RreluOptions, SoftplusOptions,
};
use serde_json::json;

/// Why PyTorch's float64 values of hardsigmoid are only as accurate as float32.
const SIXTH: &str = "PyTorch multiplies by 1/6 rounded to float32";

fn slope(a: &Args) -> LeakyReluOptions {
    LeakyReluOptions::new().negative_slope(a.float("negative_slope", 0.01))
}

fn gelu(a: &Args) -> GeluOptions {
    match a.text("approximate") {
        None => GeluOptions::new(),
        Some("tanh") => GeluOptions::new().approximate(Approximate::Tanh),
        Some(other) => panic!("{other} is not an approximation"),
    }
}

fn softplus(a: &Args) -> SoftplusOptions {
    SoftplusOptions::new().beta(a.float("beta", 1.0)).threshold(a.float("threshold", 20.0))
}

fn elu(a: &Args) -> EluOptions {
    EluOptions::new().alpha(a.float("alpha", 1.0))
}

fn hardtanh(a: &Args) -> HardtanhOptions {
    HardtanhOptions::new().min_val(a.float("min_val", -1.0)).max_val(a.float("max_val", 1.0))
}

fn celu(a: &Args) -> CeluOptions {
    CeluOptions::new().alpha(a.float("alpha", 1.0))
}

fn rrelu(a: &Args) -> RreluOptions {
    let options = RreluOptions::new().training(a.flag("training", false));
    options.lower(a.float("lower", 1.0 / 8.0)).upper(a.float("upper", 1.0 / 3.0))
}

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = relatives_of_relu();
    rows.extend(learned_and_random_slopes());
    rows.extend(shrinking_and_gated());
    rows.extend(smooth());
    rows.extend(piecewise());
    rows
}

fn smooth() -> Vec<Row> {
    let none = |row: Row| row.elementwise(-2.0, 2.0).kink([0.0], 0.0, [0.5]).kink([f64::NAN], f64::NAN, [f64::NAN]);
    vec![
        none(Row::new("silu", |x, _| x[0].try_silu(), |x, _| x[0].silu())),
        none(Row::new("gelu", |x, a| x[0].try_gelu_with(gelu(a)), |x, a| x[0].gelu_with(gelu(a))))
            .defaults(|x, _| x[0].try_gelu(), |x, _| x[0].gelu())
            .samples([sample([real(&[2, 3])]).args(json!({"approximate": "tanh"}))]),
        Row::new("mish", |x, _| x[0].try_mish(), |x, _| x[0].mish()).elementwise(-2.0, 2.0).kink([100.0], 100.0, [1.0]),
        Row::new("softplus", |x, a| x[0].try_softplus_with(softplus(a)), |x, a| x[0].softplus_with(softplus(a)))
            .defaults(|x, _| x[0].try_softplus(), |x, _| x[0].softplus())
            .elementwise(-2.0, 2.0)
            .with_args(json!({"beta": 2.0, "threshold": 8.0}))
            .kink([1000.0], 1000.0, [1.0])
            .kink([f64::NEG_INFINITY], 0.0, [0.0]),
        Row::new("elu", |x, a| x[0].try_elu_with(elu(a)), |x, a| x[0].elu_with(elu(a)))
            .defaults(|x, _| x[0].try_elu(), |x, _| x[0].elu())
            .elementwise(-2.0, 2.0)
            .with_args(json!({"alpha": 0.5}))
            .kink([0.0], 0.0, [0.5])
            .kink([f64::INFINITY], f64::INFINITY, [1.0])
            .kink([f64::NEG_INFINITY], -0.5, [0.0]),
        Row::new("softsign", |x, _| x[0].try_softsign(), |x, _| x[0].softsign())
            .takes(NUMBERS)
            .elementwise(-2.0, 2.0)
            .kink([0.0], 0.0, [1.0])
            .kink([-3.0], -0.75, [0.0625])
            .refuses_dtype(Bool, sample([real(&[2])]), &["bool"]),
    ]
}

fn piecewise() -> Vec<Row> {
    vec![
        Row::new("hardsigmoid", |x, _| x[0].try_hardsigmoid(), |x, _| x[0].hardsigmoid())
            .elementwise(-2.0, 2.0)
            .coarse("hardsigmoid/2d/f64", 1000.0, SIXTH)
            .coarse("hardsigmoid/0d/f64", 1000.0, SIXTH)
            .coarse("hardsigmoid/transposed/f64", 1000.0, SIXTH)
            .coarse("hardsigmoid/long/f64", 1000.0, SIXTH)
            .coarse("hardsigmoid/kinks/f64", 1000.0, SIXTH)
            .kink([-3.0], 0.0, [0.0])
            .kink([3.0], 1.0, [0.0]),
        Row::new("hardswish", |x, _| x[0].try_hardswish(), |x, _| x[0].hardswish())
            .elementwise(-2.0, 2.0)
            .kink([-3.0], 0.0, [0.0])
            .kink([0.0], 0.0, [0.5])
            .kink([3.0], 3.0, [1.0]),
        Row::new(
            "threshold",
            |x, a| x[0].try_threshold(a.float("threshold", 0.1), a.float("value", 7.0)),
            |x, a| x[0].threshold(a.float("threshold", 0.1), a.float("value", 7.0)),
        )
        .takes(NUMBERS)
        .elementwise(0.5, 2.0)
        .samples([sample([between(-2.0, 0.0, &[2, 3])])])
        .kink([0.0], 7.0, [0.0])
        .kink([3.0], 3.0, [1.0])
        .refuses_dtype(Bool, sample([real(&[2])]), &["bool"]),
    ]
}

fn relatives_of_relu() -> Vec<Row> {
    vec![
        Row::new("relu", |x, _| x[0].try_relu(), |x, _| x[0].relu())
            .takes(NUMBERS)
            .in_place("relu_", |x, _| x[0].try_relu_(), |x, _| x[0].relu_())
            .elementwise(-2.0, 2.0)
            .kink([-1.0], 0.0, [0.0])
            .kink([0.0], 0.0, [0.0])
            .kink([3.0], 3.0, [1.0])
            .kink([f64::INFINITY], f64::INFINITY, [1.0])
            .refuses_dtype(Bool, sample([real(&[2])]), &["bool"]),
        Row::new("add_relu", |x, _| x[0].try_add_relu(&x[1]), |x, _| x[0].add_relu(&x[1]))
            .samples([
                sample([real(&[2, 3]), real(&[2, 3])]),
                sample([real(&[3, 4]), real(&[4])]),
                sample([real(&[2, 1]), real(&[4])]),
                sample([real(&[]), real(&[])]),
                sample([real(&[0, 3]), real(&[3])]),
            ])
            .kink([1.0, -1.0], 0.0, [0.0, 0.0])
            .kink([1.0, 2.0], 3.0, [1.0, 1.0])
            .refuses(sample([real(&[2, 3]), real(&[4])]), &["[2, 3]", "[4]"]),
        Row::new("leaky_relu", |x, a| x[0].try_leaky_relu_with(slope(a)), |x, a| x[0].leaky_relu_with(slope(a)))
            .defaults(|x, _| x[0].try_leaky_relu(), |x, _| x[0].leaky_relu())
            .in_place("leaky_relu_", |x, a| x[0].try_leaky_relu_with_(slope(a)), |x, a| x[0].leaky_relu_with_(slope(a)))
            .elementwise(-2.0, 2.0)
            .with_args(json!({"negative_slope": 0.25}))
            .kink([-2.0], -0.5, [0.25])
            .kink([0.0], 0.0, [0.25])
            .kink([3.0], 3.0, [1.0]),
        Row::new("sigmoid", |x, _| x[0].try_sigmoid(), |x, _| x[0].sigmoid())
            .takes(ALL_DTYPES)
            .in_place("sigmoid_", |x, _| x[0].try_sigmoid_(), |x, _| x[0].sigmoid_())
            .in_place_takes(FLOATS)
            .elementwise(-2.0, 2.0)
            .kink([0.0], 0.5, [0.25])
            .kink([f64::NEG_INFINITY], 0.0, [0.0]),
        Row::new("tanh", |x, _| x[0].try_tanh(), |x, _| x[0].tanh())
            .takes(ALL_DTYPES)
            .in_place("tanh_", |x, _| x[0].try_tanh_(), |x, _| x[0].tanh_())
            .in_place_takes(FLOATS)
            .elementwise(-2.0, 2.0)
            .kink([0.0], 0.0, [1.0])
            .kink([f64::INFINITY], 1.0, [0.0]),
        Row::new("relu6", |x, _| x[0].try_relu6(), |x, _| x[0].relu6())
            .takes(NUMBERS)
            .elementwise(-2.0, 8.0)
            .kink([0.0], 0.0, [0.0])
            .kink([6.0], 6.0, [0.0])
            .kink([3.0], 3.0, [1.0])
            .kink([7.0], 6.0, [0.0]),
        Row::new("hardtanh", |x, a| x[0].try_hardtanh_with(hardtanh(a)), |x, a| x[0].hardtanh_with(hardtanh(a)))
            .defaults(|x, _| x[0].try_hardtanh(), |x, _| x[0].hardtanh())
            .takes(NUMBERS)
            .in_place("hardtanh_", |x, a| x[0].try_hardtanh_with_(hardtanh(a)), |x, a| x[0].hardtanh_with_(hardtanh(a)))
            .elementwise(-2.0, 2.0)
            .with_args(json!({"min_val": -1.5, "max_val": 0.5}))
            .kink([-1.5], -1.5, [0.0])
            .kink([0.5], 0.5, [0.0])
            .kink([0.25], 0.25, [1.0])
            .kink([f64::NAN], f64::NAN, [1.0])
            .refuses_dtype(Bool, sample([real(&[2])]), &["bool"])
            .refuses(
                sample([real(&[2])]).args(json!({"min_val": 1.0, "max_val": -1.0})),
                &["1", "-1", "min_val <= max_val"],
            ),
        Row::new("logsigmoid", |x, _| x[0].try_logsigmoid(), |x, _| x[0].logsigmoid())
            .elementwise(-2.0, 2.0)
            .kink([-1000.0], -1000.0, [1.0])
            .kink([f64::INFINITY], 0.0, [0.0])
            .refuses_dtype(I64, sample([real(&[2])]), &["int64"])
            .refuses_dtype(Bool, sample([real(&[2])]), &["bool"]),
    ]
}

fn learned_and_random_slopes() -> Vec<Row> {
    let of = |training: bool| sample([real(&[3, 4])]).args(json!({"training": training, "lower": 0.1, "upper": 0.6}));
    vec![
        Row::new("prelu", |x, _| x[0].try_prelu(&x[1]), |x, _| x[0].prelu(&x[1]))
            .samples([
                sample([real(&[2, 3]), positive(&[1])]),
                sample([real(&[2, 3, 2]), positive(&[3])]),
                sample([real(&[4]), positive(&[])]),
                sample([real(&[]), positive(&[1])]),
                sample([real(&[0, 3]), positive(&[3])]),
            ])
            .kink([0.0, 0.5], 0.0, [0.5, 0.0])
            .kink([-2.0, 0.5], -1.0, [0.5, -2.0])
            .kink([3.0, 0.5], 3.0, [1.0, 0.0])
            .refuses(sample([real(&[2, 3]), real(&[2])]), &["[1] or [3]", "[2, 3]", "[2]"])
            .refuses(sample([real(&[3]), real(&[3])]), &["shape [1]", "[3]"])
            .refuses(sample([real(&[3]), real(&[1, 1])]), &["[1, 1]"])
            .refuses_dtype(I64, sample([real(&[2]), real(&[1])]), &["int64"]),
        Row::new("rrelu", |x, a| x[0].try_rrelu_with(rrelu(a)), |x, a| x[0].rrelu_with(rrelu(a)))
            .defaults(|x, _| x[0].try_rrelu(), |x, _| x[0].rrelu())
            .in_place("rrelu_", |x, a| x[0].try_rrelu_with_(rrelu(a)), |x, a| x[0].rrelu_with_(rrelu(a)))
            .elementwise(-2.0, 2.0)
            .samples([of(true), of(false)])
            .kink([3.0], 3.0, [1.0])
            .refuses(
                sample([real(&[2])]).args(json!({"lower": 0.5, "upper": 0.25})),
                &["lower <= upper", "0.5", "0.25"],
            )
            .refuses_dtype(I64, sample([real(&[2])]), &["int64"])
            .random(),
    ]
}

fn shrinking_and_gated() -> Vec<Row> {
    let halves = |shape: &[usize], dim: isize| sample([real(shape)]).args(json!({"dim": dim}));
    vec![
        Row::new("selu", |x, _| x[0].try_selu(), |x, _| x[0].selu()).elementwise(-2.0, 2.0),
        Row::new("celu", |x, a| x[0].try_celu_with(celu(a)), |x, a| x[0].celu_with(celu(a)))
            .defaults(|x, _| x[0].try_celu(), |x, _| x[0].celu())
            .elementwise(-2.0, 2.0)
            .with_args(json!({"alpha": 0.5}))
            .kink([0.0], 0.0, [1.0])
            .refuses(sample([real(&[2])]).args(json!({"alpha": 0.0})), &["alpha"]),
        Row::new(
            "hardshrink",
            |x, a| x[0].try_hardshrink_with(a.float("lambd", 0.5)),
            |x, a| x[0].hardshrink_with(a.float("lambd", 0.5)),
        )
        .defaults(|x, _| x[0].try_hardshrink(), |x, _| x[0].hardshrink())
        .elementwise(-2.0, 2.0)
        .kink([0.5], 0.0, [0.0])
        .kink([-0.5], 0.0, [0.0])
        .kink([0.75], 0.75, [1.0]),
        Row::new(
            "softshrink",
            |x, a| x[0].try_softshrink_with(a.float("lambd", 0.5)),
            |x, a| x[0].softshrink_with(a.float("lambd", 0.5)),
        )
        .defaults(|x, _| x[0].try_softshrink(), |x, _| x[0].softshrink())
        .elementwise(-2.0, 2.0)
        .kink([0.5], 0.0, [0.0])
        .kink([-0.75], -0.25, [1.0])
        .refuses(sample([real(&[2])]).args(json!({"lambd": -1.0})), &["lambd >= 0", "-1"]),
        Row::new("tanhshrink", |x, _| x[0].try_tanhshrink(), |x, _| x[0].tanhshrink())
            .takes(NUMBERS)
            .elementwise(-2.0, 2.0)
            .kink([0.0], 0.0, [0.0])
            .refuses_dtype(Bool, sample([real(&[2])]), &["bool"]),
        Row::new("glu", |x, _| x[0].try_glu(), |x, _| x[0].glu())
            .samples([sample([real(&[2, 4])]), sample([real(&[0, 2])])])
            .refuses(sample([real(&[3])]), &["even size", "[3]"]),
        Row::new("glu_dim", |x, a| x[0].try_glu_dim(a.dim("dim")), |x, a| x[0].glu_dim(a.dim("dim")))
            .says("glu")
            .samples([halves(&[2, 4], 0), halves(&[2, 4, 3], 1), halves(&[2, 4], -1)])
            .refuses(halves(&[2, 3], 1), &["even size", "[2, 3]"])
            .refuses(halves(&[2, 4], 2), &["2"]),
    ]
}
