//! What images and tensors have in common for transforms.

use crate::Tensor;
use crate::vision::Image;

/// What most transforms take: an [`Image`] or a [`Tensor`] `[…, channels, height, width]`. Sealed.
pub trait Picture: sealed::Kernels {}

impl Picture for Image {}
impl Picture for Tensor {}

pub(super) mod sealed {
    use crate::Result;
    use crate::vision::transforms::{Fill, InterpolationMode, PadSizes, PaddingMode};

    /// The functions of [`functional`](crate::vision::transforms::functional) that images and tensors compute each in their way. Arguments
    /// were checked, except against the picture. Sizes are height and width.
    pub trait Kernels: Sized {
        /// Channels, and height and width.
        fn dimensions(&self, op: &'static str) -> Result<(usize, [usize; 2])>;
        fn hflip(&self) -> Result<Self>;
        fn vflip(&self) -> Result<Self>;
        /// The part that begins at a pixel; zeros outside.
        fn crop(&self, top: isize, left: isize, size: [usize; 2]) -> Result<Self>;
        fn pad(&self, padding: PadSizes, fill: &Fill, mode: PaddingMode) -> Result<Self>;
        fn resize(&self, size: [usize; 2], mode: InterpolationMode, antialias: bool) -> Result<Self>;
        fn rgb_to_grayscale(&self, channels: usize) -> Result<Self>;
        /// Gray, with as many channels as before.
        fn gray_in_place(&self) -> Result<Self>;
        fn adjust_brightness(&self, factor: f64) -> Result<Self>;
        fn adjust_contrast(&self, factor: f64) -> Result<Self>;
        fn adjust_saturation(&self, factor: f64) -> Result<Self>;
        fn adjust_hue(&self, factor: f64) -> Result<Self>;
        /// A kernel of this width and height, and its standard deviations.
        fn gaussian_blur(&self, kernel_size: [usize; 2], sigma: [f64; 2]) -> Result<Self>;
    }
}
