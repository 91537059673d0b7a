//! ReLU and its relatives, sigmoid, tanh.

use crate::harness::{ALL_DTYPES, Args, FLOATS, NUMBERS, Row, real, sample};
use rushlight::DType::{Bool, I64};
use rushlight::ops::LeakyReluOptions;
use serde_json::json;

fn slope(a: &Args) -> LeakyReluOptions {
    LeakyReluOptions::new().negative_slope(a.float("negative_slope", 0.01))
}

pub(crate) fn rows() -> Vec<Row> {
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
            .elementwise(-2.0, 8.0)
            .kink([0.0], 0.0, [0.0])
            .kink([6.0], 6.0, [0.0])
            .kink([3.0], 3.0, [1.0])
            .kink([7.0], 6.0, [0.0]),
        Row::new("logsigmoid", |x, _| x[0].try_logsigmoid(), |x, _| x[0].logsigmoid())
            .elementwise(-2.0, 2.0)
            .kink([-1000.0], -1000.0, [1.0])
            .kink([f64::INFINITY], 0.0, [0.0])
            .refuses_dtype(I64, sample([real(&[2])]), &["int64"])
            .refuses_dtype(Bool, sample([real(&[2])]), &["bool"]),
    ]
}
