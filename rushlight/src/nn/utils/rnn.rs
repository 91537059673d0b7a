//! Sequences of different lengths as one tensor: padded to the longest, or packed without padding for a recurrent layer.
//!
//! ```
//! use rushlight::{Tensor, nn::utils::rnn::{pack_padded_sequence, pad_packed_sequence, pad_sequence}};
//! let padded = pad_sequence([Tensor::from([1.0f32, 2.0, 3.0]), Tensor::from([4.0f32])]);
//! assert_eq!(padded.to_string(), "tensor([[1., 4.],\n        [2., 0.],\n        [3., 0.]])");
//! let packed = pack_padded_sequence(&padded, [3, 1]);
//! assert_eq!(packed.data().to_vec::<f32>(), [1.0, 4.0, 2.0, 3.0]);
//! assert_eq!(packed.batch_sizes(), [2, 1, 1]);
//! let (back, lengths) = pad_packed_sequence(&packed);
//! assert!(back.equal(&padded) && lengths == [3, 1]);
//! ```

use crate::tensor::TensorOptions;
use crate::{Error, Result, Tensor};
use rushlight_macros::{Builder, op};
use std::borrow::Borrow;
use std::cmp::Reverse;
use std::fmt;

/// Sequences without padding: the elements of all sequences at the first step, then those at the second step of the sequences that have
/// one, and so on. As
/// [`torch.nn.utils.rnn.PackedSequence`](https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.rnn.PackedSequence.html).
///
/// Sequences are sorted by decreasing length; [`sorted_indices`](PackedSequence::sorted_indices) tells their original order.
#[derive(Clone, Debug)]
pub struct PackedSequence {
    data: Tensor,
    batch_sizes: Vec<usize>,
    /// The order in which sequences are packed, and its inverse.
    order: Option<[Tensor; 2]>,
}

impl PackedSequence {
    /// Returns the elements, `[total, …]`.
    pub fn data(&self) -> &Tensor {
        &self.data
    }

    /// Returns the number of sequences that have each step.
    pub fn batch_sizes(&self) -> &[usize] {
        &self.batch_sizes
    }

    /// Returns the original position of each packed sequence (int64), if they were sorted.
    pub fn sorted_indices(&self) -> Option<&Tensor> {
        self.order.as_ref().map(|[sorted, _]| sorted)
    }

    /// Returns the packed position of each original sequence (int64), if they were sorted.
    pub fn unsorted_indices(&self) -> Option<&Tensor> {
        self.order.as_ref().map(|[_, unsorted]| unsorted)
    }

    /// The same sequences with other elements.
    pub(in crate::nn) fn with_data(&self, data: Tensor) -> PackedSequence {
        PackedSequence { data, ..self.clone() }
    }

    /// The length of each packed sequence.
    fn lengths(&self) -> Vec<usize> {
        let longest = self.batch_sizes.first().copied().unwrap_or_default();
        (0..longest).map(|i| self.batch_sizes.iter().filter(|&&size| size > i).count()).collect()
    }
}

/// As PyTorch prints it.
impl fmt::Display for PackedSequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes: Vec<i64> = self.batch_sizes.iter().map(|&size| size as i64).collect();
        let index = |index: Option<&Tensor>| index.map_or("None".to_string(), Tensor::to_string);
        write!(
            f,
            "PackedSequence(data={}, batch_sizes={}, sorted_indices={}, unsorted_indices={})",
            self.data,
            Tensor::from(sizes),
            index(self.sorted_indices()),
            index(self.unsorted_indices())
        )
    }
}

/// The options of [`pack_padded_sequence`].
#[derive(Builder, Clone, Copy, Debug)]
pub struct PackOptions {
    /// Whether the first dimension of the input is the batch instead of the step; default false.
    #[builder(default = false)]
    batch_first: bool,
    /// Whether sequences must be sorted by decreasing length; otherwise they are sorted, and layers restore the order. Default true.
    #[builder(default = true)]
    enforce_sorted: bool,
}

/// Packs padded sequences, `[L, N, …]` (`[N, L, …]` with `batch_first`), of the given lengths.
///
/// # Errors
/// If the input is empty or has fewer than 2 dimensions, there is not one length from 1 to `L` per sequence, or the lengths increase with
/// `enforce_sorted`.
///
/// ```
/// use rushlight::{Tensor, nn::utils::rnn::{PackOptions, pack_padded_sequence_with}};
/// let x = Tensor::from([[1.0f32, 0.0], [2.0, 3.0]]);
/// let packed = pack_padded_sequence_with(&x, [1, 2], PackOptions::new().batch_first(true).enforce_sorted(false));
/// assert_eq!(packed.data().to_vec::<f32>(), [2.0, 1.0, 3.0]);
/// assert_eq!(packed.sorted_indices().unwrap().to_vec::<i64>(), [1, 0]);
/// ```
#[op(torch = "pack_padded_sequence(input, lengths, batch_first=False, enforce_sorted=True)", free, with)]
pub fn try_pack_padded_sequence_with(
    input: &Tensor,
    lengths: impl AsRef<[usize]>,
    options: PackOptions,
) -> Result<PackedSequence> {
    let (name, lengths) = ("pack_padded_sequence", lengths.as_ref());
    if input.dim() < 2 || input.numel() == 0 {
        let message = format!("expected an input [L, N, …] with elements, got shape {:?}", input.shape());
        return Err(Error::shape(name, message));
    }
    let (mut steps, mut batch) = (input.shape()[0], input.shape()[1]);
    if options.batch_first {
        std::mem::swap(&mut steps, &mut batch);
    }
    if lengths.len() != batch {
        let message = format!(
            "expected one length for each of {batch} sequences in the input {:?}, got {}",
            input.shape(),
            lengths.len()
        );
        return Err(Error::shape(name, message));
    }
    if let Some(&length) = lengths.iter().find(|&&length| length == 0 || length > steps) {
        let message = format!("expected lengths from 1 to {steps} for the input {:?}, got {length}", input.shape());
        return Err(Error::value(name, message));
    }
    let mut order: Vec<usize> = (0..batch).collect();
    if !options.enforce_sorted {
        order.sort_by_key(|&i| Reverse(lengths[i]));
    } else if !lengths.is_sorted_by(|a, b| a >= b) {
        let message = format!("expected lengths in decreasing order with enforce_sorted, got {lengths:?}");
        return Err(Error::value(name, message));
    }
    let longest = lengths[order[0]];
    let batch_sizes: Vec<usize> =
        (0..longest).map(|step| lengths.iter().filter(|&&length| length > step).count()).collect();
    let (of_step, of_sequence) = if options.batch_first { (1, steps) } else { (batch, 1) };
    let places = batch_sizes
        .iter()
        .enumerate()
        .flat_map(|(step, &size)| order[..size].iter().map(move |&sequence| step * of_step + sequence * of_sequence));
    let data = select_rows(&input.try_flatten_dim(..2)?, places)?;
    let order = if options.enforce_sorted {
        None
    } else {
        let mut inverse = vec![0; batch];
        order.iter().enumerate().for_each(|(packed, &original)| inverse[original] = packed);
        Some([indices(input, order)?, indices(input, inverse)?])
    };
    Ok(PackedSequence { data, batch_sizes, order })
}

/// The options of [`pack_sequence`].
#[derive(Builder, Clone, Copy, Debug)]
pub struct PackSequenceOptions {
    /// Whether sequences must be sorted by decreasing length; otherwise they are sorted, and layers restore the order. Default true.
    #[builder(default = true)]
    enforce_sorted: bool,
}

/// Packs a list of sequences, `[L, …]` each, whose lengths may differ.
///
/// # Errors
/// If there is no sequence, one is empty, they differ in more than the length, or the lengths increase with `enforce_sorted`.
///
/// ```
/// use rushlight::{Tensor, nn::utils::rnn::pack_sequence};
/// let packed = pack_sequence([Tensor::from([1, 2, 3]), Tensor::from([4, 5])]);
/// assert_eq!(packed.data().to_vec::<i64>(), [1, 4, 2, 5, 3]);
/// assert_eq!(packed.batch_sizes(), [2, 2, 1]);
/// ```
#[op(torch = "pack_sequence(sequences, enforce_sorted=True)", free, with)]
pub fn try_pack_sequence_with<T: Borrow<Tensor>>(
    sequences: impl AsRef<[T]>,
    options: PackSequenceOptions,
) -> Result<PackedSequence> {
    let sequences = sequences.as_ref();
    let lengths: Vec<usize> =
        sequences.iter().map(|sequence| sequence.borrow().shape().first().copied().unwrap_or(0)).collect();
    let padded = try_pad_sequence(sequences).map_err(|error| error.named("pack_sequence"))?;
    let options = PackOptions::new().enforce_sorted(options.enforce_sorted);
    try_pack_padded_sequence_with(&padded, lengths, options).map_err(|error| error.named("pack_sequence"))
}

/// The options of [`pad_packed_sequence`].
#[derive(Builder, Clone, Copy, Debug)]
pub struct PadPackedOptions {
    /// Whether the first dimension of the output is the batch instead of the step; default false.
    #[builder(default = false)]
    batch_first: bool,
    /// The value of the elements after the end of a sequence; default 0.
    #[builder(default = 0.0)]
    padding_value: f64,
    /// The number of steps of the output; default that of the longest sequence.
    total_length: Option<usize>,
}

/// Returns packed sequences padded to one length, `[L, N, …]` (`[N, L, …]` with `batch_first`), in their original order, and their
/// lengths.
///
/// # Errors
/// If `total_length` is smaller than the length of the longest sequence.
///
/// ```
/// use rushlight::{Tensor, nn::utils::rnn::{PadPackedOptions, pack_sequence, pad_packed_sequence_with}};
/// let packed = pack_sequence([Tensor::from([1, 2]), Tensor::from([3])]);
/// let (padded, lengths) = pad_packed_sequence_with(&packed, PadPackedOptions::new().batch_first(true).total_length(3));
/// assert_eq!(padded.to_vec::<i64>(), [1, 2, 0, 3, 0, 0]);
/// assert_eq!(lengths, [2, 1]);
/// ```
#[op(torch = "pad_packed_sequence(sequence, batch_first=False, padding_value=0.0, total_length=None)", free, with)]
pub fn try_pad_packed_sequence_with(
    sequence: &PackedSequence,
    options: PadPackedOptions,
) -> Result<(Tensor, Vec<usize>)> {
    let PadPackedOptions { batch_first, padding_value, total_length } = options;
    let sizes = &sequence.batch_sizes;
    let steps = total_length.unwrap_or(sizes.len());
    if steps < sizes.len() {
        let message =
            format!("expected total_length of at least the longest sequence's length {}, got {steps}", sizes.len());
        return Err(Error::value("pad_packed_sequence", message));
    }
    let mut lengths = sequence.lengths();
    let mut packed: Vec<usize> = (0..lengths.len()).collect();
    if let Some(unsorted) = sequence.unsorted_indices() {
        packed = unsorted.on_host()?.to_vec::<i64>().into_iter().map(|place| place as usize).collect();
        lengths = packed.iter().map(|&place| lengths[place]).collect();
    }
    let starts: Vec<usize> = sizes.iter().scan(0, |end, size| Some(std::mem::replace(end, *end + size))).collect();
    let place = |step: usize, sequence: usize| (step < lengths[sequence]).then(|| starts[step] + packed[sequence]);
    Ok((padded(&sequence.data, [steps, lengths.len()], batch_first, padding_value, place)?, lengths))
}

/// The side on which [`pad_sequence`] pads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PaddingSide {
    /// Sequences begin at the first step.
    #[default]
    Right,
    /// Sequences end at the last step.
    Left,
}

/// The options of [`pad_sequence`].
#[derive(Builder, Clone, Copy, Debug)]
pub struct PadSequenceOptions {
    /// Whether the first dimension of the output is the batch instead of the step; default false.
    #[builder(default = false)]
    batch_first: bool,
    /// The value of the elements outside of a sequence; default 0.
    #[builder(default = 0.0)]
    padding_value: f64,
    /// The side on which sequences are padded; default right.
    #[builder(default = PaddingSide::Right)]
    padding_side: PaddingSide,
}

/// Returns sequences, `[L, …]` each, padded to the longest, `[L, N, …]` (`[N, L, …]` with `batch_first`).
///
/// # Errors
/// If there is no sequence, one is 0-d, or they differ in more than the length.
///
/// ```
/// use rushlight::{Tensor, nn::utils::rnn::{PadSequenceOptions, pad_sequence_with}};
/// let sequences = [Tensor::from([1, 2, 3]), Tensor::from([4])];
/// let padded = pad_sequence_with(&sequences, PadSequenceOptions::new().batch_first(true).padding_value(-1.0));
/// assert_eq!(padded.to_vec::<i64>(), [1, 2, 3, 4, -1, -1]);
/// ```
#[op(torch = "pad_sequence(sequences, batch_first=False, padding_value=0.0, padding_side='right')", free, with)]
pub fn try_pad_sequence_with<T: Borrow<Tensor>>(
    sequences: impl AsRef<[T]>,
    options: PadSequenceOptions,
) -> Result<Tensor> {
    let (name, sequences) = ("pad_sequence", sequences.as_ref());
    let Some(first) = sequences.first().map(Borrow::borrow) else {
        return Err(Error::value(name, "expected at least one sequence, got none"));
    };
    for sequence in sequences.iter().map(Borrow::borrow) {
        if sequence.dim() == 0 || sequence.shape()[1..] != *first.shape().get(1..).unwrap_or_default() {
            let message = format!(
                "expected sequences that differ in the first dimension only, got shapes {:?} and {:?}",
                first.shape(),
                sequence.shape()
            );
            return Err(Error::shape(name, message));
        }
    }
    let lengths: Vec<usize> = sequences.iter().map(|sequence| sequence.borrow().shape()[0]).collect();
    let longest = lengths.iter().copied().max().unwrap_or_default();
    let starts: Vec<usize> =
        lengths.iter().scan(0, |end, length| Some(std::mem::replace(end, *end + length))).collect();
    let data = Tensor::try_cat(sequences).map_err(|error| error.named(name))?;
    let place = |step: usize, sequence: usize| {
        let length = lengths[sequence];
        let step = match options.padding_side {
            PaddingSide::Right => step,
            PaddingSide::Left => step.checked_sub(longest - length)?,
        };
        (step < length).then(|| starts[sequence] + step)
    };
    padded(&data, [longest, lengths.len()], options.batch_first, options.padding_value, place)
}

/// The rows of `data` at `place(step, sequence)`, `[steps, batch, …]` or `[batch, steps, …]`; where there is none, `value`.
fn padded(
    data: &Tensor,
    [steps, batch]: [usize; 2],
    batch_first: bool,
    value: f64,
    place: impl Fn(usize, usize) -> Option<usize>,
) -> Result<Tensor> {
    let row = &data.shape()[1..];
    let padding = data.shape()[0];
    let options = TensorOptions::new().dtype(data.dtype()).device(data.device());
    let value = Tensor::try_full_with([&[1], row].concat(), value, options)?;
    let shape = if batch_first { [batch, steps] } else { [steps, batch] };
    let all = (0..shape[0]).flat_map(|i| (0..shape[1]).map(move |j| if batch_first { (j, i) } else { (i, j) }));
    let places = all.map(|(step, sequence)| place(step, sequence).unwrap_or(padding));
    select_rows(&Tensor::try_cat([data, &value])?, places)?.try_view([&shape, row].concat())
}

fn select_rows(x: &Tensor, rows: impl Iterator<Item = usize>) -> Result<Tensor> {
    x.try_index_select(0, &indices(x, rows)?)
}

/// An int64 index on the device of `like`.
fn indices(like: &Tensor, places: impl IntoIterator<Item = usize>) -> Result<Tensor> {
    Tensor::from(places.into_iter().map(|place| place as i64).collect::<Vec<i64>>()).try_to_device(like.device())
}
