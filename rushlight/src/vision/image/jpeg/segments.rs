//! The markers of a JPEG file, as far as they have to be known before it is decoded.

use std::borrow::Cow;

/// The markers of a file.
pub(super) struct Segments {
    /// The number of components in each scan.
    scans: Vec<u8>,
    /// The components by their identifiers, and a bit for each coefficient that a scan completes.
    complete: Vec<(u8, u64)>,
    /// Whether the compression is arithmetic. Its decoder cannot tell where the data end.
    arithmetic: bool,
    /// Whether the marker of the end follows a scan.
    pub(super) end: bool,
    /// The positions of segments that declare less than the two bytes of their length, which libjpeg-turbo skips.
    empty: Vec<usize>,
}

impl Segments {
    /// Walks the markers of a file. Whatever is wrong with it ends the walk.
    pub(super) fn read(bytes: &[u8]) -> Segments {
        let mut segments =
            Segments { scans: Vec::new(), complete: Vec::new(), arithmetic: false, end: false, empty: Vec::new() };
        // In front of a scan an end belongs to nothing, for example to a thumbnail in a segment of the wrong length.
        let mut rest = bytes;
        while let Some((marker, behind)) = next_marker(rest) {
            rest = behind;
            match marker {
                // Restarts, and markers without a segment.
                0x01 | 0xD0..=0xD8 => continue,
                0xD9 if segments.scans.is_empty() => continue,
                0xD9 => {
                    segments.end = true;
                    break;
                }
                0xDA => segments.scan(rest),
                0xC9..=0xCB => segments.arithmetic = true,
                _ => {}
            }
            let Some((length, _)) = rest.split_first_chunk::<2>() else { break };
            let length = usize::from(u16::from_be_bytes(*length));
            if length < 2 {
                segments.empty.push(bytes.len() - rest.len() - 2);
            }
            rest = rest.get(length..).unwrap_or_default();
        }
        segments
    }

    /// Notes a scan: its length in two bytes, the number of components, two bytes for each, the first and the last coefficient, and the
    /// bits that later scans refine.
    fn scan(&mut self, bytes: &[u8]) {
        let Some(&count) = bytes.get(2) else { return };
        self.scans.push(count);
        let Some((components, parameters)) = bytes[3..].split_at_checked(2 * usize::from(count)) else { return };
        let Some(&[first, last, bits]) = parameters.first_chunk() else { return };
        if last > 63 || first > last || bits & 15 != 0 {
            return;
        }
        let coefficients = u64::MAX >> (63 - last) & u64::MAX << first;
        for component in components.chunks_exact(2) {
            match self.complete.iter_mut().find(|(id, _)| *id == component[0]) {
                Some((_, complete)) => *complete |= coefficients,
                None => self.complete.push((component[0], coefficients)),
            }
        }
    }

    /// Whether a file without an end may have lost no more than that: its scans have all coefficients of all components.
    pub(super) fn complete(&self, components: usize) -> bool {
        !self.arithmetic
            && self.complete.len() == components
            && self.complete.iter().all(|(_, complete)| *complete == u64::MAX)
    }

    /// The file without empty segments, and with an end: where the marker is missing, the last scan ends with the file.
    pub(super) fn repaired<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        if self.end && self.empty.is_empty() {
            return Cow::Borrowed(bytes);
        }
        let mut repaired = Vec::with_capacity(bytes.len() + 2);
        let mut from = 0;
        for &at in &self.empty {
            repaired.extend_from_slice(&bytes[from..at]);
            from = at + 4;
        }
        repaired.extend_from_slice(&bytes[from..]);
        if !self.end {
            repaired.extend([0xFF, 0xD9]);
        }
        Cow::Owned(repaired)
    }

    /// Whether a scan has several but not all of the components.
    pub(super) fn partly_interleaved(&self, components: usize) -> bool {
        self.scans.iter().any(|&scan| scan > 1 && usize::from(scan) < components)
    }
}

/// The next marker and what follows it. Bytes of compressed data in front of it are skipped: those have a zero after 0xFF.
fn next_marker(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let mut at = 0;
    loop {
        at += bytes.get(at..)?.iter().position(|&byte| byte == 0xFF)? + 1;
        match *bytes.get(at)? {
            0 | 0xFF => {}
            marker => return Some((marker, &bytes[at + 1..])),
        }
    }
}
