//! From a picture to the input of a network.

use super::{SIDE, number};
use rushlight::io::safetensors::Metadata;
use rushlight::vision::models::{self, ImageClassification};
use rushlight::vision::transforms::{CenterCrop, Compose, InterpolationMode, Normalize, Resize, ToTensor, Transform};
use rushlight::vision::{DecodeOptions, Image, PixelFormat, mnist_pixels};
use rushlight::{Result, Tensor};
use serde::{Deserialize, Serialize};

/// Lengths above this are no sizes of network inputs.
const LONGEST: usize = 4096;

/// The largest picture that is decoded: those of cameras, and no more, since each core decodes one and they take up to four bytes a pixel.
const MAX_PIXELS: usize = 64 << 20;

/// How the pictures of a model are prepared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "input", rename_all = "lowercase")]
pub(crate) enum Preprocessing {
    /// Digits as in MNIST: 28 x 28, gray, bright ink on black, normalized by one mean and one standard deviation.
    Digits { mean: f64, std: f64 },
    /// Photographs in color.
    Photographs(Photographs),
}

/// How photographs are prepared: the shorter side is scaled, the middle cut out, and the channels are normalized.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Photographs {
    /// The length that the shorter side is scaled to.
    pub resize: usize,
    /// Width and height of what is cut out of the middle.
    pub crop: usize,
    pub interpolation: Interpolation,
    pub mean: [f64; 3],
    pub std: [f64; 3],
}

/// How pixels between those of a photograph are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Interpolation {
    Bilinear,
    Bicubic,
}

impl From<Interpolation> for InterpolationMode {
    fn from(interpolation: Interpolation) -> InterpolationMode {
        match interpolation {
            Interpolation::Bilinear => InterpolationMode::Bilinear,
            Interpolation::Bicubic => InterpolationMode::Bicubic,
        }
    }
}

impl From<ImageClassification> for Photographs {
    fn from(published: ImageClassification) -> Photographs {
        let ImageClassification { crop_size, resize_size, mean, std, interpolation } = published;
        let interpolation = match interpolation {
            models::Interpolation::Bilinear => Interpolation::Bilinear,
            models::Interpolation::Bicubic => Interpolation::Bicubic,
        };
        Photographs { resize: resize_size, crop: crop_size, interpolation, mean, std }
    }
}

impl Preprocessing {
    /// What the metadata of a model file say; files of the first version have nothing but two numbers for digits.
    pub(super) fn of(about: &Metadata) -> Result<Preprocessing, String> {
        let Some(text) = about.get("preprocessing") else {
            let mean = number(about, "mean", |mean: &f64| mean.is_finite())?;
            let std = number(about, "std", |std: &f64| std.is_finite() && *std > 0.0)?;
            return Ok(Preprocessing::Digits { mean, std });
        };
        let wrong = |why: String| format!("expected valid preprocessing in the metadata, got {text:?}: {why}");
        let preprocessing: Preprocessing = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
        preprocessing.check().map_err(wrong)?;
        Ok(preprocessing)
    }

    fn check(&self) -> Result<(), String> {
        let (mean, std) = match self {
            Preprocessing::Digits { mean, std } => (std::slice::from_ref(mean), std::slice::from_ref(std)),
            Preprocessing::Photographs(Photographs { resize, crop, mean, std, .. }) => {
                if !(1..=*resize).contains(crop) || *resize > LONGEST {
                    return Err(format!("crop must be at least 1, resize at least crop and at most {LONGEST}"));
                }
                (&mean[..], &std[..])
            }
        };
        if !mean.iter().all(|mean| mean.is_finite()) || !std.iter().all(|std| std.is_finite() && *std > 0.0) {
            return Err("mean must be finite, std finite and greater than 0".into());
        }
        Ok(())
    }

    /// Whether the model is one of digits.
    pub(crate) fn is_digits(&self) -> bool {
        matches!(self, Preprocessing::Digits { .. })
    }

    /// How pictures are decoded.
    pub(crate) fn decoding(&self) -> DecodeOptions {
        match self {
            Preprocessing::Digits { .. } => DecodeOptions::new().max_pixels(MAX_PIXELS),
            Preprocessing::Photographs(photographs) => photographs.decoding(),
        }
    }

    /// The input `[channels, height, width]` of one picture.
    pub(crate) fn input(&self, picture: Image) -> Result<Tensor> {
        match self {
            Preprocessing::Digits { mean, std } => {
                let x = Tensor::try_from_vec(mnist_pixels(&picture)?, [1, SIDE, SIDE])?;
                x.try_sub(*mean)?.try_div(*std)
            }
            Preprocessing::Photographs(photographs) => photographs.input(picture),
        }
    }
}

impl Photographs {
    /// The input `[3, crop, crop]` of one photograph.
    pub(crate) fn input(&self, photograph: Image) -> Result<Tensor> {
        let resize =
            Resize::builder(self.resize).interpolation(InterpolationMode::from(self.interpolation)).try_build()?;
        let photograph = Compose::new((resize, CenterCrop::new(self.crop))).try_apply(photograph)?;
        self.normalized(photograph)
    }

    /// The input of a photograph that has been cut out.
    pub(crate) fn normalized(&self, photograph: Image) -> Result<Tensor> {
        let photograph = if photograph.format() == PixelFormat::Rgb { photograph } else { photograph.to_rgb() };
        Compose::new((ToTensor::new(), Normalize::try_new(self.mean, self.std)?)).try_apply(photograph)
    }

    /// How photographs are decoded: large ones at a part of their size, which leaves averages over several pixels to the resizing.
    pub(crate) fn decoding(&self) -> DecodeOptions {
        DecodeOptions::new().max_pixels(MAX_PIXELS).at_least([2 * self.resize; 2])
    }
}
