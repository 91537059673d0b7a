//! `rushlight convert`: weights from one format to another.

use crate::failure::{Failure, Result};
use crate::output::say;
use crate::text::{shown, shown_path, thousands};
use clap::{Args, ValueEnum};
use rushlight::io::pt;
use rushlight::io::safetensors::{self, Metadata};
use rushlight::nn::StateDict;
use rushlight::{DType, Tensor};
use std::path::{Path, PathBuf};

/// Convert weights between PyTorch's files (.pt, .pth) and safetensors
///
/// The contents of IN decide what it is; the name of OUT decides what it becomes. The metadata of a safetensors file, such as the classes of
/// a model that `train` wrote, are kept in safetensors, but not in PyTorch's files.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  rushlight convert resnet18-f37072fd.pth resnet18.safetensors
  rushlight convert checkpoint.pt weights.safetensors --key model_state_dict
  rushlight convert model.safetensors small.safetensors --dtype f16")]
pub(crate) struct ConvertArgs {
    /// The file to read
    #[arg(value_name = "IN")]
    pub input: PathBuf,
    /// The file to write: .safetensors, .pt or .pth
    #[arg(value_name = "OUT")]
    pub output: PathBuf,
    /// Where the weights are in a checkpoint that holds more: keys joined by dots
    #[arg(long)]
    pub key: Option<String>,
    /// Convert floating-point tensors to this type
    #[arg(long, value_enum)]
    pub dtype: Option<FloatType>,
    /// Replace OUT if it exists
    #[arg(long)]
    pub overwrite: bool,
}

/// The types that weights can be kept in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FloatType {
    /// float16
    F16,
    /// bfloat16
    Bf16,
    /// float32
    F32,
    /// float64
    F64,
}

impl FloatType {
    fn dtype(self) -> DType {
        match self {
            FloatType::F16 => DType::F16,
            FloatType::Bf16 => DType::Bf16,
            FloatType::F32 => DType::F32,
            FloatType::F64 => DType::F64,
        }
    }
}

/// Runs the command.
pub(crate) fn run(args: &ConvertArgs) -> Result<()> {
    let named = |ends: &[&str]| {
        let end = args.output.extension();
        end.is_some_and(|end| ends.iter().any(|known| end.eq_ignore_ascii_case(known)))
    };
    let to_torch = named(&["pt", "pth"]);
    if !to_torch && !named(&["safetensors"]) {
        let message = "expected a name that ends in .safetensors, .pt or .pth, got another";
        return Err(Failure::new(message).in_file(&args.output));
    }
    if args.output.exists() && !args.overwrite {
        return Err(Failure::new("already exists: choose another name or add --overwrite").in_file(&args.output));
    }
    let (state, metadata) = read(&args.input, args.key.as_deref())?;
    let state = match args.dtype {
        None => state,
        Some(float) => converted(state, float.dtype()).map_err(|failure| failure.in_file(&args.input))?,
    };
    if to_torch {
        state.save(&args.output)?;
    } else {
        safetensors::save(&args.output, state.iter(), &metadata)?;
    }
    let elements = state.iter().map(|(_, tensor)| tensor.numel() as u64).sum();
    let (count, path) = (state.len(), shown_path(&args.output));
    say(&format!("{path}: {count} tensors, {} elements", thousands(elements)))?;
    if to_torch && !metadata.is_empty() {
        let keys: Vec<String> = metadata.keys().map(|key| shown(key)).collect();
        say(&format!("not kept, for PyTorch's files have no place for it: the metadata {}", keys.join(", ")))?;
    }
    Ok(())
}

/// The weights of a file, and its metadata.
fn read(path: &Path, key: Option<&str>) -> Result<(StateDict, Metadata)> {
    let torch = pt::is_recognized(path)?;
    let Some(key) = key else {
        return match torch {
            true => Ok((StateDict::load(path)?, Metadata::new())),
            false => {
                let (tensors, metadata) = safetensors::load(path)?;
                Ok((tensors.into_iter().collect(), metadata))
            }
        };
    };
    if !torch {
        return Err(Failure::new("--key is for checkpoints of PyTorch's, got another file").in_file(path));
    }
    let whole = pt::load(path)?;
    let mut value = &whole;
    for name in key.split('.') {
        let Some(dict) = value.as_dict() else {
            return Err(Failure::new(format!("expected a dict in front of {name:?} of --key {key}")).in_file(path));
        };
        let names = || dict.iter().filter_map(|(key, _)| key.as_str()).collect::<Vec<_>>().join(", ");
        value = dict
            .get(name)
            .ok_or_else(|| Failure::new(format!("expected one of the keys {}, got {name}", names())).in_file(path))?;
    }
    let state = StateDict::try_from(value).map_err(|error| Failure::from(error).in_file(path))?;
    Ok((state, Metadata::new()))
}

/// The same with floating-point tensors of another type. Numbers that do not fit are an error, not infinity.
fn converted(state: StateDict, dtype: DType) -> Result<StateDict> {
    let convert = |(key, tensor): (String, Tensor)| {
        if !tensor.dtype().is_float() {
            return Ok((key, tensor));
        }
        let new = tensor.try_to_dtype(dtype)?;
        let infinite = |tensor: &Tensor| -> rushlight::Result<usize> {
            let values = tensor.try_to_dtype(DType::F64)?.try_to_vec::<f64>()?;
            Ok(values.into_iter().filter(|value| value.is_infinite()).count())
        };
        if infinite(&new)? > infinite(&tensor)? {
            return Err(Failure::new(format!("{key} has elements that are too large for {dtype}")));
        }
        Ok((key, new))
    };
    state.into_iter().map(convert).collect()
}
