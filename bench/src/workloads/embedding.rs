//! Training steps of a large embedding of which a step uses few rows.

use super::{Workload, workload};
use crate::machine::Cost;
use rushlight::Tensor;
use rushlight::nn::{Embedding, Forward, Module};
use rushlight::optim::{Adam, Optimizer, SparseAdam};

/// A step with 1000 rows of 1,000,000 × 64.
fn step<O: Optimizer>(sparse: bool, make: impl Fn(&Embedding) -> O) -> impl FnMut() -> Tensor {
    let layer = Embedding::builder(1_000_000, 64).sparse(sparse).build();
    let index = Tensor::randint(1_000_000, 1000);
    let mut optimizer = make(&layer);
    move || {
        let loss = layer.forward(&index).square().mean();
        optimizer.zero_grad();
        loss.backward();
        optimizer.step();
        loss
    }
}

pub(super) fn workloads() -> Vec<Workload> {
    let cost = || Cost { flops: 0.0, bytes: 0.0 };
    let mut all = vec![
        workload("embedding_sparse_adam", "Embedding 1 M × 64, 1000 rows, SparseAdam step", cost(), || {
            step(true, |layer| SparseAdam::new(layer.parameters()))
        }),
        workload("embedding_adam", "… dense gradient, Adam step", cost(), || {
            step(false, |layer| Adam::new(layer.parameters()))
        }),
    ];
    all.iter_mut().for_each(|workload| workload.memory = true);
    all
}
