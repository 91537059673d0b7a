//! Augmentation by name: random changes of the training photographs that keep their class.

use crate::model::Photographs;
use clap::ValueEnum;
use rushlight::vision::Image;
use rushlight::vision::transforms::{
    CutMix, InterpolationMode, MixUp, RandAugment, RandomHorizontalFlip, RandomResizedCrop, Transform,
    TrivialAugmentWide,
};
use rushlight::{Result, Tensor};
use serde::{Deserialize, Serialize};

/// How photographs are changed before each epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Augmentation {
    /// As they are
    None,
    /// Mirrored, every second one
    Flip,
    /// A random part, mirrored every second time
    Crop,
    /// As crop, and one random operation of any strength (TrivialAugmentWide)
    TrivialAugment,
    /// As crop, and two random operations (RandAugment)
    RandAugment,
    /// As crop, and each mixed with another photograph
    Mixup,
    /// As crop, and a part of each replaced by that of another photograph
    Cutmix,
}

impl Augmentation {
    /// The input `[3, height, width]` of a network from a training photograph. Draws come from the generator of the item.
    pub(super) fn input(self, photograph: Image, preprocessing: &Photographs) -> Result<Tensor> {
        let crop = |photograph: Image| {
            let crop = RandomResizedCrop::builder(preprocessing.crop).scale([0.35, 1.0]);
            let crop = crop.interpolation(InterpolationMode::from(preprocessing.interpolation)).try_build()?;
            RandomHorizontalFlip::new().try_apply(crop.try_apply(photograph)?)
        };
        let photograph = match self {
            Augmentation::None => return preprocessing.input(photograph),
            Augmentation::Flip => return preprocessing.input(RandomHorizontalFlip::new().try_apply(photograph)?),
            Augmentation::Crop | Augmentation::Mixup | Augmentation::Cutmix => crop(photograph)?,
            Augmentation::TrivialAugment => TrivialAugmentWide::new().try_apply(crop(photograph)?)?,
            Augmentation::RandAugment => RandAugment::new().try_apply(crop(photograph)?)?,
        };
        preprocessing.normalized(photograph)
    }

    /// A batch for training; its labels become probabilities where photographs are mixed. Draws come from the default generator.
    pub(super) fn batch(self, x: Tensor, labels: Tensor, classes: usize) -> Result<(Tensor, Tensor)> {
        match self {
            Augmentation::Mixup => MixUp::builder().alpha(0.2).num_classes(classes).try_build()?.try_apply((x, labels)),
            Augmentation::Cutmix => CutMix::builder().num_classes(classes).try_build()?.try_apply((x, labels)),
            _ => Ok((x, labels)),
        }
    }
}
