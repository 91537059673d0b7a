//! Convolution, forward and both gradients: `cargo bench -p rushlight-kernels --bench conv -- [FILTER...]`.
//!
//! An item is a floating-point operation, two per multiply-add of the direct algorithm.

mod common;

use common::{Buffer, Case, cases};
use divan::Bencher;
use divan::counter::ItemsCount;
use rushlight_kernels::Activation;
use rushlight_kernels::conv::{self, ConvShape};

fn main() {
    common::main();
}

type Layer = (&'static str, ConvShape);

/// Layers of well-known networks: kernel, stride (s2) if it is not 1, channels in and out, image size.
fn layers() -> Vec<Case<Layer>> {
    let same = |n, ci, co, size, k| ConvShape::conv2d(n, ci, co, [size, size], [k, k]).with_padding([k / 2, k / 2]);
    let valid = |n, ci, co, size, k| ConvShape::conv2d(n, ci, co, [size, size], [k, k]);
    let layers = [
        ("3x3 64@56", same(16, 64, 64, 56, 3)),
        ("3x3 128@28", same(16, 128, 128, 28, 3)),
        ("3x3 256@14", same(16, 256, 256, 14, 3)),
        ("3x3 512@7", same(16, 512, 512, 7, 3)),
        ("lenet 1-32@28", valid(64, 1, 32, 28, 3)),
        ("lenet 32-64@26", valid(64, 32, 64, 26, 3)),
        ("lenet5 1-6@28", same(64, 1, 6, 28, 5)),
        ("lenet5 6-16@14", valid(64, 6, 16, 14, 5)),
        ("resnet 7x7 s2 3-64@224", same(16, 3, 64, 224, 7).with_stride([2, 2])),
        ("resnet 3x3 s2 64-128@56", same(16, 64, 128, 56, 3).with_stride([2, 2])),
        ("resnet 3x3 s2 128-256@28", same(16, 128, 256, 28, 3).with_stride([2, 2])),
        ("resnet 3x3 s2 256-512@14", same(16, 256, 512, 14, 3).with_stride([2, 2])),
        ("resnet 1x1 s2 64-128@56", same(16, 64, 128, 56, 1).with_stride([2, 2])),
        ("resnet 1x1 s2 256-512@14", same(16, 256, 512, 14, 1).with_stride([2, 2])),
        ("lite0 3x3 s2 3-32@224", same(16, 3, 32, 224, 3).with_stride([2, 2])),
        ("lite0 1x1 16-96@112", same(16, 16, 96, 112, 1)),
        ("lite0 1x1 96-24@56", same(16, 96, 24, 56, 1)),
        ("lite0 1x1 24-144@56", same(16, 24, 144, 56, 1)),
        ("lite0 1x1 480-80@14", same(16, 480, 80, 14, 1)),
        ("lite0 1x1 192-1152@7", same(16, 192, 1152, 7, 1)),
        ("lite0 dw 3x3 32@112", same(16, 32, 32, 112, 3).with_groups(32)),
        ("lite0 dw 3x3 s2 96@112", same(16, 96, 96, 112, 3).with_stride([2, 2]).with_groups(96)),
        ("lite0 dw 5x5 s2 144@56", same(16, 144, 144, 56, 5).with_stride([2, 2]).with_groups(144)),
        ("lite0 dw 5x5 480@14", same(16, 480, 480, 14, 5).with_groups(480)),
        ("lite0 dw 5x5 1152@7", same(16, 1152, 1152, 7, 5).with_groups(1152)),
        ("batch1 3x3 64@56", same(1, 64, 64, 56, 3)),
        ("batch1 3x3 512@7", same(1, 512, 512, 7, 3)),
    ];
    cases(layers, |(name, _)| name.to_string())
}

fn operations(s: &ConvShape) -> ItemsCount {
    ItemsCount::new(2 * s.output_len() * s.weight_len() / s.out_channels)
}

fn filled(len: usize) -> Buffer<f32> {
    Buffer::new(len, |_| 0.5)
}

#[divan::bench(args = layers())]
fn forward(bencher: Bencher, case: &Case<Layer>) {
    let s = case.input.1;
    let (x, w, mut y) = (filled(s.input_len()), filled(s.weight_len()), filled(s.output_len()));
    case.measure(bencher, operations(&s), || conv::forward(&s, &x, &w, None, Activation::None, &mut y));
}

#[divan::bench(args = layers())]
fn backward_input(bencher: Bencher, case: &Case<Layer>) {
    let s = case.input.1;
    let (g, w, mut gx) = (filled(s.output_len()), filled(s.weight_len()), filled(s.input_len()));
    case.measure(bencher, operations(&s), || conv::backward_input(&s, &g, &w, &mut gx));
}

#[divan::bench(args = layers())]
fn backward_weight(bencher: Bencher, case: &Case<Layer>) {
    let s = case.input.1;
    let (x, g, mut gw) = (filled(s.input_len()), filled(s.output_len()), filled(s.weight_len()));
    case.measure(bencher, operations(&s), || conv::backward_weight(&s, &x, &g, &mut gw));
}
