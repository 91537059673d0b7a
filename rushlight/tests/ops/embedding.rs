//! Rows of a table chosen by integers.

use crate::harness::{ALL_DTYPES, Args, Row, given, real, sample};
use rushlight::ops::EmbeddingOptions;
use rushlight::{DType, Tensor};
use serde_json::json;

fn options(a: &Args) -> EmbeddingOptions {
    let infinity = a.text("norm_type").map(|text| text.parse().expect("a number"));
    let mut options = EmbeddingOptions::new()
        .norm_type(infinity.unwrap_or(a.float("norm_type", 2.0)))
        .scale_grad_by_freq(a.flag("scale_grad_by_freq", false));
    if a.has("padding_idx") {
        options = options.padding_idx(a.dim("padding_idx"));
    }
    if a.has("max_norm") {
        options = options.max_norm(a.float("max_norm", 0.0));
    }
    options
}

pub(crate) fn rows() -> Vec<Row> {
    let words = || given(Tensor::from([[2i64, 0, 2], [1, 2, 3]]));
    let narrow = || given(Tensor::from([3i64, 1]).to_dtype(DType::I32));
    vec![
        Row::new(
            "embedding",
            |x, a| x[0].try_embedding_with(&x[1], options(a)),
            |x, a| x[0].embedding_with(&x[1], options(a)),
        )
        .takes(ALL_DTYPES)
        // Without padding and scaling by frequency, with which the gradient is not the derivative.
        .samples([
            sample([words(), real(&[4, 3])]),
            sample([narrow(), real(&[4, 3])]),
            sample([given(Tensor::from(1i64)), real(&[3, 2])]),
            sample([given(Tensor::zeros_with([0, 2], DType::I64)), real(&[3, 2])]),
        ])
        .refuses(sample([words(), real(&[3, 2])]), &["0..3", "got index 3 at position 5"])
        .refuses(sample([words(), real(&[4])]), &["[embeddings, size]", "[4]"])
        .refuses(sample([real(&[2]), real(&[4, 2])]), &["int64 or int32", "float32"])
        .refuses(sample([words(), real(&[4, 2])]).args(json!({"padding_idx": 4})), &["-4..4", "got 4"]),
    ]
}
