//! Features of photographs: what the last layer of a frozen network gets, computed once.

use super::task::unreadable;
use crate::failure::{Failure, Result};
use crate::interrupt::Interrupt;
use crate::model::Photographs;
use crate::photos::{Part, PhotoSet, Picture};
use crate::progress::Counter;
use rushlight::data::Dataset;
use rushlight::vision::models::ImageModel;
use rushlight::{Error, NoGrad, Tensor, num_threads, set_num_threads};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Photographs that pass through the network together. More are hardly faster, and each takes about 10 MB for activations.
const BATCH: usize = 4;

/// Features of photographs with their classes, and where the photographs are.
pub(super) struct FeaturePart {
    pub features: Tensor,
    pub labels: Tensor,
    pub pictures: Vec<PathBuf>,
}

/// The features of both parts, and the photographs that could not be read.
pub(super) struct Features {
    pub train: FeaturePart,
    pub held_out: FeaturePart,
    pub skipped: Vec<(PathBuf, String)>,
}

/// What became of the photographs of a batch: features of those that could be read, and errors of the others.
#[derive(Default)]
struct Done {
    features: Option<Tensor>,
    /// The positions of the rows of `features`.
    read: Vec<usize>,
    unread: Vec<(usize, Error)>,
}

/// Computes the features of all photographs; nothing if the user asked to stop.
///
/// Each thread reads, prepares and computes batches of its own from beginning to end, so that no core waits for another. Batches do not
/// depend on the number of threads, and so neither do the features.
pub(super) fn compute(
    net: &dyn ImageModel,
    pictures: &[Picture],
    preprocessing: Photographs,
    skip_bad: bool,
    interrupt: &Interrupt,
) -> Result<Option<Features>> {
    net.eval();
    let photos =
        PhotoSet::new(pictures.to_vec(), preprocessing.decoding(), move |photograph| preprocessing.input(photograph));
    let batches = pictures.len().div_ceil(BATCH);
    let counter = Counter::start("photographs", pictures.len());
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let done: Vec<Mutex<Result<Done, Error>>> = (0..batches).map(|_| Mutex::new(Ok(Done::default()))).collect();
    let work = || {
        let _guard = NoGrad::new();
        while !interrupt.requested() && !failed.load(Ordering::Relaxed) {
            let batch = next.fetch_add(1, Ordering::Relaxed);
            let Some(place) = done.get(batch) else { break };
            let range = batch * BATCH..pictures.len().min((batch + 1) * BATCH);
            let length = range.len();
            let result = rushlight::catch(|| one_batch(net, &photos, range)).flatten();
            let bad = result.as_ref().map_or(true, |done| !done.unread.is_empty() && !skip_bad);
            failed.fetch_or(bad, Ordering::Relaxed);
            *place.lock().unwrap_or_else(PoisonError::into_inner) = result;
            counter.add(length);
        }
    };
    // The kernels' own threads would only be in the way of these.
    let threads = num_threads();
    set_num_threads(1);
    thread::scope(|scope| {
        for _ in 1..threads.min(batches) {
            scope.spawn(work);
        }
        work();
    });
    set_num_threads(threads);
    drop(counter);
    let done: Vec<Result<Done, Error>> =
        done.into_iter().map(|place| place.into_inner().unwrap_or_else(PoisonError::into_inner)).collect();
    collect(pictures, done, skip_bad, interrupt)
}

fn one_batch(net: &dyn ImageModel, photos: &PhotoSet, range: std::ops::Range<usize>) -> Result<Done, Error> {
    let (mut inputs, mut done) = (Vec::new(), Done::default());
    for index in range {
        match photos.get(index) {
            Ok((input, ..)) => {
                inputs.push(input);
                done.read.push(index);
            }
            Err(error) => done.unread.push((index, error)),
        }
    }
    if !inputs.is_empty() {
        done.features = Some(net.try_forward_features(&Tensor::try_stack(&inputs)?)?);
    }
    Ok(done)
}

/// Puts the batches together, in their order.
fn collect(
    pictures: &[Picture],
    done: Vec<Result<Done, Error>>,
    skip_bad: bool,
    interrupt: &Interrupt,
) -> Result<Option<Features>> {
    let mut rows = [const { Vec::new() }; 2];
    let mut labels = [const { Vec::new() }; 2];
    let mut paths = [const { Vec::new() }; 2];
    let mut skipped = Vec::new();
    for batch in done {
        let Done { features, read, unread } = batch?;
        for (index, error) in unread {
            if !skip_bad {
                return Err(unreadable(error));
            }
            skipped.push((pictures[index].path.clone(), error.to_string()));
        }
        let Some(features) = features else { continue };
        for (row, index) in read.into_iter().enumerate() {
            let picture = &pictures[index];
            let part = usize::from(picture.part == Part::Validation);
            rows[part].push(features.try_select(0, row as isize)?);
            labels[part].push(picture.class as i64);
            paths[part].push(picture.path.clone());
        }
    }
    if interrupt.requested() {
        return Ok(None);
    }
    let mut parts = Vec::new();
    for ((rows, labels), pictures) in rows.into_iter().zip(labels).zip(paths) {
        if rows.is_empty() {
            return Err(Failure::new("expected pictures for training and for validation that can be read, got none"));
        }
        let features = Tensor::try_stack(&rows)?;
        if !features.try_to_vec::<f32>()?.iter().all(|value| value.is_finite()) {
            return Err(Failure::new("expected finite features, got infinite or NaN ones: the weights are damaged"));
        }
        parts.push(FeaturePart { features, labels: Tensor::from(labels), pictures });
    }
    let [train, held_out] = <[FeaturePart; 2]>::try_from(parts).unwrap_or_else(|_| unreachable!("two parts"));
    Ok(Some(Features { train, held_out, skipped }))
}
