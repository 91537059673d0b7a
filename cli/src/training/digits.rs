//! Data sets of IDX files.

use crate::failure::{Failure, Result};
use crate::model::{CLASSES, SIDE};
use rushlight::data::{Dataset, IdxDataset};
use rushlight::vision::digits;
use std::path::Path;

/// Images for training and for the test, as float32 from 0 to 1, and how many classes there are.
pub(crate) struct Digits {
    /// What runs on it are called.
    pub name: String,
    pub train: IdxDataset,
    pub test: IdxDataset,
    pub classes: usize,
    /// Mean and standard deviation of the training pixels.
    pub statistics: (f64, f64),
}

impl Digits {
    /// The data of a folder of IDX files, or the embedded digits.
    pub(crate) fn load(folder: Option<&Path>) -> Result<Digits> {
        let (name, train, test) = match folder {
            None => ("digits".into(), digits(true)?, digits(false)?),
            Some(folder) => {
                let name = folder.canonicalize().ok().and_then(|path| Some(path.file_name()?.to_str()?.to_owned()));
                let (train, test) = (IdxDataset::open(folder, true)?, IdxDataset::open(folder, false)?);
                (name.unwrap_or_else(|| "run".into()), train, test)
            }
        };
        let place = folder.map_or("the embedded digits".into(), |folder| folder.display().to_string());
        for (part, set) in [("training", &train), ("test", &test)] {
            let shape = set.images().shape();
            if shape[0] == 0 {
                return Err(Failure::new(format!("{place}: expected {part} images, got none")));
            }
            if shape[2..] != [SIDE, SIDE] {
                let (width, height) = (shape[3], shape[2]);
                return Err(Failure::new(format!(
                    "{place}: expected {part} images of {SIDE} x {SIDE} pixels, got {width} x {height}"
                )));
            }
        }
        let train = train.check_classes(CLASSES)?;
        let largest = train.labels().try_to_vec::<i64>()?.into_iter().max().unwrap_or(0);
        // A class that is in the test alone cannot be learned.
        let classes = largest as usize + 1;
        let test = test.check_classes(classes)?;
        let statistics = statistics(&train)?;
        // Less is rounding: two shades that differ at all are 1/255 apart.
        if statistics.1 < 1e-6 {
            return Err(Failure::new(format!("{place}: all training pixels are equal: there is nothing to learn")));
        }
        Ok(Digits { name, train, test, classes, statistics })
    }

    /// One line about it.
    pub(crate) fn describe(&self) -> String {
        let (train, test, classes) = (self.train.len(), self.test.len(), self.classes);
        format!("{}: {train} training and {test} test images of {classes} classes", self.name)
    }
}

/// Mean and standard deviation of all pixels.
fn statistics(set: &IdxDataset) -> Result<(f64, f64)> {
    let pixels = set.images().try_to_vec::<f32>()?;
    let mean_of = |f: &dyn Fn(f64) -> f64| pixels.iter().map(|&v| f(v.into())).sum::<f64>() / pixels.len() as f64;
    let mean = mean_of(&|v| v);
    Ok((mean, mean_of(&|v| (v - mean).powi(2)).sqrt()))
}
