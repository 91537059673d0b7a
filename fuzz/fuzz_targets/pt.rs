//! Round trip: bytes that parse as a file of PyTorch's are written and read again as the same value.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rushlight::io::pt::{from_bytes, to_bytes};

fuzz_target!(|bytes: &[u8]| {
    let Ok(value) = from_bytes(bytes) else { return };
    // Integers of more than 255 bytes can be read but not written.
    let Ok(written) = to_bytes(&value) else { return };
    let again = from_bytes(&written).expect("what was written can be read");
    // The same bits of every element (including NaN), in the same storages.
    assert_eq!(written, to_bytes(&again).expect("what was read can be written"));
});
