//! What a run is going to do: everything that `--resume` needs to do the same again. It is written once, before anything else.

use super::augment::Augmentation;
use super::optimizers::OptimizerKind;
use super::schedules::ScheduleKind;
use crate::failure::{Failure, Result};
use crate::photos::{Part, Photos, Picture};
use crate::text::shown_path;
use clap::ValueEnum;
use rushlight::Generator;
use rushlight::io::atomic_write;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fs;
use std::path::Path;

/// The file in the folder of a run.
pub(crate) const PLAN: &str = "run.json";

/// A run: its settings and its data.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// The version of the program that made it.
    pub rushlight: String,
    /// A random number that tells the checkpoints of this run from those of others in the same folder.
    pub run: u64,
    /// What the data are called.
    pub title: String,
    pub settings: Settings,
    pub data: Data,
}

/// The choices of a run, with all defaults filled in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub model: String,
    pub weights: Weights,
    pub trained: Trained,
    pub epochs: usize,
    pub batch_size: usize,
    pub optimizer: OptimizerKind,
    pub lr: f64,
    pub schedule: ScheduleKind,
    pub augment: Augmentation,
    pub seed: u64,
    /// Epochs without a better one after which the run ends.
    pub patience: Option<usize>,
    /// Whether pictures that cannot be read are left out.
    pub skip_bad: bool,
}

/// The weights that a network starts with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Weights {
    /// Those of EfficientNet-Lite0 in the program.
    Carried,
    /// Random ones.
    None,
    File(Name),
}

/// The part of a network that is trained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Trained {
    /// The last layer.
    Head,
    /// A stage and all after it.
    From(String),
    All,
}

/// What is trained on.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Data {
    /// The embedded digits, or IDX files in a folder.
    Digits {
        folder: Option<Name>,
    },
    Photos {
        folder: Name,
        classes: Vec<String>,
        pictures: Vec<Planned>,
    },
}

/// A picture of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Planned {
    /// Its path in the folder.
    path: Name,
    class: usize,
    validation: bool,
}

/// A path in JSON: text, or bytes where it is not UTF-8.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Name {
    Text(String),
    Bytes(OsString),
}

impl From<&Path> for Name {
    fn from(path: &Path) -> Name {
        match path.to_str() {
            Some(text) => Name::Text(text.to_owned()),
            None => Name::Bytes(path.into()),
        }
    }
}

impl Name {
    pub(crate) fn path(&self) -> &Path {
        match self {
            Name::Text(text) => Path::new(text),
            Name::Bytes(bytes) => Path::new(bytes),
        }
    }
}

impl Plan {
    pub(crate) fn new(title: String, settings: Settings, data: Data) -> Plan {
        let run = Generator::new().seed();
        Plan { rushlight: env!("CARGO_PKG_VERSION").into(), run, title, settings, data }
    }

    pub(crate) fn save(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_vec_pretty(self).expect("names, numbers and strings are JSON");
        Ok(atomic_write(path, |file| std::io::Write::write_all(file, &text))?)
    }

    pub(crate) fn load(path: &Path) -> Result<Plan> {
        let text = fs::read(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                Failure::new(format!("{}: no run has begun there: start one without --resume", path.display()))
            }
            _ => Failure::new(format!("{}: {error}", path.display())),
        })?;
        serde_json::from_slice(&text)
            .map_err(|error| Failure::new(format!("{}: expected the plan of a run: {error}", path.display())))
    }
}

impl Data {
    /// Photographs of a folder that have been divided into parts; `full` is the folder's path from the root.
    pub(crate) fn photos(folder: &Path, full: &Path, photos: &Photos) -> Data {
        let planned = |picture: &Picture| Planned {
            path: picture.path.strip_prefix(folder).unwrap_or(&picture.path).into(),
            class: picture.class,
            validation: picture.part == Part::Validation,
        };
        let pictures = photos.pictures.iter().map(planned).collect();
        Data::Photos { folder: full.into(), classes: photos.classes.clone(), pictures }
    }
}

impl Planned {
    /// The picture, if its folder and class exist.
    pub(super) fn picture(&self, folder: &Path) -> Picture {
        let part = if self.validation { Part::Validation } else { Part::Train };
        Picture { path: folder.join(self.path.path()), class: self.class, part }
    }
}

impl Weights {
    pub(super) fn describe(&self) -> String {
        match self {
            Weights::Carried => "ImageNet weights carried by the program".into(),
            Weights::None => "random weights".into(),
            Weights::File(file) => format!("weights of {}", shown_path(file.path())),
        }
    }
}

impl Settings {
    /// The table of a report.
    pub(super) fn rows(&self) -> Vec<(String, String)> {
        let trained = match &self.trained {
            Trained::Head => "the last layer".into(),
            Trained::From(stage) => format!("from {stage} on"),
            Trained::All => "everything".into(),
        };
        let mut rows = vec![
            ("model", self.model.clone()),
            ("weights", self.weights.describe()),
            ("trained", trained),
            ("epochs", self.epochs.to_string()),
            ("batch size", self.batch_size.to_string()),
            ("optimizer", name_of(self.optimizer)),
            ("learning rate", self.lr.to_string()),
            ("schedule", name_of(self.schedule)),
            ("augmentation", name_of(self.augment)),
            ("seed", self.seed.to_string()),
        ];
        if let Some(patience) = self.patience {
            rows.push(("patience", format!("{patience} epochs")));
        }
        rows.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
    }
}

/// What a choice is called on the command line.
pub(super) fn name_of(choice: impl ValueEnum) -> String {
    choice.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}
