//! Random erasing.

use super::crop::{area_ranges, draw_area};
use super::draw::Draws;
use super::options::probability;
use super::picture::sealed::Kernels;
use super::{Transform, functional};
use crate::{Error, Result, Tensor};
use rushlight_macros::{Builder, op};

/// What [`RandomErasing`] writes: a number for all channels, one for each, or random numbers.
#[derive(Clone, Debug, PartialEq)]
pub enum EraseValue {
    /// The values of a pixel: one, or one per channel.
    Pixel(Vec<f64>),
    /// Normal numbers with mean 0 and variance 1.
    Random,
}

impl From<f64> for EraseValue {
    fn from(value: f64) -> EraseValue {
        EraseValue::Pixel(vec![value])
    }
}

impl<const N: usize> From<[f64; N]> for EraseValue {
    fn from(values: [f64; N]) -> EraseValue {
        EraseValue::Pixel(values.into())
    }
}

/// Replaces a random rectangle of tensors `[…, channels, height, width]` with a probability, as `torchvision.transforms.RandomErasing`
/// (Zhong et al., 2017).
///
/// ```
/// use rushlight::Tensor;
/// use rushlight::vision::transforms::{RandomErasing, Transform};
///
/// let erasing = RandomErasing::builder().p(1.0).scale([0.25, 0.25]).ratio([1.0, 1.0]).build();
/// assert_eq!(erasing.apply(Tensor::ones([1, 4, 4])).sum().item(), 12.0);
/// ```
#[derive(Clone, Debug)]
pub struct RandomErasing(RandomErasingBuilder);

/// The options of [`RandomErasing`].
#[derive(Builder, Clone, Debug)]
#[builder(new = pub(super))]
pub struct RandomErasingBuilder {
    /// The probability; default 0.5.
    #[builder(default = 0.5)]
    p: f64,
    /// The range of the rectangle's share of the area; default 0.02 to 0.33.
    #[builder(default = [0.02, 0.33])]
    scale: [f64; 2],
    /// The range of height divided by width; default 0.3 to 3.3.
    #[builder(default = [0.3, 3.3])]
    ratio: [f64; 2],
    /// The values of the rectangle; default 0.
    #[builder(default = EraseValue::Pixel(vec![0.0]))]
    value: EraseValue,
}

impl RandomErasingBuilder {
    /// Creates the transform.
    ///
    /// # Errors
    /// If the probability or a share is not in [0, 1], a range is empty, or a ratio is not positive.
    #[op]
    pub fn try_build(self) -> Result<RandomErasing> {
        let RandomErasingBuilder { p, scale, ratio, .. } = self;
        probability("RandomErasing", p)?;
        area_ranges("RandomErasing", scale, ratio)?;
        if scale[1] > 1.0 {
            return Err(Error::value("RandomErasing", format!("expected shares in [0, 1], got {scale:?}")));
        }
        Ok(RandomErasing(self))
    }
}

impl Default for RandomErasing {
    fn default() -> RandomErasing {
        RandomErasing::new()
    }
}

impl RandomErasing {
    /// Creates the transform with torchvision's defaults.
    pub fn new() -> RandomErasing {
        RandomErasing(RandomErasing::builder())
    }

    /// Returns a builder of the transform.
    pub fn builder() -> RandomErasingBuilder {
        RandomErasingBuilder::new()
    }
}

impl Transform<Tensor> for RandomErasing {
    type Output = Tensor;

    fn try_apply(&self, x: Tensor) -> Result<Tensor> {
        let RandomErasingBuilder { p, scale, ratio, value } = &self.0;
        let draws = Draws::new();
        if !draws.chance(*p) {
            return Ok(x);
        }
        let (channels, [height, width]) = x.dimensions("RandomErasing")?;
        if let EraseValue::Pixel(values) = value
            && ![1, channels].contains(&values.len())
        {
            let message = format!("expected 1 or {channels} values, one per channel, got {}", values.len());
            return Err(Error::value("RandomErasing", message));
        }
        for _ in 0..10 {
            let [h, w] = draw_area("RandomErasing", &draws, (height * width) as f64, *scale, *ratio)?;
            if h >= height || w >= width {
                continue;
            }
            let value = match value {
                EraseValue::Pixel(values) => {
                    let values: Vec<f32> = values.iter().map(|&value| value as f32).collect();
                    let count = values.len();
                    Tensor::try_from_vec(values, [count, 1, 1])?
                }
                EraseValue::Random => {
                    let mut values = vec![0.0f32; channels * h * w];
                    draws
                        .generator
                        .normal(&mut values, 0.0, 1.0)
                        .map_err(|message| Error::value("RandomErasing", message))?;
                    Tensor::try_from_vec(values, [channels, h, w])?
                }
            };
            let top = draws.below(height - h + 1);
            let left = draws.below(width - w + 1);
            return functional::try_erase(&x, top, left, h, w, &value);
        }
        Ok(x)
    }
}
