//! Modules in a row.

use super::{Activation, BatchNorm2d, Conv2d, Forward, Item, Module, ReLU, ReLU6, Visitor};
use crate::error::ok;
use crate::{Error, Result, Tensor};
use rushlight_macros::op;
use std::fmt;

/// Layers one after the other, each on the output of the one before, as
/// [`torch.nn.Sequential`](https://docs.pytorch.org/docs/stable/generated/torch.nn.Sequential.html). The keys are the indices, or the
/// names that layers were pushed under.
///
/// ```
/// use rushlight::{Tensor, nn, nn::{Forward, Module}};
/// let net = nn::Sequential::new().push(nn::Linear::new(2, 3)).push(nn::ReLU::new()).push(nn::Linear::new(3, 1));
/// // The same: nn::seq![nn::Linear::new(2, 3), nn::ReLU::new(), nn::Linear::new(3, 1)]
/// assert_eq!(net.forward(&Tensor::ones([5, 2])).shape(), [5, 1]);
/// assert_eq!(net.state_dict().keys().next(), Some("0.weight"));
/// ```
#[derive(Default)]
pub struct Sequential {
    layers: Vec<(String, Box<dyn Forward>)>,
}

impl Sequential {
    /// No layers yet: gives what it is given.
    pub fn new() -> Sequential {
        Sequential::default()
    }

    /// With one more layer, under its index.
    pub fn push(mut self, layer: impl Forward) -> Sequential {
        self.layers.push((self.layers.len().to_string(), Box::new(layer)));
        self
    }

    /// With one more layer, under a name.
    ///
    /// # Errors
    /// If the name is empty, contains a dot or is taken.
    #[op]
    pub fn try_push_named(self, name: &str, layer: impl Forward) -> Result<Sequential> {
        let mut layers = self.layers;
        if name.is_empty() || name.contains('.') || layers.iter().any(|(other, _)| other == name) {
            let message = format!("a layer's name must be new, not empty and without dots, but is {name:?}");
            return Err(Error::value("Sequential", message));
        }
        layers.push((name.to_string(), Box::new(layer)));
        Ok(Sequential { layers })
    }

    /// The number of layers.
    pub fn len(&self) -> usize {
        self.layers.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    /// The layer with this index.
    pub fn get(&self, index: usize) -> Option<&dyn Forward> {
        self.layers.get(index).map(|(_, layer)| &**layer)
    }

    /// The layers in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &dyn Forward> {
        self.layers.iter().map(|(_, layer)| &**layer)
    }
}

impl FromIterator<Box<dyn Forward>> for Sequential {
    fn from_iter<I: IntoIterator<Item = Box<dyn Forward>>>(layers: I) -> Sequential {
        Sequential { layers: layers.into_iter().enumerate().map(|(index, layer)| (index.to_string(), layer)).collect() }
    }
}

impl Module for Sequential {
    fn visit<'a>(&'a self, visitor: &mut dyn Visitor<'a>) {
        for (name, layer) in &self.layers {
            visitor.visit(name, Item::Module(layer.as_module()));
        }
    }

    fn kind(&self) -> &str {
        "Sequential"
    }

    fn as_module(&self) -> &dyn Module {
        self
    }
}

impl Forward for Sequential {
    #[track_caller]
    fn forward(&self, x: &Tensor) -> Tensor {
        ok(self.try_forward(x))
    }

    fn try_forward(&self, x: &Tensor) -> Result<Tensor> {
        let mut x = x.clone();
        let mut layers = &self.layers[..];
        while let [(name, layer), rest @ ..] = layers {
            // A normalization and an activation cost little when they are done together with what is before them.
            let conv = layer.as_module().downcast_ref::<Conv2d>();
            let behind = if conv.is_some() { rest } else { layers };
            let norm = behind.first().and_then(|(_, next)| next.as_module().downcast_ref::<BatchNorm2d>());
            let behind = if norm.is_some() { &behind[1..] } else { behind };
            let activation = behind.first().map_or(Activation::None, |(_, next)| activation(next.as_module()));
            let behind = if activation == Activation::None { behind } else { &behind[1..] };
            let y = match (conv, norm) {
                (Some(conv), norm) => conv.try_forward_fused(&x, norm, activation),
                (None, Some(norm)) => norm.try_forward_fused(&x, activation),
                (None, None) => layer.try_forward(&x),
            };
            layers = if conv.is_some() || norm.is_some() { behind } else { rest };
            x = y.map_err(|error| error.at(format!("layer {name} ({})", layer.kind())))?;
        }
        Ok(x)
    }
}

/// Which activation a layer is, of those that others can do by the way.
fn activation(layer: &dyn Module) -> Activation {
    if layer.downcast_ref::<ReLU>().is_some() {
        Activation::Relu
    } else if layer.downcast_ref::<ReLU6>().is_some() {
        Activation::Relu6
    } else {
        Activation::None
    }
}

impl fmt::Display for Sequential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repr())
    }
}

/// A [`Sequential`](crate::nn::Sequential) of layers: `nn::seq![nn::Linear::new(2, 3), nn::ReLU::new()]`.
#[macro_export]
macro_rules! seq {
    ($($layer:expr),* $(,)?) => {
        $crate::nn::Sequential::new()$(.push($layer))*
    };
}
