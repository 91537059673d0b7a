//! Embeddings, sparse tensors and optimizers with sparse gradients, against PyTorch.

use super::optim_steps::set;
use crate::golden::*;
use rushlight::autograd::{GradOptions, grad, grad_with};
use rushlight::nn::utils::{ClipGradNormOptions, clip_grad_norm_with_, try_clip_grad_value_};
use rushlight::nn::{Embedding, Forward, Module, Parameter};
use rushlight::optim::{
    AdagradOptions, Adam, AdamW, Builder, Optimizer, Rule, SGD, SGDOptions, SparseAdam, SparseAdamOptions,
};
use rushlight::{DType, Device, Error, Tensor, TensorOptions, no_grad, tensor};
use serde_json::Value;
use std::sync::{Arc, Mutex};

/// Equal parts and text, the values up to rounding.
#[track_caller]
fn assert_coo(what: &str, found: &Tensor, golden: &Value) {
    assert!(found.is_sparse(), "{what} is strided");
    assert_same(&format!("{what}: indices"), &found.uncoalesced_indices(), &golden["indices"]);
    let tolerance = match found.dtype() {
        DType::F16 | DType::Bf16 => 8e-3,
        _ => 1e-6,
    };
    assert_close(&format!("{what}: values"), &found.uncoalesced_values(), &golden["values"], tolerance);
    assert_eq!(found.shape(), shape(&golden["size"]), "{what}");
    assert_eq!(found.is_coalesced(), golden["coalesced"].as_bool().unwrap(), "{what}");
    assert_eq!(found.to_string(), text(&golden["text"]), "{what}");
}

fn made(golden: &Value) -> Tensor {
    let made =
        Tensor::sparse_coo_tensor(&tensor(&golden["indices"]), &tensor(&golden["values"]), shape(&golden["size"]));
    if golden["coalesced"].as_bool().unwrap() { made.coalesce() } else { made }
}

#[test]
fn sparse_tensors_follow_pytorch() {
    let fixture = load("sparse");
    for golden in list(&fixture["tensors"]) {
        let parts = &golden["made"];
        let what = text(&parts["text"]);
        let x = made(parts);
        assert_coo(what, &x, parts);
        assert_coo(what, &x.coalesce(), &golden["sorted"]);
        assert_eq!(x.sparse_dim() as u64, golden["sparse_dim"].as_u64().unwrap(), "{what}");
        assert_eq!(x.dense_dim() as u64, golden["dense_dim"].as_u64().unwrap(), "{what}");
        assert_eq!(x.nnz(), tensor(&parts["values"]).shape()[0], "{what}");
        let tolerance = if x.dtype() == DType::Bf16 { 8e-3 } else { 1e-3 };
        if let Some(dense) = golden.get("dense") {
            let exact = matches!(x.dtype(), DType::F16 | DType::Bf16);
            assert_close(what, &x.to_dense(), dense, if exact { tolerance } else { 1e-6 });
            let there = x.to_device(Device::Reference);
            assert_eq!(there.coalesce().to_string(), x.coalesce().to_string());
            assert_close(what, &there.to_dense().to_device(Device::Cpu), dense, tolerance);
        }
        if golden.get("doubled").is_some() {
            assert_coo(what, &(&x * 2), &golden["doubled"]);
            assert_coo(what, &x.copy().mul_(2), &golden["doubled"]);
            assert_coo(what, &x.mul(Tensor::from(2.0f32)), &golden["doubled"]);
            assert_coo(what, &x.div(0.5), &golden["doubled"]);
            let values = tensor(&parts["values"]).requires_grad_(true);
            let tracked = Tensor::sparse_coo_tensor(&tensor(&parts["indices"]), &values, shape(&parts["size"]));
            assert_eq!(tracked.to_string(), text(&golden["tracked"]));
            assert_eq!(x.copy().requires_grad_(true).to_string(), text(&golden["leaf"]));
        }
    }
}

#[test]
fn sums_follow_pytorch() {
    let fixture = load("sparse");
    for golden in list(&fixture["sums"]) {
        let (a, b) = (made(&golden["a"]), made(&golden["b"]));
        assert_coo("sum", &(&a + &b), &golden["sum"]);
        assert_coo("the other sum", &b.add(&a), &golden["sum"]);
        let dense = Tensor::ones([5, 2]);
        assert_close("dense + sparse", &dense.add(&b), &golden["with_dense"], 1e-6);
        let strided = Tensor::ones([2, 5]).t();
        strided.add_(&b);
        assert_close("strided += sparse", &strided, &golden["with_dense"], 1e-6);
        dense.add_(&b);
        assert_close("dense += sparse", &dense, &golden["with_dense"], 1e-6);
        let (same, version) = (a.detach(), a.version());
        a.add_(&b);
        assert_coo("sum in-place", &same, &golden["in_place"]);
        assert!(same.version() > version);
        assert!(b.try_add(&dense).unwrap_err().to_string().contains("sparse + strided"));
        let there = b.to_device(Device::Reference);
        for result in [a.try_add(&there), a.try_add_(&there), dense.try_add(&there), dense.try_add_(&there)] {
            assert!(matches!(result, Err(Error::Device { .. })));
        }
        let wider = Tensor::sparse_coo_tensor(&tensor!([[0]]), &tensor!([[1.0, 2.0]]), [6, 2]);
        assert!(b.try_add(&wider).unwrap_err().to_string().contains("[6, 2]"));
    }
}

#[test]
fn gradients_accumulate_as_in_pytorch() {
    let fixture = load("sparse");
    let golden = &fixture["gradients"];
    let layer = Embedding::builder(5, 2).sparse(true).build();
    let (first, second) = (tensor!([0, 2, 0]), tensor!([1, 0]));
    let sum = |index: &Tensor| layer.forward(index).sum();
    let dense = || (&layer.weight * 3).sum();
    let check = |name: &str, losses: Vec<Tensor>| {
        layer.weight.zero_grad();
        losses.iter().for_each(Tensor::backward);
        assert_eq!(layer.weight.grad().unwrap().to_string(), text(&golden[name]), "{name}");
    };
    check("sparse", vec![sum(&first)]);
    check("two_uses", vec![sum(&first) + sum(&second) * 2]);
    check("two_passes", vec![sum(&first), sum(&second) * 2]);
    check("tied", vec![sum(&first) + dense()]);
    check("sparse_then_dense", vec![sum(&first), dense()]);
    check("dense_then_sparse", vec![dense(), sum(&first)]);
    check("one_row", vec![sum(&tensor!([3]))]);
    check("no_rows", vec![sum(&Tensor::zeros_with([0, 2], DType::I64))]);
    assert_eq!(golden.as_object().unwrap().len(), 8);
}

#[test]
fn hooks_and_grad_see_sparse_gradients() {
    let layer = Embedding::builder(5, 2).sparse(true).build();
    let w = layer.weight.get();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    let _hook = w.register_hook(move |g| {
        log.lock().unwrap().push((g.is_sparse(), g.nnz()));
        Some(g * 2)
    });
    layer.forward(&tensor!([1, 1, 4])).sum().backward();
    assert_eq!(*seen.lock().unwrap(), [(true, 3)]);
    assert_eq!(w.grad().unwrap().coalesce().values().to_vec::<f32>(), [4.0, 4.0, 2.0, 2.0]);
    let g = grad(&layer.forward(&tensor!([3])).sum(), &w);
    assert_eq!((g.is_sparse(), g.device(), g.dtype()), (true, Device::Cpu, DType::F32));
    w.zero_grad();
    assert!(w.grad().is_none());
    w.set_grad(Some(g));
    assert!(w.grad().unwrap().is_sparse());
}

/// A gradient must not share memory with what the caller holds, because clipping changes it in-place.
#[test]
fn a_stored_gradient_has_its_own_memory() {
    let layer = Embedding::builder(5, 2).sparse(true).build();
    let (index, seed) = (tensor!([1, 4]), Tensor::ones([2, 2]));
    layer.forward(&index).backward_with(rushlight::BackwardOptions::new().gradient(seed.clone()));
    layer.weight.grad().unwrap().mul_(5);
    index.fill_(0);
    assert_eq!(seed.to_vec::<f32>(), [1.0; 4]);
    assert_eq!(layer.weight.grad().unwrap().uncoalesced_indices().to_vec::<i64>(), [1, 4]);
}

#[test]
fn sparse_gradients_are_differentiable() {
    let f64s = |shape: &[usize]| Tensor::rand_with(shape, TensorOptions::new().dtype(DType::F64)).requires_grad_(true);
    let w = f64s(&[4, 3]);
    let layer = |sparse: bool| {
        let y = tensor!([2, 0, 2]).embedding_with(&w, rushlight::ops::EmbeddingOptions::new().sparse(sparse));
        let [g] = grad_with(&y.pow(3).sum(), [&w], GradOptions::new().create_graph(true));
        assert_eq!(g.is_sparse(), sparse);
        grad(&g.to_dense().square().sum(), &w).to_dense()
    };
    assert!(layer(true).allclose(&layer(false)));
    let values = f64s(&[3, 2]);
    let make = || Tensor::sparse_coo_tensor(&tensor!([[1, 0, 1], [2, 2, 2]]), &values, [2, 3, 2]);
    let by_dense = grad(&make().to_dense().square().sum(), &values);
    let by_values = grad(&make().coalesce().values().square().sum(), &values);
    assert!(by_dense.allclose(&by_values));
    let expected = values.index_select(0, &tensor!([0, 1, 0])) + values.index_select(0, &tensor!([2, 1, 2]));
    assert!(by_dense.select(0, 0).allclose(&(expected.select(0, 0) * 2)));
    let doubled = grad(&(make() * 2 + make()).to_dense().sum(), &values);
    assert_eq!(doubled.to_vec::<f64>(), [3.0; 6]);
}

#[test]
fn other_operations_refuse_sparse_tensors() {
    let x = Tensor::sparse_coo_tensor(&tensor!([[0, 2]]), &tensor!([[1.0, 2.0], [3.0, 4.0]]), [3, 2]);
    let dense = Tensor::ones([3, 2]);
    let results = [
        ("relu", x.try_relu()),
        ("mul", x.try_mul(&dense)),
        ("mul", dense.try_mul(&x)),
        ("sub", dense.try_sub(&x)),
        ("mm", x.try_mm(&dense.t())),
        ("sum", x.try_sum()),
        ("view", x.try_view(6)),
        ("view", x.try_reshape([2, 3])),
        ("t", x.try_t()),
        ("select", x.try_select(0, 0)),
        ("narrow", x.try_narrow(0, 0, 1)),
        ("unsqueeze", x.try_unsqueeze(0)),
        ("expand", x.try_expand([2, 3, 2])),
        ("clamp_", x.try_clamp_(-1, 1)),
        ("fill_", x.try_fill_(0)),
        ("mul_", dense.try_mul_(&x)),
        ("copy_", dense.try_copy_(&x)),
        ("zeros_like", x.try_zeros_like()),
        ("randn_like", x.try_randn_like()),
        ("cat", Tensor::try_cat([&x, &dense])),
        ("softmax", x.try_softmax(0)),
    ];
    for (name, result) in results {
        let error = result.unwrap_err();
        let message = error.to_string();
        assert!(matches!(error, Error::Sparse { .. }), "{name}: {message}");
        let text = "expected a strided tensor, got a sparse one (layout sparse_coo); to_dense converts";
        assert!(message.ends_with(text), "{message}");
        assert_eq!(message.split(':').next(), Some(name), "{message}");
    }
    assert!(matches!(x.try_to_vec::<f32>(), Err(Error::Sparse { .. })));
    let one = Tensor::sparse_coo_tensor(&tensor!([[0]]), &tensor!([1.0]), [1]);
    assert!(matches!(one.try_item(), Err(Error::Sparse { .. })));
    assert!(rushlight::io::safetensors::to_bytes([("x", x.clone())], &Default::default()).is_err());
    assert!(x.shares_memory_with(&x.detach()) && !x.shares_memory_with(&x.copy()));
    assert_eq!(x.to_dtype(DType::F64).coalesce().values().to_vec::<f64>(), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(x.storage_bytes(), 2 * 8 + 4 * 4);
    let strided = [dense.try_coalesce().map(drop), dense.try_indices().map(drop), dense.try_nnz().map(drop)];
    for result in strided {
        assert!(result.unwrap_err().to_string().contains("expected a sparse tensor"));
    }
    let repeated = Tensor::sparse_coo_tensor(&tensor!([[2, 2]]), &tensor!([1.0, 2.0]), [3]);
    assert!(repeated.try_values().unwrap_err().to_string().contains("coalesce"));
    let error = Tensor::try_sparse_coo_tensor(&tensor!([[2, 3]]), &tensor!([1.0, 2.0]), 3).unwrap_err();
    assert!(error.to_string().contains("0..3") && error.to_string().contains("index 3 at position 1"), "{error}");
    for (indices, values, size) in [
        (tensor!([2, 2]), tensor!([1.0, 2.0]), vec![3]),
        (tensor!([[2]]), tensor!([1.0, 2.0]), vec![3]),
        (tensor!([[2, 2]]), tensor!([1.0, 2.0]), vec![3, 1]),
        (tensor!([[2, 2]]), tensor!(1.0), vec![3]),
    ] {
        assert!(matches!(Tensor::try_sparse_coo_tensor(&indices, &values, size), Err(Error::Shape { .. })));
    }
}

/// Runs the steps of a record; the layer's weight is on `device`.
fn follow<R: Rule + Default>(golden: &Value, batches: &[Value], device: Device) {
    let mut rule = R::default();
    set(&mut rule, &golden["options"]);
    let what = format!("{} {} {} on {device}", golden["class"], golden["options"], golden["dtype"]);
    let weight = tensor(&golden["initial"]).to_device(device);
    let layer = Embedding::pretrained_builder(&weight).freeze(false).sparse(true).build();
    // The other device computes in the order of tensor operations, and PyTorch's momentum adds up repeated rows one by one.
    let other_order = device != Device::Cpu || golden["options"].get("momentum").is_some();
    let single = if other_order { 4e-6 } else { 1e-6 };
    let tolerance = if weight.dtype() == DType::F64 { 1e-13 } else { single };
    let mut optimizer = Builder::new(layer.parameters(), rule).build();
    let mut weights = list(&golden["weights"]).iter();
    assert_eq!(batches.len(), 30);
    for (step, batch) in batches.iter().enumerate() {
        optimizer.zero_grad();
        let index = Tensor::from(numbers::<i64>(batch).unwrap()).to_device(device);
        let y = layer.forward(&index);
        (y.square() / 2 + y.sin()).sum().backward();
        optimizer.step();
        if step % 6 == 5 {
            let weight = layer.weight.get().detach().to_device(Device::Cpu);
            assert_close(&format!("{what}, step {step}"), &weight, weights.next().unwrap(), tolerance);
        }
    }
    assert!(weights.next().is_none());
    let state = optimizer.state_dict();
    for (name, value) in golden["state"].as_object().unwrap() {
        let own = state.get(&format!("state.0.{name}")).unwrap_or_else(|| panic!("{what}: no state {name}"));
        assert_close(&format!("{what}: {name}"), &own.to_device(Device::Cpu), value, 10.0 * tolerance);
    }
    let mut other = Builder::new(layer.parameters(), optimizer.options(0).clone()).build();
    other.load_state_dict(&state);
}

#[test]
fn optimizers_follow_pytorch_with_sparse_gradients() {
    let fixture = load("sparse");
    let batches = list(&fixture["batches"]);
    let all = list(&fixture["optimizers"]);
    assert_eq!(all.len(), 30);
    for golden in all {
        for device in [Device::Cpu, Device::Reference] {
            match text(&golden["class"]) {
                "SparseAdam" => follow::<SparseAdamOptions>(golden, batches, device),
                "SGD" => follow::<SGDOptions>(golden, batches, device),
                "Adagrad" => follow::<AdagradOptions>(golden, batches, device),
                other => panic!("the fixture has runs of {other}, which are unknown to this test"),
            }
        }
    }
}

fn with_sparse_gradient() -> Embedding {
    let layer = Embedding::builder(4, 2).sparse(true).build();
    layer.forward(&tensor!([1, 1])).sum().backward();
    layer
}

#[test]
fn optimizers_refuse_gradients_that_they_do_not_support() {
    fn refused(mut optimizer: impl Optimizer, parts: [&str; 2]) {
        let error = optimizer.try_step().unwrap_err().to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        assert!(!optimizer.state_dict().keys().any(|key| key.starts_with("state.")), "nothing was stored");
    }
    let params = || with_sparse_gradient().parameters();
    refused(Adam::new(params()), ["Adam does not support", "SparseAdam"]);
    refused(AdamW::new(params()), ["AdamW does not support", "SparseAdam"]);
    refused(SGD::builder(params()).weight_decay(0.1).build(), ["SGD does not support", "weight_decay"]);
    refused(rushlight::optim::Adagrad::builder(params()).weight_decay(0.1).build(), ["Adagrad", "weight_decay"]);
    let dense = Tensor::ones([2]).requires_grad_(true);
    dense.sum().backward();
    refused(SparseAdam::new([&dense]), ["expected a sparse gradient", "use Adam"]);
    assert!(SparseAdam::builder([&dense]).lr(0.0).try_build().is_err());
    assert!(SparseAdam::builder([&dense]).eps(0.0).try_build().is_err());
    assert!(SparseAdam::builder([&dense]).betas((0.9, 1.0)).try_build().is_err());
    let sparse = Tensor::sparse_coo_tensor(&tensor!([[0]]), &tensor!([1.0]), 2).requires_grad_(true);
    assert!(SparseAdam::try_new([&sparse]).err().unwrap().to_string().contains("strided"));
}

#[test]
fn only_the_rows_in_the_gradient_are_written() {
    let layer = with_sparse_gradient();
    let before = layer.weight.get().detach().copy();
    let mut optimizer = SparseAdam::builder(layer.parameters()).lr(0.5).build();
    optimizer.step();
    let changed = layer.weight.get().detach().ne(&before);
    assert_eq!(changed.to_vec::<bool>(), [false, false, true, true, false, false, false, false]);
    // A transposed parameter, an empty gradient, and a gradient with two sparse dimensions.
    let w = Tensor::zeros([3, 2]).t().requires_grad_(true);
    let mut optimizer = SparseAdam::builder([&w]).lr(0.5).build();
    w.set_grad(Some(Tensor::sparse_coo_tensor(&tensor!([[1, 0], [2, 0]]), &tensor!([2.0, -1.0]), [2, 3])));
    optimizer.step();
    w.set_grad(Some(Tensor::sparse_coo_tensor(
        &Tensor::zeros_with([1, 0], DType::I64),
        &Tensor::zeros([0, 3]),
        [2, 3],
    )));
    optimizer.step();
    assert_eq!(w.detach().to_string(), "tensor([[ 0.5000,  0.0000,  0.0000],\n        [ 0.0000,  0.0000, -0.5000]])");
    assert_eq!(optimizer.state_dict().get("state.0.step").unwrap().item(), 2.0);
}

#[test]
fn gradients_are_clipped_as_in_pytorch() {
    let fixture = load("sparse");
    for golden in list(&fixture["clipping"]) {
        let layer = Embedding::pretrained_builder(&Tensor::zeros([5, 2])).freeze(false).sparse(true).build();
        let other = Parameter::new(tensor!([1.0, 2.0]));
        let factors = tensor!([[3.0, 4.0], [1.0, 0.0], [3.0, 4.0]]);
        (layer.forward(&tensor!([0, 2, 0])) * factors).sum().backward();
        (&other * tensor!([2.0, -1.0])).sum().backward();
        let options = ClipGradNormOptions::new().norm_type(number(&golden["norm_type"]));
        let norm = clip_grad_norm_with_([&layer.weight, &other], 1.5, options);
        assert_close("norm", &norm, &golden["norm"], 1e-6);
        assert_coo("clipped", &layer.weight.grad().unwrap(), &golden["sparse"]);
        assert_close("dense", &other.grad().unwrap(), &golden["dense"], 1e-6);
        let error = try_clip_grad_value_([&layer.weight], 1.0).unwrap_err();
        assert!(matches!(error, Error::Sparse { op: "clamp_" }), "PyTorch refuses as well: {error}");
    }
}

#[test]
fn layers_refuse_what_they_cannot_be() {
    let error = Embedding::builder(4, 2).padding_idx(4).try_build().err().unwrap();
    assert!(error.to_string().contains("padding_idx in -4..4 for 4 embeddings, got 4"), "{error}");
    assert!(Embedding::try_from_pretrained(&Tensor::ones([3])).is_err());
    assert!(Embedding::try_from_pretrained(&tensor!([[1, 2]])).is_err());
    let layer = Embedding::new(3, 2);
    let error = layer.try_forward(&tensor!([0, 3])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "embedding: expected indices in 0..3 for a dimension of size 3, got index 3 at position 1"
    );
    let both = Embedding::builder(3, 2).sparse(true).scale_grad_by_freq(true).build();
    let y = both.forward(&tensor!([0]));
    assert!(y.sum().try_backward().unwrap_err().to_string().contains("sparse and scale_grad_by_freq"));
    let shared = Tensor::ones([2, 2]);
    let layer = Embedding::from_pretrained(&shared);
    no_grad(|| shared.mul_(3));
    assert_eq!(layer.forward(&tensor!([1])).to_vec::<f32>(), [3.0, 3.0]);
    let wider = with_sparse_gradient();
    wider.to_dtype(DType::F64);
    assert_eq!(wider.weight.grad().unwrap().dtype(), DType::F64);
}
