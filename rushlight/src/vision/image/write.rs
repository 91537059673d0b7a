//! Writing PNG and JPEG files.

use super::{Image, jpeg, png};
use crate::io::atomic_write;
use crate::{Error, Result};
use rushlight_macros::Builder;
use std::io::Write;
use std::path::Path;

/// A format that images are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// Lossless.
    Png,
    /// Lossy, without opacity.
    Jpeg,
}

/// The options of [`Image::save_with`] and [`Image::encode_with`].
#[derive(Builder, Clone, Copy, Debug)]
pub struct EncodeOptions {
    /// The quality of a JPEG, 1 to 100 (default: 75, as Pillow's). Other formats have none.
    #[builder(default = 75)]
    pub(super) quality: u8,
}

impl Image {
    /// Writes the image to a file: as PNG if its name ends in `.png`, as JPEG if it ends in `.jpg` or `.jpeg`. Readers see the whole file
    /// or none of it.
    ///
    /// # Errors
    /// If the name has another extension, an image with opacity is to be written as JPEG, or the file cannot be written.
    ///
    /// ```
    /// use rushlight::vision::{Image, PixelFormat};
    ///
    /// let path = std::env::temp_dir().join(format!("rushlight-doc-{}.png", std::process::id()));
    /// let image = Image::new(2, 1, PixelFormat::Gray, vec![0, 255]);
    /// image.save(&path)?;
    /// assert_eq!(Image::open(&path)?, image);
    /// # std::fs::remove_file(&path).unwrap();
    /// # Ok::<(), rushlight::Error>(())
    /// ```
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        self.save_with(path, EncodeOptions::new())
    }

    /// As [`save`](Self::save), with options.
    ///
    /// # Errors
    /// As [`save`](Self::save), and if the quality is not 1 to 100.
    pub fn save_with(&self, path: impl AsRef<Path>, options: EncodeOptions) -> Result<()> {
        let path = path.as_ref();
        let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
        let format = match extension.to_str() {
            Some("png") => FileFormat::Png,
            Some("jpg" | "jpeg") => FileFormat::Jpeg,
            _ => {
                let message = format!("expected a name that ends in .png, .jpg or .jpeg, got {}", path.display());
                return Err(Error::value("Image::save", message));
            }
        };
        let bytes = self.encode_with(format, options)?;
        atomic_write(path, |file| file.write_all(&bytes))
    }

    /// Returns the bytes of a file of the image.
    ///
    /// # Errors
    /// If an image with opacity is to be encoded as JPEG, or the format has no image of this size.
    ///
    /// ```
    /// use rushlight::vision::{FileFormat, Image, PixelFormat};
    /// let image = Image::new(2, 1, PixelFormat::Gray, vec![0, 255]);
    /// assert_eq!(Image::decode(&image.encode(FileFormat::Png)?)?, image);
    /// # Ok::<(), rushlight::Error>(())
    /// ```
    pub fn encode(&self, format: FileFormat) -> Result<Vec<u8>> {
        self.encode_with(format, EncodeOptions::new())
    }

    /// As [`encode`](Self::encode), with options.
    ///
    /// # Errors
    /// As [`encode`](Self::encode), and if the quality is not 1 to 100.
    pub fn encode_with(&self, format: FileFormat, options: EncodeOptions) -> Result<Vec<u8>> {
        let failed = |message: String| Error::value("Image::encode", message);
        match format {
            FileFormat::Png => png::encode(self).map_err(|error| failed(error.to_string())),
            FileFormat::Jpeg if !(1..=100).contains(&options.quality) => {
                Err(failed(format!("expected a quality from 1 to 100, got {}", options.quality)))
            }
            FileFormat::Jpeg => jpeg::encode(self, options.quality),
        }
    }
}
