//! Draws activations with their derivatives, computed by `backward`.
//!
//! `cargo run -p rushlight --example activations` writes three figures into the current folder: `activations.png` has the functions, `rectifiers.png`
//! compares ReLU with its relatives, whose slope below 0 is fixed, learned or random, and `saturation.png` shows where gradients vanish and
//! what that does to training.

use rushlight::plot::{Chart, Color, Panels};
use rushlight::prelude::*;

/// A function and its derivative at some places.
struct Curve {
    x: Vec<f32>,
    y: Vec<f32>,
    slope: Vec<f32>,
}

impl Curve {
    fn new(layer: &dyn Forward, from: f32, to: f32, points: usize) -> Curve {
        let step = (to - from) / (points - 1) as f32;
        let x: Vec<f32> = (0..points).map(|i| from + i as f32 * step).collect();
        let leaf = Tensor::from(x.clone()).requires_grad_(true);
        let y = layer.forward(&leaf);
        y.sum().backward();
        let slope = leaf.grad().expect("the sum depends on every element").to_vec();
        Curve { x, y: y.detach().to_vec(), slope }
    }

    fn chart(&self, title: &str) -> Chart {
        let chart = Chart::new(title).x_label("x").line("function", &self.x, &self.y);
        chart.line("derivative", &self.x, &self.slope).include_y(0.0)
    }
}

fn functions() -> Panels {
    let layers: [(&str, Box<dyn Forward>); 16] = [
        ("Sigmoid", Box::new(nn::Sigmoid::new())),
        ("Tanh", Box::new(nn::Tanh::new())),
        ("Softsign", Box::new(nn::Softsign::new())),
        ("LogSigmoid", Box::new(nn::LogSigmoid::new())),
        ("Hardsigmoid", Box::new(nn::Hardsigmoid::new())),
        ("Hardtanh", Box::new(nn::Hardtanh::new())),
        ("ReLU6", Box::new(nn::ReLU6::new())),
        ("Softplus", Box::new(nn::Softplus::new())),
        ("ELU", Box::new(nn::ELU::new())),
        ("SELU", Box::new(nn::SELU::new())),
        ("CELU, alpha 2", Box::new(nn::CELU::builder().alpha(2.0).build())),
        ("GELU", Box::new(nn::GELU::new())),
        ("SiLU", Box::new(nn::SiLU::new())),
        ("Mish", Box::new(nn::Mish::new())),
        ("Hardswish", Box::new(nn::Hardswish::new())),
        ("Tanhshrink", Box::new(nn::Tanhshrink::new())),
    ];
    let figure = Panels::new("Activations").columns(4);
    layers
        .iter()
        .fold(figure, |figure, (name, layer)| figure.add(Curve::new(layer.as_ref(), -7.0, 7.0, 701).chart(name)))
}

fn rectifiers() -> Panels {
    let curve = |layer: &dyn Forward| Curve::new(layer, -4.0, 4.0, 801);
    let (leaky, learned) = (nn::LeakyReLU::builder().negative_slope(0.1).build(), nn::PReLU::new());
    let random = nn::RReLU::builder().lower(0.1).upper(0.5).build();
    let drawn = Curve::new(&random, -4.0, 0.0, 41);
    random.eval();
    let mean = curve(&random);
    let bound = |slope: f32| drawn.x.iter().map(|x| slope * x).collect::<Vec<_>>();
    let random = Chart::new("RReLU: a slope from 0.1 to 0.5, drawn for each element")
        .x_label("x")
        .line("evaluation: the mean slope", &mean.x, &mean.y)
        .line("bounds", &drawn.x, &bound(0.1))
        .color(Color::GRAY)
        .line("", &drawn.x, &bound(0.5))
        .color(Color::GRAY)
        .scatter("training", &drawn.x, &drawn.y);
    Panels::new("Rectifiers")
        .columns(2)
        .add(curve(&nn::ReLU::new()).chart("ReLU: slope 0 below 0").include_y(-2.0))
        .add(curve(&leaky).chart("LeakyReLU: slope 0.1").include_y(-2.0))
        .add(curve(&learned).chart("PReLU: a learned slope, at first 0.25").include_y(-2.0))
        .add(random)
}

/// The function, with dots where the gradient is less than 1 % of the largest.
fn saturated(title: &str, layer: &dyn Forward) -> Chart {
    let curve = Curve::new(layer, -10.0, 10.0, 1001);
    let largest = curve.slope.iter().copied().fold(0.0, f32::max);
    let dots = (0..curve.x.len()).step_by(20).filter(|&i| curve.slope[i] < 0.01 * largest);
    let (x, y): (Vec<f32>, Vec<f32>) = dots.map(|i| (curve.x[i], curve.y[i])).unzip();
    curve.chart(title).scatter("gradient below 1 % of the largest", &x, &y)
}

/// The losses of one unit that starts with a negative input for every sample: with ReLU, no gradient reaches its weights.
fn losses_of_a_dead_unit(activation: &dyn Forward) -> Vec<f64> {
    let x = Tensor::from_vec((0..21).map(|i| i as f32 / 10.0 - 1.0).collect(), [21, 1]);
    let target = (&x + 0.5).relu();
    let unit = nn::Linear::new(1, 1);
    no_grad(|| {
        unit.weight.get().fill_(0.5);
        unit.bias.as_ref().expect("a layer with a bias").get().fill_(-2.0)
    });
    let criterion = nn::MSELoss::new();
    let mut optimizer = optim::SGD::builder(unit.parameters()).lr(0.5).build();
    let losses = (0..150).map(|_| {
        let loss = criterion.forward(&activation.forward(&unit.forward(&x)), &target);
        optimizer.zero_grad();
        loss.backward();
        optimizer.step();
        loss.item()
    });
    losses.collect()
}

fn saturation() -> Panels {
    let steps: Vec<u32> = (1..=150).collect();
    let dead = losses_of_a_dead_unit(&nn::ReLU::new());
    let alive = losses_of_a_dead_unit(&nn::LeakyReLU::builder().negative_slope(0.1).build());
    let training =
        Chart::new("A unit that starts below 0 for all samples").x_label("step").y_label("loss").include_y(0.0);
    let training = training.line("ReLU", &steps, &dead).color(Color::RED).line("LeakyReLU", &steps, &alive);
    Panels::new("Where gradients vanish")
        .columns(2)
        .add(saturated("Sigmoid saturates", &nn::Sigmoid::new()))
        .add(saturated("Tanh saturates", &nn::Tanh::new()))
        .add(saturated("ReLU is dead below 0", &nn::ReLU::new()))
        .add(training)
}

fn main() -> Result<()> {
    manual_seed(0);
    for (path, figure) in
        [("activations.png", functions()), ("rectifiers.png", rectifiers()), ("saturation.png", saturation())]
    {
        figure.save(path)?;
        println!("plot: {path}");
    }
    Ok(())
}
