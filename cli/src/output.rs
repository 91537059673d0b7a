//! Lines on standard output.

use crate::failure::{Failure, Result};
use std::io::{ErrorKind, Write, stdout};

/// Prints a line. A closed pipe (`rushlight train | head`) is not an error: the files are written all the same.
pub(crate) fn say(line: &str) -> Result<()> {
    let mut out = stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}
