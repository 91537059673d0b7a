//! What the readers of zip archives have in common.

use super::elements::Problem;
use rawzip::RECOMMENDED_BUFFER_SIZE;
use std::io;

pub(super) fn buffer() -> Vec<u8> {
    vec![0; RECOMMENDED_BUFFER_SIZE]
}

/// A fault of the archive, or an error of the file.
pub(super) fn fault(error: rawzip::Error) -> Problem {
    match error.into_kind() {
        rawzip::ErrorKind::IO(error) => damaged(error),
        kind => Problem::Bytes(format!("not a zip archive, or damaged: {kind}")),
    }
}

/// Errors without a code of the operating system are those of the decoder and the checksum.
pub(super) fn damaged(error: io::Error) -> Problem {
    if error.raw_os_error().is_some() { error.into() } else { Problem::Bytes(format!("damaged data: {error}")) }
}
