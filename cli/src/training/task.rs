//! What is trained on, as the loop of training sees it.

use super::augment::Augmentation;
use super::features::{FeaturePart, Features};
use super::plan::Settings;
use crate::failure::{Failure, Result};
use crate::photos::PhotoSet;
use rushlight::data::{DataLoader, IdxDataset, TensorDataset};
use rushlight::vision::models::ImageModel;
use rushlight::{Error, Tensor};
use std::path::PathBuf;

/// Pictures in each step of an evaluation that computes no more than the last layers.
const LARGE_BATCH: usize = 250;
/// Photographs in each step of an evaluation: more are no faster, and need more memory.
const BATCH: usize = 16;

/// A batch for a step of training.
pub(super) struct Batch {
    pub x: Tensor,
    /// Classes `[N]`, or their probabilities `[N, classes]`.
    pub targets: Tensor,
}

/// A batch for evaluation.
pub(super) struct HeldOutBatch {
    pub x: Tensor,
    pub labels: Tensor,
    /// Where the pictures are, if they are files.
    pub pictures: Vec<Option<PathBuf>>,
}

type Batches<'a, B> = Box<dyn Iterator<Item = Result<B>> + 'a>;

/// Batches, and what a network makes of them.
pub(super) trait Task {
    /// The number of batches of an epoch.
    fn steps(&self) -> usize;

    /// The batches of a new epoch, in an order drawn from the default generator.
    fn train(&self) -> Batches<'_, Batch>;

    /// The held-out pictures, in their order.
    fn held_out(&self) -> Batches<'_, HeldOutBatch>;

    /// The logits of a batch.
    fn logits(&self, net: &dyn ImageModel, x: &Tensor) -> Result<Tensor, Error>;

    /// Pictures that could not be read so far, with the reasons, if they are to be skipped.
    fn skipped(&self) -> Vec<(PathBuf, String)> {
        Vec::new()
    }
}

/// Digits in memory.
pub(super) struct DigitsTask {
    train: DataLoader<IdxDataset>,
    test: DataLoader<IdxDataset>,
}

impl DigitsTask {
    pub(super) fn new(train: IdxDataset, test: IdxDataset, batch_size: usize, workers: usize) -> Result<DigitsTask> {
        let train = DataLoader::builder(train).batch_size(batch_size).shuffle(true).num_workers(workers).try_build()?;
        let test = DataLoader::builder(test).batch_size(LARGE_BATCH).try_build()?;
        Ok(DigitsTask { train, test })
    }
}

impl Task for DigitsTask {
    fn steps(&self) -> usize {
        self.train.len()
    }

    fn train(&self) -> Batches<'_, Batch> {
        Box::new(
            self.train.try_iter().map(|batch| batch.map(|(x, targets)| Batch { x, targets }).map_err(Failure::from)),
        )
    }

    fn held_out(&self) -> Batches<'_, HeldOutBatch> {
        Box::new(self.test.try_iter().map(|batch| {
            let (x, labels) = batch?;
            Ok(HeldOutBatch { pictures: vec![None; x.shape()[0]], x, labels })
        }))
    }

    fn logits(&self, net: &dyn ImageModel, x: &Tensor) -> Result<Tensor, Error> {
        net.try_forward(x)
    }
}

/// Photographs whose features were computed once: only the last layer is trained.
pub(super) struct FeaturesTask {
    train: DataLoader<TensorDataset<(Tensor, Tensor)>>,
    held_out: FeaturePart,
    skipped: Vec<(PathBuf, String)>,
}

impl FeaturesTask {
    pub(super) fn new(features: Features, batch_size: usize) -> Result<FeaturesTask> {
        let Features { train, held_out, skipped } = features;
        let train = TensorDataset::try_new((train.features, train.labels))?;
        let train = DataLoader::builder(train).batch_size(batch_size).shuffle(true).try_build()?;
        Ok(FeaturesTask { train, held_out, skipped })
    }
}

impl Task for FeaturesTask {
    fn steps(&self) -> usize {
        self.train.len()
    }

    fn train(&self) -> Batches<'_, Batch> {
        Box::new(
            self.train.try_iter().map(|batch| batch.map(|(x, targets)| Batch { x, targets }).map_err(Failure::from)),
        )
    }

    fn held_out(&self) -> Batches<'_, HeldOutBatch> {
        let FeaturePart { features, labels, pictures } = &self.held_out;
        Box::new((0..pictures.len()).step_by(LARGE_BATCH).map(move |start| {
            let length = LARGE_BATCH.min(pictures.len() - start);
            let of = |tensor: &Tensor| tensor.try_narrow(0, start as isize, length);
            let pictures = pictures[start..start + length].iter().cloned().map(Some).collect();
            Ok(HeldOutBatch { x: of(features)?, labels: of(labels)?, pictures })
        }))
    }

    fn logits(&self, net: &dyn ImageModel, x: &Tensor) -> Result<Tensor, Error> {
        net.try_forward_head(x)
    }

    fn skipped(&self) -> Vec<(PathBuf, String)> {
        self.skipped.clone()
    }
}

/// Photographs that are read, changed at random and passed through the whole network in each epoch.
pub(super) struct PhotosTask {
    train: DataLoader<PhotoSet>,
    held_out: DataLoader<PhotoSet>,
    augment: Augmentation,
    classes: usize,
}

impl PhotosTask {
    pub(super) fn new(
        [train, held_out]: [PhotoSet; 2],
        classes: usize,
        settings: &Settings,
        workers: usize,
    ) -> Result<PhotosTask> {
        let loader = |photos, batch_size| {
            let loader = DataLoader::builder(photos).batch_size(batch_size).num_workers(workers);
            loader.skip_errors(settings.skip_bad)
        };
        let train = loader(train, settings.batch_size).shuffle(true).try_build()?;
        Ok(PhotosTask { train, held_out: loader(held_out, BATCH).try_build()?, augment: settings.augment, classes })
    }
}

impl Task for PhotosTask {
    fn steps(&self) -> usize {
        self.train.len()
    }

    fn train(&self) -> Batches<'_, Batch> {
        Box::new(self.train.try_iter().map(|batch| {
            let (x, labels, _) = batch.map_err(unreadable)?;
            let (x, targets) = self.augment.batch(x, labels, self.classes)?;
            Ok(Batch { x, targets })
        }))
    }

    fn held_out(&self) -> Batches<'_, HeldOutBatch> {
        Box::new(self.held_out.try_iter().map(|batch| {
            let (x, labels, indices) = batch.map_err(unreadable)?;
            let path = |index: i64| Some(self.held_out.dataset().path(index as usize).to_owned());
            Ok(HeldOutBatch { x, labels, pictures: indices.try_to_vec()?.into_iter().map(path).collect() })
        }))
    }

    fn logits(&self, net: &dyn ImageModel, x: &Tensor) -> Result<Tensor, Error> {
        net.try_forward(x)
    }

    fn skipped(&self) -> Vec<(PathBuf, String)> {
        let of = |loader: &DataLoader<PhotoSet>| {
            let skipped = loader.skipped();
            let named =
                skipped.iter().map(|one| (loader.dataset().path(one.index()).to_owned(), one.error().to_string()));
            named.collect::<Vec<_>>()
        };
        [of(&self.train), of(&self.held_out)].concat()
    }
}

/// A photograph that ends the run, and the way to go on without it.
pub(super) fn unreadable(error: Error) -> Failure {
    Failure::new(format!("{error} (--skip-bad leaves out pictures that cannot be read)"))
}
