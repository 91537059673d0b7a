//! Round trip: bytes that parse as an IDX array, compressed or not, are written and read again as the same array.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rushlight::io::idx::Idx;

fuzz_target!(|bytes: &[u8]| {
    let Ok(array) = Idx::from_bytes(bytes) else { return };
    let written = array.to_bytes();
    if bytes.first() == Some(&0) {
        assert_eq!(written, bytes, "an uncompressed array has a unique encoding");
    }
    let again = Idx::from_bytes(&written).expect("what was written can be read");
    assert_eq!(again.dims(), array.dims());
    assert_eq!(again.to_bytes(), written);
});
