//! The weights that a network starts with, and the part of it that is trained.

use super::plan::{Name, Settings, Trained, Weights};
use crate::failure::{Failure, Result};
use crate::model::build;
use rushlight::io::safetensors;
use rushlight::nn::StateDict;
use rushlight::vision::models::ImageModel;

/// The network whose weights the program carries.
pub(crate) const CARRIED: &str = "efficientnet_lite0";

/// The network of a run at its start: a last layer for `classes` classes from the default generator, the rest from the weights.
pub(super) fn network(settings: &Settings, classes: usize) -> Result<Box<dyn ImageModel>> {
    let net = build(&settings.model, classes)?;
    match &settings.weights {
        Weights::None => {}
        Weights::Carried => {
            let (tensors, _) = safetensors::from_bytes(rushlight_efficientnet_lite0::SAFETENSORS)?;
            net.try_load_backbone(&tensors.into_iter().collect())?;
        }
        Weights::File(file) => from_file(&*net, &settings.model, file)?,
    }
    match &settings.trained {
        Trained::All => {}
        Trained::Head => freeze_all_but_the_heads(&*net),
        Trained::From(stage) => net.try_unfreeze_from(stage)?,
    }
    Ok(net)
}

fn from_file(net: &dyn ImageModel, model: &str, file: &Name) -> Result<()> {
    let state = StateDict::load(file.path())?;
    net.try_load_backbone(&state).map_err(|error| {
        Failure::new(format!("expected weights of {model}, got others: {}", Failure::from(error))).in_file(file.path())
    })
}

fn freeze_all_but_the_heads(net: &dyn ImageModel) {
    net.requires_grad_(false);
    for (path, module) in net.named_modules() {
        if net.heads().contains(&path.as_str()) {
            module.requires_grad_(true);
        }
    }
}
