//! Sums, means, extremes, variances, `any` and `all`, over some or all dimensions.

use crate::harness::{ALL_DTYPES, Args, Inputs, NUMBERS, Row, Sample, real, sample};
use rushlight::ops::VarOptions;
use rushlight::{DType, Result, Tensor};
use serde_json::{Value, json};

fn of(shape: &[usize], args: Value) -> Sample {
    sample([real(shape)]).args(args)
}

/// The input, converted first if the case names a dtype.
fn cast(x: &Inputs, a: &Args) -> Result<Tensor> {
    a.dtype("dtype").map_or_else(|| Ok(x[0].clone()), |dtype| x[0].try_to_dtype(dtype))
}

fn correction(a: &Args) -> VarOptions {
    VarOptions::new().correction(a.float("correction", 1.0))
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

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = sums();
    rows.extend(spread());
    rows.extend(extremes());
    rows.extend(indices());
    rows
}

fn sums() -> Vec<Row> {
    vec![
        Row::new("sum", |x, a| cast(x, a)?.try_sum(), |x, _| x[0].sum()).takes(ALL_DTYPES).samples(whole()),
        Row::new("sum_dim", |x, a| cast(x, a)?.try_sum_dim(a.dims()), |x, a| x[0].sum_dim(a.dims()))
            .says("sum")
            .takes(ALL_DTYPES)
            .samples(along())
            .refuses(no_such_dim(), &["5"]),
        Row::new("mean", |x, a| cast(x, a)?.try_mean(), |x, _| x[0].mean())
            .samples(whole().into_iter().take(2))
            .refuses_dtype(DType::I64, sample([real(&[2])]), &["int64"]),
        Row::new("mean_dim", |x, a| cast(x, a)?.try_mean_dim(a.dims()), |x, a| x[0].mean_dim(a.dims()))
            .says("mean")
            .samples(along())
            .refuses(no_such_dim(), &["5"]),
        Row::new("prod", |x, _| x[0].try_prod(), |x, _| x[0].prod()).takes(ALL_DTYPES).samples(whole()),
        Row::new("prod_dim", |x, a| x[0].try_prod_dim(a.dims()), |x, a| x[0].prod_dim(a.dims()))
            .says("prod")
            .takes(ALL_DTYPES)
            .samples([
                of(&[2, 3], json!({"dim": 0})),
                of(&[2, 3, 2], json!({"dim": -2, "keepdim": true})),
                of(&[], json!({"dim": -1})),
                of(&[0, 3], json!({"dim": 1})),
            ])
            .refuses(no_such_dim(), &["5"]),
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
        Row::new("var", |x, a| x[0].try_var_with(correction(a)), |x, a| x[0].var_with(correction(a)))
            .defaults(|x, _| x[0].try_var(), |x, _| x[0].var())
            .samples(matrix())
            .refuses_dtype(DType::I64, sample([real(&[2])]), &["int64"]),
        Row::new(
            "var_dim",
            |x, a| x[0].try_var_dim_with(a.dims(), correction(a)),
            |x, a| x[0].var_dim_with(a.dims(), correction(a)),
        )
        .says("var")
        .samples(along())
        .refuses(no_such_dim(), &["5"]),
        Row::new("std", |x, a| x[0].try_std_with(correction(a)), |x, a| x[0].std_with(correction(a)))
            .defaults(|x, _| x[0].try_std(), |x, _| x[0].std())
            .samples(matrix())
            .refuses_dtype(DType::I64, sample([real(&[2])]), &["int64"]),
        Row::new(
            "std_dim",
            |x, a| x[0].try_std_dim_with(a.dims(), correction(a)),
            |x, a| x[0].std_dim_with(a.dims(), correction(a)),
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
        Row::new("amax", |x, a| x[0].try_amax(a.dims()), |x, a| x[0].amax(a.dims()))
            .takes(ALL_DTYPES)
            .samples(along())
            .refuses(empty_dim(), &["[2, 0]"]),
        Row::new("amin", |x, a| x[0].try_amin(a.dims()), |x, a| x[0].amin(a.dims()))
            .takes(ALL_DTYPES)
            .samples(along())
            .refuses(empty_dim(), &["[2, 0]"]),
        Row::new("max_dim", |x, a| x[0].try_max_dim(a.dims()), |x, a| x[0].max_dim(a.dims()))
            .says("max")
            .takes(ALL_DTYPES)
            .samples(one())
            .refuses(empty_dim(), &["[2, 0]"])
            .refuses(no_such_dim(), &["5"]),
        Row::new("min_dim", |x, a| x[0].try_min_dim(a.dims()), |x, a| x[0].min_dim(a.dims()))
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
            .takes(NUMBERS)
            .constant()
            .samples(matrix())
            .refuses(of(&[0], json!({})), &["[0]"]),
        Row::new("argmin", |x, _| x[0].try_argmin(), |x, _| x[0].argmin())
            .takes(NUMBERS)
            .constant()
            .samples(matrix())
            .refuses(of(&[0], json!({})), &["[0]"]),
        Row::new("argmax_dim", |x, a| x[0].try_argmax_dim(a.dims()), |x, a| x[0].argmax_dim(a.dims()))
            .says("argmax")
            .takes(NUMBERS)
            .constant()
            .samples(along())
            .refuses(no_such_dim(), &["5"]),
        Row::new("argmin_dim", |x, a| x[0].try_argmin_dim(a.dims()), |x, a| x[0].argmin_dim(a.dims()))
            .says("argmin")
            .takes(NUMBERS)
            .constant()
            .samples(along())
            .refuses(no_such_dim(), &["5"]),
    ]
}
