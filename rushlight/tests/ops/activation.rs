//! Activations other than softmax.

use crate::harness::{ALL_DTYPES, Args, FLOATS, NUMBERS, Row, between, real, sample};
use rushlight::DType::{Bool, I64};
use rushlight::ops::{Approximate, EluOptions, GeluOptions, HardtanhOptions, LeakyReluOptions, SoftplusOptions};
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

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = relatives_of_relu();
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
