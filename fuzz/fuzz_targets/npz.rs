//! Round trip: bytes that parse as an archive of NumPy's are written, stored and compressed, and read again as the same tensors.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rushlight::io::npz::{Arrays, from_bytes, to_bytes, to_bytes_compressed};

/// Whether every array can be written under its name: an archive may have names that are no relative paths.
fn named_by_paths(arrays: &Arrays) -> bool {
    arrays.iter().all(|(name, tensor)| to_bytes([(name, tensor)]).is_ok())
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(arrays) = from_bytes(bytes) else { return };
    // A few bytes can hold many zeros; compressing those again is slow and finds nothing more.
    let numel: usize = arrays.iter().map(|(_, tensor)| tensor.numel()).sum();
    if numel > 1 << 20 || !named_by_paths(&arrays) {
        return;
    }
    let written = to_bytes(arrays.iter()).expect("what was read can be written");
    for bytes in [&written, &to_bytes_compressed(arrays.iter()).expect("what was read can be written")] {
        let again = from_bytes(bytes).expect("what was written can be read");
        assert_eq!(written, to_bytes(again).expect("what was read can be written"));
    }
});
