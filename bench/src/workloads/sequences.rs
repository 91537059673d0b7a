//! Recurrent layers.

use super::{Workload, workload};
use crate::machine::Cost;
use rushlight::nn::{self, Module};
use rushlight::{BackwardOptions, Tensor};

const STEPS: usize = 50;
const BATCH: usize = 32;
const INPUTS: usize = 128;
const HIDDEN: usize = 256;

pub(super) fn workloads() -> Vec<Workload> {
    // Forward, and twice as much backward: of the inputs and of the weights.
    let flops = 6.0 * (STEPS * BATCH * 4 * HIDDEN * (INPUTS + HIDDEN)) as f64;
    let title = "LSTM 128→256, 50 steps, batch 32, forward + backward";
    vec![workload("lstm_backward", title, Cost { flops, bytes: 0.0 }, || {
        let net = nn::LSTM::new(INPUTS, HIDDEN);
        let x = Tensor::rand([STEPS, BATCH, INPUTS]).requires_grad_(true);
        let seed = BackwardOptions::new().gradient(Tensor::rand([STEPS, BATCH, HIDDEN]));
        let recurrent = net.all_weights()[0][1].clone();
        move || {
            x.zero_grad();
            net.zero_grad();
            net.forward(&x).0.backward_with(&seed);
            recurrent.grad().expect("it was just computed")
        }
    })]
}
