//! The networks by name.

use super::lenet::{LENET, LeNet};
use rushlight::vision::models::{ImageModel, list_models, try_get_model};

/// The names that [`build`] knows: those of the library, and that of the network for digits.
pub(crate) fn names() -> Vec<&'static str> {
    let mut names = list_models();
    names.push(LENET);
    names.sort_unstable();
    names
}

/// A network with initial weights from the default generator.
pub(crate) fn build(name: &str, classes: usize) -> rushlight::Result<Box<dyn ImageModel>> {
    if name == LENET { Ok(Box::new(LeNet::new(classes))) } else { try_get_model(name, classes) }
}
