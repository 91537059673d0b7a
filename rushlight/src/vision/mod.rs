//! Pictures: reading them, preparing them, and a small data set to begin with.

#[cfg(feature = "image")]
mod image;
#[cfg(feature = "image")]
mod mnist;

#[cfg(feature = "image")]
pub use image::{Image, ImageError, MAX_PIXELS, PixelFormat};
#[cfg(feature = "image")]
pub use mnist::mnist_pixels;
