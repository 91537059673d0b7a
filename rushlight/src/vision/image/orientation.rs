//! The orientation in which a camera was held, from EXIF data.

use super::Image;

/// The EXIF tag `Orientation`.
const TAG: u16 = 0x0112;

/// How the stored rows and columns are to be shown: the value of the EXIF tag, 1 to 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Orientation(u8);

impl Orientation {
    pub(super) const UPRIGHT: Orientation = Orientation(1);

    /// Reads the tag from EXIF data: a TIFF header, whose first directory has it. Data without the tag, or that are damaged, are
    /// upright.
    pub(super) fn from_exif(exif: Option<&[u8]>) -> Orientation {
        exif.and_then(find).map_or(Orientation::UPRIGHT, Orientation)
    }

    /// Whether rows become columns.
    pub(super) fn transposes(self) -> bool {
        self.0 >= 5
    }

    /// Turns an image upright.
    pub(super) fn apply(self, image: Image) -> Image {
        if self == Orientation::UPRIGHT {
            return image;
        }
        let Image { width, height, format, samples } = &image;
        let (channels, width, height) = (format.channels(), *width as isize, *height as isize);
        // The position in pixels of the first one, and the steps to the next column and row of the upright image.
        let (right, down) = (width - 1, (height - 1) * width);
        let (start, column, row) = match self.0 {
            2 => (right, -1, width),
            3 => (right + down, -1, -width),
            4 => (down, 1, -width),
            5 => (0, width, 1),
            6 => (down, -width, 1),
            7 => (right + down, -width, -1),
            _ => (right, width, -1),
        };
        let [to_width, to_height] = if self.transposes() { [height, width] } else { [width, height] };
        let mut upright = Vec::with_capacity(samples.len());
        for y in 0..to_height {
            for x in 0..to_width {
                let at = (start + y * row + x * column) as usize * channels;
                upright.extend_from_slice(&samples[at..at + channels]);
            }
        }
        Image { width: to_width as usize, height: to_height as usize, format: *format, samples: upright }
    }
}

fn find(exif: &[u8]) -> Option<u8> {
    // PNG and WebP files may carry the prefix of the segment in a JPEG.
    let tiff = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    let big = match tiff.get(..4)? {
        b"MM\0*" => true,
        b"II*\0" => false,
        _ => return None,
    };
    let u16_at = |at: usize| {
        let bytes: [u8; 2] = tiff.get(at..)?.get(..2)?.try_into().ok()?;
        Some(if big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    };
    let offset: [u8; 4] = tiff.get(4..8)?.try_into().ok()?;
    let directory = if big { u32::from_be_bytes(offset) } else { u32::from_le_bytes(offset) } as usize;
    let entries = usize::from(u16_at(directory)?);
    // An entry is a tag, a type, a count and a value, of 2, 2, 4 and 4 bytes. The value is a short (3); some programs write a long (4).
    for entry in (0..entries).map(|i| directory + 2 + 12 * i) {
        if u16_at(entry)? == TAG {
            let value = match u16_at(entry + 2)? {
                4 if big => u16_at(entry + 10)?,
                3 | 4 => u16_at(entry + 8)?,
                _ => return None,
            };
            return u8::try_from(value).ok().filter(|value| (1..=8).contains(value));
        }
    }
    None
}
