//! Views: other shapes and parts of the same memory.

use crate::harness::{ALL_DTYPES, Args, Layout, Row, Sample, real, sample};
use rushlight::ops::{DiagonalOptions, SliceOptions};
use serde_json::{Value, json};
use std::ops::Range;

fn of(shape: &[usize], args: Value) -> Sample {
    sample([real(shape)]).args(args)
}

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = shapes();
    rows.extend(orders());
    rows.extend(parts());
    rows.extend(lists());
    rows.into_iter().map(|row| row.takes(ALL_DTYPES)).collect()
}

fn shapes() -> Vec<Row> {
    let views = || {
        [
            of(&[2, 3], json!({"shape": [3, 2]})),
            of(&[], json!({"shape": [1, 1]})),
            of(&[0, 3], json!({"shape": [3, 0]})),
        ]
    };
    vec![
        Row::new("view", |x, a| x[0].try_view(a.list("shape")), |x, a| x[0].view(a.list("shape")))
            .samples(views().map(|sample| sample.layouts(&Layout::ROW_MAJOR)))
            .refuses(of(&[2, 3], json!({"shape": [4, -1]})), &["[4, -1]", "6"]),
        Row::new("reshape", |x, a| x[0].try_reshape(a.list("shape")), |x, a| x[0].reshape(a.list("shape")))
            .samples(views())
            .refuses(of(&[2, 3], json!({"shape": [5]})), &["[5]", "6"]),
        Row::new(
            "flatten",
            |x, a| x[0].try_flatten_dim(a.int("start_dim", 0)..=a.int("end_dim", -1)),
            |x, a| x[0].flatten_dim(a.int("start_dim", 0)..=a.int("end_dim", -1)),
        )
        .method("flatten_dim")
        .defaults(|x, _| x[0].try_flatten(), |x, _| x[0].flatten())
        .samples([
            of(&[2, 3, 2], json!({"start_dim": 1, "end_dim": -1})),
            of(&[], json!({"start_dim": 0, "end_dim": -1})),
            of(&[0, 3], json!({"start_dim": 0, "end_dim": -1})),
        ])
        .refuses(of(&[2, 3], json!({"start_dim": 1, "end_dim": 0})), &["1", "0"]),
        Row::new("squeeze", |x, a| x[0].try_squeeze(a.list("dim")), |x, a| x[0].squeeze(a.list("dim")))
            .samples([of(&[2, 1, 3], json!({"dim": 1})), of(&[1, 2, 1], json!({})), of(&[1, 0], json!({"dim": [0]}))])
            .refuses(of(&[2, 3], json!({"dim": 2})), &["2"]),
        Row::new("unsqueeze", |x, a| x[0].try_unsqueeze(a.dim("dim")), |x, a| x[0].unsqueeze(a.dim("dim")))
            .samples([of(&[2, 3], json!({"dim": 1})), of(&[], json!({"dim": -1})), of(&[0, 3], json!({"dim": 0}))])
            .refuses(of(&[2], json!({"dim": 2})), &["2"]),
        Row::new("expand", |x, a| x[0].try_expand(a.list("shape")), |x, a| x[0].expand(a.list("shape")))
            .samples([
                of(&[2, 1, 3], json!({"shape": [4, 2, 2, 3]})),
                of(&[], json!({"shape": [2, 2]})),
                of(&[0, 1], json!({"shape": [2, -1, 3]})),
            ])
            .refuses(of(&[2, 3], json!({"shape": [2, 4]})), &["[2, 3]", "[2, 4]"]),
        Row::new("expand_as", |x, _| x[0].try_expand_as(&x[1]), |x, _| x[0].expand_as(&x[1]))
            .samples([sample([real(&[2, 1]), real(&[2, 3])]), sample([real(&[]), real(&[2, 2])])])
            .says("expand")
            .refuses(sample([real(&[2, 3]), real(&[2, 4])]), &["[2, 3]", "[2, 4]"]),
    ]
}

fn diagonal(a: &Args) -> DiagonalOptions {
    let options = DiagonalOptions::new().offset(a.int("offset", 0) as isize);
    options.dim1(a.int("dim1", 0) as isize).dim2(a.int("dim2", 1) as isize)
}

fn orders() -> Vec<Row> {
    vec![
        Row::new("t", |x, _| x[0].try_t(), |x, _| x[0].t())
            .samples([of(&[2, 3], json!({})), of(&[3], json!({})), of(&[], json!({})), of(&[0, 3], json!({}))])
            .refuses(of(&[2, 3, 4], json!({})), &["[2, 3, 4]"]),
        Row::new(
            "transpose",
            |x, a| x[0].try_transpose(a.dim("dim0"), a.dim("dim1")),
            |x, a| x[0].transpose(a.dim("dim0"), a.dim("dim1")),
        )
        .samples([of(&[2, 3, 2], json!({"dim0": 0, "dim1": 2})), of(&[], json!({"dim0": 0, "dim1": -1}))])
        .refuses(of(&[2, 3], json!({"dim0": 0, "dim1": 2})), &["dimension 2", "-2", "1"]),
        Row::new("permute", |x, a| x[0].try_permute(a.list("dims")), |x, a| x[0].permute(a.list("dims")))
            .samples([
                of(&[2, 3, 2], json!({"dims": [2, 0, 1]})),
                of(&[], json!({"dims": []})),
                of(&[0, 3], json!({"dims": [1, 0]})),
            ])
            .refuses(of(&[2, 3], json!({"dims": [0, 0]})), &["[0, 0]"]),
        Row::new("diagonal", |x, a| x[0].try_diagonal_with(diagonal(a)), |x, a| x[0].diagonal_with(diagonal(a)))
            .defaults(|x, _| x[0].try_diagonal(), |x, _| x[0].diagonal())
            .samples([
                of(&[3, 3], json!({})),
                of(&[2, 4], json!({"offset": 1})),
                of(&[0, 3], json!({})),
                of(&[2, 3, 4], json!({"offset": -1, "dim2": -1})),
            ])
            .refuses(of(&[3], json!({})), &["dimension 1"]),
    ]
}

fn range(a: &Args) -> Range<isize> {
    a.int("start", 0) as isize..a.int("end", i64::MAX) as isize
}

fn step(a: &Args) -> SliceOptions {
    SliceOptions::new().step(a.size("step", 1))
}

/// The dimension, by default the first one.
fn dim(a: &Args) -> isize {
    a.int("dim", 0) as isize
}

fn parts() -> Vec<Row> {
    vec![
        Row::new(
            "narrow",
            |x, a| x[0].try_narrow(a.dim("dim"), a.dim("start"), a.size("length", 0)),
            |x, a| x[0].narrow(a.dim("dim"), a.dim("start"), a.size("length", 0)),
        )
        .samples([
            of(&[2, 3], json!({"dim": 1, "start": 1, "length": 2})),
            of(&[4], json!({"dim": 0, "start": 4, "length": 0})),
        ])
        .refuses(of(&[2, 3], json!({"dim": 1, "start": 2, "length": 2})), &["2", "dimension 1", "[2, 3]"]),
        Row::new(
            "select",
            |x, a| x[0].try_select(a.dim("dim"), a.dim("index")),
            |x, a| x[0].select(a.dim("dim"), a.dim("index")),
        )
        .samples([of(&[2, 3], json!({"dim": 1, "index": -1})), of(&[2, 0], json!({"dim": 0, "index": 1}))])
        .refuses(of(&[2, 3], json!({"dim": 1, "index": 3})), &["3", "dimension 1", "[2, 3]"]),
        Row::new(
            "slice",
            |x, a| x[0].try_slice_with(dim(a), range(a), step(a)),
            |x, a| x[0].slice_with(dim(a), range(a), step(a)),
        )
        .defaults(|x, a| x[0].try_slice(0, range(a)), |x, a| x[0].slice(0, range(a)))
        .samples([
            of(&[2, 5], json!({"dim": 1, "start": 1, "end": 5, "step": 2})),
            of(&[2, 5], json!({"dim": 0, "start": 2})),
        ])
        .refuses(of(&[3], json!({"dim": 0, "step": 0})), &["0"]),
    ]
}

fn lists() -> Vec<Row> {
    vec![
        Row::new(
            "split",
            |x, a| x[0].try_split_dim(a.size("split_size", 1), dim(a)),
            |x, a| x[0].split_dim(a.size("split_size", 1), dim(a)),
        )
        .method("split_dim")
        .defaults(|x, a| x[0].try_split(a.size("split_size", 1)), |x, a| x[0].split(a.size("split_size", 1)))
        .samples([of(&[2, 5], json!({"split_size": 2, "dim": 1})), of(&[0, 3], json!({"split_size": 2, "dim": 0}))])
        .refuses(of(&[3], json!({"split_size": 0, "dim": 0})), &["0"]),
        Row::new(
            "chunk",
            |x, a| x[0].try_chunk_dim(a.size("chunks", 1), dim(a)),
            |x, a| x[0].chunk_dim(a.size("chunks", 1), dim(a)),
        )
        .method("chunk_dim")
        .defaults(|x, a| x[0].try_chunk(a.size("chunks", 1)), |x, a| x[0].chunk(a.size("chunks", 1)))
        .samples([of(&[2, 5], json!({"chunks": 3, "dim": 1})), of(&[0, 3], json!({"chunks": 2, "dim": 1}))])
        .refuses(of(&[3], json!({"chunks": 0, "dim": 0})), &["0"]),
        Row::new("unbind", |x, a| x[0].try_unbind_dim(dim(a)), |x, a| x[0].unbind_dim(dim(a)))
            .method("unbind_dim")
            .defaults(|x, _| x[0].try_unbind(), |x, _| x[0].unbind())
            .samples([of(&[2, 3], json!({"dim": 0})), of(&[0, 3], json!({"dim": 1}))])
            .refuses(of(&[3], json!({"dim": 1})), &["1"]),
    ]
}
