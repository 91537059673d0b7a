//! BMP files: 1, 4, 8, 16, 24 and 32 bits a pixel, palettes, bit fields and run lengths.
//!
//! Of the crates that read BMP files, `image` brings color management that nothing here uses, and `zune-bmp` 0.5.2 misreads rows that
//! end in padding.

use super::PixelFormat;
use super::orientation::Orientation;
use super::read::{Claim, Decoded, allocate, damaged, finish};
use crate::{Error, Result};

/// The length of the file header in front of the image header.
const FILE_HEADER: usize = 14;

/// The image header of OS/2, without compression and with 16-bit sizes.
const CORE_HEADER: usize = 12;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Compression {
    None,
    RunLength8,
    RunLength4,
}

/// What the headers say.
struct Header {
    width: usize,
    height: usize,
    /// Whether the first row in the file is the top one.
    top_down: bool,
    bits: usize,
    compression: Compression,
    /// The bits of red, green, blue and opacity in a pixel of 16 or 32 bits.
    masks: [u32; 4],
    /// Red, green and blue of the indices that the palette has.
    palette: Vec<[u8; 3]>,
    /// The position of the pixels in the file.
    offset: usize,
}

#[cold]
fn failed(message: impl std::fmt::Display) -> Error {
    damaged("BMP", message)
}

pub(super) fn decode(bytes: &[u8], claim: Claim) -> Result<Decoded> {
    let header = Header::read(bytes)?;
    let Header { width, height, .. } = header;
    claim.check(width, height)?;
    let data = bytes.get(header.offset..).unwrap_or_default();
    let (format, samples) = if header.bits > 8 { header.direct(data)? } else { header.indexed(data)? };
    finish("BMP", [width, height], format, samples, Orientation::UPRIGHT)
}

fn u16_at(bytes: &[u8], at: usize) -> Result<u16> {
    let bytes = bytes.get(at..).and_then(|bytes| bytes.first_chunk());
    bytes.map(|&bytes| u16::from_le_bytes(bytes)).ok_or_else(|| failed("the header is cut short"))
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32> {
    Ok(u32::from(u16_at(bytes, at)?) | u32::from(u16_at(bytes, at + 2)?) << 16)
}

impl Header {
    fn read(bytes: &[u8]) -> Result<Header> {
        let offset = u32_at(bytes, 10)? as usize;
        let length = u32_at(bytes, FILE_HEADER)? as usize;
        let header = &bytes[FILE_HEADER..];
        let core = length == CORE_HEADER;
        let (width, height, bits, method, used) = match length {
            CORE_HEADER => (i32::from(u16_at(header, 4)?), i32::from(u16_at(header, 6)?), u16_at(header, 10)?, 0, 0),
            40 | 52 | 56 | 64 | 108 | 124 => (
                u32_at(header, 4)? as i32,
                u32_at(header, 8)? as i32,
                u16_at(header, 14)?,
                u32_at(header, 16)?,
                u32_at(header, 32)? as usize,
            ),
            _ => {
                return Err(failed(format!("expected a header of 12, 40, 52, 56, 64, 108 or 124 bytes, got {length}")));
            }
        };
        let compression = match (method, bits) {
            (0, 1 | 4 | 8 | 16 | 24 | 32) | (3, 16 | 32) => Compression::None,
            (1, 8) => Compression::RunLength8,
            (2, 4) => Compression::RunLength4,
            _ => return Err(failed(format!("expected a known encoding, got number {method} of {bits} bits a pixel"))),
        };
        let mut end = FILE_HEADER + length;
        let masks = match (method, bits) {
            (3, _) => {
                let mask = |i: usize| u32_at(header, 40 + 4 * i);
                // The masks belong to the longer headers and follow the shortest one; opacity has one from 56 bytes on.
                end += if length == 40 { 12 } else { 0 };
                [mask(0)?, mask(1)?, mask(2)?, if length >= 56 && length != 64 { mask(3)? } else { 0 }]
            }
            (_, 16) => [0x7C00, 0x3E0, 0x1F, 0],
            _ => [0xFF_0000, 0xFF00, 0xFF, 0],
        };
        let mut palette = Vec::new();
        if bits <= 8 {
            let most = 1 << bits;
            let count = if used == 0 { most } else { used.min(most) };
            let entry = if core { 3 } else { 4 };
            // Where the palette is shorter than declared, the pixels follow it.
            let entries = bytes.get(end..offset.max(end).min(bytes.len())).unwrap_or_default();
            palette.extend(entries.chunks_exact(entry).take(count).map(|c| [c[2], c[1], c[0]]));
        }
        if width <= 0 || height == 0 {
            return Err(failed(format!("expected at least one pixel, got {width} x {height}")));
        }
        let (width, top_down, height) = (width as usize, height < 0, height.unsigned_abs() as usize);
        Ok(Header { width, height, top_down, bits: bits.into(), compression, masks, palette, offset })
    }

    /// The rows of uncompressed pixels, from the top; each is padded to four bytes.
    fn rows<'a>(&self, data: &'a [u8]) -> Result<impl Iterator<Item = &'a [u8]> + use<'a>> {
        // Neither overflows: the number of pixels was checked.
        let length = (self.width * self.bits).div_ceil(8);
        let stride = length.next_multiple_of(4);
        // The padding of the last row may be missing.
        let needed = stride * (self.height - 1) + length;
        if data.len() < needed {
            return Err(failed(format!("cut short, expected {needed} bytes of pixels, got {}", data.len())));
        }
        let (height, top_down) = (self.height, self.top_down);
        Ok((0..height).map(move |y| {
            let y = if top_down { y } else { height - 1 - y };
            &data[y * stride..][..length]
        }))
    }

    /// Pixels of 16, 24 and 32 bits.
    fn direct(&self, data: &[u8]) -> Result<(PixelFormat, Vec<u8>)> {
        let rows = self.rows(data)?;
        let format = if self.masks[3] == 0 { PixelFormat::Rgb } else { PixelFormat::Rgba };
        let channels = format.channels();
        let mut samples = Vec::new();
        let count = self.width * self.height * channels;
        samples.try_reserve_exact(count).map_err(|_| Error::Memory { bytes: count })?;
        for row in rows {
            for pixel in row.chunks_exact(self.bits / 8) {
                let value = pixel.iter().rev().fold(0, |value, &byte| value << 8 | u32::from(byte));
                samples.extend(self.masks[..channels].iter().map(|&mask| field(value, mask)));
            }
        }
        Ok((format, samples))
    }

    /// Pixels of 1, 4 and 8 bits, which are positions in the palette.
    fn indexed(&self, data: &[u8]) -> Result<(PixelFormat, Vec<u8>)> {
        let indices = match self.compression {
            Compression::None => self.unpack(data)?,
            _ => self.expand(data)?,
        };
        let gray = self.palette.iter().all(|[r, g, b]| r == g && g == b);
        // Positions behind the palette are black, as in Pillow.
        let color = |index: u8| self.palette.get(usize::from(index)).copied().unwrap_or_default();
        Ok(if gray {
            (PixelFormat::Gray, indices.into_iter().map(|index| color(index)[0]).collect())
        } else {
            (PixelFormat::Rgb, indices.into_iter().flat_map(color).collect())
        })
    }

    fn unpack(&self, data: &[u8]) -> Result<Vec<u8>> {
        let (bits, per_byte) = (self.bits, 8 / self.bits);
        let mask = ((1u16 << bits) - 1) as u8;
        let rows = self.rows(data)?;
        let mut indices = allocate(self.width * self.height, 0)?;
        for (row, out) in rows.zip(indices.chunks_exact_mut(self.width)) {
            for (x, index) in out.iter_mut().enumerate() {
                *index = row[x / per_byte] >> (8 - bits * (x % per_byte + 1)) & mask;
            }
        }
        Ok(indices)
    }

    /// Run lengths. What is not written has index 0.
    fn expand(&self, data: &[u8]) -> Result<Vec<u8>> {
        let nibbles = self.compression == Compression::RunLength4;
        let mut indices = allocate(self.width * self.height, 0)?;
        let (mut x, mut y) = (0, 0);
        let mut bytes = data.iter().copied();
        let mut next = || bytes.next();
        // Pixels beyond the end of a row or of the image are dropped.
        let mut put = |x: &mut usize, y: usize, index: u8| {
            if *x < self.width && y < self.height {
                let row = if self.top_down { y } else { self.height - 1 - y };
                indices[row * self.width + *x] = index;
            }
            *x += 1;
        };
        while y < self.height {
            let (Some(count), Some(value)) = (next(), next()) else {
                return Err(failed(format!("cut short, {y} of {} rows are there", self.height)));
            };
            match (count, value) {
                (0, 0) => (x, y) = (0, y + 1),
                (0, 1) => break,
                (0, 2) => {
                    let (Some(right), Some(up)) = (next(), next()) else { continue };
                    (x, y) = (x + usize::from(right), y + usize::from(up));
                }
                (0, count) => {
                    let length = if nibbles { usize::from(count).div_ceil(2) } else { usize::from(count) };
                    // Padded to an even number of bytes.
                    for i in 0..length.next_multiple_of(2) {
                        let Some(byte) = next() else { break };
                        if nibbles && 2 * i < count.into() {
                            put(&mut x, y, byte >> 4);
                            if 2 * i + 1 < count.into() {
                                put(&mut x, y, byte & 15);
                            }
                        } else if !nibbles && i < length {
                            put(&mut x, y, byte);
                        }
                    }
                }
                (count, value) => {
                    for i in 0..count {
                        let nibble = if i % 2 == 0 { value >> 4 } else { value & 15 };
                        put(&mut x, y, if nibbles { nibble } else { value });
                    }
                }
            }
        }
        Ok(indices)
    }
}

/// The bits of `mask` in `value`, scaled to 0 to 255.
fn field(value: u32, mask: u32) -> u8 {
    if mask == 0 {
        return 0;
    }
    let shift = mask.trailing_zeros();
    let (value, most) = (u64::from((value & mask) >> shift), u64::from(mask >> shift));
    (value * 255 / most) as u8
}
