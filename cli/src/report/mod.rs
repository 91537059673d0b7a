//! What a training run has come to, and the files that show it.

mod epochs;
pub(crate) mod events;
mod page;
pub(crate) mod scores;
mod wrong;

pub(crate) use epochs::{Epoch, HeldOut, save_metrics};

use crate::failure::Result;
use crate::run_folder::RunFolder;
use events::EventFile;
use rushlight::io::atomic_write;
use rushlight::plot::ConfusionMatrix;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;
use wrong::Mistake;

/// Everything that is known about a run.
#[derive(Clone, Debug)]
pub(crate) struct RunReport {
    /// What the data are called.
    pub title: String,
    /// What the run was started with and what it chose by itself, as a table of names and values.
    pub settings: Vec<(String, String)>,
    pub classes: Vec<ClassCount>,
    pub held_out: HeldOut,
    pub epochs: Vec<Epoch>,
    /// The number of the epoch whose model was kept.
    pub best: usize,
    /// What that model says about the held-out pictures.
    pub evaluation: Evaluation,
    /// How long each phase took, in their order.
    pub phases: Vec<(&'static str, Duration)>,
    /// Pictures that could not be read, with the reasons.
    pub skipped: Vec<(PathBuf, String)>,
}

/// How many pictures a class has in each part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClassCount {
    pub name: String,
    pub train: usize,
    pub held_out: usize,
}

/// What a model says about pictures whose classes are known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Evaluation {
    pub classes: Vec<String>,
    pub predictions: Vec<Prediction>,
}

/// What a model says about one picture.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Prediction {
    /// Where the picture is; nothing for one that comes from an IDX file.
    pub picture: Option<PathBuf>,
    /// Its class.
    pub truth: usize,
    /// The probability of each class.
    pub probabilities: Vec<f32>,
}

impl Prediction {
    /// The most likely class; the first one of equals.
    pub(crate) fn class(&self) -> usize {
        let mut best = 0;
        for (class, probability) in self.probabilities.iter().enumerate() {
            if probability.total_cmp(&self.probabilities[best]).is_gt() {
                best = class;
            }
        }
        best
    }
}

impl Evaluation {
    /// What was taken for what.
    pub(crate) fn confusion(&self, title: &str) -> Result<ConfusionMatrix> {
        let mut confusion = ConfusionMatrix::new(title, self.classes.iter().cloned());
        for prediction in &self.predictions {
            confusion.try_record(prediction.truth, prediction.class())?;
        }
        Ok(confusion)
    }
}

impl RunReport {
    /// The epoch whose model was kept.
    pub(crate) fn best_epoch(&self) -> Option<&Epoch> {
        self.epochs.iter().find(|epoch| epoch.number == self.best)
    }

    /// Writes metrics, figures and the page into the folder of the run, and returns their names. The figures go into its event file, too.
    pub(crate) fn save(&self, folder: &RunFolder, events: Option<&mut EventFile>) -> Result<Vec<&'static str>> {
        save_metrics(self.held_out, &self.epochs, &folder.file("metrics.csv"))?;
        let curves = epochs::curves(&self.title, self.held_out, &self.epochs)?;
        let figures = Figures::of(self.held_out.title(), &self.evaluation)?;
        let page = page::page(self, &curves, &figures, folder.path());
        let write = |name: &str, bytes: &[u8]| atomic_write(folder.file(name), |file| file.write_all(bytes));
        write("curves.png", &curves)?;
        write("report.html", page.as_bytes())?;
        if let Some(events) = events {
            figures.files().try_for_each(|(name, png)| events.picture(self.best, name, png.to_vec()))?;
        }
        Ok([&["metrics.csv", "curves.png"], &figures.write(folder.path())?[..], &["report.html"]].concat())
    }
}

/// What an evaluation looks like.
pub(crate) struct Figures {
    /// The confusion matrix as a PNG file.
    confusion: Vec<u8>,
    /// The mistakes as one PNG file; nothing if there are none.
    wrong: Option<Vec<u8>>,
    mistakes: Vec<Mistake>,
}

impl Figures {
    /// Draws the figures of the pictures that the title names.
    pub(crate) fn of(title: &str, evaluation: &Evaluation) -> Result<Figures> {
        let mistakes = Mistake::most_confident(evaluation);
        let wrong = wrong::figure(&mistakes).map(|figure| figure.to_png()).transpose()?;
        Ok(Figures { confusion: evaluation.confusion(title)?.to_png()?, wrong, mistakes })
    }

    /// What their files are called.
    pub(crate) const NAMES: [&str; 2] = ["confusion.png", "wrong.png"];

    /// Their names and the PNG files.
    fn files(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        let files = Figures::NAMES.into_iter().zip([Some(&self.confusion), self.wrong.as_ref()]);
        files.filter_map(|(name, png)| Some((name, &png?[..])))
    }

    /// Writes them into a folder, and returns their names.
    pub(crate) fn write(&self, folder: &Path) -> Result<Vec<&'static str>> {
        for (name, png) in self.files() {
            atomic_write(folder.join(name), |file| file.write_all(png))?;
        }
        Ok(self.files().map(|(name, _)| name).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confusion_counts_the_most_likely_classes() {
        let prediction =
            |truth, probabilities: [f32; 2]| Prediction { picture: None, truth, probabilities: probabilities.into() };
        let predictions = vec![prediction(0, [0.75, 0.25]), prediction(1, [0.5, 0.5]), prediction(1, [0.25, 0.75])];
        let evaluation = Evaluation { classes: vec!["a".into(), "b".into()], predictions };
        let confusion = evaluation.confusion("title").unwrap();
        assert_eq!([(0, 0), (0, 1), (1, 0), (1, 1)].map(|(t, p)| confusion.count(t, p)), [1, 0, 1, 1]);
    }
}
