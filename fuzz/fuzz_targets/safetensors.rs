//! Round trip: bytes that parse as safetensors are written and read again as the same tensors.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rushlight::io::safetensors::{from_bytes, to_bytes};

fuzz_target!(|bytes: &[u8]| {
    let Ok((tensors, metadata)) = from_bytes(bytes) else { return };
    let written = to_bytes(&tensors, &metadata).expect("what was read can be written");
    let (again, same_metadata) = from_bytes(&written).expect("what was written can be read");
    assert_eq!(metadata, same_metadata);
    assert!(tensors.keys().eq(again.keys()));
    for (x, y) in tensors.values().zip(again.values()) {
        assert_eq!((x.dtype(), x.shape()), (y.dtype(), y.shape()));
    }
    // The second encoding has the same order of tensors and the same bits of every element (including NaN).
    assert_eq!(written, to_bytes(&again, &same_metadata).expect("what was read can be written"));
});
