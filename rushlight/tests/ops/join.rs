//! Joining and padding tensors.

use crate::harness::{ALL_DTYPES, Args, Row, real, sample};
use rushlight::{Scalar, Tensor};
use serde_json::json;

fn amounts(a: &Args) -> Vec<usize> {
    a.list("pad").into_iter().map(|n| usize::try_from(n).expect("padding is not negative here")).collect()
}

fn value(a: &Args) -> Scalar {
    a.scalar("value").unwrap_or(Scalar::I64(0))
}

fn dim(a: &Args) -> isize {
    a.int("dim", 0) as isize
}

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::new("cat", |x, a| Tensor::try_cat_dim(x.all(), dim(a)), |x, a| Tensor::cat_dim(x.all(), dim(a)))
            .method("cat_dim")
            .defaults(|x, _| Tensor::try_cat(x.all()), |x, _| Tensor::cat(x.all()))
            .takes(ALL_DTYPES)
            .samples([
                sample([real(&[2, 3]), real(&[1, 3])]).args(json!({"dim": 0})),
                sample([real(&[2, 3]), real(&[2, 2]), real(&[2, 1])]).args(json!({"dim": -1})),
                sample([real(&[0, 3]), real(&[2, 3])]).args(json!({"dim": 0})),
            ])
            .refuses(
                sample([real(&[2, 3]), real(&[4, 5])]).args(json!({"dim": 0})),
                &["[4, 5]", "[2, 3]", "dimension 0"],
            ),
        Row::new("stack", |x, a| Tensor::try_stack_dim(x.all(), dim(a)), |x, a| Tensor::stack_dim(x.all(), dim(a)))
            .method("stack_dim")
            .defaults(|x, _| Tensor::try_stack(x.all()), |x, _| Tensor::stack(x.all()))
            .takes(ALL_DTYPES)
            .samples([
                sample([real(&[2, 3]), real(&[2, 3])]).args(json!({"dim": 1})),
                sample([real(&[]), real(&[])]).args(json!({"dim": 0})),
                sample([real(&[0, 3]), real(&[0, 3])]).args(json!({"dim": 0})),
            ])
            .refuses(sample([real(&[2, 3]), real(&[4])]).args(json!({"dim": 0})), &["[4]", "[2, 3]"]),
        Row::new("pad", |x, a| x[0].try_pad_with(amounts(a), value(a)), |x, a| x[0].pad_with(amounts(a), value(a)))
            .defaults(|x, a| x[0].try_pad(amounts(a)), |x, a| x[0].pad(amounts(a)))
            .takes(ALL_DTYPES)
            .samples([
                sample([real(&[3, 4])]).args(json!({"pad": [1, 0, 2, 3], "value": 0.5})),
                sample([real(&[0, 2])]).args(json!({"pad": [0, 1]})),
                sample([real(&[])]).args(json!({"pad": []})),
            ])
            .refuses(sample([real(&[2])]).args(json!({"pad": [1, 1, 1, 1]})), &["[2]", "[1, 1, 1, 1]"]),
    ]
}
