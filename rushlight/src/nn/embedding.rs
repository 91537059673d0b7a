//! The embedding layer.

use super::repr::python_float;
use super::{Forward, Module, Parameter};
use crate::ops::EmbeddingOptions;
use crate::tensor::{DType, TensorOptions, get_default_dtype};
use crate::{Error, Result, Tensor, no_grad};
use rushlight_macros::{Builder, op};

/// A table of vectors, looked up by integers: input `[…]` (int64 or int32), output `[…, embedding_dim]`.
///
/// The weight is `[num_embeddings, embedding_dim]`, initialized with normal random numbers of mean 0 and standard deviation 1; the row
/// `padding_idx` with zeros. See [`torch.nn.Embedding`](https://docs.pytorch.org/docs/stable/generated/torch.nn.Embedding.html) and
/// [`Tensor::embedding`](crate::Tensor::embedding).
///
/// ```
/// use rushlight::{nn, nn::Forward, tensor};
/// rushlight::manual_seed(0);
/// let layer = nn::Embedding::builder(10, 3).padding_idx(-1).build();
/// assert_eq!(layer.forward(&tensor!([[1, 2, 4], [9, 0, 9]])).shape(), [2, 3, 3]);
/// assert_eq!(layer.to_string(), "Embedding(10, 3, padding_idx=9)");
/// ```
#[derive(Module)]
#[module(extra_repr = Embedding::extra_repr)]
pub struct Embedding {
    /// `[num_embeddings, embedding_dim]`.
    pub weight: Parameter,
    #[module(skip)]
    options: EmbeddingOptions,
}

/// The options of an [`Embedding`] layer.
#[derive(Builder, Clone, Debug)]
#[builder(new = pub(super))]
pub struct EmbeddingBuilder {
    #[builder(required)]
    num_embeddings: usize,
    #[builder(required)]
    embedding_dim: usize,
    /// The row that is zero at first and has no gradient, for padding; a negative one counts from the end. Default: none.
    padding_idx: Option<isize>,
    /// The largest norm of a row: rows that are looked up and have a larger one are scaled down in-place. Default: none.
    max_norm: Option<f64>,
    /// The order of that norm; default 2.
    #[builder(default = 2.0)]
    norm_type: f64,
    /// Whether gradients are divided by the number of times that their row was looked up; default false.
    scale_grad_by_freq: bool,
    /// Whether the gradient of the weight is a [sparse tensor](crate::Tensor::is_sparse) of the rows that were looked up; default false.
    sparse: bool,
    /// Whether the weight does not require gradients; default false, for [`from_pretrained`](Embedding::from_pretrained) true.
    freeze: bool,
    /// The dtype of a new weight; default float32.
    #[builder(default = get_default_dtype())]
    dtype: DType,
    #[builder(skip)]
    weight: Option<Tensor>,
}

impl Embedding {
    /// Creates a layer with PyTorch's defaults, float32.
    ///
    /// # Errors
    /// If the weight does not fit into memory.
    #[op]
    pub fn try_new(num_embeddings: usize, embedding_dim: usize) -> Result<Embedding> {
        Embedding::builder(num_embeddings, embedding_dim).try_build()
    }

    /// Returns a builder of the layer.
    pub fn builder(num_embeddings: usize, embedding_dim: usize) -> EmbeddingBuilder {
        EmbeddingBuilder::new(num_embeddings, embedding_dim)
    }

    /// Creates a layer that shares the memory of a weight `[num_embeddings, embedding_dim]`, frozen.
    ///
    /// # Errors
    /// If the weight is not a matrix or not floating-point.
    ///
    /// ```
    /// use rushlight::{nn, nn::Forward, tensor};
    /// let vectors = tensor!([[1.0, 2.5], [4.0, 5.5]]);
    /// let layer = nn::Embedding::from_pretrained(&vectors);
    /// assert_eq!(layer.forward(&tensor!([1])).to_string(), "tensor([[4.0000, 5.5000]])");
    /// assert!(!layer.weight.requires_grad());
    /// let trained = nn::Embedding::pretrained_builder(&vectors).freeze(false).sparse(true).build();
    /// assert!(trained.weight.requires_grad());
    /// ```
    #[op]
    pub fn try_from_pretrained(weight: &Tensor) -> Result<Embedding> {
        Embedding::pretrained_builder(weight).try_build()
    }

    /// Returns a builder of [`from_pretrained`](Embedding::from_pretrained) with other options. The padding row keeps its values.
    pub fn pretrained_builder(weight: &Tensor) -> EmbeddingBuilder {
        let size = |dim: usize| weight.shape().get(dim).copied().unwrap_or_default();
        EmbeddingBuilder { weight: Some(weight.clone()), freeze: true, ..EmbeddingBuilder::new(size(0), size(1)) }
    }

    /// Returns the number of rows.
    pub fn num_embeddings(&self) -> usize {
        self.weight.get().shape().first().copied().unwrap_or_default()
    }

    /// Returns the length of a row.
    pub fn embedding_dim(&self) -> usize {
        self.weight.get().shape().get(1).copied().unwrap_or_default()
    }

    fn extra_repr(&self) -> String {
        let EmbeddingOptions { padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse } = self.options;
        let mut text = format!("{}, {}", self.num_embeddings(), self.embedding_dim());
        if let Some(index) = padding_idx {
            text += &format!(", padding_idx={index}");
        }
        if let Some(norm) = max_norm {
            text += &format!(", max_norm={}", python_float(norm));
        }
        if norm_type != 2.0 {
            text += &format!(", norm_type={}", python_float(norm_type));
        }
        if scale_grad_by_freq {
            text += ", scale_grad_by_freq=True";
        }
        if sparse {
            text += ", sparse=True";
        }
        text
    }
}

impl EmbeddingBuilder {
    /// Builds the layer and initializes a new weight.
    ///
    /// # Errors
    /// If the padding row is out of range, the given weight is not a matrix, or the weight is not floating-point or too large.
    #[op]
    pub fn try_build(self) -> Result<Embedding> {
        let name = "Embedding";
        let EmbeddingBuilder { padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, .. } = self;
        let mut options = EmbeddingOptions { padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse };
        let padding = options.padding(name, self.num_embeddings)?;
        options.padding_idx = padding.map(|index| index as isize);
        let weight = match self.weight {
            Some(weight) if weight.dim() != 2 => {
                let message = format!("expected a weight [embeddings, size], got shape {:?}", weight.shape());
                return Err(Error::shape(name, message));
            }
            Some(weight) => weight,
            None => {
                let shape = [self.num_embeddings, self.embedding_dim];
                let weight = Tensor::try_randn_with(shape, TensorOptions::new().dtype(self.dtype))?;
                if let Some(index) = options.padding_idx {
                    no_grad(|| weight.try_select(0, index)?.try_zero_())?;
                }
                weight
            }
        };
        let weight = Parameter::try_new(weight)?;
        weight.requires_grad_(!self.freeze);
        Ok(Embedding { weight, options })
    }
}

impl Forward for Embedding {
    #[op]
    fn try_forward(&self, x: &Tensor) -> Result<Tensor> {
        x.try_embedding_with(&self.weight.get(), self.options)
    }
}
