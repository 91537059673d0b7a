//! Pictures through a classifier.

use crate::failure::{Failure, Result};
use crate::model::Classifier;
use rushlight::Tensor;
use rushlight::vision::Image;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Pictures that are prepared and classified together; more are no faster, and need more memory.
const BATCH: usize = 16;

/// Calls `seen` with each file in order and the probability of each class, or the reason why it cannot be read. Files are read and prepared
/// on all cores, and classified in batches.
pub(crate) fn classify_files(
    classifier: &Classifier,
    paths: &[PathBuf],
    mut seen: impl FnMut(&Path, Result<Vec<f32>>) -> Result<()>,
) -> Result<()> {
    for paths in paths.chunks(BATCH) {
        let inputs = prepared(classifier, paths);
        let good: Vec<Tensor> = inputs.iter().filter_map(|input| input.as_ref().ok().cloned()).collect();
        let mut rows = classifier.probabilities(&good)?.into_iter();
        for (path, input) in paths.iter().zip(inputs) {
            seen(path, input.map(|_| rows.next().expect("a row for each input")))?;
        }
    }
    Ok(())
}

/// The probability of each class for the picture in the bytes of a file.
pub(crate) fn classify_bytes(classifier: &Classifier, bytes: &[u8]) -> Result<Vec<f32>> {
    let picture = Image::decode_with(bytes, classifier.preprocessing.decoding())?;
    let input = classifier.preprocessing.input(picture)?;
    Ok(classifier.probabilities(&[input])?.remove(0))
}

/// The classes with their probabilities, the most likely one first.
pub(crate) fn ranked(classes: &[String], probabilities: &[f32]) -> Vec<(String, f32)> {
    let mut ranked: Vec<(String, f32)> = classes.iter().cloned().zip(probabilities.iter().copied()).collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    ranked
}

/// The inputs of the network for these files.
fn prepared(classifier: &Classifier, paths: &[PathBuf]) -> Vec<Result<Tensor>> {
    let prepare = |path: &Path| {
        let picture = Image::open_with(path, classifier.preprocessing.decoding())?;
        classifier.preprocessing.input(picture).map_err(|error| Failure::from(error).in_file(path))
    };
    let (next, inputs) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(paths.len())));
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(path) = paths.get(index) else { break };
            let input = prepare(path);
            inputs.lock().expect("nobody panics with the lock").push((index, input));
        }
    };
    thread::scope(|scope| {
        for _ in 1..rushlight::num_threads().min(paths.len()) {
            // Fewer threads do the same work.
            let _ = thread::Builder::new().spawn_scoped(scope, work);
        }
        work();
    });
    let mut inputs = inputs.into_inner().expect("nobody panics with the lock");
    inputs.sort_by_key(|(index, _)| *index);
    inputs.into_iter().map(|(_, input)| input).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_likely_class_comes_first() {
        let classes = ["a", "b", "c"].map(String::from);
        let ranked = ranked(&classes, &[0.125, 0.75, 0.125]);
        assert_eq!(ranked, [("b".to_string(), 0.75), ("a".to_string(), 0.125), ("c".to_string(), 0.125)]);
    }
}
