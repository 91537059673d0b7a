//! The devices on which the table runs. Every input tensor of an operation is placed here.

use super::inputs::{Arg, Inputs};
use rushlight::{Device, Tensor};
use std::cell::Cell;

const DEVICES: [Device; 2] = [Device::Cpu, Device::Reference];

thread_local! {
    static CURRENT: Cell<Device> = const { Cell::new(Device::Cpu) };
}

/// The device under test on this thread.
pub(crate) fn device() -> Device {
    CURRENT.get()
}

/// Runs the test on each device in turn.
pub(super) fn on_each_device(mut test: impl FnMut()) {
    for device in DEVICES {
        CURRENT.set(device);
        test();
    }
    CURRENT.set(Device::Cpu);
}

/// The tensor on the device under test.
pub(super) fn place(tensor: &Tensor) -> Tensor {
    tensor.to_device(device())
}

impl Inputs {
    /// The arguments on the device under test.
    pub(crate) fn placed(self) -> Inputs {
        let place = |arg: Arg| match arg {
            Arg::Tensor(tensor) => Arg::Tensor(place(&tensor)),
            other => other,
        };
        Inputs(self.0.into_iter().map(place).collect())
    }
}
