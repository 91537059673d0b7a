//! Mixing the samples of a batch.

use super::Transform;
use super::draw::Draws;
use super::picture::sealed::Kernels;
use crate::{DType, Error, Result, Tensor};
use rushlight_macros::{Builder, op};

/// What both transforms are built from.
#[derive(Builder, Clone, Copy, Debug)]
#[builder(new = pub(super), on(MixUpBuilder, options), on(CutMixBuilder, options))]
struct MixOptions {
    /// Both parameters of the Beta distribution of the share of each sample; default 1, the uniform distribution.
    #[builder(default = 1.0)]
    alpha: f64,
    /// The number of classes, which labels by number need; default none, for labels that are probabilities.
    num_classes: Option<usize>,
}

impl MixOptions {
    fn checked(self, op: &'static str) -> Result<MixOptions> {
        if self.alpha > 0.0 && self.alpha.is_finite() && self.num_classes != Some(0) {
            return Ok(self);
        }
        let (alpha, classes) = (self.alpha, self.num_classes);
        Err(Error::value(op, format!("expected a positive alpha and number of classes, got {alpha} and {classes:?}")))
    }

    /// The share of each sample, from Beta(alpha, alpha).
    fn share(&self, draws: &Draws) -> f64 {
        draws.generator.dirichlet(&[self.alpha as f32; 2])[0].into()
    }

    /// Labels as probabilities `[batch, classes]`, after a check of the batch.
    fn targets(&self, op: &'static str, x: &Tensor, labels: &Tensor) -> Result<Tensor> {
        if x.dim() != 4 || x.shape()[0] == 0 || labels.dim() == 0 || labels.shape()[0] != x.shape()[0] {
            let (x, labels) = (x.shape(), labels.shape());
            let message = format!(
                "expected a batch [samples, channels, height, width] and as many labels, got shapes {x:?} and {labels:?}"
            );
            return Err(Error::shape(op, message));
        }
        match (labels.dim(), self.num_classes) {
            (1, Some(classes)) => {
                let numbers = labels.try_to_dtype(DType::I64)?;
                if let Some(bad) = numbers.to_vec::<i64>().iter().find(|&&label| !(0..classes as i64).contains(&label))
                {
                    return Err(Error::value(op, format!("expected labels of {classes} classes from 0, got {bad}")));
                }
                let classes = Tensor::try_arange(classes as i64)?;
                numbers.try_unsqueeze(1)?.try_eq(&classes)?.try_to_dtype(DType::F32)
            }
            (2, classes) if classes.is_none_or(|classes| classes == labels.shape()[1]) => {
                if labels.dtype().is_float() {
                    Ok(labels.clone())
                } else {
                    labels.try_to_dtype(DType::F32)
                }
            }
            (_, classes) => {
                let message = format!(
                    "expected labels [samples] by number, with num_classes, or probabilities [samples, classes], got shape {:?} and num_classes {classes:?}",
                    labels.shape()
                );
                Err(Error::value(op, message))
            }
        }
    }
}

/// Each sample at the place of the next one, as `x.roll(1, 0)`.
fn rolled(x: &Tensor) -> Result<Tensor> {
    let last = x.shape()[0] - 1;
    Tensor::try_cat([x.try_narrow(0, last as isize, 1)?, x.try_narrow(0, 0, last)?])
}

/// `share` of each sample and the rest of the one before it.
fn mixed(x: &Tensor, share: f64) -> Result<Tensor> {
    rolled(x)?.try_mul(1.0 - share)?.try_add(&x.try_mul(share)?)
}

/// Mixes each sample of a batch and its label with those of another, as `torchvision.transforms.v2.MixUp` (Zhang et al., 2017).
///
/// Neighboring samples of the batch are mixed, so that it should be shuffled. Labels become probabilities of classes. Draws come from
/// [`sample_generator`](crate::data::sample_generator).
///
/// ```
/// use rushlight::Tensor;
/// use rushlight::vision::transforms::{MixUp, Transform};
///
/// let batch = (Tensor::rand([2, 3, 4, 4]), Tensor::from([0, 1]));
/// let (x, targets) = MixUp::builder().alpha(0.2).num_classes(5).build().apply(batch);
/// assert_eq!((x.shape(), targets.shape()), (&[2, 3, 4, 4][..], &[2, 5][..]));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct MixUp(MixOptions);

/// The options of [`MixUp`].
#[derive(Clone, Copy, Debug)]
pub struct MixUpBuilder {
    options: MixOptions,
}

impl MixUpBuilder {
    /// Creates the transform.
    ///
    /// # Errors
    /// If `alpha` or the number of classes is not positive.
    #[op]
    pub fn try_build(self) -> Result<MixUp> {
        Ok(MixUp(self.options.checked("MixUp")?))
    }
}

impl MixUp {
    /// Creates the transform with `alpha` 1 and labels by number of so many classes.
    ///
    /// # Errors
    /// If the number is 0.
    #[op(torch = "torchvision.transforms.v2.MixUp(*, alpha=1.0, num_classes=None, labels_getter='default')")]
    pub fn try_new(num_classes: usize) -> Result<MixUp> {
        MixUp::builder().num_classes(num_classes).try_build()
    }

    /// Returns a builder of the transform.
    pub fn builder() -> MixUpBuilder {
        MixUpBuilder { options: MixOptions::new() }
    }
}

impl Transform<(Tensor, Tensor)> for MixUp {
    type Output = (Tensor, Tensor);

    fn try_apply(&self, (x, labels): (Tensor, Tensor)) -> Result<(Tensor, Tensor)> {
        let targets = self.0.targets("MixUp", &x, &labels)?;
        if !x.dtype().is_float() {
            return Err(Error::dtype("MixUp", format!("expected a floating-point tensor, got {}", x.dtype())));
        }
        let share = self.0.share(&Draws::new());
        Ok((mixed(&x, share)?, mixed(&targets, share)?))
    }
}

/// Replaces a rectangle of each sample of a batch by that of another, and mixes their labels by its area, as
/// `torchvision.transforms.v2.CutMix` (Yun et al., 2019).
///
/// Neighboring samples of the batch are mixed, so that it should be shuffled. Labels become probabilities of classes. Draws come from
/// [`sample_generator`](crate::data::sample_generator).
///
/// ```
/// use rushlight::Tensor;
/// use rushlight::vision::transforms::{CutMix, Transform};
///
/// let batch = (Tensor::rand([2, 3, 4, 4]), Tensor::from([0, 1]));
/// let (x, targets) = CutMix::new(5).apply(batch);
/// assert_eq!((x.shape(), targets.shape()), (&[2, 3, 4, 4][..], &[2, 5][..]));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct CutMix(MixOptions);

/// The options of [`CutMix`].
#[derive(Clone, Copy, Debug)]
pub struct CutMixBuilder {
    options: MixOptions,
}

impl CutMixBuilder {
    /// Creates the transform.
    ///
    /// # Errors
    /// If `alpha` or the number of classes is not positive.
    #[op]
    pub fn try_build(self) -> Result<CutMix> {
        Ok(CutMix(self.options.checked("CutMix")?))
    }
}

impl CutMix {
    /// Creates the transform with `alpha` 1 and labels by number of so many classes.
    ///
    /// # Errors
    /// If the number is 0.
    #[op(torch = "torchvision.transforms.v2.CutMix(*, alpha=1.0, num_classes=None, labels_getter='default')")]
    pub fn try_new(num_classes: usize) -> Result<CutMix> {
        CutMix::builder().num_classes(num_classes).try_build()
    }

    /// Returns a builder of the transform.
    pub fn builder() -> CutMixBuilder {
        CutMixBuilder { options: MixOptions::new() }
    }
}

impl Transform<(Tensor, Tensor)> for CutMix {
    type Output = (Tensor, Tensor);

    fn try_apply(&self, (x, labels): (Tensor, Tensor)) -> Result<(Tensor, Tensor)> {
        let targets = self.0.targets("CutMix", &x, &labels)?;
        let (_, [height, width]) = x.dimensions("CutMix")?;
        if height == 0 || width == 0 {
            return Err(Error::shape("CutMix", format!("expected samples with pixels, got shape {:?}", x.shape())));
        }
        let draws = Draws::new();
        let share = self.0.share(&draws);
        // The middle of the rectangle, and half of its sides.
        let (x_mid, y_mid) = (draws.below(width), draws.below(height));
        let half = 0.5 * (1.0 - share).sqrt();
        let span = |middle: usize, length: usize| {
            let half = (half * length as f64) as usize;
            middle.saturating_sub(half)..(middle + half).min(length)
        };
        let (rows, columns) = (span(y_mid, height), span(x_mid, width));
        let part = |x: &Tensor| {
            x.try_narrow(-2, rows.start as isize, rows.len())?.try_narrow(-1, columns.start as isize, columns.len())
        };
        let out = x.try_copy()?;
        part(&out)?.try_copy_(&part(&rolled(&x)?)?)?;
        let share = 1.0 - (rows.len() * columns.len()) as f64 / (width * height) as f64;
        Ok((out, mixed(&targets, share)?))
    }
}
