//! The devices on which the table runs. Every tensor that an operation gets is placed here.

use super::inputs::{Arg, Inputs};
use rushlight::{Device, Tensor};

pub const DEVICES: [Device; 1] = [Device::Cpu];

/// The tensor on `device`.
pub fn place(tensor: &Tensor, device: Device) -> Tensor {
    match device {
        Device::Cpu => tensor.clone(),
        other => panic!("tensors cannot be placed on {other} yet"),
    }
}

impl Inputs {
    /// The arguments on `device`.
    pub fn on(self, device: Device) -> Inputs {
        let place = |arg: Arg| match arg {
            Arg::Tensor(tensor) => Arg::Tensor(place(&tensor, device)),
            other => other,
        };
        Inputs(self.0.into_iter().map(place).collect())
    }
}
