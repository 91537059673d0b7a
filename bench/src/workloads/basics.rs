//! Single operations: elementwise, softmax, small tensors, matrix products, convolutions.

use super::{Workload, workload};
use crate::machine::Cost;
use rushlight::ops::ConvOptions;
use rushlight::{BackwardOptions, Tensor, no_grad};

const N: usize = 1 << 24;

pub(super) fn workloads() -> Vec<Workload> {
    let mut all = elementwise();
    all.extend(small());
    all.extend(matmul());
    all.extend(convolution());
    all
}

fn uniform(shape: impl Into<rushlight::Dims>) -> Tensor {
    Tensor::rand(shape) * 4 - 2
}

fn elementwise() -> Vec<Workload> {
    let unary = |name, title, function: fn(&Tensor) -> Tensor| {
        workload(name, title, Cost { flops: 0.0, bytes: 8.0 * N as f64 }, move || {
            let x = uniform(N);
            move || function(&x)
        })
    };
    let binary = |name, title, function: fn(&Tensor, &Tensor) -> Tensor| {
        workload(name, title, Cost { flops: 0.0, bytes: 12.0 * N as f64 }, move || {
            let (a, b) = (uniform(N), uniform(N));
            move || function(&a, &b)
        })
    };
    vec![
        binary("add_16m", "a + b, 16 M", |a, b| a + b),
        binary("mul_16m", "a * b, 16 M", |a, b| a * b),
        unary("relu_16m", "relu, 16 M", Tensor::relu),
        unary("exp_16m", "exp, 16 M", Tensor::exp),
        unary("sigmoid_16m", "sigmoid, 16 M", Tensor::sigmoid),
        unary("tanh_16m", "tanh, 16 M", Tensor::tanh),
        workload("sum_16m", "sum, 16 M", Cost { flops: 0.0, bytes: 4.0 * N as f64 }, || {
            let x = uniform(N);
            move || x.sum()
        }),
        workload("softmax_16m", "softmax, 4096 × 4096", Cost { flops: 0.0, bytes: 8.0 * N as f64 }, || {
            let x = uniform([4096, 4096]);
            move || x.softmax(1)
        }),
    ]
}

fn small() -> Vec<Workload> {
    let free = Cost { flops: 0.0, bytes: 0.0 };
    vec![
        workload("add_4x4", "a + b, 4 × 4", free, || {
            let (a, b) = (Tensor::rand([4, 4]), Tensor::rand([4, 4]));
            move || &a + &b
        }),
        workload("add_4x4_tracked", "a + b, 4 × 4, tracked", free, || {
            let (a, b) = (Tensor::rand([4, 4]).requires_grad_(true), Tensor::rand([4, 4]));
            move || &a + &b
        }),
        workload("relu_add_4x4_backward", "relu(a + b), 4 × 4, forward + backward", free, || {
            let [a, b] = [(); 2].map(|()| Tensor::rand([4, 4]).requires_grad_(true));
            let seed = BackwardOptions::new().gradient(Tensor::ones([4, 4]));
            move || {
                a.zero_grad();
                b.zero_grad();
                let y = (&a + &b).relu();
                y.backward_with(&seed);
                y
            }
        }),
    ]
}

fn matmul() -> Vec<Workload> {
    [
        (64, "matmul_64", "matmul 64"),
        (256, "matmul_256", "matmul 256"),
        (512, "matmul_512", "matmul 512"),
        (1024, "matmul_1024", "matmul 1024"),
        (2048, "matmul_2048", "matmul 2048"),
    ]
    .map(|(n, name, title)| {
        let cost = Cost { flops: 2.0 * (n as f64).powi(3), bytes: 12.0 * (n * n) as f64 };
        workload(name, title, cost, move || {
            let (a, b) = (Tensor::rand([n, n]), Tensor::rand([n, n]));
            move || a.matmul(&b)
        })
    })
    .into()
}

fn convolution() -> Vec<Workload> {
    let mut all = Vec::new();
    for (channels, size, forward, backward) in [
        (64, 56, ["conv3x3_64_at_56", "conv 3×3, 64→64 @56"], ["conv3x3_64_at_56_backward", "… forward + backward"]),
        (
            128,
            28,
            ["conv3x3_128_at_28", "conv 3×3, 128→128 @28"],
            ["conv3x3_128_at_28_backward", "… forward + backward"],
        ),
        (
            256,
            14,
            ["conv3x3_256_at_14", "conv 3×3, 256→256 @14"],
            ["conv3x3_256_at_14_backward", "… forward + backward"],
        ),
        (512, 7, ["conv3x3_512_at_7", "conv 3×3, 512→512 @7"], ["conv3x3_512_at_7_backward", "… forward + backward"]),
    ] {
        let flops = 2.0 * (16 * channels * channels * 9 * size * size) as f64;
        let pictures = move || Tensor::rand([16, channels, size, size]);
        let weight = move || Tensor::rand([channels, channels, 3, 3]) * 0.1 - 0.05;
        let conv = |x: &Tensor, w: &Tensor| x.conv2d_with(w, None, ConvOptions::new().padding(1));
        all.push(workload(forward[0], forward[1], Cost { flops, bytes: 0.0 }, move || {
            let (x, w) = (pictures(), weight());
            move || no_grad(|| conv(&x, &w))
        }));
        all.push(workload(backward[0], backward[1], Cost { flops: 3.0 * flops, bytes: 0.0 }, move || {
            let (x, w) = (pictures().requires_grad_(true), weight().requires_grad_(true));
            let seed = BackwardOptions::new().gradient(pictures());
            move || {
                x.zero_grad();
                w.zero_grad();
                conv(&x, &w).backward_with(&seed);
                w.grad().expect("it was just computed")
            }
        }));
    }
    all
}
