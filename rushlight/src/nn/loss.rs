//! Losses.

use super::{Buffer, Module};
use crate::ops::{BinaryCrossEntropyOptions, BinaryCrossEntropyWithLogitsOptions, CrossEntropyOptions, NllLossOptions};
use crate::{Reduction, Result, Tensor};
use rushlight_macros::op;

fn get(buffer: &Option<Buffer>) -> Option<Tensor> {
    buffer.as_ref().map(Buffer::get)
}

macro_rules! losses {
    ($(
        $(#[$doc:meta])*
        $name:ident {
            $(buffers { $($(#[$buffer_doc:meta])* $buffer:ident,)* })?
            $(options { $($(#[$option_doc:meta])* $option:ident: $ty:ty = $default:expr,)* })?
        }
        |$loss:ident, $input:ident, $target:ident| $compute:expr;
    )*) => {$(
        $(#[$doc])*
        #[derive(Module)]
        pub struct $name {
            $($($buffer: Option<Buffer>,)*)?
            $($(#[module(skip)] $option: $ty,)*)?
            #[module(skip)]
            reduction: Reduction,
        }

        impl $name {
            /// The mean loss, with PyTorch's defaults.
            pub fn new() -> $name {
                $name {
                    $($($buffer: None,)*)?
                    $($($option: $default,)*)?
                    reduction: Reduction::Mean,
                }
            }

            /// What becomes of the losses of single elements; default their mean.
            pub fn reduction(mut self, reduction: Reduction) -> $name {
                self.reduction = reduction;
                self
            }

            $($(
                $(#[$buffer_doc])*
                pub fn $buffer(mut self, $buffer: &Tensor) -> $name {
                    self.$buffer = Some(Buffer::new($buffer.clone()));
                    self
                }
            )*)?

            $($(
                $(#[$option_doc])*
                pub fn $option(mut self, $option: $ty) -> $name {
                    self.$option = $option;
                    self
                }
            )*)?

            /// The loss of `input` against `target`.
            ///
            /// # Errors
            /// If shapes, types or values do not fit.
            #[op]
            pub fn try_forward(&self, input: &Tensor, target: &Tensor) -> Result<Tensor> {
                let ($loss, $input, $target) = (self, input, target);
                $compute
            }
        }

        impl Default for $name {
            fn default() -> $name {
                $name::new()
            }
        }
    )*};
}
losses! {
    /// The mean squared error `(input - target)²`; both of one shape. See [`Tensor::mse_loss`].
    ///
    /// ```
    /// use rushlight::{Tensor, nn};
    /// let loss = nn::MSELoss::new().forward(&Tensor::from([1.0f32, 2.0]), &Tensor::from([0.0f32, 4.0]));
    /// assert_eq!(loss.item_as::<f32>(), 2.5);
    /// ```
    MSELoss {} |loss, input, target| input.try_mse_loss_with(target, loss.reduction);

    /// The mean absolute error `|input - target|`; both of one shape. See [`Tensor::l1_loss`].
    ///
    /// ```
    /// use rushlight::{Reduction, Tensor, nn};
    /// let loss = nn::L1Loss::new().reduction(Reduction::Sum);
    /// assert_eq!(loss.forward(&Tensor::from([1.0f32, 2.0]), &Tensor::from([0.0f32, 4.0])).item_as::<f32>(), 3.0);
    /// ```
    L1Loss {} |loss, input, target| input.try_l1_loss_with(target, loss.reduction);

    /// Cross entropy of logits with classes: input `[N, C]`, `[C]` or `[N, C, d1, …]`, target int64 without the class dimension, or
    /// probabilities of the input's shape. See [`Tensor::cross_entropy`].
    ///
    /// ```
    /// use rushlight::{Tensor, nn};
    /// let loss = nn::CrossEntropyLoss::new().label_smoothing(0.1);
    /// let value = loss.forward(&Tensor::from([[2.0f32, 0.0], [0.0, 2.0]]), &Tensor::from([0, 1]));
    /// assert_eq!(value.to_string(), "tensor(0.2269)");
    /// ```
    CrossEntropyLoss {
        buffers {
            /// A factor for each class, `[C]`.
            weight,
        }
        options {
            /// The class whose rows count for nothing; default -100.
            ignore_index: i64 = -100,
            /// The share of the target that is spread evenly over all classes; default 0.
            label_smoothing: f64 = 0.0,
        }
    }
    |loss, input, target| input.try_cross_entropy_with(target, CrossEntropyOptions {
        weight: get(&loss.weight),
        ignore_index: loss.ignore_index,
        reduction: loss.reduction,
        label_smoothing: loss.label_smoothing,
    });

    /// Negative log likelihood of log-probabilities: input `[N, C]`, `[C]` or `[N, C, d1, …]`, target int64 without the class
    /// dimension. See [`Tensor::nll_loss`].
    ///
    /// ```
    /// use rushlight::{Tensor, nn};
    /// let log_probabilities = Tensor::from([[0.25f32, 0.75]]).log();
    /// assert_eq!(nn::NLLLoss::new().forward(&log_probabilities, &Tensor::from([1])).to_string(), "tensor(0.2877)");
    /// ```
    NLLLoss {
        buffers {
            /// A factor for each class, `[C]`.
            weight,
        }
        options {
            /// The class whose rows count for nothing; default -100.
            ignore_index: i64 = -100,
        }
    }
    |loss, input, target| input.try_nll_loss_with(target, NllLossOptions {
        weight: get(&loss.weight),
        ignore_index: loss.ignore_index,
        reduction: loss.reduction,
    });

    /// Binary cross entropy of probabilities with targets in [0, 1]; both of one shape. See [`Tensor::binary_cross_entropy`].
    ///
    /// ```
    /// use rushlight::{Tensor, nn};
    /// let loss = nn::BCELoss::new().forward(&Tensor::from([0.5f32, 0.75]), &Tensor::from([0.0f32, 1.0]));
    /// assert_eq!(loss.to_string(), "tensor(0.4904)");
    /// ```
    BCELoss {
        buffers {
            /// A factor for each element, broadcast.
            weight,
        }
    }
    |loss, input, target| input.try_binary_cross_entropy_with(target, BinaryCrossEntropyOptions {
        weight: get(&loss.weight),
        reduction: loss.reduction,
    });

    /// Binary cross entropy of logits with targets in [0, 1], exact for large logits; both of one shape. See
    /// [`Tensor::binary_cross_entropy_with_logits`].
    ///
    /// ```
    /// use rushlight::{Tensor, nn};
    /// let loss = nn::BCEWithLogitsLoss::new().forward(&Tensor::from([0.0f32]), &Tensor::from([1.0f32]));
    /// assert_eq!(loss.to_string(), "tensor(0.6931)");
    /// ```
    BCEWithLogitsLoss {
        buffers {
            /// A factor for each element, broadcast.
            weight,
            /// A factor for the positive class, broadcast.
            pos_weight,
        }
    }
    |loss, input, target| input.try_binary_cross_entropy_with_logits_with(target, BinaryCrossEntropyWithLogitsOptions {
        weight: get(&loss.weight),
        reduction: loss.reduction,
        pos_weight: get(&loss.pos_weight),
    });
}
