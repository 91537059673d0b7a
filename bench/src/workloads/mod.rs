//! The workloads, one file per family, under the names that `torch/workloads.py` uses.

mod basics;
mod embedding;
mod models;
mod optim;
mod sequences;
mod training;

use crate::machine::Cost;
use crate::measure::{Running, Steps};
use rushlight::Tensor;

/// A workload to time.
pub(crate) struct Workload {
    /// The name that both sides use.
    pub name: &'static str,
    /// The title in the table of the documentation.
    pub title: &'static str,
    /// The minimum cost of a step.
    pub cost: Cost,
    /// Whether to report its peak memory.
    pub memory: bool,
    /// Prepares it from `manual_seed(0)`, drawing random numbers in the same order as the other side.
    pub make: Box<dyn Fn() -> Box<dyn Steps>>,
}

/// All workloads, in the order of the table.
pub(crate) fn all() -> Vec<Workload> {
    let mut all = basics::workloads();
    all.extend(training::workloads());
    all.extend(optim::workloads());
    all.extend(embedding::workloads());
    all.extend(sequences::workloads());
    all.extend(models::workloads());
    all
}

/// A workload whose steps return a tensor.
fn workload<F: FnMut() -> Tensor + 'static>(
    name: &'static str,
    title: &'static str,
    cost: Cost,
    make: impl Fn() -> F + 'static,
) -> Workload {
    let make = Box::new(move || {
        rushlight::manual_seed(0);
        Box::new(Running::new(make(), sum)) as Box<dyn Steps>
    });
    Workload { name, title, cost, memory: false, make }
}

/// The sum in float64, as computed by the other side.
fn sum(x: &Tensor) -> f64 {
    x.detach().to_dtype(rushlight::DType::F64).sum().item()
}
