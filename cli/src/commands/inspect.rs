//! `rushlight inspect`: what is in a file of weights, and what the layers of a network compute.

use crate::checkpoint::Checkpoint;
use crate::commands::models::{CLASSES, own_side};
use crate::failure::Result;
use crate::json;
use crate::model::{Classifier, LENET, Preprocessing, build};
use crate::output::say;
use crate::table::Table;
use crate::text::{head, path_text, shown, shown_path, tail, thousands};
use clap::Args;
use rushlight::nn::Module;
use rushlight::nn::utils::{LayerRun, skip_init, try_summary};
use rushlight::vision::models::ImageModel;
use rushlight::{DType, Tensor, no_grad};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// The widest column of keys and of text beside the tensors.
const COLUMNS: usize = 72;

/// Show the tensors in a file, or the layers of a network
///
/// A model that `train` wrote is shown layer by layer; of any other file (safetensors, PyTorch's .pt and .pth, NumPy's .npy and .npz) the
/// tensors are listed.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  rushlight inspect runs/photos-1/model.safetensors
  rushlight inspect resnet18-f37072fd.pth --stats
  rushlight inspect --model resnet50 --classes 10
  rushlight inspect checkpoint.pt --json | jq '.tensors[].name'")]
pub(crate) struct InspectArgs {
    /// The file
    #[arg(required_unless_present = "model")]
    pub file: Option<PathBuf>,
    /// Show a network by its name (see `rushlight models`) instead of a file
    #[arg(long, value_name = "NAME", conflicts_with = "file")]
    pub model: Option<String>,
    /// The number of classes of the network [default: 1000, 10 for lenet]
    #[arg(long, conflicts_with = "file", value_parser = clap::value_parser!(u16).range(1..))]
    pub classes: Option<u16>,
    /// Height and width of the input of the network [default: its own]
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub input: Option<u16>,
    /// List the tensors of a model that `train` wrote, too
    #[arg(long, conflicts_with = "model")]
    pub tensors: bool,
    /// Show smallest and largest element, mean and standard deviation of each tensor
    #[arg(long, conflicts_with = "model")]
    pub stats: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
pub(crate) fn run(args: &InspectArgs) -> Result<()> {
    let Some(path) = &args.file else {
        let name = args.model.as_deref().unwrap_or_default();
        let classes = args.classes.map_or(if name == LENET { 10 } else { CLASSES }, usize::from);
        let net = skip_init(|| build(name, classes))?;
        return network(name, net.as_ref(), args, None);
    };
    let checkpoint = Checkpoint::open(path)?;
    if checkpoint.metadata.contains_key("rushlight") && !args.tensors && !args.stats {
        let classifier = Classifier::load(path)?;
        return network(&classifier.architecture, classifier.net.as_ref(), args, Some(&classifier));
    }
    tensors(&checkpoint, args, path)
}

/// A tensor of a file.
#[derive(Serialize)]
struct Entry {
    name: String,
    dtype: String,
    shape: Vec<usize>,
    bytes: usize,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    statistics: Option<Statistics>,
}

/// The elements of a tensor in a few numbers, over those that are finite.
#[derive(Serialize)]
struct Statistics {
    min: f64,
    max: f64,
    mean: f64,
    std: f64,
    /// The number of elements that are infinite or NaN.
    not_finite: usize,
}

impl Statistics {
    fn of(tensor: &Tensor) -> Result<Statistics> {
        let dense = if tensor.is_sparse() { tensor.try_to_dense()? } else { tensor.clone() };
        let values = dense.try_to_dtype(DType::F64)?.try_to_vec::<f64>()?;
        let finite = || values.iter().copied().filter(|value| value.is_finite());
        let count = finite().count();
        let n = count.max(1) as f64;
        let mean = finite().sum::<f64>() / n;
        Ok(Statistics {
            min: finite().fold(f64::INFINITY, f64::min),
            max: finite().fold(f64::NEG_INFINITY, f64::max),
            mean,
            std: (finite().map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt(),
            not_finite: values.len() - count,
        })
    }

    fn cells(&self) -> [String; 5] {
        let [min, max, mean, std] = [self.min, self.max, self.mean, self.std].map(|value| format!("{value:.4}"));
        [min, max, mean, std, self.not_finite.to_string()]
    }
}

/// A file in JSON.
#[derive(Serialize)]
struct Contents<'a> {
    file: String,
    format: &'static str,
    tensors: &'a [Entry],
    others: std::collections::BTreeMap<&'a str, &'a str>,
}

/// Lists what is in a file.
fn tensors(checkpoint: &Checkpoint, args: &InspectArgs, path: &Path) -> Result<()> {
    let entry = |(name, tensor): &(String, Tensor)| -> Result<Entry> {
        let statistics = args.stats.then(|| Statistics::of(tensor)).transpose()?;
        let (dtype, shape) = (tensor.dtype(), tensor.shape().to_vec());
        let bytes = tensor.numel() * dtype.size();
        Ok(Entry { name: name.clone(), dtype: dtype.to_string(), shape, bytes, statistics })
    };
    let entries = checkpoint.tensors.iter().map(entry).collect::<Result<Vec<_>>>()?;
    if args.json {
        let others = checkpoint.others.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let file = path_text(path);
        return say(&json::pretty(&Contents { file, format: checkpoint.format, tensors: &entries, others }));
    }
    let mut table = Table::new().text("tensor").text("dtype").text("shape").number("bytes");
    if args.stats {
        table = ["min", "max", "mean", "std", "not finite"].into_iter().fold(table, |table, name| table.number(name));
    }
    for entry in &entries {
        let mut row = vec![
            tail(&shown(&entry.name), COLUMNS),
            entry.dtype.clone(),
            format!("{:?}", entry.shape),
            thousands(entry.bytes as u64),
        ];
        row.extend(entry.statistics.iter().flat_map(Statistics::cells));
        table.row(row);
    }
    let elements: u64 = checkpoint.tensors.iter().map(|(_, tensor)| tensor.numel() as u64).sum();
    let bytes: u64 = entries.iter().map(|entry| entry.bytes as u64).sum();
    if !entries.is_empty() {
        table.print()?;
        say("")?;
    }
    let (file, count, elements, bytes) = (shown_path(path), entries.len(), thousands(elements), thousands(bytes));
    say(&format!("{file}: {}, {count} tensors, {elements} elements, {bytes} bytes", checkpoint.format))?;
    for (key, value) in &checkpoint.others {
        say(&format!("  {}: {}", shown(key), head(&shown(value), COLUMNS)))?;
    }
    Ok(())
}

/// A network in JSON.
#[derive(Serialize)]
struct Network<'a> {
    model: &'a str,
    input: [usize; 4],
    layers: Vec<Layer>,
    parameters: usize,
    multiply_adds: u64,
    /// The parts that `train --unfreeze-from` takes.
    stages: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    classes: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preprocessing: Option<&'a crate::model::Preprocessing>,
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch: Option<usize>,
}

#[derive(Serialize)]
struct Layer {
    name: String,
    kind: String,
    output: Vec<usize>,
    parameters: usize,
    multiply_adds: u64,
}

/// Shows what the layers of a network compute for one picture.
fn network(name: &str, net: &dyn ImageModel, args: &InspectArgs, model: Option<&Classifier>) -> Result<()> {
    net.eval();
    let trained = model.and_then(|model| match &model.preprocessing {
        Preprocessing::Digits { .. } => None,
        Preprocessing::Photographs(photographs) => Some(photographs.crop),
    });
    let side = args.input.map(usize::from).or(trained).unwrap_or_else(|| own_side(name, net));
    let input = [1, if name == LENET { 1 } else { 3 }, side, side];
    let runs = no_grad(|| try_summary(net, &Tensor::try_zeros(input)?))?;
    let layers = layers(net.as_module(), runs);
    let stages = net.stages();
    let (parameters, multiply_adds) = (net.num_parameters(), layers.iter().map(|layer| layer.multiply_adds).sum());
    if args.json {
        return say(&json::pretty(&Network {
            model: name,
            input,
            layers,
            parameters,
            multiply_adds,
            stages,
            classes: model.map(|model| &model.classes[..]),
            preprocessing: model.map(|model| &model.preprocessing),
            epoch: model.map(|model| model.epoch),
        }));
    }
    let mut table = Table::new().text("layer").text("kind").text("output").number("parameters").number("multiply-adds");
    for layer in &layers {
        table.row([
            tail(&shown(&layer.name), COLUMNS),
            layer.kind.clone(),
            format!("{:?}", layer.output),
            thousands(layer.parameters as u64),
            thousands(layer.multiply_adds),
        ]);
    }
    table.print()?;
    say(&format!(
        "\n{}: {} parameters, {} multiply-adds for an input of {input:?}",
        shown(name),
        thousands(parameters as u64),
        thousands(multiply_adds)
    ))?;
    say(&format!("parts, for --unfreeze-from: {}", stages.join(", ")))?;
    let Some(model) = model else { return Ok(()) };
    let names: Vec<String> = model.classes.iter().map(|class| shown(class)).collect();
    say(&format!("{} classes after epoch {}: {}", names.len(), model.epoch, names.join(", ")))?;
    say(&format!("pictures are prepared as {}", json::line(&model.preprocessing)))
}

/// The layers that have parameters: those that ran in the order in which they did, then those that did not.
fn layers(net: &dyn Module, runs: Vec<LayerRun>) -> Vec<Layer> {
    let modules = net.named_modules();
    let own = |module: &dyn Module| {
        let own = module.named_parameters().into_iter().filter(|(name, _)| !name.contains('.'));
        own.map(|(_, parameter)| parameter.numel()).sum::<usize>()
    };
    let mut layers: Vec<Layer> = Vec::new();
    for run in runs {
        if let Some(again) = layers.iter_mut().find(|layer| layer.name == run.layer) {
            again.multiply_adds += run.multiply_adds;
            continue;
        }
        let module = modules.iter().find(|(name, _)| *name == run.layer).map(|(_, module)| *module);
        layers.push(Layer {
            kind: module.map(|module| module.kind().to_owned()).unwrap_or_default(),
            parameters: module.map(own).unwrap_or_default(),
            name: run.layer,
            output: run.output,
            multiply_adds: run.multiply_adds,
        });
    }
    for (name, module) in modules {
        let parameters = own(module);
        if parameters > 0 && !layers.iter().any(|layer| layer.name == name) {
            layers.push(Layer {
                name,
                kind: module.kind().to_owned(),
                output: Vec::new(),
                parameters,
                multiply_adds: 0,
            });
        }
    }
    layers
}
