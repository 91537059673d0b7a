//! The five kinds of blocks of Inception v3: branches side by side, whose channels are concatenated. Figures are those of the paper.

use super::basic_conv2d::BasicConv2d;
use crate::Tensor;
use crate::nn::{Conv2d, Forward, Module};
use crate::ops::{AvgPoolOptions, MaxPoolOptions};

/// A 3 × 3 layer that halves the sizes.
fn halving(inputs: usize, outputs: usize) -> BasicConv2d {
    BasicConv2d::new(Conv2d::builder(inputs, outputs, 3).stride(2), outputs)
}

fn through<const N: usize>(x: &Tensor, layers: [&BasicConv2d; N]) -> Tensor {
    layers.into_iter().fold(x.clone(), |x, layer| layer.forward(&x))
}

/// The means of 3 × 3 windows.
fn smoothed(x: &Tensor) -> Tensor {
    x.avg_pool2d(AvgPoolOptions::new(3).stride(1).padding(1))
}

/// The maxima of 3 × 3 windows, at every second position.
fn pooled(x: &Tensor) -> Tensor {
    x.max_pool2d(MaxPoolOptions::new(3).stride(2))
}

/// Two 3 × 3 kernels in a row for a 5 × 5 kernel: figure 5.
#[derive(Module)]
pub(super) struct InceptionA {
    branch1x1: BasicConv2d,
    branch5x5_1: BasicConv2d,
    branch5x5_2: BasicConv2d,
    branch3x3dbl_1: BasicConv2d,
    branch3x3dbl_2: BasicConv2d,
    branch3x3dbl_3: BasicConv2d,
    branch_pool: BasicConv2d,
}

impl InceptionA {
    pub(super) fn new(inputs: usize, pool_features: usize) -> InceptionA {
        InceptionA {
            branch1x1: BasicConv2d::pointwise(inputs, 64),
            branch5x5_1: BasicConv2d::pointwise(inputs, 48),
            branch5x5_2: BasicConv2d::same(48, 64, [5, 5]),
            branch3x3dbl_1: BasicConv2d::pointwise(inputs, 64),
            branch3x3dbl_2: BasicConv2d::same(64, 96, [3, 3]),
            branch3x3dbl_3: BasicConv2d::same(96, 96, [3, 3]),
            branch_pool: BasicConv2d::pointwise(inputs, pool_features),
        }
    }
}

impl Forward for InceptionA {
    fn forward(&self, x: &Tensor) -> Tensor {
        let branches = [
            self.branch1x1.forward(x),
            through(x, [&self.branch5x5_1, &self.branch5x5_2]),
            through(x, [&self.branch3x3dbl_1, &self.branch3x3dbl_2, &self.branch3x3dbl_3]),
            self.branch_pool.forward(&smoothed(x)),
        ];
        Tensor::cat_dim(branches, 1)
    }
}

/// Halves the sizes: figure 10.
#[derive(Module)]
pub(super) struct InceptionB {
    branch3x3: BasicConv2d,
    branch3x3dbl_1: BasicConv2d,
    branch3x3dbl_2: BasicConv2d,
    branch3x3dbl_3: BasicConv2d,
}

impl InceptionB {
    pub(super) fn new(inputs: usize) -> InceptionB {
        InceptionB {
            branch3x3: halving(inputs, 384),
            branch3x3dbl_1: BasicConv2d::pointwise(inputs, 64),
            branch3x3dbl_2: BasicConv2d::same(64, 96, [3, 3]),
            branch3x3dbl_3: halving(96, 96),
        }
    }
}

impl Forward for InceptionB {
    fn forward(&self, x: &Tensor) -> Tensor {
        let branches = [
            self.branch3x3.forward(x),
            through(x, [&self.branch3x3dbl_1, &self.branch3x3dbl_2, &self.branch3x3dbl_3]),
            pooled(x),
        ];
        Tensor::cat_dim(branches, 1)
    }
}

/// 1 × 7 and 7 × 1 kernels for 7 × 7 kernels: figure 6.
#[derive(Module)]
pub(super) struct InceptionC {
    branch1x1: BasicConv2d,
    branch7x7_1: BasicConv2d,
    branch7x7_2: BasicConv2d,
    branch7x7_3: BasicConv2d,
    branch7x7dbl_1: BasicConv2d,
    branch7x7dbl_2: BasicConv2d,
    branch7x7dbl_3: BasicConv2d,
    branch7x7dbl_4: BasicConv2d,
    branch7x7dbl_5: BasicConv2d,
    branch_pool: BasicConv2d,
}

impl InceptionC {
    pub(super) fn new(inputs: usize, channels_7x7: usize) -> InceptionC {
        let c7 = channels_7x7;
        InceptionC {
            branch1x1: BasicConv2d::pointwise(inputs, 192),
            branch7x7_1: BasicConv2d::pointwise(inputs, c7),
            branch7x7_2: BasicConv2d::same(c7, c7, [1, 7]),
            branch7x7_3: BasicConv2d::same(c7, 192, [7, 1]),
            branch7x7dbl_1: BasicConv2d::pointwise(inputs, c7),
            branch7x7dbl_2: BasicConv2d::same(c7, c7, [7, 1]),
            branch7x7dbl_3: BasicConv2d::same(c7, c7, [1, 7]),
            branch7x7dbl_4: BasicConv2d::same(c7, c7, [7, 1]),
            branch7x7dbl_5: BasicConv2d::same(c7, 192, [1, 7]),
            branch_pool: BasicConv2d::pointwise(inputs, 192),
        }
    }
}

impl Forward for InceptionC {
    fn forward(&self, x: &Tensor) -> Tensor {
        let first = [&self.branch7x7dbl_1, &self.branch7x7dbl_2, &self.branch7x7dbl_3];
        let branches = [
            self.branch1x1.forward(x),
            through(x, [&self.branch7x7_1, &self.branch7x7_2, &self.branch7x7_3]),
            through(&through(x, first), [&self.branch7x7dbl_4, &self.branch7x7dbl_5]),
            self.branch_pool.forward(&smoothed(x)),
        ];
        Tensor::cat_dim(branches, 1)
    }
}

/// Halves the sizes in front of the last blocks.
#[derive(Module)]
pub(super) struct InceptionD {
    branch3x3_1: BasicConv2d,
    branch3x3_2: BasicConv2d,
    branch7x7x3_1: BasicConv2d,
    branch7x7x3_2: BasicConv2d,
    branch7x7x3_3: BasicConv2d,
    branch7x7x3_4: BasicConv2d,
}

impl InceptionD {
    pub(super) fn new(inputs: usize) -> InceptionD {
        InceptionD {
            branch3x3_1: BasicConv2d::pointwise(inputs, 192),
            branch3x3_2: halving(192, 320),
            branch7x7x3_1: BasicConv2d::pointwise(inputs, 192),
            branch7x7x3_2: BasicConv2d::same(192, 192, [1, 7]),
            branch7x7x3_3: BasicConv2d::same(192, 192, [7, 1]),
            branch7x7x3_4: halving(192, 192),
        }
    }
}

impl Forward for InceptionD {
    fn forward(&self, x: &Tensor) -> Tensor {
        let branch7x7x3 = [&self.branch7x7x3_1, &self.branch7x7x3_2, &self.branch7x7x3_3, &self.branch7x7x3_4];
        let branches = [through(x, [&self.branch3x3_1, &self.branch3x3_2]), through(x, branch7x7x3), pooled(x)];
        Tensor::cat_dim(branches, 1)
    }
}

/// 1 × 3 and 3 × 1 kernels side by side for 3 × 3 kernels: figure 7.
#[derive(Module)]
pub(super) struct InceptionE {
    branch1x1: BasicConv2d,
    branch3x3_1: BasicConv2d,
    branch3x3_2a: BasicConv2d,
    branch3x3_2b: BasicConv2d,
    branch3x3dbl_1: BasicConv2d,
    branch3x3dbl_2: BasicConv2d,
    branch3x3dbl_3a: BasicConv2d,
    branch3x3dbl_3b: BasicConv2d,
    branch_pool: BasicConv2d,
}

impl InceptionE {
    pub(super) fn new(inputs: usize) -> InceptionE {
        InceptionE {
            branch1x1: BasicConv2d::pointwise(inputs, 320),
            branch3x3_1: BasicConv2d::pointwise(inputs, 384),
            branch3x3_2a: BasicConv2d::same(384, 384, [1, 3]),
            branch3x3_2b: BasicConv2d::same(384, 384, [3, 1]),
            branch3x3dbl_1: BasicConv2d::pointwise(inputs, 448),
            branch3x3dbl_2: BasicConv2d::same(448, 384, [3, 3]),
            branch3x3dbl_3a: BasicConv2d::same(384, 384, [1, 3]),
            branch3x3dbl_3b: BasicConv2d::same(384, 384, [3, 1]),
            branch_pool: BasicConv2d::pointwise(inputs, 192),
        }
    }
}

impl Forward for InceptionE {
    fn forward(&self, x: &Tensor) -> Tensor {
        let branch3x3 = self.branch3x3_1.forward(x);
        let branch3x3dbl = through(x, [&self.branch3x3dbl_1, &self.branch3x3dbl_2]);
        let branches = [
            self.branch1x1.forward(x),
            self.branch3x3_2a.forward(&branch3x3),
            self.branch3x3_2b.forward(&branch3x3),
            self.branch3x3dbl_3a.forward(&branch3x3dbl),
            self.branch3x3dbl_3b.forward(&branch3x3dbl),
            self.branch_pool.forward(&smoothed(x)),
        ];
        Tensor::cat_dim(branches, 1)
    }
}
