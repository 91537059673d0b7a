//! Computer vision: reading and preparing images, models, and a small embedded data set.

#[cfg(feature = "image")]
pub mod datasets;
#[cfg(feature = "digits")]
mod digits;
#[cfg(feature = "image")]
mod image;
#[cfg(feature = "image")]
mod mnist;
pub mod models;
pub mod ops;
#[cfg(feature = "image")]
pub mod transforms;
#[cfg(feature = "image")]
pub mod utils;

#[cfg(feature = "digits")]
pub use digits::digits;
#[cfg(feature = "image")]
pub use image::{DecodeOptions, EncodeOptions, FileFormat, Image, MAX_PIXELS, PixelFormat};
#[cfg(feature = "image")]
pub use mnist::mnist_pixels;
