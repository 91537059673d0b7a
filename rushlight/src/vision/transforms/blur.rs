//! Random blurring.

use super::draw::Draws;
use super::options::range;
use super::{Picture, Transform, functional};
use crate::tensor::Sizes;
use crate::{Error, Result};
use rushlight_macros::{Builder, op};

/// Blurs images by a Gaussian kernel with a random standard deviation, as `torchvision.transforms.GaussianBlur`.
///
/// Samples of images are weighted sums in float32, rounded: along the rows first, then along the columns. torchvision adds all products of a
/// window in one sum, so that a sample may differ by 1 where the sum is next to a half.
///
/// ```
/// use rushlight::vision::transforms::{GaussianBlur, Transform};
/// use rushlight::vision::{Image, PixelFormat};
///
/// let image = Image::new(3, 3, PixelFormat::Gray, vec![0, 0, 0, 0, 100, 0, 0, 0, 0]);
/// let blurred = GaussianBlur::builder(3).sigma([1.0, 1.0]).build().apply(image);
/// assert_eq!(blurred.samples()[3..6], [25, 20, 25]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct GaussianBlur {
    kernel_size: [usize; 2],
    sigma: [f64; 2],
}

/// The options of [`GaussianBlur`].
#[derive(Builder, Clone, Copy, Debug)]
#[builder(new = pub(super))]
pub struct GaussianBlurBuilder {
    #[builder(required)]
    kernel_size: Sizes<2>,
    /// The range of the standard deviation; default 0.1 to 2.
    #[builder(default = [0.1, 2.0])]
    sigma: [f64; 2],
}

impl GaussianBlurBuilder {
    /// Creates the transform.
    ///
    /// # Errors
    /// If a length of the kernel is even, or the range is empty or not positive.
    #[op]
    pub fn try_build(self) -> Result<GaussianBlur> {
        let (kernel_size, sigma) = (self.kernel_size.each(), range("GaussianBlur", "sigma", self.sigma)?);
        if kernel_size.iter().any(|size| size % 2 == 0) || sigma[0] <= 0.0 {
            let message =
                format!("expected odd lengths of the kernel and a positive sigma, got {kernel_size:?} and {sigma:?}");
            return Err(Error::value("GaussianBlur", message));
        }
        Ok(GaussianBlur { kernel_size, sigma })
    }
}

impl GaussianBlur {
    /// Creates the transform with a kernel of a width and height, or the same for both.
    ///
    /// # Errors
    /// If a length of the kernel is even.
    #[op(torch = "torchvision.transforms.GaussianBlur(kernel_size, sigma=(0.1, 2.0))")]
    pub fn try_new(kernel_size: impl Into<Sizes<2>>) -> Result<GaussianBlur> {
        GaussianBlur::builder(kernel_size).try_build()
    }

    /// Returns a builder of the transform.
    pub fn builder(kernel_size: impl Into<Sizes<2>>) -> GaussianBlurBuilder {
        GaussianBlurBuilder::new(kernel_size)
    }
}

impl<T: Picture> Transform<T> for GaussianBlur {
    type Output = T;

    fn try_apply(&self, picture: T) -> Result<T> {
        let sigma = Draws::new().uniform("GaussianBlur", self.sigma)?;
        functional::try_gaussian_blur(&picture, self.kernel_size, sigma)
    }
}
