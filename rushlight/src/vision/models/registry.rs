//! The networks by name.

use super::{self as models, ImageModel};
use crate::{Error, Result};
use rushlight_macros::op;

/// Creates a network for a number of classes.
type Make = fn(usize) -> Result<Box<dyn ImageModel>>;

/// Every network under torchvision's name, in alphabetical order.
const MODELS: &[(&str, Make)] = &[
    ("alexnet", |classes| boxed(models::try_alexnet(classes))),
    ("densenet121", |classes| boxed(models::try_densenet121(classes))),
    ("densenet161", |classes| boxed(models::try_densenet161(classes))),
    ("densenet169", |classes| boxed(models::try_densenet169(classes))),
    ("densenet201", |classes| boxed(models::try_densenet201(classes))),
    ("efficientnet_b0", |classes| boxed(models::try_efficientnet_b0(classes))),
    ("efficientnet_b1", |classes| boxed(models::try_efficientnet_b1(classes))),
    ("efficientnet_b2", |classes| boxed(models::try_efficientnet_b2(classes))),
    ("efficientnet_b3", |classes| boxed(models::try_efficientnet_b3(classes))),
    ("efficientnet_b4", |classes| boxed(models::try_efficientnet_b4(classes))),
    ("efficientnet_b5", |classes| boxed(models::try_efficientnet_b5(classes))),
    ("efficientnet_b6", |classes| boxed(models::try_efficientnet_b6(classes))),
    ("efficientnet_b7", |classes| boxed(models::try_efficientnet_b7(classes))),
    ("efficientnet_lite0", |classes| boxed(models::try_efficientnet_lite0(classes))),
    ("googlenet", |classes| boxed(models::try_googlenet(classes))),
    ("inception_v3", |classes| boxed(models::try_inception_v3(classes))),
    ("mobilenet_v2", |classes| boxed(models::try_mobilenet_v2(classes))),
    ("mobilenet_v3_large", |classes| boxed(models::try_mobilenet_v3_large(classes))),
    ("mobilenet_v3_small", |classes| boxed(models::try_mobilenet_v3_small(classes))),
    ("resnet101", |classes| boxed(models::try_resnet101(classes))),
    ("resnet152", |classes| boxed(models::try_resnet152(classes))),
    ("resnet18", |classes| boxed(models::try_resnet18(classes))),
    ("resnet34", |classes| boxed(models::try_resnet34(classes))),
    ("resnet50", |classes| boxed(models::try_resnet50(classes))),
    ("squeezenet1_0", |classes| boxed(models::try_squeezenet1_0(classes))),
    ("squeezenet1_1", |classes| boxed(models::try_squeezenet1_1(classes))),
    ("vgg11", |classes| boxed(models::try_vgg11(classes))),
    ("vgg11_bn", |classes| boxed(models::try_vgg11_bn(classes))),
    ("vgg13", |classes| boxed(models::try_vgg13(classes))),
    ("vgg13_bn", |classes| boxed(models::try_vgg13_bn(classes))),
    ("vgg16", |classes| boxed(models::try_vgg16(classes))),
    ("vgg16_bn", |classes| boxed(models::try_vgg16_bn(classes))),
    ("vgg19", |classes| boxed(models::try_vgg19(classes))),
    ("vgg19_bn", |classes| boxed(models::try_vgg19_bn(classes))),
];

fn boxed<M: ImageModel>(net: Result<M>) -> Result<Box<dyn ImageModel>> {
    net.map(|net| Box::new(net) as Box<dyn ImageModel>)
}

/// Returns the names that [`get_model`] takes, in alphabetical order: `torchvision.models.list_models`.
///
/// ```
/// assert!(rushlight::vision::models::list_models().contains(&"resnet18"));
/// ```
pub fn list_models() -> Vec<&'static str> {
    MODELS.iter().map(|(name, _)| *name).collect()
}

/// Creates the network with torchvision's name `name` for `classes` classes, initialized at random.
///
/// # Errors
/// If there is no network with this name: similar names are listed; or the parameters do not fit into memory.
///
/// ```
/// use rushlight::vision::models::{get_model, try_get_model};
/// assert_eq!(get_model("resnet18", 2).num_classes(), 2);
/// let error = try_get_model("resnet-18", 2).err().unwrap();
/// assert_eq!(error.to_string(), "get_model: expected the name of a network such as resnet18, got resnet-18");
/// ```
#[op(torch = "-", free)]
pub fn try_get_model(name: &str, classes: usize) -> Result<Box<dyn ImageModel>> {
    match MODELS.iter().find(|(known, _)| *known == name) {
        Some((_, make)) => make(classes),
        None => {
            let message = format!("expected the name of a network such as {}, got {name}", similar(name).join(", "));
            Err(Error::value("get_model", message))
        }
    }
}

/// The names that differ least from `name`.
fn similar(name: &str) -> Vec<&'static str> {
    let name = name.to_lowercase();
    let distances: Vec<(usize, &str)> =
        list_models().into_iter().map(|known| (distance(&name, known), known)).collect();
    let least = distances.iter().map(|(distance, _)| *distance).min().unwrap_or_default();
    distances.into_iter().filter(|(distance, _)| *distance <= least + 1).map(|(_, known)| known).collect()
}

/// The number of characters to insert, remove or replace to make `a` from `b` (Levenshtein, 1966).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, a) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, &b) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
