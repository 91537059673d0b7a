//! Images and tensors `[channels, height, width]`.

use super::{Image, PixelFormat};
use crate::{DType, Error, Result, Tensor};
use rushlight_macros::op;

impl Image {
    /// Converts a tensor `[channels, height, width]` or `[height, width]` to an image, as torchvision's `to_pil_image`: uint8 samples are taken
    /// as they are, floating-point ones are multiplied by 255 and rounded toward zero. One channel is brightness, two brightness and opacity,
    /// three red, green and blue, four these and opacity.
    ///
    /// # Errors
    /// If the tensor has other dimensions, no element, another number of channels, or another dtype.
    ///
    /// ```
    /// use rushlight::tensor;
    /// use rushlight::vision::Image;
    /// let image = Image::from_tensor(&tensor!([[0.0, 0.5, 1.0]]));
    /// assert_eq!((image.width(), image.height(), image.samples()), (3, 1, &[0, 127, 255][..]));
    /// ```
    #[op(torch = "torchvision.transforms.functional.to_pil_image(pic, mode=None)")]
    #[doc(alias = "to_pil_image")]
    #[doc(alias = "ToPILImage")]
    pub fn try_from_tensor(tensor: &Tensor) -> Result<Image> {
        const NAME: &str = "Image::from_tensor";
        let (channels, height, width) = match *tensor.shape() {
            [height, width] => (1, height, width),
            [channels @ 1..=4, height, width] => (channels, height, width),
            _ => {
                let message = format!(
                    "expected a tensor [height, width] or [channels, height, width] with 1 to 4 channels, got shape {:?}",
                    tensor.shape()
                );
                return Err(Error::shape(NAME, message));
            }
        };
        let samples = match tensor.dtype() {
            DType::U8 => tensor.detach(),
            dtype if dtype.is_float() => tensor.detach().try_mul(255)?.try_to_dtype(DType::U8)?,
            dtype => return Err(Error::dtype(NAME, format!("expected uint8 or a floating-point dtype, got {dtype}"))),
        };
        let samples = samples.try_reshape((channels, height, width))?.try_permute([1, 2, 0])?.try_to_vec::<u8>()?;
        let format = match channels {
            1 => PixelFormat::Gray,
            2 => PixelFormat::GrayAlpha,
            3 => PixelFormat::Rgb,
            _ => PixelFormat::Rgba,
        };
        Image::try_new(width, height, format, samples)
    }

    /// Converts the image to a uint8 tensor `[channels, height, width]`, as torchvision's `pil_to_tensor`.
    ///
    /// # Errors
    /// Never, unless memory does not suffice.
    ///
    /// ```
    /// use rushlight::vision::{Image, PixelFormat};
    /// let x = Image::new(2, 1, PixelFormat::Rgb, vec![1, 2, 3, 4, 5, 6]).to_tensor();
    /// assert_eq!((x.shape(), x.to_vec::<u8>()), (&[3, 1, 2][..], vec![1, 4, 2, 5, 3, 6]));
    /// ```
    #[op(torch = "torchvision.transforms.functional.pil_to_tensor(pic)")]
    #[doc(alias = "pil_to_tensor")]
    #[doc(alias = "PILToTensor")]
    pub fn try_to_tensor(&self) -> Result<Tensor> {
        let channels = self.format.channels();
        let mut planes: Vec<u8> = Vec::with_capacity(self.samples.len());
        for channel in 0..channels {
            planes.extend(self.samples[channel..].iter().step_by(channels));
        }
        Tensor::try_from_vec(planes, [channels, self.height, self.width])
    }
}
