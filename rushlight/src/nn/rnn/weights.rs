//! The parameters of recurrent layers.

use crate::nn::{Field, Item, Parameter, Visitor, init};
use crate::ops::LstmWeights;
use crate::tensor::TensorOptions;
use crate::{Result, Tensor};

/// The sizes of one layer in one direction.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    /// The number of gates.
    pub gates: usize,
    /// Elements of the input.
    pub inputs: usize,
    /// Elements of the state of a sequence.
    pub hidden: usize,
    /// Elements of the output, if it is projected.
    pub projection: Option<usize>,
    /// Whether there are biases.
    pub bias: bool,
}

/// The parameters of one layer in one direction, or of a cell.
pub(super) struct Weights {
    pub ih: Parameter,
    pub hh: Parameter,
    pub bias: Option<[Parameter; 2]>,
    pub hr: Option<Parameter>,
    /// What follows `weight_ih` in the name of a parameter: `_l0_reverse`.
    suffix: String,
}

impl Weights {
    /// Draws all of them uniformly in ±1/√hidden, in PyTorch's order.
    pub(super) fn new(sizes: Sizes, options: &TensorOptions, suffix: String) -> Result<Weights> {
        let Sizes { gates, inputs, hidden, projection, bias } = sizes;
        let bound = if hidden > 0 { 1.0 / (hidden as f64).sqrt() } else { 0.0 };
        let draw = |shape: &[usize]| {
            Parameter::try_new(init::try_uniform_(Tensor::try_zeros_with(shape, options)?, -bound..bound)?)
        };
        let rows = gates * hidden;
        let ih = draw(&[rows, inputs])?;
        let hh = draw(&[rows, projection.unwrap_or(hidden)])?;
        let bias = if bias { Some([draw(&[rows])?, draw(&[rows])?]) } else { None };
        let hr = projection.map(|outputs| draw(&[outputs, hidden])).transpose()?;
        Ok(Weights { ih, hh, bias, hr, suffix })
    }

    /// The parameters with the first part of their names.
    fn named(&self) -> impl Iterator<Item = (&'static str, &Parameter)> {
        let biases = self.bias.iter().flat_map(|[ih, hh]| [("bias_ih", ih), ("bias_hh", hh)]);
        let projection = self.hr.iter().map(|hr| ("weight_hr", hr));
        [("weight_ih", &self.ih), ("weight_hh", &self.hh)].into_iter().chain(biases).chain(projection)
    }

    pub(super) fn parameters(&self) -> Vec<Parameter> {
        self.named().map(|(_, parameter)| parameter.clone()).collect()
    }

    pub(super) fn tensors(&self) -> LstmWeights {
        LstmWeights {
            ih: self.ih.get(),
            hh: self.hh.get(),
            bias: self.bias.as_ref().map(|bias| bias.each_ref().map(Parameter::get)),
            hr: self.hr.as_ref().map(Parameter::get),
        }
    }
}

/// The parameters are those of the module itself, under PyTorch's names: `weight_ih_l0`.
impl Field for Weights {
    fn visit<'a>(&'a self, _: &str, visitor: &mut dyn Visitor<'a>) {
        for (name, parameter) in self.named() {
            visitor.visit(&format!("{name}{}", self.suffix), Item::Parameter(parameter));
        }
    }
}

/// The parameters of all layers, each in one or two directions.
pub(super) struct Layers(pub Vec<Vec<Weights>>);

impl Layers {
    /// Draws the parameters of `layers` layers; those after the first take the outputs of all directions of the previous one.
    pub(super) fn new(first: Sizes, layers: usize, bidirectional: bool, options: &TensorOptions) -> Result<Layers> {
        let directions = if bidirectional { 2 } else { 1 };
        let outputs = directions * first.projection.unwrap_or(first.hidden);
        let of = |layer: usize, reverse: bool| {
            let sizes = Sizes { inputs: if layer == 0 { first.inputs } else { outputs }, ..first };
            Weights::new(sizes, options, format!("_l{layer}{}", if reverse { "_reverse" } else { "" }))
        };
        let layers = (0..layers).map(|layer| (0..directions).map(|direction| of(layer, direction == 1)).collect());
        Ok(Layers(layers.collect::<Result<_>>()?))
    }
}

impl Field for Layers {
    fn visit<'a>(&'a self, name: &str, visitor: &mut dyn Visitor<'a>) {
        for weights in self.0.iter().flatten() {
            weights.visit(name, visitor);
        }
    }
}
