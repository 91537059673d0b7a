//! Training and testing a classifier, epoch by epoch.

use crate::data::Data;
use crate::failure::{Failure, Result};
use crate::interrupt::Interrupt;
use crate::model::{Classifier, loss, right};
use crate::progress::Progress;
use crate::report::Epoch;
use rushlight::data::{DataLoader, IdxDataset};
use rushlight::nn::{Forward, Module};
use rushlight::no_grad;
use rushlight::optim::Optimizer;
use rushlight::plot::ConfusionMatrix;
use std::time::Instant;

/// Pictures in each step of a test; more are no faster.
const TEST_BATCH: usize = 250;

/// What training goes through: a model, the batches, and the way the learning rate falls.
pub struct Training {
    pub classifier: Classifier,
    optimizer: Box<dyn Optimizer>,
    train: DataLoader<IdxDataset>,
    test: DataLoader<IdxDataset>,
    lr: f64,
    epochs: usize,
    steps: usize,
}

/// Why an epoch did not end, or what it came to.
pub enum Outcome {
    Finished(Epoch, ConfusionMatrix),
    Interrupted,
    /// The loss became infinite or no number.
    Diverged,
}

impl Training {
    /// Training over `epochs` epochs of batches, with the learning rate falling from the optimizer's one to 0 along a cosine.
    pub fn new(
        classifier: Classifier,
        optimizer: Box<dyn Optimizer>,
        data: Data,
        epochs: usize,
        batch_size: usize,
        workers: usize,
    ) -> Result<Training> {
        let (mean, std) = (classifier.mean, classifier.std);
        let train = DataLoader::builder(data.train.try_normalize(mean, std)?)
            .batch_size(batch_size)
            .shuffle(true)
            .num_workers(workers)
            .try_build()?;
        let test = DataLoader::builder(data.test.try_normalize(mean, std)?).batch_size(TEST_BATCH).try_build()?;
        let lr = optimizer.lr();
        Ok(Training { classifier, optimizer, train, test, lr, epochs, steps: 0 })
    }

    /// Trains for one epoch and tests.
    pub fn epoch(&mut self, number: usize, interrupt: &Interrupt) -> Result<Outcome> {
        let mut progress = Progress::start(number, self.epochs, self.train.len());
        let net = &self.classifier.net;
        net.train(true);
        let total = self.epochs as f64 * self.train.len() as f64;
        for batch in self.train.try_iter() {
            let (images, labels) = batch?;
            self.optimizer.set_lr(self.lr * 0.5 * (1.0 + (std::f64::consts::PI * self.steps as f64 / total).cos()));
            let logits = net.try_forward(&images)?;
            let loss = loss(&logits, &labels)?;
            let value = loss.try_item()?;
            if interrupt.requested() || !value.is_finite() {
                progress.clear();
                return Ok(if interrupt.requested() { Outcome::Interrupted } else { Outcome::Diverged });
            }
            self.optimizer.zero_grad();
            loss.try_backward()?;
            self.optimizer.try_step()?;
            self.steps += 1;
            progress.batch(value, images.shape()[0], right(&logits, &labels)?);
        }
        let (trained, tested) = (progress.elapsed(), Instant::now());
        let test = self.test(interrupt)?;
        progress.clear();
        let Some((test_loss, confusion)) = test else { return Ok(Outcome::Interrupted) };
        let epoch = Epoch {
            number,
            train_loss: progress.loss(),
            train_accuracy: progress.accuracy(),
            test_loss,
            test_accuracy: confusion.accuracy(),
            images_per_second: progress.images_per_second(trained),
            seconds: (trained + tested.elapsed()).as_secs_f64(),
        };
        Ok(if test_loss.is_finite() { Outcome::Finished(epoch, confusion) } else { Outcome::Diverged })
    }

    /// The mean loss over the test pictures, and what was taken for what; nothing if the user asked to stop.
    fn test(&self, interrupt: &Interrupt) -> Result<Option<(f64, ConfusionMatrix)>> {
        let net = &self.classifier.net;
        net.eval();
        let mut confusion =
            ConfusionMatrix::new("Test pictures", (0..self.classifier.classes).map(|class| class.to_string()));
        let (mut sum, mut count) = (0.0, 0);
        for batch in self.test.try_iter() {
            if interrupt.requested() {
                return Ok(None);
            }
            let (images, labels) = batch?;
            let logits = no_grad(|| net.try_forward(&images))?;
            let n = images.shape()[0];
            sum += loss(&logits, &labels)?.try_item()? * n as f64;
            count += n;
            let predictions = logits.try_argmax_dim(1)?.try_to_vec::<i64>()?;
            for (truth, prediction) in labels.try_to_vec::<i64>()?.into_iter().zip(predictions) {
                confusion.try_record(truth as usize, prediction as usize)?;
            }
        }
        if count == 0 {
            return Err(Failure::new("there are no test pictures"));
        }
        Ok(Some((sum / count as f64, confusion)))
    }
}
