//! LSTM over sequences.

use super::weights::{Layers, Sizes};
use crate::backend::Lstm;
use crate::nn::repr::{python_bool, python_float};
use crate::nn::utils::rnn::PackedSequence;
use crate::nn::{Module, Parameter, Training};
use crate::ops::{DropoutOptions, lstm};
use crate::tensor::{DType, TensorOptions, get_default_dtype};
use crate::{Error, Result, Tensor};
use rushlight_macros::{Builder, op};
use std::sync::Arc;

const NAME: &str = "LSTM";

/// A long short-term memory: layers of cells that pass their state from step to step of a sequence.
///
/// A cell computes from the input `x`, the previous output `h` and its state `c`
///
/// ```text
/// i, f, g, o = sigmoid, sigmoid, tanh, sigmoid of x @ W_ih.t() + b_ih + h @ W_hh.t() + b_hh
/// c' = f * c + i * g
/// h' = o * tanh(c')               with a projection: (o * tanh(c')) @ W_hr.t()
/// ```
///
/// The input is `[L, N, input_size]` (`[N, L, input_size]` with `batch_first`), `[L, input_size]` for a single sequence, or a
/// [`PackedSequence`]. The result is `(output, (h_n, c_n))`: the outputs of the last layer at all steps, `[L, N, D * H]`, where `D` is the
/// number of directions and `H` the hidden size or that of the projection; and the last output and state of each layer and direction,
/// `[D * num_layers, N, H]` and `[D * num_layers, N, hidden_size]`, without `N` for a single sequence. The parameters have PyTorch's
/// names (`weight_ih_l0`, `bias_hh_l1_reverse`) and are drawn uniformly in ±1/√hidden_size. See
/// [`torch.nn.LSTM`](https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTM.html).
///
/// ```
/// use rushlight::{Tensor, nn, nn::Module};
/// let lstm = nn::LSTM::builder(8, 16).num_layers(2).bidirectional(true).build();
/// let (output, (h, c)) = lstm.forward(&Tensor::randn([5, 3, 8]));
/// assert_eq!((output.shape(), h.shape(), c.shape()), (&[5, 3, 32][..], &[4, 3, 16][..], &[4, 3, 16][..]));
/// let (next, _) = lstm.forward_with(&Tensor::randn([1, 3, 8]), (&h, &c));
/// assert_eq!(next.shape(), [1, 3, 32]);
/// assert_eq!(lstm.to_string(), "LSTM(8, 16, num_layers=2, bidirectional=True)");
/// ```
#[derive(Module)]
#[module(extra_repr = LSTM::extra_repr)]
pub struct LSTM {
    layers: Layers,
    #[module(skip)]
    options: LSTMBuilder,
    training: Training,
}

/// The options of an [`LSTM`].
#[derive(Builder, Clone, Copy, Debug)]
#[builder(new = pub(super))]
pub struct LSTMBuilder {
    #[builder(required)]
    input_size: usize,
    #[builder(required)]
    hidden_size: usize,
    /// The number of layers, each of which takes the outputs of the previous one; default 1.
    #[builder(default = 1)]
    num_layers: usize,
    /// Whether the layers have biases; default true.
    #[builder(default = true)]
    bias: bool,
    /// Whether the first dimension of input and output is the batch instead of the step; default false. It does not affect the states.
    #[builder(default = false)]
    batch_first: bool,
    /// The probability that an element of the output of a layer other than the last is zeroed in training; default 0.
    #[builder(default = 0.0)]
    dropout: f64,
    /// Whether each layer also runs from the last step to the first; default false. The outputs of both directions are concatenated.
    #[builder(default = false)]
    bidirectional: bool,
    /// The size that outputs are projected to, smaller than the hidden size; 0, the default, for none.
    #[builder(default = 0)]
    proj_size: usize,
    /// The dtype of the parameters; default float32.
    #[builder(default = get_default_dtype())]
    dtype: DType,
}

impl LSTMBuilder {
    /// Builds the layers and initializes their parameters.
    ///
    /// # Errors
    /// If a size is 0, the projection is not smaller than the hidden size, `dropout` is not in [0, 1], the dtype is not floating-point or
    /// the sizes are too large.
    #[op]
    pub fn try_build(self) -> Result<LSTM> {
        for (what, size) in
            [("input_size", self.input_size), ("hidden_size", self.hidden_size), ("num_layers", self.num_layers)]
        {
            if size == 0 {
                return Err(Error::value(NAME, format!("expected {what} greater than 0, got 0")));
            }
        }
        if self.proj_size >= self.hidden_size {
            let message =
                format!("expected proj_size smaller than hidden_size {}, got {}", self.hidden_size, self.proj_size);
            return Err(Error::value(NAME, message));
        }
        if !(0.0..=1.0).contains(&self.dropout) {
            let message = format!("expected a dropout probability between 0 and 1, got {}", self.dropout);
            return Err(Error::value(NAME, message));
        }
        let sizes = Sizes {
            gates: 4,
            inputs: self.input_size,
            hidden: self.hidden_size,
            projection: (self.proj_size > 0).then_some(self.proj_size),
            bias: self.bias,
        };
        let options = TensorOptions::new().dtype(self.dtype);
        let layers = Layers::new(sizes, self.num_layers, self.bidirectional, &options)?;
        Ok(LSTM { layers, options: self, training: Training::default() })
    }
}

/// The initial output and cell state `(h_0, c_0)` of an [`LSTM`] or an [`LSTMCell`](super::LSTMCell); zeros by default.
#[derive(Clone, Debug, Default)]
pub struct LstmState(pub(super) Option<(Tensor, Tensor)>);

impl From<(&Tensor, &Tensor)> for LstmState {
    fn from((h, c): (&Tensor, &Tensor)) -> LstmState {
        LstmState(Some((h.clone(), c.clone())))
    }
}

impl From<(Tensor, Tensor)> for LstmState {
    fn from(state: (Tensor, Tensor)) -> LstmState {
        LstmState(Some(state))
    }
}

impl From<&(Tensor, Tensor)> for LstmState {
    fn from(state: &(Tensor, Tensor)) -> LstmState {
        LstmState(Some(state.clone()))
    }
}

/// What a recurrent layer runs over: a tensor, or a [`PackedSequence`]. The outputs have the same form.
pub trait Sequences: Sized + sealed::Sequences {}
impl Sequences for Tensor {}
impl Sequences for PackedSequence {}

mod sealed {
    use super::{LSTM, LstmState, PackedSequence, Tensor};
    use crate::Result;

    pub trait Sequences {
        /// Runs `lstm` from `state`.
        fn run(&self, lstm: &LSTM, state: LstmState) -> Result<(Self, (Tensor, Tensor))>
        where
            Self: Sized;
    }

    impl Sequences for Tensor {
        fn run(&self, lstm: &LSTM, state: LstmState) -> Result<(Tensor, (Tensor, Tensor))> {
            lstm.run_tensor(self, state)
        }
    }

    impl Sequences for PackedSequence {
        fn run(&self, lstm: &LSTM, state: LstmState) -> Result<(PackedSequence, (Tensor, Tensor))> {
            lstm.run_packed(self, state)
        }
    }
}

impl LSTM {
    /// Creates one layer in one direction, with biases, float32.
    ///
    /// # Errors
    /// If a size is 0 or the parameters do not fit into memory.
    #[op]
    pub fn try_new(input_size: usize, hidden_size: usize) -> Result<LSTM> {
        LSTM::builder(input_size, hidden_size).try_build()
    }

    /// Returns a builder of the layers.
    pub fn builder(input_size: usize, hidden_size: usize) -> LSTMBuilder {
        LSTMBuilder::new(input_size, hidden_size)
    }

    /// Returns the parameters of each layer and direction: `weight_ih`, `weight_hh`, `bias_ih`, `bias_hh`, `weight_hr`, those that exist.
    pub fn all_weights(&self) -> Vec<Vec<Parameter>> {
        self.layers.0.iter().flatten().map(|weights| weights.parameters()).collect()
    }

    /// Computes the outputs at all steps, and the last output and cell state of each layer and direction: `(output, (h_n, c_n))`. See
    /// [`LSTM`] for their shapes. The initial state, zeros by default, is `(h_0, c_0)` of the shapes of `(h_n, c_n)`.
    ///
    /// # Errors
    /// If the input or a state does not have the shape, the dtype or the device that the layer expects, or there is no step.
    ///
    /// ```
    /// use rushlight::{Tensor, nn, nn::utils::rnn::{pack_sequence, pad_packed_sequence}};
    /// let lstm = nn::LSTM::new(2, 4);
    /// let packed = pack_sequence([Tensor::randn([3, 2]), Tensor::randn([1, 2])]);
    /// let (output, (h, _)) = lstm.forward(&packed);
    /// let (padded, lengths) = pad_packed_sequence(&output);
    /// assert_eq!((padded.shape(), &lengths[..]), (&[3, 2, 4][..], &[3, 1][..]));
    /// assert!(h.select(0, 0).select(0, 1).equal(&padded.select(0, 0).select(0, 1)));
    /// ```
    #[op(with)]
    pub fn try_forward_with<S: Sequences>(&self, x: &S, state: impl Into<LstmState>) -> Result<(S, (Tensor, Tensor))> {
        x.run(self, state.into())
    }

    /// The number of layers times the number of directions.
    fn depth(&self) -> usize {
        self.options.num_layers * if self.options.bidirectional { 2 } else { 1 }
    }

    /// The size of an output.
    fn outputs(&self) -> usize {
        if self.options.proj_size > 0 { self.options.proj_size } else { self.options.hidden_size }
    }

    fn run_tensor(&self, x: &Tensor, state: LstmState) -> Result<(Tensor, (Tensor, Tensor))> {
        let batched = match x.dim() {
            2 => false,
            3 => true,
            _ => {
                let message = format!("expected an input of 2 or 3 dimensions, got shape {:?}", x.shape());
                return Err(Error::shape(NAME, message));
            }
        };
        self.check_input(x)?;
        // By step, then by sequence.
        let by_step = match (batched, self.options.batch_first) {
            (true, true) => x.try_transpose(0, 1)?,
            (true, false) => x.clone(),
            (false, _) => x.try_unsqueeze(1)?,
        };
        let (steps, batch) = (by_step.shape()[0], by_step.shape()[1]);
        if steps == 0 {
            let message = format!("expected sequences of at least 1 step, got input {:?}", x.shape());
            return Err(Error::shape(NAME, message));
        }
        let state = self.initial(x, batch, batched, state)?;
        let rows = by_step.try_reshape([steps * batch, self.options.input_size])?;
        let (out, last) = self.run(&rows, &vec![batch; steps].into(), state)?;
        let out = out.try_view([steps, batch, out.shape()[1]])?;
        if !batched {
            return Ok((out.try_squeeze(1)?, (last.0.try_squeeze(1)?, last.1.try_squeeze(1)?)));
        }
        Ok((if self.options.batch_first { out.try_transpose(0, 1)? } else { out }, last))
    }

    fn run_packed(&self, x: &PackedSequence, state: LstmState) -> Result<(PackedSequence, (Tensor, Tensor))> {
        let data = x.data();
        if data.dim() != 2 {
            let message = format!("expected packed data of 2 dimensions, got shape {:?}", data.shape());
            return Err(Error::shape(NAME, message));
        }
        self.check_input(data)?;
        let sizes: Arc<[usize]> = x.batch_sizes().into();
        let ordered = |state: &Tensor, order: Option<&Tensor>| match order {
            Some(order) => state.try_index_select(1, order),
            None => Ok(state.clone()),
        };
        let (h, c) = self.initial(data, sizes[0], true, state)?;
        let (sorted, unsorted) = (x.sorted_indices(), x.unsorted_indices());
        let (out, (h, c)) = self.run(data, &sizes, (ordered(&h, sorted)?, ordered(&c, sorted)?))?;
        Ok((x.with_data(out), (ordered(&h, unsorted)?, ordered(&c, unsorted)?)))
    }

    fn check_input(&self, x: &Tensor) -> Result<()> {
        let weight = self.layers.0[0][0].ih.get();
        if x.dtype() != weight.dtype() {
            let message = format!(
                "expected an input of the parameters' dtype {}, got {}; to_dtype converts input or model",
                weight.dtype(),
                x.dtype()
            );
            return Err(Error::dtype(NAME, message));
        }
        let inputs = self.options.input_size;
        if x.shape().last() != Some(&inputs) {
            let message =
                format!("expected an input with {inputs} features in the last dimension, got {:?}", x.shape());
            return Err(Error::shape(NAME, message));
        }
        Ok(())
    }

    /// The initial output and cell state, `[depth, batch, …]`.
    fn initial(&self, x: &Tensor, batch: usize, batched: bool, state: LstmState) -> Result<(Tensor, Tensor)> {
        let depth = self.depth();
        let shapes = [self.outputs(), self.options.hidden_size].map(|size| [depth, batch, size]);
        let Some((h, c)) = state.0 else {
            let options = TensorOptions::new().dtype(x.dtype()).device(x.device());
            return Ok((Tensor::try_zeros_with(shapes[0], &options)?, Tensor::try_zeros_with(shapes[1], &options)?));
        };
        for (what, given, shape) in [("h_0", &h, shapes[0]), ("c_0", &c, shapes[1])] {
            let expected = if batched { shape.to_vec() } else { vec![depth, shape[2]] };
            if given.shape() != expected {
                let message = format!(
                    "expected {what} to have shape {expected:?} for the input {:?}, got {:?}",
                    x.shape(),
                    given.shape()
                );
                return Err(Error::shape(NAME, message));
            }
            if given.dtype() != x.dtype() {
                let message = format!("expected {what} of the input's dtype {}, got {}", x.dtype(), given.dtype());
                return Err(Error::dtype(NAME, message));
            }
        }
        if batched { Ok((h, c)) } else { Ok((h.try_unsqueeze(1)?, c.try_unsqueeze(1)?)) }
    }

    /// Runs all layers over the rows of all steps.
    fn run(&self, x: &Tensor, sizes: &Arc<[usize]>, (h0, c0): (Tensor, Tensor)) -> Result<(Tensor, (Tensor, Tensor))> {
        let LSTMBuilder { hidden_size, dropout, .. } = self.options;
        let (mut x, mut last_h, mut last_c) = (x.clone(), Vec::new(), Vec::new());
        for (index, layer) in self.layers.0.iter().enumerate() {
            if index > 0 && dropout > 0.0 && self.training.get() {
                x = x.try_dropout_with(DropoutOptions::new().p(dropout))?;
            }
            let mut outputs = Vec::new();
            for (direction, weights) in layer.iter().enumerate() {
                let sizes = Lstm {
                    hidden: hidden_size,
                    outputs: self.outputs(),
                    sizes: sizes.clone(),
                    reverse: direction == 1,
                };
                let place = last_h.len() as isize;
                let state = [&h0.try_select(0, place)?, &c0.try_select(0, place)?];
                let [out, h, c] = lstm(&sizes, &x, state, &weights.tensors())?;
                outputs.push(out);
                last_h.push(h);
                last_c.push(c);
            }
            x = match outputs.as_slice() {
                [one] => one.clone(),
                several => Tensor::try_cat_dim(several, 1)?,
            };
        }
        Ok((x, (Tensor::try_stack(last_h)?, Tensor::try_stack(last_c)?)))
    }

    fn extra_repr(&self) -> String {
        let options = &self.options;
        let mut text = format!("{}, {}", options.input_size, options.hidden_size);
        if options.proj_size != 0 {
            text += &format!(", proj_size={}", options.proj_size);
        }
        if options.num_layers != 1 {
            text += &format!(", num_layers={}", options.num_layers);
        }
        if !options.bias {
            text += &format!(", bias={}", python_bool(options.bias));
        }
        if options.batch_first {
            text += &format!(", batch_first={}", python_bool(options.batch_first));
        }
        if options.dropout != 0.0 {
            text += &format!(", dropout={}", python_float(options.dropout));
        }
        if options.bidirectional {
            text += &format!(", bidirectional={}", python_bool(options.bidirectional));
        }
        text
    }
}
