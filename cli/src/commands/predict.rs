//! `rushlight predict`: classifies pictures with a trained model.

use crate::classify::{classify_bytes, classify_files, ranked};
use crate::failure::{Failure, Result};
use crate::json;
use crate::model::Classifier;
use crate::output::say;
use crate::photos::list;
use crate::text::{csv_field, left, path_text, right, shown, shown_path, tail, width};
use clap::Args;
use serde::Serialize;
use std::io::Read;
use std::path::{Path, PathBuf};

/// What names standard input.
const STDIN: &str = "-";
/// The largest picture that is taken from standard input, in bytes.
const LARGEST: u64 = 256 << 20;
/// The widest column of file names.
const NAME_COLUMNS: usize = 60;

/// Classify pictures with a model that `train` wrote
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  rushlight predict runs/photos-1/model.safetensors cat.jpg
  rushlight predict runs/photos-1/model.safetensors new/ --csv > classes.csv
  camera | rushlight predict runs/photos-1/model.safetensors - --json

A picture that cannot be read is named on standard error, the others are classified, and the exit code is 1.")]
pub(crate) struct PredictArgs {
    /// The model file (model.safetensors)
    pub model: PathBuf,
    /// Pictures, folders of pictures (with the folders in them), or - for a picture on standard input
    #[arg(required = true, value_name = "FILE|FOLDER|-")]
    pub pictures: Vec<PathBuf>,
    /// How many of the most likely classes to show
    #[arg(long, value_name = "K", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    pub top: u16,
    /// Print JSON: a list with an object for each picture
    #[arg(long, conflicts_with = "csv")]
    pub json: bool,
    /// Print CSV: a line for each picture and class
    #[arg(long)]
    pub csv: bool,
}

/// Runs the command. A picture that cannot be read does not keep the others from being classified.
pub(crate) fn run(args: &PredictArgs) -> Result<()> {
    let classifier = Classifier::load(&args.model)?;
    let (paths, mut failed) = pictures(&args.pictures);
    let wanted = paths.len() + failed;
    let mut output = Output::start(args, &classifier, &paths)?;
    let mut seen = |path: &Path, probabilities: Result<Vec<f32>>| match probabilities {
        Ok(probabilities) => output.picture(path, &ranked(&classifier.classes, &probabilities)),
        Err(failure) => {
            failed += 1;
            eprintln!("error: {}", shown(&failure.to_string()));
            output.failure(path, &failure)
        }
    };
    // Standard input is read where it stands among the files.
    let classified = paths.chunk_by(|a, b| !is_stdin(a) && !is_stdin(b)).try_for_each(|files| match files {
        [path] if is_stdin(path) => {
            let probabilities = stdin().and_then(|bytes| classify_bytes(&classifier, &bytes));
            seen(path, probabilities.map_err(|failure| failure.in_file(Path::new("standard input"))))
        }
        files => classify_files(&classifier, files, &mut seen),
    });
    // JSON is closed even if the model is of no use.
    output.end()?;
    classified?;
    match failed {
        0 => Ok(()),
        _ => Err(Failure::new(format!("{failed} of {wanted} pictures could not be classified"))),
    }
}

/// The files that are meant by the arguments, and how many folders have none, which are reported.
fn pictures(arguments: &[PathBuf]) -> (Vec<PathBuf>, usize) {
    let (mut paths, mut failed) = (Vec::new(), 0);
    for argument in arguments {
        if !argument.is_dir() {
            paths.push(argument.clone());
            continue;
        }
        let found = match list(argument) {
            Ok(found) if found.is_empty() => Err(Failure::new("expected pictures, got none").in_file(argument)),
            found => found,
        };
        match found {
            Ok(found) => paths.extend(found),
            Err(failure) => {
                failed += 1;
                eprintln!("error: {}", shown(&failure.to_string()));
            }
        }
    }
    (paths, failed)
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == STDIN
}

/// The bytes on standard input.
fn stdin() -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().take(LARGEST + 1).read_to_end(&mut bytes);
    read.map_err(|error| Failure::new(error.to_string()))?;
    if bytes.len() as u64 > LARGEST {
        return Err(Failure::new(format!("expected at most {LARGEST} bytes, got more")));
    }
    Ok(bytes)
}

/// How predictions are printed.
enum Output {
    Table {
        top: usize,
        file: usize,
        class: usize,
    },
    Csv {
        top: usize,
    },
    /// The last object waits for whether there is another one, which takes a comma.
    Json {
        top: usize,
        waiting: Option<String>,
    },
}

/// A picture in JSON.
#[derive(Serialize)]
struct Object {
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    predictions: Option<Vec<Prediction>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Serialize)]
struct Prediction {
    class: String,
    probability: f32,
}

impl Output {
    /// Prints what comes before the pictures.
    fn start(args: &PredictArgs, classifier: &Classifier, paths: &[PathBuf]) -> Result<Output> {
        let top = usize::from(args.top).min(classifier.classes.len());
        if args.json {
            say("[")?;
            return Ok(Output::Json { top, waiting: None });
        }
        if args.csv {
            say("file,rank,class,probability")?;
            return Ok(Output::Csv { top });
        }
        let widest = |texts: &mut dyn Iterator<Item = String>| texts.map(|text| width(&text)).max().unwrap_or(0);
        let file = widest(&mut paths.iter().map(|path| name(path))).max("file".len());
        let class = widest(&mut classifier.classes.iter().map(|class| shown(class))).max("class".len());
        if !paths.is_empty() {
            let next = if top > 1 { "   next" } else { "" };
            say(&format!("{:file$}   {:class$}   probability{next}", "file", "class"))?;
        }
        Ok(Output::Table { top, file, class })
    }

    fn picture(&mut self, path: &Path, classes: &[(String, f32)]) -> Result<()> {
        match self {
            Output::Table { top, file, class } => {
                let (best, probability) = &classes[0];
                let next = classes[1..*top]
                    .iter()
                    .map(|(class, probability)| format!("{} {:.2} %", shown(class), 100.0 * probability));
                let next = next.collect::<Vec<_>>().join(", ");
                let (name, best) = (left(&name(path), *file), left(&shown(best), *class));
                let probability = right(&format!("{:.2} %", 100.0 * probability), "probability".len());
                say(format!("{name}   {best}   {probability}   {next}").trim_end())
            }
            Output::Csv { top } => {
                let file = csv_field(&shown_path(path));
                for (rank, (class, probability)) in (1..).zip(&classes[..*top]) {
                    say(&format!("{file},{rank},{},{probability}", csv_field(class)))?;
                }
                Ok(())
            }
            Output::Json { top, .. } => {
                let prediction = |(class, probability): &(String, f32)| Prediction {
                    class: class.clone(),
                    probability: *probability,
                };
                let predictions = classes[..*top].iter().map(prediction).collect();
                self.object(&Object { file: path_text(path), predictions: Some(predictions), error: None })
            }
        }
    }

    /// A picture without predictions: JSON has the reason, which elsewhere is on standard error only.
    fn failure(&mut self, path: &Path, failure: &Failure) -> Result<()> {
        if !matches!(self, Output::Json { .. }) {
            return Ok(());
        }
        self.object(&Object { file: path_text(path), predictions: None, error: Some(failure.to_string()) })
    }

    /// Prints an object on one line of the list.
    fn object(&mut self, object: &Object) -> Result<()> {
        let Output::Json { waiting, .. } = self else { return Ok(()) };
        match waiting.replace(format!("  {}", json::line(object))) {
            Some(line) => say(&format!("{line},")),
            None => Ok(()),
        }
    }

    fn end(self) -> Result<()> {
        let Output::Json { waiting, .. } = self else { return Ok(()) };
        waiting.iter().try_for_each(|line| say(line))?;
        say("]")
    }
}

/// The file in a table.
fn name(path: &Path) -> String {
    tail(&shown_path(path), NAME_COLUMNS)
}
