//! A single step of an LSTM.

use super::LstmState;
use super::weights::{Sizes, Weights};
use crate::backend::Lstm;
use crate::nn::Module;
use crate::ops::lstm;
use crate::tensor::{DType, TensorOptions, get_default_dtype};
use crate::{Error, Result, Tensor};
use rushlight_macros::{Builder, op};

const NAME: &str = "LSTMCell";

/// One step of an [`LSTM`](super::LSTM) of one layer: `(h', c')` from the input `[N, input_size]` and the state `(h, c)`, `[N,
/// hidden_size]` each; all without `N` for a single sequence.
///
/// The parameters `weight_ih`, `weight_hh`, `bias_ih` and `bias_hh` are drawn uniformly in ±1/√hidden_size. See
/// [`torch.nn.LSTMCell`](https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTMCell.html).
///
/// ```
/// use rushlight::{Tensor, nn, nn::Module};
/// let cell = nn::LSTMCell::new(3, 5);
/// let mut state = cell.forward(&Tensor::randn([2, 3]));
/// for _ in 0..4 {
///     state = cell.forward_with(&Tensor::randn([2, 3]), &state);
/// }
/// assert_eq!((state.0.shape(), state.1.shape()), (&[2, 5][..], &[2, 5][..]));
/// assert_eq!(cell.to_string(), "LSTMCell(3, 5)");
/// ```
#[derive(Module)]
#[module(extra_repr = LSTMCell::extra_repr)]
pub struct LSTMCell {
    weights: Weights,
    #[module(skip)]
    options: LSTMCellBuilder,
}

/// The options of an [`LSTMCell`].
#[derive(Builder, Clone, Copy, Debug)]
#[builder(new = pub(super))]
pub struct LSTMCellBuilder {
    #[builder(required)]
    input_size: usize,
    #[builder(required)]
    hidden_size: usize,
    /// Whether the cell has biases; default true.
    #[builder(default = true)]
    bias: bool,
    /// The dtype of the parameters; default float32.
    #[builder(default = get_default_dtype())]
    dtype: DType,
}

impl LSTMCellBuilder {
    /// Builds the cell and initializes its parameters.
    ///
    /// # Errors
    /// If the dtype is not floating-point or the sizes are too large.
    #[op]
    pub fn try_build(self) -> Result<LSTMCell> {
        let (inputs, hidden) = (self.input_size, self.hidden_size);
        let sizes = Sizes { gates: 4, inputs, hidden, projection: None, bias: self.bias };
        let weights = Weights::new(sizes, &TensorOptions::new().dtype(self.dtype), String::new())?;
        Ok(LSTMCell { weights, options: self })
    }
}

impl LSTMCell {
    /// Creates a cell with biases, float32.
    ///
    /// # Errors
    /// If the parameters do not fit into memory.
    #[op]
    pub fn try_new(input_size: usize, hidden_size: usize) -> Result<LSTMCell> {
        LSTMCell::builder(input_size, hidden_size).try_build()
    }

    /// Returns a builder of the cell.
    pub fn builder(input_size: usize, hidden_size: usize) -> LSTMCellBuilder {
        LSTMCellBuilder::new(input_size, hidden_size)
    }

    /// Computes the output and the cell state after a step, `(h', c')`, from the input and the state before it, zeros by default.
    ///
    /// # Errors
    /// If the input or a state does not have the shape, the dtype or the device that the cell expects.
    ///
    /// ```
    /// use rushlight::{Tensor, nn};
    /// let cell = nn::LSTMCell::new(3, 5);
    /// let (h, c) = cell.forward(&Tensor::ones([3]));
    /// assert_eq!((h.shape(), c.shape()), (&[5][..], &[5][..]));
    /// ```
    #[op(with)]
    pub fn try_forward_with(&self, x: &Tensor, state: impl Into<LstmState>) -> Result<(Tensor, Tensor)> {
        let (inputs, hidden) = (self.options.input_size, self.options.hidden_size);
        if !matches!(x.dim(), 1 | 2) || x.shape().last() != Some(&inputs) {
            let message = format!("expected an input [N, {inputs}] or [{inputs}], got shape {:?}", x.shape());
            return Err(Error::shape(NAME, message));
        }
        let dtype = self.weights.ih.dtype();
        let mut shape = x.shape().to_vec();
        *shape.last_mut().expect("it has a dimension") = hidden;
        let (h, c) = match state.into().0 {
            Some(state) => state,
            None => {
                let options = TensorOptions::new().dtype(x.dtype()).device(x.device());
                let zeros = Tensor::try_zeros_with(&shape, options)?;
                (zeros.clone(), zeros)
            }
        };
        for (what, given, shape) in [("the input", x, x.shape()), ("h", &h, &shape[..]), ("c", &c, &shape[..])] {
            if given.shape() != shape {
                let message = format!("expected {what} to have shape {shape:?}, got {:?}", given.shape());
                return Err(Error::shape(NAME, message));
            }
            if given.dtype() != dtype {
                let message = format!("expected {what} of the parameters' dtype {dtype}, got {}", given.dtype());
                return Err(Error::dtype(NAME, message));
            }
        }
        let rows = |x: &Tensor| if x.dim() == 1 { x.try_unsqueeze(0) } else { Ok(x.clone()) };
        let x = rows(x)?;
        let one = Lstm { hidden, outputs: hidden, sizes: [x.shape()[0]].into(), reverse: false };
        let [h, _, c] = lstm(&one, &x, [&rows(&h)?, &rows(&c)?], &self.weights.tensors())?;
        Ok((h.try_view(&shape)?, c.try_view(&shape)?))
    }

    fn extra_repr(&self) -> String {
        let bias = if self.options.bias { "" } else { ", bias=False" };
        format!("{}, {}{bias}", self.options.input_size, self.options.hidden_size)
    }
}
