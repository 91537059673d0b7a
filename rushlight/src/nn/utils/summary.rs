//! What each layer of a network computes for an input.

use super::super::{Forward, Parameter};
use crate::{Result, Tensor};
use rushlight_macros::op;
use std::cell::RefCell;

/// One run of a layer with a weight, see [`summary`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerRun {
    /// The path of the layer in the network, such as `layer1.0.conv1`.
    pub layer: String,
    /// The shape of its output.
    pub output: Vec<usize>,
    /// The number of multiplications that are each followed by an addition: those of the products of convolutions and linear layers.
    pub multiply_adds: u64,
}

thread_local! {
    /// The runs of layers on this thread, while somebody asks for them.
    static RUNS: RefCell<Option<Vec<LayerRun>>> = const { RefCell::new(None) };
}

/// Stops collecting when the network returns, fails or panics.
struct Collecting;

impl Collecting {
    fn start() -> Collecting {
        RUNS.set(Some(Vec::new()));
        Collecting
    }
}

impl Drop for Collecting {
    fn drop(&mut self) {
        RUNS.set(None);
    }
}

/// Runs `net` on `x` and returns what each convolution, linear layer and batch normalization computed, in order. A layer that runs twice
/// is included twice. Additions of a bias and normalizations, which can be folded into the product in front of them, count no multiply-adds,
/// as in PyTorch's `FlopCounterMode`, whose count is twice as large.
///
/// # Errors
/// If `x` is not what the network expects.
///
/// ```
/// use rushlight::{Tensor, nn, nn::utils::summary};
/// let net = nn::seq![nn::Conv2d::new(3, 8, 3), nn::ReLU::new(), nn::Flatten::new(), nn::Linear::new(8 * 6 * 6, 10)];
/// let runs = summary(&net, &Tensor::zeros([1, 3, 8, 8]));
/// assert_eq!((runs[0].layer.as_str(), &runs[0].output[..]), ("0", &[1, 8, 6, 6][..]));
/// assert_eq!(runs.iter().map(|run| run.multiply_adds).sum::<u64>(), 8 * 36 * 27 + 288 * 10);
/// ```
#[op(torch = "-", free)]
pub fn try_summary(net: &dyn Forward, x: &Tensor) -> Result<Vec<LayerRun>> {
    // Parameters learn their paths.
    net.named_parameters();
    let _collecting = Collecting::start();
    net.try_forward(x)?;
    Ok(RUNS.take().unwrap_or_default())
}

/// Whether a summary is being made on this thread.
pub(in crate::nn) fn is_summarized() -> bool {
    RUNS.with_borrow(Option::is_some)
}

/// Notes that the layer of `weight` computed `output`; each of `terms` elements took part in a product with as many elements of the weight as it has
/// for each index of its first dimension.
#[inline]
pub(in crate::nn) fn ran(weight: &Parameter, output: &Tensor, terms: impl FnOnce(&Tensor) -> usize) {
    if is_summarized() {
        note(weight, output, terms(output));
    }
}

#[cold]
fn note(weight: &Parameter, output: &Tensor, terms: usize) {
    let path = weight.name().unwrap_or_default();
    let layer = path.rsplit_once('.').map_or("", |(layer, _)| layer).to_string();
    let rows = weight.shape().first().copied().unwrap_or(1).max(1);
    let multiply_adds = terms as u64 * (weight.numel() / rows) as u64;
    let run = LayerRun { layer, output: output.shape().to_vec(), multiply_adds };
    RUNS.with_borrow_mut(|runs| runs.as_mut().map(|runs| runs.push(run)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{BatchNorm2d, Conv2d, ConvTranspose2d, Module, ReLU, Sequential};
    use crate::{no_grad, seq};

    fn net() -> Sequential {
        let grouped = Conv2d::builder(4, 8, 3).groups(2).bias(false).build();
        let net = seq![grouped, BatchNorm2d::new(8), ReLU::new(), ConvTranspose2d::new(8, 3, 2)];
        net.eval();
        net
    }

    #[test]
    fn layers_are_listed_in_order_also_where_they_are_folded() {
        let (net, x) = (net(), Tensor::randn([2, 4, 6, 5]));
        for runs in [summary(&net, &x), no_grad(|| summary(&net, &x))] {
            let runs: Vec<_> = runs.iter().map(|run| (&*run.layer, &run.output[..], run.multiply_adds)).collect();
            // Two of the four inputs of nine pixels for each output; four pixels of three channels for each input.
            let expected: [(&str, &[usize], u64); 3] = [
                ("0", &[2, 8, 4, 3], 2 * 8 * 12 * 2 * 9),
                ("1", &[2, 8, 4, 3], 0),
                ("3", &[2, 3, 5, 4], 2 * 8 * 12 * 4 * 3),
            ];
            assert_eq!(runs, expected);
        }
    }

    #[test]
    fn a_failed_run_leaves_nothing_behind() {
        let net = net();
        assert!(try_summary(&net, &Tensor::zeros([1, 3, 6, 5])).is_err());
        assert!(!is_summarized());
        net.forward(&Tensor::zeros([1, 4, 6, 5]));
        assert_eq!(summary(&net, &Tensor::zeros([1, 4, 6, 5])).len(), 3);
    }
}
