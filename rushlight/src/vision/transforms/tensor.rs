//! From images to tensors, and tensors of images.

use super::{Image, Transform, functional};
use crate::tensor::Element;
use crate::{DType, Error, Result, Tensor};
use rushlight_macros::op;

/// Converts an image to a float32 tensor `[channels, height, width]` from 0 to 1, as `torchvision.transforms.ToTensor`.
///
/// ```
/// use rushlight::vision::transforms::{ToTensor, Transform};
/// use rushlight::vision::{Image, PixelFormat};
///
/// let x = ToTensor::new().apply(Image::new(2, 1, PixelFormat::Rgb, vec![0, 51, 102, 153, 204, 255]));
/// assert_eq!((x.shape(), x.to_vec::<f32>()), (&[3, 1, 2][..], vec![0.0, 0.6, 0.2, 0.8, 0.4, 1.0]));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct ToTensor;

impl ToTensor {
    /// Creates the transform.
    pub fn new() -> ToTensor {
        ToTensor
    }
}

/// The channels of an image one after the other.
fn planes<E: Element>(image: &Image, value: impl Fn(u8) -> E) -> Result<Tensor> {
    let channels = image.format().channels();
    let mut data = Vec::with_capacity(image.samples().len());
    for channel in 0..channels {
        data.extend(image.samples()[channel..].iter().step_by(channels).map(|&sample| value(sample)));
    }
    Tensor::try_from_vec(data, [channels, image.height(), image.width()])
}

impl Transform<Image> for ToTensor {
    type Output = Tensor;

    fn try_apply(&self, image: Image) -> Result<Tensor> {
        planes(&image, |sample| f32::from(sample) / 255.0)
    }
}

/// Converts an image to a tensor `[channels, height, width]` of its samples, uint8, as `torchvision.transforms.PILToTensor`.
///
/// ```
/// use rushlight::vision::transforms::{PILToTensor, Transform};
/// use rushlight::vision::{Image, PixelFormat};
///
/// let x = PILToTensor::new().apply(Image::new(2, 1, PixelFormat::Rgb, vec![0, 51, 102, 153, 204, 255]));
/// assert_eq!((x.shape(), x.to_vec::<u8>()), (&[3, 1, 2][..], vec![0, 153, 51, 204, 102, 255]));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct PILToTensor;

impl PILToTensor {
    /// Creates the transform.
    pub fn new() -> PILToTensor {
        PILToTensor
    }
}

impl Transform<Image> for PILToTensor {
    type Output = Tensor;

    fn try_apply(&self, image: Image) -> Result<Tensor> {
        planes(&image, |sample| sample)
    }
}

/// Converts tensors to a type so that white, 1 or the largest integer, stays white, as `torchvision.transforms.ConvertImageDtype`.
///
/// ```
/// use rushlight::vision::transforms::{ConvertImageDtype, Transform};
/// use rushlight::{DType, Tensor};
///
/// let x = ConvertImageDtype::new(DType::F32).apply(Tensor::from([[[0u8, 51, 255]]]));
/// assert_eq!(x.to_vec::<f32>(), [0.0, 0.2, 1.0]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ConvertImageDtype(DType);

impl ConvertImageDtype {
    /// Creates the transform.
    pub fn new(dtype: DType) -> ConvertImageDtype {
        ConvertImageDtype(dtype)
    }
}

impl Transform<Tensor> for ConvertImageDtype {
    type Output = Tensor;

    fn try_apply(&self, x: Tensor) -> Result<Tensor> {
        functional::try_convert_image_dtype(&x, self.0)
    }
}

/// Subtracts a mean from each channel and divides it by a standard deviation, as `torchvision.transforms.Normalize`: of floating-point
/// tensors `[…, channels, height, width]`.
///
/// ```
/// use rushlight::Tensor;
/// use rushlight::vision::transforms::{Normalize, Transform};
///
/// let x = Normalize::new([0.5, 1.0], [0.5, 2.0]).apply(Tensor::ones([2, 1, 1]));
/// assert_eq!(x.to_vec::<f32>(), [1.0, 0.0]);
/// ```
#[derive(Clone, Debug)]
pub struct Normalize {
    mean: Vec<f64>,
    std: Vec<f64>,
}

impl Normalize {
    /// Creates the transform from a mean and a standard deviation for each channel, or one for all.
    ///
    /// # Errors
    /// If there are none, or a standard deviation is 0.
    #[op(torch = "torchvision.transforms.Normalize(mean, std, inplace=False)")]
    pub fn try_new(mean: impl Into<Vec<f64>>, std: impl Into<Vec<f64>>) -> Result<Normalize> {
        let (mean, std) = (mean.into(), std.into());
        if mean.is_empty() || std.is_empty() || std.contains(&0.0) {
            let message = format!("expected means and standard deviations other than 0, got {mean:?} and {std:?}");
            return Err(Error::value("Normalize", message));
        }
        Ok(Normalize { mean, std })
    }
}

impl Transform<Tensor> for Normalize {
    type Output = Tensor;

    fn try_apply(&self, x: Tensor) -> Result<Tensor> {
        if !x.dtype().is_float() {
            let message = format!("expected a floating-point tensor, got {}", x.dtype());
            return Err(Error::dtype("Normalize", message));
        }
        let channels = if x.dim() < 3 { 0 } else { x.shape()[x.dim() - 3] };
        for list in [&self.mean, &self.std] {
            if x.dim() < 3 || ![1, channels].contains(&list.len()) {
                let message = format!(
                    "expected a tensor [..., channels, height, width] with one value per channel or one for all, got {} values and shape {:?}",
                    list.len(),
                    x.shape()
                );
                return Err(Error::shape("Normalize", message));
            }
        }
        let column =
            |values: &[f64]| Tensor::try_from_vec(values.to_vec(), [values.len(), 1, 1])?.try_to_dtype(x.dtype());
        let (mean, std) = (column(&self.mean)?, column(&self.std)?);
        if x.dtype() != DType::F64 && std.to_dtype(DType::F64).to_vec::<f64>().contains(&0.0) {
            let message = format!("expected standard deviations other than 0 in {}, got {:?}", x.dtype(), self.std);
            return Err(Error::value("Normalize", message));
        }
        x.try_sub(&mean)?.try_div(&std)
    }
}
