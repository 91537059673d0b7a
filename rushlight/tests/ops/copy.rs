//! Copies: plain, to another memory layout, to another dtype, to another device.

use crate::harness::{ALL_DTYPES, Row, device};
use rushlight::Device;
use serde_json::json;

/// A device on which the tensors are not.
fn other() -> Device {
    if device() == Device::Cpu { Device::Reference } else { Device::Cpu }
}

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::new("copy", |x, _| x[0].try_copy(), |x, _| x[0].copy()).takes(ALL_DTYPES).elementwise(-2.0, 2.0),
        Row::new("contiguous", |x, _| x[0].try_contiguous(), |x, _| x[0].contiguous())
            .takes(ALL_DTYPES)
            .elementwise(-2.0, 2.0),
        Row::new(
            "to_dtype",
            |x, a| x[0].try_to_dtype(a.dtype("dtype").expect("a dtype")),
            |x, a| x[0].to_dtype(a.dtype("dtype").expect("a dtype")),
        )
        .takes(ALL_DTYPES)
        .elementwise(-2.0, 2.0)
        .with_args(json!({"dtype": "f64"})),
        // Round trip.
        Row::new(
            "to_device",
            |x, _| x[0].try_to_device(other())?.try_to_device(device()),
            |x, _| x[0].to_device(other()).to_device(device()),
        )
        .takes(ALL_DTYPES)
        .elementwise(-2.0, 2.0),
    ]
}
