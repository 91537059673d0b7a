//! The initial weights that the mobile networks of torchvision share.

use crate::nn::{Conv2d, Linear, Module, init};

/// Draws the weights of the convolutions of `net` by `kaiming_normal_` with outgoing connections and those of its linear layers by `linear`, in
/// the order of the layers, and sets the biases of both to zero.
pub(super) fn kaiming_fan_out(net: &dyn Module, linear: impl Fn(&Linear)) {
    for module in net.modules() {
        let bias = if let Some(conv) = module.downcast_ref::<Conv2d>() {
            init::kaiming_normal_with_(&conv.weight, init::KaimingOptions::new().mode(init::Fan::Out));
            &conv.bias
        } else if let Some(layer) = module.downcast_ref::<Linear>() {
            linear(layer);
            &layer.bias
        } else {
            continue;
        };
        if let Some(bias) = bias {
            init::zeros_(bias);
        }
    }
}

/// Draws the weight of a layer from a normal distribution of standard deviation 0.01.
pub(super) fn small_normal(layer: &Linear) {
    init::normal_with_(&layer.weight, init::NormalOptions::new().std(0.01));
}
