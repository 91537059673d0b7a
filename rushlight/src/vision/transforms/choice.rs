//! Transforms made of others.

use super::Transform;
use super::compose::Choices;
use super::draw::Draws;
use super::options::probability;
use crate::{Error, Result};
use rushlight_macros::op;

/// A function as a transform, as `torchvision.transforms.Lambda`.
///
/// ```
/// use rushlight::Tensor;
/// use rushlight::vision::transforms::{Compose, Lambda, ToTensor, Transform};
/// use rushlight::vision::{Image, PixelFormat};
///
/// let negative = Compose::new((ToTensor::new(), Lambda::new(|x: Tensor| x.try_mul(-1)?.try_add(1))));
/// assert_eq!(negative.apply(Image::new(1, 1, PixelFormat::Gray, vec![255])).item(), 0.0);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Lambda<F>(F);

impl<F> Lambda<F> {
    /// Creates the transform from a function that returns a [`Result`].
    pub fn new(lambda: F) -> Lambda<F> {
        Lambda(lambda)
    }
}

impl<T, U, F: Fn(T) -> Result<U> + Send + Sync> Transform<T> for Lambda<F> {
    type Output = U;

    fn try_apply(&self, input: T) -> Result<U> {
        (self.0)(input)
    }
}

/// Applies a transform with a probability, as `torchvision.transforms.RandomApply`; several are one [`Compose`](super::Compose).
///
/// ```
/// use rushlight::vision::transforms::{Grayscale, RandomApply, Transform};
/// use rushlight::vision::{Image, PixelFormat};
///
/// let image = Image::new(1, 1, PixelFormat::Rgb, vec![1, 2, 3]);
/// let never = RandomApply::builder(Grayscale::new()).p(0.0).build();
/// assert_eq!(never.apply(image.clone()), image);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct RandomApply<S>(RandomApplyBuilder<S>);

/// The options of [`RandomApply`].
#[derive(Clone, Copy, Debug)]
pub struct RandomApplyBuilder<S> {
    transform: S,
    p: f64,
}

impl<S> RandomApplyBuilder<S> {
    /// Sets the probability; default 0.5.
    pub fn p(self, p: f64) -> Self {
        RandomApplyBuilder { p, ..self }
    }

    /// Creates the transform.
    ///
    /// # Errors
    /// If the probability is not in [0, 1].
    #[op]
    pub fn try_build(self) -> Result<RandomApply<S>> {
        probability("RandomApply", self.p)?;
        Ok(RandomApply(self))
    }
}

impl<S> RandomApply<S> {
    /// Creates the transform with probability 0.5.
    pub fn new(transform: S) -> RandomApply<S> {
        RandomApply(RandomApply::builder(transform))
    }

    /// Returns a builder of the transform.
    pub fn builder(transform: S) -> RandomApplyBuilder<S> {
        RandomApplyBuilder { transform, p: 0.5 }
    }
}

impl<T, S: Transform<T, Output = T>> Transform<T> for RandomApply<S> {
    type Output = T;

    fn try_apply(&self, input: T) -> Result<T> {
        // Not `chance`: torchvision compares the other way round, and applies where both are equal.
        if (self.0.p as f32) < Draws::new().unit() { Ok(input) } else { self.0.transform.try_apply(input) }
    }
}

/// Applies one of several transforms, as `torchvision.transforms.v2.RandomChoice`. (That of `torchvision.transforms` draws from Python's
/// generator.) The transforms are a tuple of 1 to 12 or a vector.
///
/// ```
/// use rushlight::vision::transforms::{RandomChoice, RandomHorizontalFlip, RandomVerticalFlip, Transform};
/// use rushlight::vision::{Image, PixelFormat};
///
/// let flips = (RandomHorizontalFlip::builder().p(1.0).build(), RandomVerticalFlip::builder().p(1.0).build());
/// let flip = RandomChoice::builder(flips).p([1.0, 0.0]).build();
/// assert_eq!(flip.apply(Image::new(2, 1, PixelFormat::Gray, vec![1, 2])).samples(), [2, 1]);
/// ```
#[derive(Clone, Debug)]
pub struct RandomChoice<S>(RandomChoiceBuilder<S>);

/// The options of [`RandomChoice`].
#[derive(Clone, Debug)]
pub struct RandomChoiceBuilder<S> {
    transforms: S,
    weights: Option<Vec<f64>>,
}

impl<S> RandomChoiceBuilder<S> {
    /// Sets the weights of the transforms, whose sum is the probability 1; by default they are equal.
    pub fn p(self, weights: impl Into<Vec<f64>>) -> Self {
        RandomChoiceBuilder { weights: Some(weights.into()), ..self }
    }

    /// Creates the transform.
    ///
    /// # Errors
    /// If a weight is negative or not finite, or none is positive.
    #[op]
    pub fn try_build(self) -> Result<RandomChoice<S>> {
        if let Some(weights) = &self.weights {
            let sum: f64 = weights.iter().sum();
            if !(sum > 0.0 && sum.is_finite() && weights.iter().all(|&weight| weight >= 0.0)) {
                let message = format!("expected weights of at least 0 and one above 0, got {weights:?}");
                return Err(Error::value("RandomChoice", message));
            }
        }
        Ok(RandomChoice(self))
    }
}

impl<S> RandomChoice<S> {
    /// Creates the transform with equal probabilities.
    pub fn new(transforms: S) -> RandomChoice<S> {
        RandomChoice(RandomChoice::builder(transforms))
    }

    /// Returns a builder of the transform.
    pub fn builder(transforms: S) -> RandomChoiceBuilder<S> {
        RandomChoiceBuilder { transforms, weights: None }
    }
}

impl<T, S: Choices<T>> Transform<T> for RandomChoice<S> {
    type Output = T;

    fn try_apply(&self, input: T) -> Result<T> {
        let RandomChoiceBuilder { transforms, weights } = &self.0;
        let count = transforms.count();
        let equal = vec![1.0; count];
        let weights = weights.as_ref().unwrap_or(&equal);
        if weights.len() != count || count == 0 {
            let message =
                format!("expected one weight for each of 1 or more transforms, got {} for {count}", weights.len());
            return Err(Error::value("RandomChoice", message));
        }
        let sum: f64 = weights.iter().sum();
        let shares: Vec<f32> = weights.iter().map(|weight| (weight / sum) as f32).collect();
        let drawn = Draws::new().generator.multinomial(&shares, count, 1, false);
        let index = drawn.map_err(|message| Error::value("RandomChoice", message))?[0];
        transforms.try_apply_at(index as usize, input)
    }
}

/// Applies transforms in a random order, as `torchvision.transforms.v2.RandomOrder`. (That of `torchvision.transforms` draws from Python's
/// generator.) The transforms are a tuple of 1 to 12 or a vector.
///
/// ```
/// use rushlight::vision::transforms::{Grayscale, Pad, RandomOrder, Transform};
/// use rushlight::vision::{Image, PixelFormat};
///
/// let both = RandomOrder::new((Grayscale::new(), Pad::new(1)));
/// let image = both.apply(Image::new(1, 1, PixelFormat::Rgb, vec![9, 9, 9]));
/// assert_eq!(image.samples(), [0, 0, 0, 0, 9, 0, 0, 0, 0]);
/// ```
#[derive(Clone, Debug)]
pub struct RandomOrder<S>(S);

impl<S> RandomOrder<S> {
    /// Creates the transform.
    pub fn new(transforms: S) -> RandomOrder<S> {
        RandomOrder(transforms)
    }
}

impl<T, S: Choices<T>> Transform<T> for RandomOrder<S> {
    type Output = T;

    fn try_apply(&self, input: T) -> Result<T> {
        let order = Draws::new().generator.randperm(self.0.count());
        order.into_iter().try_fold(input, |input, index| self.0.try_apply_at(index as usize, input))
    }
}
