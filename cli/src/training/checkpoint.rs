//! The state of a run after an epoch, in one file. It is the truth about the run: model and metrics follow from it.

use crate::failure::{Failure, Result};
use crate::report::Epoch;
use crc::{CRC_32_ISCSI, Crc, Table};
use rushlight::Tensor;
use rushlight::io::safetensors;
use rushlight::nn::StateDict;
use rushlight::random::default_generator;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The file in the folder of a run.
pub(crate) const CHECKPOINT: &str = "checkpoint.safetensors";
/// The tensor with the state of the default generator.
const GENERATOR: &str = "generator";
/// The key of the metadata.
const ABOUT: &str = "checkpoint";

/// What a checkpoint says beside its tensors.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    /// Which run it belongs to.
    pub run: u64,
    pub steps: usize,
    /// All epochs so far.
    pub epochs: Vec<Epoch>,
    /// The number of the epoch whose model is kept.
    pub best: usize,
    /// A checksum of the weights that are not trained, and so not in the file.
    pub frozen: u32,
}

impl Checkpoint {
    /// Writes the state, with that of the default generator.
    pub(super) fn save(&self, path: &Path, mut state: StateDict) -> Result<()> {
        state.insert(GENERATOR, Tensor::from(default_generator().get_state()));
        let about = serde_json::to_string(self).expect("numbers are JSON");
        Ok(safetensors::save(path, state.iter(), &[(ABOUT.to_string(), about)].into())?)
    }

    /// Reads the checkpoint of a run; nothing if there is none, or only that of another run.
    pub(super) fn load(path: &Path, run: u64) -> Result<Option<(Checkpoint, StateDict)>> {
        if !path.exists() {
            return Ok(None);
        }
        let (tensors, about) = safetensors::load(path)?;
        let wrong =
            |why: &str| Failure::new(format!("{}: expected a checkpoint of `rushlight train`: {why}", path.display()));
        let about = about.get(ABOUT).ok_or_else(|| wrong("there is none in the metadata"))?;
        let checkpoint: Checkpoint = serde_json::from_str(about).map_err(|error| wrong(&error.to_string()))?;
        if checkpoint.run != run {
            return Ok(None);
        }
        let numbered = checkpoint.epochs.iter().zip(1..).all(|(epoch, number)| epoch.number == number);
        if !numbered || !(1..=checkpoint.epochs.len()).contains(&checkpoint.best) {
            return Err(wrong("its epochs are not complete"));
        }
        Ok(Some((checkpoint, tensors.into_iter().collect())))
    }
}

/// Sets the default generator to its state in a checkpoint.
pub(super) fn restore_generator(state: &StateDict) -> Result<(), String> {
    let record = state.get(GENERATOR).ok_or("expected the state of the generator, got none")?;
    let record = record.try_to_vec::<u8>().map_err(|error| error.to_string())?;
    default_generator().set_state(&record)
}

/// A checksum of tensors, with their names.
pub(super) fn checksum<'a>(tensors: impl Iterator<Item = (&'a str, &'a Tensor)>) -> Result<u32> {
    const CRC: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);
    let mut digest = CRC.digest();
    for (name, tensor) in tensors {
        digest.update(name.as_bytes());
        let values = tensor.try_to_dtype(rushlight::DType::F32)?.try_to_vec::<f32>()?;
        let bytes: Vec<u8> = values.into_iter().flat_map(f32::to_le_bytes).collect();
        digest.update(&bytes);
    }
    Ok(digest.finalize())
}
