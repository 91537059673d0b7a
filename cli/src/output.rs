//! Text on standard output.

use crate::failure::{Failure, Result};
use std::io::{ErrorKind, Write, stdout};

/// Prints a line. A closed pipe (`rushlight train | head`) is not an error: the files are written all the same.
pub(crate) fn say(line: &str) -> Result<()> {
    write_text(format!("{line}\n").as_bytes())
}

/// Prints text as it is.
pub(crate) fn write_text(text: &[u8]) -> Result<()> {
    let mut out = stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}
