//! Losses that a framework does not have ready: a variational autoencoder's, and the gradient penalty of a Wasserstein GAN, which
//! differentiates a gradient.

use rushlight::autograd::{GradOptions, grad_with};
use rushlight::nn::{self, Forward, Module};
use rushlight::ops::BinaryCrossEntropyOptions;
use rushlight::{Reduction, Tensor};

/// Reconstruction error plus the divergence of the latent distribution from the standard normal one.
fn vae_loss(recon: &Tensor, x: &Tensor, mu: &Tensor, logvar: &Tensor) -> Tensor {
    let sum = BinaryCrossEntropyOptions::new().reduction(Reduction::Sum);
    let bce = recon.binary_cross_entropy_with(&x.view([-1, 784]), sum);
    let kld = -0.5 * (1 + logvar - mu.pow(2) - logvar.exp()).sum();
    bce + kld
}

/// A sample of the latent distribution that gradients flow through.
fn reparameterize(mu: &Tensor, logvar: &Tensor) -> Tensor {
    let std = (0.5 * logvar).exp();
    mu + std.randn_like() * std
}

/// How far the norm of the gradient between real and generated samples is from 1.
fn gradient_penalty(critic: &dyn Forward, real: &Tensor, fake: &Tensor) -> Tensor {
    let alpha = Tensor::rand((real.size(0), 1));
    let x = (&alpha * real + (1 - &alpha) * fake).detach().requires_grad_(true);
    let out = critic.forward(&x);
    let g = grad_with(&out, &x, GradOptions::new().grad_outputs(&out.ones_like()).create_graph(true));
    (g.square().sum_dim(1).sqrt() - 1).pow(2).mean()
}

fn main() {
    rushlight::manual_seed(0);
    let (encoder, decoder) = (nn::Linear::new(784, 2 * 8), nn::Linear::new(8, 784));
    let x = Tensor::rand([16, 28, 28]);
    let parts = encoder.forward(&x.flatten_dim(1..)).chunk_dim(2, 1);
    let (mu, logvar) = (&parts[0], &parts[1]);
    let recon = decoder.forward(&reparameterize(mu, logvar)).sigmoid();
    println!("VAE loss: {:.2}", vae_loss(&recon, &x, mu, logvar).item());

    let critic = nn::seq![nn::Linear::new(2, 16), nn::Tanh::new(), nn::Linear::new(16, 1)];
    let penalty = gradient_penalty(&critic, &Tensor::randn([32, 2]), &Tensor::randn([32, 2]));
    penalty.backward();
    let reached = critic.parameters().iter().filter(|parameter| parameter.grad().is_some()).count();
    println!("gradient penalty: {:.4}, which has a gradient for {reached} parameters", penalty.item());
}
