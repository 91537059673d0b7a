//! Embedding layers with every option against PyTorch: text, initial weight, output, gradient. (Sparse tensors and optimizers for them
//! are in `tests/nn/sparse.rs`.)

use crate::golden::*;
use rushlight::nn::{Embedding, Forward};
use rushlight::{DType, Tensor};
use serde_json::Value;

fn index(golden: &Value) -> Tensor {
    let rows: Vec<Vec<i64>> = list(golden).iter().map(|row| numbers(row).unwrap()).collect();
    Tensor::from_vec(rows.concat(), [rows.len(), rows[0].len()])
}

#[test]
fn layers_follow_pytorch() {
    let _alone = crate::alone();
    let fixture = load("sparse");
    let all = list(&fixture["layers"]);
    assert!(all.len() > 20);
    for golden in all {
        let (options, kind) = (&golden["options"], dtype(text(&golden["dtype"])));
        let what = format!("{options} {kind} {}", golden["pretrained"]);
        rushlight::manual_seed(0);
        let mut builder = if golden["pretrained"].as_bool().unwrap() {
            Embedding::pretrained_builder(&tensor(&golden["weight"])).freeze(false)
        } else {
            Embedding::builder(5, 2).dtype(kind)
        };
        for (name, value) in options.as_object().unwrap() {
            builder = match name.as_str() {
                "padding_idx" => builder.padding_idx(value.as_i64().unwrap() as isize),
                "max_norm" => builder.max_norm(number(value)),
                "norm_type" => builder.norm_type(number(value)),
                "scale_grad_by_freq" => builder.scale_grad_by_freq(value.as_bool().unwrap()),
                "sparse" => builder.sparse(value.as_bool().unwrap()),
                "freeze" => builder.freeze(value.as_bool().unwrap()),
                other => panic!("the fixture has an option {other} that is unknown to this test"),
            };
        }
        let layer = builder.build();
        let tolerance = match kind {
            DType::F64 => 1e-13,
            DType::F32 => 1e-6,
            _ => 8e-3,
        };
        assert_eq!(layer.to_string(), text(&golden["text"]));
        assert_close(&format!("{what}: weight"), &layer.weight.get().detach(), &golden["weight"], tolerance);
        assert_eq!(layer.weight.requires_grad(), golden["trained"].as_bool().unwrap(), "{what}");
        let y = layer.forward(&index(&fixture["index"]));
        assert_close(&format!("{what}: output"), &y.detach(), &golden["output"], tolerance);
        let after = layer.weight.get().detach();
        assert_close(&format!("{what}: weight after the lookup"), &after, &golden["weight_after"], tolerance);
        if !y.requires_grad() {
            assert!(golden.get("grad").is_none(), "{what}");
            continue;
        }
        (y * (Tensor::arange(12.0).view([2, 3, 2]) - 4.5).to_dtype(kind)).sum().backward();
        let grad = layer.weight.grad().unwrap();
        assert_close(&format!("{what}: gradient"), &grad.to_dense(), &golden["grad"], tolerance);
        assert_eq!(grad.is_sparse(), golden.get("sparse_grad").is_some(), "{what}");
        if let Some(golden) = golden.get("sparse_grad") {
            assert_same(&what, &grad.uncoalesced_indices(), &golden["indices"]);
            assert_eq!(grad.is_coalesced(), golden["coalesced"].as_bool().unwrap(), "{what}");
            assert_eq!(grad.to_string(), text(&golden["text"]), "{what}");
        }
    }
}
