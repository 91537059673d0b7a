//! From a plan to a network and its batches.

use super::augment::Augmentation;
use super::digits::Digits;
use super::features;
use super::plan::{Data, Plan, Planned, Settings, Trained};
use super::task::{DigitsTask, FeaturesTask, PhotosTask, Task};
use super::weights::network;
use crate::failure::Result;
use crate::interrupt::Interrupt;
use crate::model::{Photographs, Preprocessing};
use crate::output::say;
use crate::photos::{Part, PhotoSet, Picture};
use crate::report::{ClassCount, HeldOut};
use crate::text::thousands;
use rushlight::data::IdxDataset;
use rushlight::vision::models::ImageModel;
use std::path::Path;
use std::time::{Duration, Instant};

/// What a run trains, and on what.
pub(super) struct Prepared {
    pub net: Box<dyn ImageModel>,
    pub task: Box<dyn Task>,
    pub preprocessing: Preprocessing,
    pub classes: Vec<ClassCount>,
    pub held_out: HeldOut,
    /// What was done before the training, and how long it took.
    pub phases: Vec<(&'static str, Duration)>,
}

/// Reads the data and builds the network, its random weights from the default generator; nothing if the user asked to stop.
pub(super) fn prepare(plan: &Plan, workers: usize, interrupt: &Interrupt) -> Result<Option<Prepared>> {
    let settings = &plan.settings;
    match &plan.data {
        Data::Digits { folder } => {
            digits(Digits::load(folder.as_ref().map(|name| name.path()))?, settings, workers).map(Some)
        }
        Data::Photos { folder, classes, pictures } => {
            photographs(folder.path(), classes, pictures, settings, workers, interrupt)
        }
    }
}

fn digits(data: Digits, settings: &Settings, workers: usize) -> Result<Prepared> {
    say(&data.describe())?;
    let net = network(settings, data.classes)?;
    describe(&*net, settings)?;
    let (mean, std) = data.statistics;
    let [train, test] = [&data.train, &data.test].map(|set| counts(set, data.classes));
    let counted = train?.into_iter().zip(test?).enumerate();
    let classes =
        counted.map(|(class, (train, held_out))| ClassCount { name: class.to_string(), train, held_out }).collect();
    let (train, test) = (data.train.try_normalize(mean, std)?, data.test.try_normalize(mean, std)?);
    Ok(Prepared {
        net,
        task: Box::new(DigitsTask::new(train, test, settings.batch_size, workers)?),
        preprocessing: Preprocessing::Digits { mean, std },
        classes,
        held_out: HeldOut::Test,
        phases: Vec::new(),
    })
}

/// How many items of each class a data set has.
fn counts(set: &IdxDataset, classes: usize) -> Result<Vec<usize>> {
    let mut counts = vec![0; classes];
    set.labels().try_to_vec::<i64>()?.into_iter().for_each(|label| counts[label as usize] += 1);
    Ok(counts)
}

fn photographs(
    folder: &Path,
    classes: &[String],
    planned: &[Planned],
    settings: &Settings,
    workers: usize,
    interrupt: &Interrupt,
) -> Result<Option<Prepared>> {
    let pictures: Vec<Picture> = planned.iter().map(|picture| picture.picture(folder)).collect();
    let count = |class: usize, part: Part| pictures.iter().filter(|one| one.class == class && one.part == part).count();
    let counted = |(class, name): (usize, &String)| ClassCount {
        name: name.clone(),
        train: count(class, Part::Train),
        held_out: count(class, Part::Validation),
    };
    let counted = classes.iter().enumerate().map(counted).collect();
    let net = network(settings, classes.len())?;
    describe(&*net, settings)?;
    let preprocessing: Photographs = net.preprocessing().into();
    let mut phases = Vec::new();
    let task: Box<dyn Task> = if settings.trained == Trained::Head && settings.augment == Augmentation::None {
        let started = Instant::now();
        let Some(features) = features::compute(&*net, &pictures, preprocessing, settings.skip_bad, interrupt)? else {
            return Ok(None);
        };
        let elapsed = started.elapsed();
        phases.push(("features", elapsed));
        say(&format!(
            "the features of {} photographs were computed in {:.1} s: only the last layer is trained",
            thousands(pictures.len() as u64),
            elapsed.as_secs_f64()
        ))?;
        Box::new(FeaturesTask::new(features, settings.batch_size)?)
    } else {
        let (train, held_out) = pictures.into_iter().partition(|picture| picture.part == Part::Train);
        let (decoding, augment) = (preprocessing.decoding(), settings.augment);
        let train = PhotoSet::new(train, decoding, move |photograph| augment.input(photograph, &preprocessing));
        let held_out = PhotoSet::new(held_out, decoding, move |photograph| preprocessing.input(photograph));
        Box::new(PhotosTask::new([train, held_out], classes.len(), settings, workers)?)
    };
    Ok(Some(Prepared {
        net,
        task,
        preprocessing: Preprocessing::Photographs(preprocessing),
        classes: counted,
        held_out: HeldOut::Validation,
        phases,
    }))
}

/// Says what is trained.
fn describe(net: &dyn ImageModel, settings: &Settings) -> Result<()> {
    let parameters = net.num_parameters() as u64;
    let trained: usize =
        net.parameters().iter().filter(|param| param.requires_grad()).map(|param| param.get().numel()).sum();
    let trained = if trained as u64 == parameters { "all".into() } else { thousands(trained as u64) };
    let (model, weights) = (&settings.model, settings.weights.describe());
    let threads = match rushlight::num_threads() {
        1 => "1 thread".to_owned(),
        threads => format!("{threads} threads"),
    };
    say(&format!("{model}, {weights}: {} parameters, {trained} of them trained; {threads}", thousands(parameters)))
}
