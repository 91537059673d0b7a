//! Sums, means, extremes, variances, truth over some or all dimensions.

use crate::harness::{ALL_DTYPES, Args, Inputs, Row, Sample, real, sample};
use rushlight::{DType, Result, Tensor};
use serde_json::{Value, json};

fn of(shape: &[usize], args: Value) -> Sample {
    sample([real(shape)]).args(args)
}

/// The input, converted first where the case names a dtype.
fn cast(x: &Inputs, a: &Args) -> Result<Tensor> {
    a.dtype("dtype").map_or_else(|| Ok(x[0].clone()), |dtype| x[0].try_to_dtype(dtype))
}

fn keepdim(a: &Args) -> bool {
    a.flag("keepdim", false)
}

fn correction(a: &Args) -> f64 {
    a.float("correction", 1.0)
}

fn whole() -> [Sample; 3] {
    [of(&[2, 3], json!({})), of(&[], json!({})), of(&[0, 3], json!({}))]
}

fn along() -> [Sample; 4] {
    [
        of(&[2, 3], json!({"dim": 0})),
        of(&[2, 3, 2], json!({"dim": [0, 2], "keepdim": true})),
        of(&[], json!({"dim": -1})),
        of(&[0, 3], json!({"dim": 1})),
    ]
}

/// A dimension that does not exist.
fn no_such_dim() -> Sample {
    of(&[2, 3], json!({"dim": 5}))
}

pub fn rows() -> Vec<Row> {
    let mut rows = sums();
    rows.extend(spread());
    rows.extend(extremes());
    rows.extend(indices());
    rows
}

fn sums() -> Vec<Row> {
    vec![
        Row::new("sum", |x, a| cast(x, a)?.try_sum(), |x, _| x[0].sum()).takes(ALL_DTYPES).samples(whole()),
        Row::new(
            "sum_dim",
            |x, a| cast(x, a)?.try_sum_dim(a.list("dim"), keepdim(a)),
            |x, a| x[0].sum_dim(a.list("dim"), keepdim(a)),
        )
        .says("sum")
        .takes(ALL_DTYPES)
        .samples(along())
        .refuses(no_such_dim(), &["5"]),
        Row::new("mean", |x, a| cast(x, a)?.try_mean(), |x, _| x[0].mean())
            .samples(whole().into_iter().take(2))
            .refuses_dtype(DType::I64, sample([real(&[2])]), &["int64"]),
        Row::new(
            "mean_dim",
            |x, a| cast(x, a)?.try_mean_dim(a.list("dim"), keepdim(a)),
            |x, a| x[0].mean_dim(a.list("dim"), keepdim(a)),
        )
        .says("mean")
        .samples(along())
        .refuses(no_such_dim(), &["5"]),
        Row::new("prod", |x, _| x[0].try_prod(), |x, _| x[0].prod()).takes(ALL_DTYPES).samples(whole()),
        Row::new("any", |x, _| x[0].try_any(), |x, _| x[0].any()).takes(ALL_DTYPES).constant().samples(whole()),
        Row::new("all", |x, _| x[0].try_all(), |x, _| x[0].all()).takes(ALL_DTYPES).constant().samples(whole()),
    ]
}

fn spread() -> Vec<Row> {
    let matrix = || [of(&[2, 3], json!({})), of(&[2, 3], json!({"correction": 0}))];
    let along = || {
        [
            of(&[2, 3], json!({"dim": 1, "correction": 0})),
            of(&[2, 3, 2], json!({"dim": [0, 2], "keepdim": true})),
            of(&[0, 3], json!({"dim": 1})),
        ]
    };
    vec![
        Row::new("var", |x, a| x[0].try_var(correction(a)), |x, a| x[0].var(correction(a)))
            .samples(matrix())
            .refuses_dtype(DType::I64, sample([real(&[2])]), &["int64"]),
        Row::new(
            "var_dim",
            |x, a| x[0].try_var_dim(a.list("dim"), correction(a), keepdim(a)),
            |x, a| x[0].var_dim(a.list("dim"), correction(a), keepdim(a)),
        )
        .says("var")
        .samples(along())
        .refuses(no_such_dim(), &["5"]),
        Row::new("std", |x, a| x[0].try_std(correction(a)), |x, a| x[0].std(correction(a)))
            .samples(matrix())
            .refuses_dtype(DType::I64, sample([real(&[2])]), &["int64"]),
        Row::new(
            "std_dim",
            |x, a| x[0].try_std_dim(a.list("dim"), correction(a), keepdim(a)),
            |x, a| x[0].std_dim(a.list("dim"), correction(a), keepdim(a)),
        )
        .says("std")
        .samples(along())
        .refuses(no_such_dim(), &["5"]),
    ]
}

fn extremes() -> Vec<Row> {
    let matrix = || [of(&[2, 3], json!({})), of(&[], json!({}))];
    let along = || [of(&[3, 4], json!({"dim": 1})), of(&[3, 4], json!({"dim": [0, 1], "keepdim": true}))];
    let one = || {
        [
            of(&[3, 4], json!({"dim": 1})),
            of(&[3, 4], json!({"dim": -1, "keepdim": true})),
            of(&[0, 3], json!({"dim": 1})),
        ]
    };
    let empty = || of(&[0], json!({}));
    let empty_dim = || of(&[2, 0], json!({"dim": 1}));
    vec![
        Row::new("max", |x, _| x[0].try_max(), |x, _| x[0].max())
            .takes(ALL_DTYPES)
            .samples(matrix())
            .refuses(empty(), &["[0]"]),
        Row::new("min", |x, _| x[0].try_min(), |x, _| x[0].min())
            .takes(ALL_DTYPES)
            .samples(matrix())
            .refuses(empty(), &["[0]"]),
        Row::new("amax", |x, a| x[0].try_amax(a.list("dim"), keepdim(a)), |x, a| x[0].amax(a.list("dim"), keepdim(a)))
            .takes(ALL_DTYPES)
            .samples(along())
            .refuses(empty_dim(), &["[2, 0]"]),
        Row::new("amin", |x, a| x[0].try_amin(a.list("dim"), keepdim(a)), |x, a| x[0].amin(a.list("dim"), keepdim(a)))
            .takes(ALL_DTYPES)
            .samples(along())
            .refuses(empty_dim(), &["[2, 0]"]),
        Row::new(
            "max_dim",
            |x, a| x[0].try_max_dim(a.dim("dim"), keepdim(a)),
            |x, a| x[0].max_dim(a.dim("dim"), keepdim(a)),
        )
        .says("max")
        .takes(ALL_DTYPES)
        .samples(one())
        .refuses(empty_dim(), &["[2, 0]"])
        .refuses(no_such_dim(), &["5"]),
        Row::new(
            "min_dim",
            |x, a| x[0].try_min_dim(a.dim("dim"), keepdim(a)),
            |x, a| x[0].min_dim(a.dim("dim"), keepdim(a)),
        )
        .says("min")
        .takes(ALL_DTYPES)
        .samples(one())
        .refuses(empty_dim(), &["[2, 0]"])
        .refuses(no_such_dim(), &["5"]),
    ]
}

fn indices() -> Vec<Row> {
    let matrix = || [of(&[2, 3], json!({})), of(&[], json!({}))];
    let along = || [of(&[3, 4], json!({"dim": 1})), of(&[3, 4], json!({"dim": -2, "keepdim": true}))];
    vec![
        Row::new("argmax", |x, _| x[0].try_argmax(), |x, _| x[0].argmax())
            .takes(ALL_DTYPES)
            .constant()
            .samples(matrix())
            .refuses(of(&[0], json!({})), &["[0]"]),
        Row::new("argmin", |x, _| x[0].try_argmin(), |x, _| x[0].argmin())
            .takes(ALL_DTYPES)
            .constant()
            .samples(matrix())
            .refuses(of(&[0], json!({})), &["[0]"]),
        Row::new(
            "argmax_dim",
            |x, a| x[0].try_argmax_dim(a.dim("dim"), keepdim(a)),
            |x, a| x[0].argmax_dim(a.dim("dim"), keepdim(a)),
        )
        .says("argmax")
        .takes(ALL_DTYPES)
        .constant()
        .samples(along())
        .refuses(no_such_dim(), &["5"]),
        Row::new(
            "argmin_dim",
            |x, a| x[0].try_argmin_dim(a.dim("dim"), keepdim(a)),
            |x, a| x[0].argmin_dim(a.dim("dim"), keepdim(a)),
        )
        .says("argmin")
        .takes(ALL_DTYPES)
        .constant()
        .samples(along())
        .refuses(no_such_dim(), &["5"]),
    ]
}
