//! `rushlight models`: the networks that can be trained.

use crate::failure::{Failure, Result};
use crate::json;
use crate::model::{LENET, SIDE, build, names};
use crate::output::say;
use crate::table::Table;
use crate::text::thousands;
use clap::Args;
use rushlight::nn::Module as _;
use rushlight::nn::utils::skip_init;
use rushlight::vision::models::ImageModel;
use serde::Serialize;

/// List the networks that `train --model` takes
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  rushlight models
  rushlight models efficientnet
  rushlight inspect --model resnet18      the layers of one of them
  rushlight train photos/ --model resnet18 --weights resnet18.pth")]
pub(crate) struct ModelsArgs {
    /// List those that have this in their name
    #[arg(value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub text: String,
    /// Print JSON: a list with an object for each network
    #[arg(long)]
    pub json: bool,
}

/// A network with the number of classes that weights are published for.
#[derive(Serialize)]
struct Network {
    name: &'static str,
    parameters: usize,
    /// Height and width of its input.
    input: usize,
    /// The inputs of its last layer.
    features: usize,
    /// The parts that can be frozen one by one, from the input to the head.
    stages: Vec<String>,
}

/// Height and width of the input that a network is meant for.
pub(super) fn own_side(name: &str, net: &dyn ImageModel) -> usize {
    if name == LENET { SIDE } else { net.preprocessing().crop_size }
}

/// The classes of ImageNet.
pub(super) const CLASSES: usize = 1000;

impl Network {
    fn new(name: &'static str) -> Result<Network> {
        let net = skip_init(|| build(name, if name == LENET { 10 } else { CLASSES }))?;
        Ok(Network {
            name,
            parameters: net.num_parameters(),
            input: own_side(name, net.as_ref()),
            features: net.num_features(),
            stages: net.stages(),
        })
    }
}

/// Runs the command.
pub(crate) fn run(args: &ModelsArgs) -> Result<()> {
    // Sizes are those of the networks themselves, so each is made.
    let names = names().into_iter().filter(|name| name.contains(&args.text));
    let networks = names.map(Network::new).collect::<Result<Vec<_>>>()?;
    if networks.is_empty() {
        return Err(Failure::new(format!("expected a part of a name, got {:?}, which is in none", args.text)));
    }
    if args.json {
        return say(&json::pretty(&networks));
    }
    let mut table = Table::new().text("model").number("parameters").number("input").number("features");
    for network in &networks {
        let side = network.input;
        table.row([
            network.name.to_string(),
            thousands(network.parameters as u64),
            format!("{side} x {side}"),
            thousands(network.features as u64),
        ]);
    }
    table.print()
}
