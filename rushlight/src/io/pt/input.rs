//! Bytes of known number: nothing is allocated for what is not there.

use crate::io::elements::Problem;
use std::io::Read;

pub(super) struct Input<'a> {
    reader: &'a mut dyn Read,
    left: u64,
}

impl<'a> Input<'a> {
    /// The next `left` bytes of the reader.
    pub(super) fn new(reader: &'a mut dyn Read, left: u64) -> Input<'a> {
        Input { reader, left }
    }

    pub(super) fn left(&self) -> u64 {
        self.left
    }

    fn claim(&mut self, len: u64, what: &str) -> Result<(), Problem> {
        let Some(left) = self.left.checked_sub(len) else {
            return Err(format!("truncated: expected {len} bytes for {what}, got {}", self.left).into());
        };
        self.left = left;
        Ok(())
    }

    pub(super) fn fill(&mut self, bytes: &mut [u8], what: &str) -> Result<(), Problem> {
        self.claim(bytes.len() as u64, what)?;
        Ok(self.reader.read_exact(bytes)?)
    }

    pub(super) fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N], Problem> {
        let mut bytes = [0; N];
        self.fill(&mut bytes, what)?;
        Ok(bytes)
    }

    pub(super) fn byte(&mut self, what: &str) -> Result<u8, Problem> {
        Ok(self.array::<1>(what)?[0])
    }

    pub(super) fn bytes(&mut self, len: u64, what: &str) -> Result<Vec<u8>, Problem> {
        self.claim(len, what)?;
        // What is left of a file in memory or on disk fits in memory only if its length does.
        let len = usize::try_from(len).map_err(|_| format!("expected {what} that fits in memory, got {len} bytes"))?;
        let mut bytes = vec![0; len];
        self.reader.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn text(&mut self, len: u64, what: &str) -> Result<String, Problem> {
        let bytes = self.bytes(len, what)?;
        Ok(String::from_utf8(bytes).map_err(|_| format!("expected {what} in UTF-8, got other bytes"))?)
    }

    /// The bytes up to the next newline, which is not one of them.
    pub(super) fn line(&mut self, what: &str) -> Result<String, Problem> {
        const LONGEST: usize = 1000;
        let mut line = Vec::new();
        loop {
            match self.byte(what)? {
                b'\n' => break,
                _ if line.len() == LONGEST => {
                    return Err(format!("expected {what} of at most {LONGEST} bytes, got more").into());
                }
                byte => line.push(byte),
            }
        }
        Ok(String::from_utf8(line).map_err(|_| format!("expected {what} in UTF-8, got other bytes"))?)
    }

    /// Skips bytes.
    pub(super) fn skip(&mut self, mut len: u64, what: &str) -> Result<(), Problem> {
        let mut buffer = [0; 4096];
        while len > 0 {
            let part = len.min(buffer.len() as u64) as usize;
            self.fill(&mut buffer[..part], what)?;
            len -= part as u64;
        }
        Ok(())
    }
}
