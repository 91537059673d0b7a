//! `rushlight train`: trains an image classifier and writes model, metrics and figures into a folder.

use crate::data::Data;
use crate::failure::{Failure, Result};
use crate::interrupt::Interrupt;
use crate::model::{Classifier, LeNet};
use crate::output::say;
use crate::report::{self, Epoch, HEADING};
use crate::run_folder::RunFolder;
use crate::training::{Outcome, Training};
use clap::{Args, ValueEnum};
use rushlight::nn::{Module, Parameter};
use rushlight::optim::{Adam, Optimizer, SGD};
use rushlight::plot::ConfusionMatrix;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Train a classifier on the embedded digits or on a folder of IDX files
#[derive(Args, Debug)]
pub(crate) struct TrainArgs {
    /// Folder with train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte,
    /// each plain or .gz; without it the embedded digits (2,000 for training, 500 for the test) are used
    pub data: Option<PathBuf>,
    /// Passes over the training images
    #[arg(long, default_value_t = 12, value_parser = count)]
    pub epochs: usize,
    /// Images in each training step
    #[arg(long, default_value_t = 32, value_parser = count)]
    pub batch_size: usize,
    /// Learning rate at the start; it falls to 0 along a cosine [default: 0.03 for sgd, 0.002 for adam]
    #[arg(long, value_parser = learning_rate)]
    pub lr: Option<f64>,
    /// The optimizer
    #[arg(long, value_enum, default_value_t = OptimizerKind::Sgd)]
    pub optimizer: OptimizerKind,
    /// Seed of initial weights, shuffling and dropout; the same seed produces the same model
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Threads that compute; the result does not depend on it [default: one for each core]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Threads that prepare batches ahead (0: none); the result does not depend on it
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=1024))]
    pub workers: u16,
    /// Folder to write into [default: the first free one of runs/<data>-1, runs/<data>-2 ...]
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Write into the folder given with --out even if it holds another run
    #[arg(long, requires = "out")]
    pub overwrite: bool,
}

/// The optimizers a classifier can be trained with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OptimizerKind {
    /// Stochastic gradient descent with momentum 0.9
    Sgd,
    /// Adam with its default coefficients
    Adam,
}

impl OptimizerKind {
    /// The optimizer, with its default learning rate unless one is given.
    fn build(self, params: Vec<Parameter>, lr: Option<f64>) -> Result<Box<dyn Optimizer>> {
        Ok(match self {
            OptimizerKind::Sgd => Box::new(SGD::builder(params).lr(lr.unwrap_or(0.03)).momentum(0.9).try_build()?),
            OptimizerKind::Adam => Box::new(Adam::builder(params).lr(lr.unwrap_or(0.002)).try_build()?),
        })
    }
}

/// An integer from 1.
fn count(text: &str) -> std::result::Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".into()),
        Ok(value) => Ok(value),
        Err(_) => Err("not an integer".into()),
    }
}

fn learning_rate(text: &str) -> std::result::Result<f64, String> {
    match text.parse() {
        Ok(value) if value > 0.0 && f64::is_finite(value) => Ok(value),
        Ok(_) => Err("must be greater than 0 and finite".into()),
        Err(_) => Err("not a number".into()),
    }
}

/// Runs the command.
pub(crate) fn run(args: &TrainArgs) -> Result<()> {
    let interrupt = Interrupt::listen()?;
    if let Some(threads) = args.threads {
        rushlight::set_num_threads(threads.into());
    }
    let data = Data::load(args.data.as_deref())?;
    let folder = match &args.out {
        Some(out) => RunFolder::at(out, args.overwrite)?,
        None => RunFolder::numbered(Path::new("runs"), &data.name)?,
    };
    let mut run = Run { folder: &folder, title: data.name.clone(), last: None, epochs: Vec::new() };
    let result = run.train(args, data, &interrupt);
    let kept = run.finish();
    if run.epochs.is_empty() {
        folder.discard_if_empty();
    }
    // What stopped the training matters more than a figure that could not be drawn after it.
    result.and(kept)
}

/// A training run: where it writes to, and what it has come to so far.
struct Run<'a> {
    folder: &'a RunFolder,
    title: String,
    epochs: Vec<Epoch>,
    /// The test of the last finished epoch.
    last: Option<ConfusionMatrix>,
}

impl Run<'_> {
    fn train(&mut self, args: &TrainArgs, data: Data, interrupt: &Interrupt) -> Result<()> {
        rushlight::manual_seed(args.seed);
        say(&data.describe())?;
        let (mean, std) = data.statistics;
        let classifier = Classifier { net: LeNet::new(data.classes), classes: data.classes, mean, std };
        say(&format!(
            "LeNet with {} parameters, {} threads",
            classifier.net.num_parameters(),
            rushlight::num_threads()
        ))?;
        let optimizer = args.optimizer.build(classifier.net.parameters(), args.lr)?;
        let mut training =
            Training::new(classifier, optimizer, data, args.epochs, args.batch_size, args.workers.into())?;
        say(&format!("\n{HEADING}"))?;
        let started = Instant::now();
        for number in 1..=args.epochs {
            match training.epoch(number, interrupt)? {
                Outcome::Finished(epoch, confusion) => self.keep(&training.classifier, epoch, confusion)?,
                Outcome::Interrupted => return Err(Failure::interrupted(self.stopped("interrupted", number))),
                Outcome::Diverged => {
                    let why = "the loss is no longer a finite number (a lower --lr helps)";
                    return Err(Failure::new(self.stopped(why, number)));
                }
            }
        }
        say(&format!("\ntrained in {:.1} s", started.elapsed().as_secs_f64()))
    }

    /// Writes what there is after a finished epoch, so that nothing of it can be lost.
    fn keep(&mut self, classifier: &Classifier, epoch: Epoch, confusion: ConfusionMatrix) -> Result<()> {
        classifier.save(&self.folder.file("model.safetensors"), epoch.number)?;
        self.epochs.push(epoch);
        report::save_csv(&self.epochs, &self.folder.file("metrics.csv"))?;
        self.last = Some(confusion);
        say(&epoch.row())
    }

    fn stopped(&self, why: &str, number: usize) -> String {
        match self.epochs.last() {
            None => format!("{why} in epoch {number}: no epoch was finished, nothing was kept"),
            Some(last) => {
                format!("{why} in epoch {number}: epoch {} is kept in {}", last.number, self.folder.path().display())
            }
        }
    }

    /// Draws the figures and reports the last finished epoch.
    fn finish(&self) -> Result<()> {
        let (Some(epoch), Some(confusion)) = (self.epochs.last(), &self.last) else { return Ok(()) };
        report::save_curves(&self.title, &self.epochs, &self.folder.file("curves.png"))?;
        confusion.save(self.folder.file("confusion.png"))?;
        let accuracy = 100.0 * epoch.test_accuracy;
        say(&format!(
            "test accuracy {accuracy:.2} %, test loss {:.8}, training loss {:.8}",
            epoch.test_loss, epoch.train_loss
        ))?;
        let folder = self.folder.path().display();
        say(&format!("written to {folder}: model.safetensors, metrics.csv, curves.png, confusion.png"))
    }
}
