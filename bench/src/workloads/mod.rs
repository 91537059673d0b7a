//! The workloads, one file per family, under the names that `torch/workloads.py` uses.

mod basics;
mod models;
mod training;

use crate::machine::Cost;
use crate::measure::{Running, Steps};
use rushlight::Tensor;

/// One thing to time.
pub(crate) struct Workload {
    /// The name both halves know it by.
    pub name: &'static str,
    /// What it is, for the table in the documentation.
    pub title: &'static str,
    /// What a step cannot do without.
    pub cost: Cost,
    /// Whether its peak memory is worth a line.
    pub memory: bool,
    /// Builds it from `manual_seed(0)`, drawing in the same order as the other half.
    pub make: Box<dyn Fn() -> Box<dyn Steps>>,
}

/// All workloads, in the order of the table.
pub(crate) fn all() -> Vec<Workload> {
    let mut all = basics::workloads();
    all.extend(training::workloads());
    all.extend(models::workloads());
    all
}

/// A workload whose steps give a tensor.
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

/// The sum in float64, as the other half takes it.
fn sum(x: &Tensor) -> f64 {
    x.detach().to_dtype(rushlight::DType::F64).sum().item()
}
