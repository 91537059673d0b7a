//! The devices on which the table runs. Every tensor that an operation gets is placed here.

use super::inputs::{Arg, Inputs};
use rushlight::{Device, Tensor};
use std::cell::Cell;

const DEVICES: [Device; 2] = [Device::Cpu, Device::Reference];

thread_local! {
    static CURRENT: Cell<Device> = const { Cell::new(Device::Cpu) };
}

/// The device that is being tested on this thread.
pub(crate) fn device() -> Device {
    CURRENT.get()
}

/// Tests on one device after the other.
pub(super) fn on_each_device(mut test: impl FnMut()) {
    for device in DEVICES {
        CURRENT.set(device);
        test();
    }
    CURRENT.set(Device::Cpu);
}

/// The tensor on the device that is being tested.
pub(super) fn place(tensor: &Tensor) -> Tensor {
    tensor.to_device(device())
}

impl Inputs {
    /// The arguments on the device that is being tested.
    pub(crate) fn placed(self) -> Inputs {
        let place = |arg: Arg| match arg {
            Arg::Tensor(tensor) => Arg::Tensor(place(&tensor)),
            other => other,
        };
        Inputs(self.0.into_iter().map(place).collect())
    }
}
