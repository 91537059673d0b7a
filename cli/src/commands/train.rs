//! `rushlight train`: trains an image classifier and writes model, metrics and figures into a folder.

use crate::failure::{Failure, Result};
use crate::interrupt::Interrupt;
use crate::model::{LENET, names};
use crate::output::say;
use crate::photos::{Part, Photos, split};
use crate::run_folder::RunFolder;
use crate::table::Table;
use crate::text::{shown, shown_path, thousands};
use crate::training::{
    Augmentation, CARRIED, Data, OptimizerKind, PLAN, Plan, ScheduleKind, Settings, Trained, Weights, train,
};
use clap::Args;
use std::fs::{self, File};
use std::path::{Path, PathBuf, absolute};

/// Train a classifier on a folder of photographs
///
/// The classes are the names of the folders that the photographs are in, or what stands in front of their numbers, as in cat.0.jpg. Folders
/// named train and valid (or validation, val, test) are the two parts; otherwise a part of each class is held out to validate on.
///
/// Without --model, photographs pass once through EfficientNet-Lite0 with ImageNet weights, which the program carries, and only a new last
/// layer is trained: seconds instead of hours.
///
/// FOLDER may also hold the four IDX files of MNIST and its kin, plain or .gz; without FOLDER the embedded digits are used (2,000 for
/// training, 500 for the test).
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  rushlight train photos/                               a classifier from what the program carries
  rushlight train photos/ --model resnet18 --weights resnet18-f37072fd.pth --unfreeze-from layer4 --augment crop
  rushlight train --resume runs/photos-1                continue a run that was stopped
  rushlight train                                       the embedded digits")]
pub(crate) struct TrainArgs {
    /// Photographs, or IDX files
    #[arg(value_name = "FOLDER")]
    pub data: Option<PathBuf>,
    /// The network, see `rushlight models` [default: efficientnet_lite0; lenet for digits]
    #[arg(long, value_parser = model)]
    pub model: Option<String>,
    /// Weights to start with (.pt, .pth, .safetensors), for any number of classes [default: those the program carries, if they fit]
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// Start with random weights
    #[arg(long, conflicts_with = "weights")]
    pub from_scratch: bool,
    /// Train the last layer only [default with pretrained weights]
    #[arg(long, conflicts_with_all = ["unfreeze_from", "from_scratch"])]
    pub freeze: bool,
    /// Train this part of the network and all after it (`rushlight inspect` lists the parts), or all parts
    #[arg(long, value_name = "PART|all")]
    pub unfreeze_from: Option<String>,
    /// Passes over the training images [default: 20 if the last layer is trained alone, 12 for digits, otherwise 10]
    #[arg(long, value_parser = count)]
    pub epochs: Option<usize>,
    /// Images in each training step
    #[arg(long, default_value_t = 32, value_parser = count)]
    pub batch_size: usize,
    /// The optimizer [default: sgd for digits, otherwise adam]
    #[arg(long, value_enum)]
    pub optimizer: Option<OptimizerKind>,
    /// Learning rate at the start [default: by optimizer and by what is trained; the run says it]
    #[arg(long, value_parser = learning_rate)]
    pub lr: Option<f64>,
    /// How the learning rate changes
    #[arg(long, value_enum, default_value_t = ScheduleKind::Cosine)]
    pub schedule: ScheduleKind,
    /// Random changes of the training photographs [default: none if the last layer is trained alone, otherwise crop]
    #[arg(long, value_enum)]
    pub augment: Option<Augmentation>,
    /// Stop after this many epochs without a better one
    #[arg(long, value_name = "EPOCHS", value_parser = count)]
    pub patience: Option<usize>,
    /// The share of each class that is held out to validate on [default: 0.2]
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub validation: Option<f64>,
    /// Leave out pictures that cannot be read, and say which
    #[arg(long)]
    pub skip_bad: bool,
    /// Seed of the split, of initial weights, shuffling and dropout; the same seed produces the same model
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Threads that compute; the result does not depend on it [default: one for each core]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Threads that read pictures ahead; the result does not depend on it [default: one for each core; 0 for digits]
    #[arg(long, value_parser = clap::value_parser!(u16).range(..=1024))]
    pub workers: Option<u16>,
    /// Folder to write into [default: the first free one of runs/<data>-1, runs/<data>-2 ...]
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Write into the folder given with --out even if it holds another run
    #[arg(long, requires = "out")]
    pub overwrite: bool,
    /// Continue the run in this folder, with its settings, as if it had never stopped
    #[arg(long, value_name = "FOLDER", conflicts_with_all = [
        "data", "model", "weights", "from_scratch", "freeze", "unfreeze_from", "epochs", "batch_size", "optimizer", "lr", "schedule",
        "augment", "patience", "validation", "skip_bad", "seed", "out", "overwrite",
    ])]
    pub resume: Option<PathBuf>,
}

/// The name of a network.
fn model(text: &str) -> std::result::Result<String, String> {
    match names().contains(&text) {
        true => Ok(text.to_owned()),
        false => Err("not the name of a network: `rushlight models` lists them".into()),
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

fn share(text: &str) -> std::result::Result<f64, String> {
    match text.parse() {
        Ok(value) if 0.0 < value && value < 1.0 => Ok(value),
        Ok(_) => Err("must be between 0 and 1".into()),
        Err(_) => Err("not a number".into()),
    }
}

/// Runs the command.
pub(crate) fn run(args: &TrainArgs) -> Result<()> {
    let interrupt = Interrupt::listen()?;
    if let Some(threads) = args.threads {
        rushlight::set_num_threads(threads.into());
    }
    let (plan, folder) = match &args.resume {
        Some(path) => {
            let folder = RunFolder::of_run(path)?;
            (Plan::load(&folder.file(PLAN))?, folder)
        }
        None => begin(args)?,
    };
    let workers = match (args.workers, &plan.data) {
        (Some(workers), _) => workers.into(),
        (None, Data::Digits { .. }) => 0,
        (None, Data::Photos { .. }) => rushlight::num_threads(),
    };
    let result = train(&plan, &folder, workers, &interrupt);
    if result.is_err() && args.resume.is_none() && folder.is_without_results() {
        folder.discard();
    }
    result
}

/// Plans a new run, and takes a folder for it.
fn begin(args: &TrainArgs) -> Result<(Plan, RunFolder)> {
    let (title, data) = match &args.data {
        None => ("digits".to_owned(), Data::Digits { folder: None }),
        Some(folder) => {
            let full = absolute(folder).map_err(|error| Failure::new(format!("{}: {error}", folder.display())))?;
            let title = full.file_name().map_or("run".into(), |name| name.to_string_lossy().into_owned());
            let data = if holds_idx_files(folder)? {
                Data::Digits { folder: Some((&*full).into()) }
            } else {
                let photos = photographs(folder, args)?;
                Data::photos(folder, &full, &photos)
            };
            (title, data)
        }
    };
    let plan = Plan::new(title, settings(args, &data)?, data);
    let folder = match &args.out {
        Some(out) => RunFolder::at(out, args.overwrite)?,
        None => RunFolder::numbered(Path::new("runs"), &plan.title)?,
    };
    if let Err(failure) = plan.save(&folder.file(PLAN)) {
        folder.discard();
        return Err(failure);
    }
    Ok((plan, folder))
}

/// Whether a folder has files named as those of MNIST.
fn holds_idx_files(folder: &Path) -> Result<bool> {
    let failed = |error| Failure::new(format!("{}: {error}", folder.display()));
    let entries = fs::read_dir(folder).map_err(failed)?;
    let named =
        |name: &[u8]| [b"idx1-ubyte", b"idx3-ubyte"].iter().any(|part| name.windows(part.len()).any(|at| at == *part));
    let mut names = entries.filter_map(|entry| Some(entry.ok()?.file_name()));
    Ok(names.any(|name| named(name.as_encoded_bytes())))
}

/// Finds the photographs of a folder, holds a part of them out, and says what there is.
fn photographs(folder: &Path, args: &TrainArgs) -> Result<Photos> {
    let mut photos = Photos::find(folder)?;
    let given = photos.part(Part::Validation).next().is_some();
    match (given, args.validation) {
        (true, Some(_)) => {
            let why =
                "expected no --validation, since the photographs to validate on have a folder of their own, got one";
            return Err(Failure::new(format!("{}: {why}", folder.display())));
        }
        (true, None) => {}
        (false, share) => split(&mut photos, share.unwrap_or(0.2), args.seed)?,
    }
    let (pictures, classes) = (thousands(photos.pictures.len() as u64), photos.classes.len());
    let layout = photos.layout.describe();
    say(&format!("{}: {pictures} photographs of {classes} classes, which are {layout}", shown_path(folder)))?;
    photos.notes.iter().try_for_each(|note| say(&format!("note: {}", shown(note))))?;
    let how = if given { "given" } else { "held out" };
    let mut table = Table::new().text("class").number("for training").number(format!("for validation ({how})"));
    let [train, validation] = [Part::Train, Part::Validation].map(|part| photos.counts(part));
    for ((name, train), validation) in photos.classes.iter().zip(train).zip(validation) {
        table.row([shown(name), thousands(train as u64), thousands(validation as u64)]);
    }
    table.print()?;
    Ok(photos)
}

/// The settings of a run with all defaults filled in.
fn settings(args: &TrainArgs, data: &Data) -> Result<Settings> {
    let digits = matches!(data, Data::Digits { .. });
    if digits {
        let photographs_only = [
            ("--augment", args.augment.is_some()),
            ("--skip-bad", args.skip_bad),
            ("--validation", args.validation.is_some()),
            ("--model", args.model.as_deref().is_some_and(|model| model != LENET)),
        ];
        if let Some((option, _)) = photographs_only.iter().find(|(_, given)| *given) {
            return Err(Failure::new(format!(
                "expected options for digits (IDX files), got {option}, which is for photographs"
            )));
        }
    } else if args.model.as_deref() == Some(LENET) {
        return Err(Failure::new(format!("expected a network for photographs, got {LENET}, which is for digits")));
    }
    let model = args.model.clone().unwrap_or_else(|| if digits { LENET } else { CARRIED }.to_owned());
    let weights = match &args.weights {
        Some(file) => {
            let failed = |error| Failure::new(format!("{}: {error}", file.display()));
            // Better said before the folder of the run is made.
            File::open(file).map_err(failed)?;
            Weights::File((&*absolute(file).map_err(failed)?).into())
        }
        None if model == CARRIED && !args.from_scratch => Weights::Carried,
        None => Weights::None,
    };
    let trained = match &args.unfreeze_from {
        Some(part) if part == "all" => Trained::All,
        Some(part) => Trained::From(part.clone()),
        None if weights != Weights::None || args.freeze => Trained::Head,
        None => Trained::All,
    };
    let head = trained == Trained::Head;
    let optimizer = args.optimizer.unwrap_or(if digits { OptimizerKind::Sgd } else { OptimizerKind::Adam });
    // Adam's learning rate: pretrained weights are to be changed a little only.
    let adam = match (digits, head, &weights) {
        (true, ..) | (_, true, _) => 0.002,
        (.., Weights::None) => 0.001,
        _ => 0.0001,
    };
    Ok(Settings {
        model,
        weights,
        epochs: args.epochs.unwrap_or(if head {
            20
        } else if digits {
            12
        } else {
            10
        }),
        batch_size: args.batch_size,
        optimizer,
        lr: args.lr.unwrap_or_else(|| optimizer.default_lr(adam)),
        schedule: args.schedule,
        augment: args.augment.unwrap_or(if digits || head { Augmentation::None } else { Augmentation::Crop }),
        seed: args.seed,
        patience: args.patience,
        skip_bad: args.skip_bad,
        trained,
    })
}
