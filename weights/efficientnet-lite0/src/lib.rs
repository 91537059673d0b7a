#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

/// The safetensors file: weights by the names of `rushlight::vision::models::EfficientNetLite0`, float16 except those of batch normalizations.
///
/// Nothing is read before it is used: the bytes are a part of the program's file that the operating system maps into memory.
pub static SAFETENSORS: &[u8] = include_bytes!("../efficientnet-lite0.safetensors");

#[cfg(test)]
mod tests {
    #[test]
    fn the_header_ends_where_the_data_begin() {
        let bytes = super::SAFETENSORS;
        let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let json = std::str::from_utf8(&bytes[8..8 + header]).unwrap();
        assert!(json.starts_with(r#"{"__metadata__":{"format":"pt","license":"Apache-2.0""#));
        let data = bytes.len() - 8 - header;
        assert!(json.trim_end().ends_with(&format!(",{data}]}}}}")), "the last tensor ends at {data}");
    }
}
