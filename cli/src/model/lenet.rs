//! The network for digits.

use rushlight::Tensor;
use rushlight::nn::{Conv2d, Dropout, Forward, Linear, MaxPool2d, Module};
use rushlight::vision::models::ImageModel;

/// Width and height of the images.
pub(crate) const SIDE: usize = 28;
/// What the metadata of a file call the network.
pub(crate) const LENET: &str = "lenet";

/// LeNet-5 (LeCun et al. 1998) with ReLU, maximum pooling, more channels and dropout.
#[derive(Module)]
pub(crate) struct LeNet {
    conv1: Conv2d,
    conv2: Conv2d,
    pool: MaxPool2d,
    fc1: Linear,
    fc2: Linear,
    fc3: Linear,
    dropout: Dropout,
}

impl LeNet {
    /// With initial weights from the default generator.
    pub(crate) fn new(classes: usize) -> LeNet {
        LeNet {
            conv1: Conv2d::builder(1, 16, 5).padding(2).build(),
            conv2: Conv2d::new(16, 32, 5),
            pool: MaxPool2d::new(2),
            fc1: Linear::new(32 * 5 * 5, 120),
            fc2: Linear::new(120, 84),
            fc3: Linear::new(84, classes),
            dropout: Dropout::builder().p(0.3).build(),
        }
    }
}

impl Forward for LeNet {
    /// `[N, 1, 28, 28]` to `[N, classes]`.
    #[track_caller]
    fn forward(&self, x: &Tensor) -> Tensor {
        self.forward_head(&self.forward_features(x))
    }
}

impl ImageModel for LeNet {
    #[track_caller]
    fn forward_features(&self, x: &Tensor) -> Tensor {
        let x = self.pool.forward(&self.conv1.forward(x).relu());
        let x = self.pool.forward(&self.conv2.forward(&x).relu());
        let x = self.dropout.forward(&self.fc1.forward(&x.flatten_dim(1..)).relu());
        self.fc2.forward(&x).relu()
    }

    #[track_caller]
    fn forward_head(&self, features: &Tensor) -> Tensor {
        self.fc3.forward(&self.dropout.forward(features))
    }

    fn heads(&self) -> &'static [&'static str] {
        &["fc3"]
    }
}
