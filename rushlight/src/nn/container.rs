//! Sequential containers.

use super::{Activation, Forward, Fusion, Item, Module, Normalization, Visitor};
use crate::error::ok;
use crate::{Error, Result, Tensor};
use rushlight_macros::op;
use std::fmt;
use std::ops::Index;

/// Applies layers in order, each to the output of the previous one. See
/// [`torch.nn.Sequential`](https://docs.pytorch.org/docs/stable/generated/torch.nn.Sequential.html). Keys are the indices, or the
/// names given to the layers.
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
    /// Creates an empty container, whose output is its input.
    pub fn new() -> Sequential {
        Sequential::default()
    }

    /// Appends a layer, named by its index.
    pub fn push(mut self, layer: impl Forward) -> Sequential {
        self.layers.push((self.layers.len().to_string(), Box::new(layer)));
        self
    }

    /// Appends a layer with a name.
    ///
    /// # Errors
    /// If the name is empty, contains a dot or is already used.
    #[op]
    pub fn try_push_named(self, name: &str, layer: impl Forward) -> Result<Sequential> {
        let mut layers = self.layers;
        if name.is_empty() || name.contains('.') || layers.iter().any(|(other, _)| other == name) {
            let message = format!("expected a new, non-empty name without dots, got {name:?}");
            return Err(Error::value("Sequential", message));
        }
        layers.push((name.to_string(), Box::new(layer)));
        Ok(Sequential { layers })
    }

    /// Returns the number of layers.
    pub fn len(&self) -> usize {
        self.layers.len()
    }

    /// Returns whether the container is empty.
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    /// Returns the layer with this index.
    pub fn get(&self, index: usize) -> Option<&dyn Forward> {
        self.layers.get(index).map(|(_, layer)| &**layer)
    }

    /// Returns the layer with this index as a `T`; `None` if it does not exist or has another type.
    ///
    /// ```
    /// use rushlight::nn;
    /// let net = nn::seq![nn::Linear::new(2, 3), nn::ReLU::new()];
    /// let linear = net.get_as::<nn::Linear>(0).unwrap();
    /// assert_eq!(linear.weight.get().shape(), [3, 2]);
    /// assert_eq!(net[1].to_string(), "ReLU()");
    /// ```
    pub fn get_as<T: Module>(&self, index: usize) -> Option<&T> {
        self.get(index)?.downcast_ref()
    }

    /// Returns the layers in order.
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
            layers = rest;
            let y = match layer.fusion() {
                Fusion::Product(product) => {
                    let norm = next_normalization(&mut layers);
                    product.try_forward_fused(&x, norm, next_activation(&mut layers))
                }
                Fusion::Normalization(norm) => norm.try_forward(&x, next_activation(&mut layers)),
                _ => layer.try_forward(&x),
            };
            x = y.map_err(|error| error.at(format!("layer {name} ({})", layer.kind())))?;
        }
        Ok(x)
    }
}

/// The remaining layers, with their names.
type Rest<'a> = &'a [(String, Box<dyn Forward>)];

/// Consumes the next layer if it is a normalization.
fn next_normalization<'a>(layers: &mut Rest<'a>) -> Option<Normalization<'a>> {
    let ((_, next), rest) = layers.split_first()?;
    let Fusion::Normalization(norm) = next.fusion() else { return None };
    *layers = rest;
    Some(norm)
}

/// Consumes the next layer if it is an activation that preceding layers can fuse.
fn next_activation(layers: &mut Rest<'_>) -> Activation {
    if let Some(((_, next), rest)) = layers.split_first()
        && let Fusion::Activation(activation) = next.fusion()
    {
        *layers = rest;
        return activation;
    }
    Activation::None
}

/// The layer with this index.
///
/// # Panics
/// If the index is out of range.
impl Index<usize> for Sequential {
    type Output = dyn Forward;

    #[track_caller]
    fn index(&self, index: usize) -> &dyn Forward {
        match self.get(index) {
            Some(layer) => layer,
            None => panic!("Sequential: expected an index below {}, got {index}", self.len()),
        }
    }
}

impl<'a> IntoIterator for &'a Sequential {
    type Item = &'a dyn Forward;
    type IntoIter = Box<dyn ExactSizeIterator<Item = &'a dyn Forward> + 'a>;

    fn into_iter(self) -> Self::IntoIter {
        Box::new(self.iter())
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
