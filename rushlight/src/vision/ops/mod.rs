//! Layers of networks for images that `torch.nn` does not have: `torchvision.ops`.

mod conv_norm_activation;
mod squeeze_excitation;
mod stochastic_depth;

pub use conv_norm_activation::{Conv2dNormActivation, Conv2dNormActivationBuilder};
pub use squeeze_excitation::{SqueezeExcitation, SqueezeExcitationBuilder};
pub use stochastic_depth::{StochasticDepth, StochasticDepthMode};
