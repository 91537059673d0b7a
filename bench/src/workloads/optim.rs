//! Steps of optimizers over the parameters of ResNet-18: 62 tensors, 11.7 M elements.

use super::{Workload, workload};
use crate::machine::Cost;
use rushlight::Tensor;
use rushlight::nn::{Module, Parameter};
use rushlight::optim::{ASGD, Adadelta, Adagrad, Adam, AdamW, Adamax, Optimizer, RMSprop, Rprop, SGD};
use rushlight::vision::models::resnet18;

const PARAMETERS: f64 = 11_689_512.0;

/// Steps with constant gradients, which read and write `accesses` arrays as large as the parameters.
fn step<O: Optimizer + 'static>(
    name: &'static str,
    title: &'static str,
    accesses: u32,
    optimizer: fn(Vec<Parameter>) -> O,
) -> Workload {
    workload(name, title, Cost { flops: 0.0, bytes: 4.0 * PARAMETERS * f64::from(accesses) }, move || {
        let parameters = resnet18(1000).parameters();
        for parameter in &parameters {
            let parameter = parameter.get();
            parameter.set_grad(Some(Tensor::rand(parameter.shape()) - 0.5));
        }
        // The weight of the last layer, before its bias.
        let weight = parameters[parameters.len() - 2].get();
        let mut optimizer = optimizer(parameters);
        move || {
            optimizer.step();
            weight.clone()
        }
    })
}

pub(super) fn workloads() -> Vec<Workload> {
    vec![
        step("optim_sgd", "SGD step, ResNet-18", 3, |p| SGD::new(p)),
        step("optim_sgd_momentum", "SGD step with momentum 0.9, ResNet-18", 5, |p| {
            SGD::builder(p).momentum(0.9).build()
        }),
        step("optim_asgd", "ASGD step, ResNet-18", 4, |p| ASGD::new(p)),
        step("optim_rprop", "Rprop step, ResNet-18", 7, |p| Rprop::new(p)),
        step("optim_adagrad", "Adagrad step, ResNet-18", 5, |p| Adagrad::new(p)),
        step("optim_adadelta", "Adadelta step, ResNet-18", 7, |p| Adadelta::new(p)),
        step("optim_rmsprop", "RMSprop step, ResNet-18", 5, |p| RMSprop::new(p)),
        step("optim_adam", "Adam step, ResNet-18", 7, |p| Adam::new(p)),
        step("optim_adamw", "AdamW step, ResNet-18", 7, |p| AdamW::new(p)),
        step("optim_adamax", "Adamax step, ResNet-18", 7, |p| Adamax::new(p)),
    ]
}
