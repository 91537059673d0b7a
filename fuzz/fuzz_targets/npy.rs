//! Round trip: bytes that parse as an array of NumPy's are written and read again as the same tensor.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rushlight::io::npy::{from_bytes, to_bytes};

fuzz_target!(|bytes: &[u8]| {
    let Ok(tensor) = from_bytes(bytes) else { return };
    let written = to_bytes(&tensor).expect("what was read can be written");
    let again = from_bytes(&written).expect("what was written can be read");
    assert_eq!((again.dtype(), again.shape()), (tensor.dtype(), tensor.shape()));
    // The same bits of every element (including NaN), in the same order.
    assert_eq!(written, to_bytes(&again).expect("what was read can be written"));
});
