//! `rushlight evaluate`: a trained model on pictures whose classes are known.

use crate::classify::classify_files;
use crate::failure::{Failure, Result};
use crate::json;
use crate::model::Classifier;
use crate::output::say;
use crate::photos::Photos;
use crate::report::scores::{Scores, percent};
use crate::report::{Evaluation, Figures, Prediction};
use crate::table::Table;
use crate::text::{csv_field, path_text, shown, shown_path, thousands};
use clap::Args;
use rushlight::io::atomic_write;
use serde::Serialize;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The most mistakes that are listed.
const MISTAKES: usize = 10;
/// The most classes whose confusion is printed as a matrix.
const MATRIX: usize = 12;
/// The file with a line for each picture.
const PREDICTIONS: &str = "predictions.csv";

/// Test a model on pictures whose classes are known
///
/// Classes are matched by their names. All pictures of FOLDER are used, also where it has folders for training and validation.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  rushlight evaluate runs/photos-1/model.safetensors other-photos/
  rushlight evaluate runs/photos-1/model.safetensors other-photos/ --json > scores.json
  rushlight evaluate runs/photos-1/model.safetensors other-photos/ --out scores/")]
pub(crate) struct EvaluateArgs {
    /// The model file (model.safetensors)
    pub model: PathBuf,
    /// Pictures in a folder for each class, or named like cat.0.jpg
    pub folder: PathBuf,
    /// Print JSON: an object with scores and confusion matrix
    #[arg(long, conflicts_with = "csv")]
    pub json: bool,
    /// Print CSV: a line for each class
    #[arg(long)]
    pub csv: bool,
    /// Write confusion.png, wrong.png and predictions.csv into this folder
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Leave out pictures that cannot be read, and count them, instead of failing at the end
    #[arg(long)]
    pub skip_bad: bool,
}

/// Scores with what was tested, in JSON.
#[derive(Serialize)]
struct Outcome<'a> {
    model: String,
    folder: String,
    /// Files that could not be read.
    skipped: usize,
    #[serde(flatten)]
    scores: &'a Scores,
}

/// Runs the command.
pub(crate) fn run(args: &EvaluateArgs) -> Result<()> {
    let classifier = Classifier::load(&args.model)?;
    let photos = Photos::labeled(&args.folder)?;
    let truths = truths(&classifier, &photos, &args.folder)?;
    args.out.as_deref().map(check_free).transpose()?;
    let paths: Vec<PathBuf> = photos.pictures.iter().map(|picture| picture.path.clone()).collect();
    let mut truth = photos.pictures.iter().map(|picture| truths[picture.class]);
    let (mut predictions, mut skipped) = (Vec::new(), 0);
    classify_files(&classifier, &paths, |path, probabilities| {
        let truth = truth.next().expect("a class for each picture");
        match probabilities {
            Ok(probabilities) => predictions.push(Prediction { picture: Some(path.to_owned()), truth, probabilities }),
            Err(failure) => {
                skipped += 1;
                let what = if args.skip_bad { "skipped" } else { "error" };
                eprintln!("{what}: {}", shown(&failure.to_string()));
            }
        }
        Ok(())
    })?;
    let evaluation = Evaluation { classes: classifier.classes.clone(), predictions };
    if evaluation.predictions.is_empty() {
        return Err(Failure::new("expected pictures that can be read, got none").in_file(&args.folder));
    }
    let scores = Scores::of(&evaluation);
    if args.json {
        let (model, folder) = (path_text(&args.model), path_text(&args.folder));
        say(&json::pretty(&Outcome { model, folder, skipped, scores: &scores }))?;
    } else if args.csv {
        print_csv(&scores)?;
    } else {
        print_tables(&scores, skipped)?;
    }
    if let Some(out) = &args.out {
        fs::create_dir_all(out).map_err(|error| Failure::new(error.to_string()).in_file(out))?;
        let mut written = Figures::of("Pictures", &evaluation)?.write(out)?;
        let list = predictions_csv(&evaluation);
        atomic_write(out.join(PREDICTIONS), |file| file.write_all(list.as_bytes()))?;
        written.push(PREDICTIONS);
        if !args.json && !args.csv {
            say(&format!("written to {}: {}", shown_path(out), written.join(", ")))?;
        }
    }
    if skipped == 0 || args.skip_bad {
        return Ok(());
    }
    Err(Failure::new(format!("{skipped} of {} pictures could not be read", paths.len())))
}

/// Whether nothing would be written over in this folder.
fn check_free(out: &Path) -> Result<()> {
    match Figures::NAMES.iter().chain(&[PREDICTIONS]).find(|name| out.join(name).exists()) {
        None => Ok(()),
        Some(name) => Err(Failure::new(format!("already has a file {name}: choose another folder")).in_file(out)),
    }
}

/// The model's class for each class of the folder.
fn truths(classifier: &Classifier, photos: &Photos, folder: &Path) -> Result<Vec<usize>> {
    let position = |class: &String| classifier.classes.iter().position(|own| own == class);
    let unknown: Vec<String> =
        photos.classes.iter().filter(|class| position(class).is_none()).map(|class| format!("{class:?}")).collect();
    if !unknown.is_empty() {
        let known: Vec<String> = classifier.classes.iter().take(20).map(|class| format!("{class:?}")).collect();
        let more = if classifier.classes.len() > known.len() { ", …" } else { "" };
        let (unknown, known) = (unknown.join(", "), known.join(", "));
        let message = format!("expected the model's classes {known}{more}, got others: {unknown}");
        return Err(Failure::new(message).in_file(folder));
    }
    Ok(photos.classes.iter().filter_map(position).collect())
}

fn print_tables(scores: &Scores, skipped: usize) -> Result<()> {
    let (right, all) = (thousands(scores.right), thousands(scores.pictures));
    say(&format!("accuracy {}: {right} of {all} pictures\n", percent(Some(scores.accuracy))))?;
    let mut table = Table::new().text("class").number("pictures").number("precision").number("recall").number("F1");
    for class in &scores.classes {
        let shares = [class.precision, class.recall, class.f1].map(percent);
        table.row([shown(&class.class), thousands(class.pictures)].into_iter().chain(shares));
    }
    let means = [scores.mean(|c| c.precision), scores.mean(|c| c.recall), scores.mean(|c| c.f1)].map(percent);
    table.row(["mean".to_owned(), String::new()].into_iter().chain(means));
    table.print()?;
    if scores.classes.len() <= MATRIX {
        say("\nrows are the true classes, columns the predicted ones")?;
        let names: Vec<String> = scores.classes.iter().map(|class| shown(&class.class)).collect();
        let mut table = names.iter().fold(Table::new().text(""), |table, name| table.number(name.as_str()));
        for (name, row) in names.iter().zip(&scores.confusion) {
            table.row(std::iter::once(name.clone()).chain(row.iter().map(|&count| thousands(count))));
        }
        table.print()?;
    } else if !scores.mistakes().is_empty() {
        say("\nthe most frequent mistakes")?;
        let mut table = Table::new().text("true class").text("taken for").number("pictures");
        for (truth, said, count) in scores.mistakes().into_iter().take(MISTAKES) {
            let name = |class: usize| shown(&scores.classes[class].class);
            table.row([name(truth), name(said), thousands(count)]);
        }
        table.print()?;
    }
    if skipped > 0 { say(&format!("\n{skipped} files could not be read")) } else { Ok(()) }
}

/// A line for each class; shares that are 0 of 0 are empty.
fn print_csv(scores: &Scores) -> Result<()> {
    say("class,pictures,precision,recall,f1")?;
    for class in &scores.classes {
        let share = |share: Option<f64>| share.map(|share| share.to_string()).unwrap_or_default();
        let [precision, recall, f1] = [class.precision, class.recall, class.f1].map(share);
        say(&format!("{},{},{precision},{recall},{f1}", csv_field(&class.class), class.pictures))?;
    }
    Ok(())
}

/// A line for each picture.
fn predictions_csv(evaluation: &Evaluation) -> String {
    let mut text = "file,true_class,predicted_class,probability\n".to_owned();
    for prediction in &evaluation.predictions {
        let file = prediction.picture.as_deref().map(shown_path).unwrap_or_default();
        let said = prediction.class();
        let [truth, class] = [prediction.truth, said].map(|class| csv_field(&evaluation.classes[class]));
        // Writing to a string does not fail.
        let _ = writeln!(text, "{},{truth},{class},{}", csv_field(&file), prediction.probabilities[said]);
    }
    text
}
