//! Derivatives may reuse the memory of the incoming gradient, but never where other code can observe it.

use rushlight::autograd::{GradOptions, grad, grad_with};
use rushlight::nn::{self, Forward, Module};
use rushlight::{BackwardOptions, Tensor};
use std::sync::{Arc, Mutex};

type Activation = fn(&Tensor) -> Tensor;
type Slope = fn(f64) -> f64;

/// Two operations whose derivatives reuse the memory of the gradient, and their derivatives; the table of operations
/// checks the properties common to all operations.
const ACTIVATIONS: [(&str, Activation, Slope); 2] =
    [("relu", |x| x.relu(), |x| f64::from(x > 0.0)), ("tanh", |x| x.tanh(), |x| 1.0 - x.tanh().powi(2))];
const X: [f32; 4] = [-1.0, 0.5, -3.0, 8.0];
const G: [f32; 4] = [2.0, -3.0, 5.0, 7.0];

fn leaf() -> Tensor {
    Tensor::from(X).requires_grad_(true)
}

fn values(t: &Tensor) -> Vec<f32> {
    t.to_vec::<f32>()
}

fn grad_of(t: &Tensor) -> Vec<f32> {
    values(&t.grad().expect("a gradient"))
}

fn from(gradient: &Tensor) -> BackwardOptions {
    BackwardOptions::new().gradient(gradient.clone())
}

#[track_caller]
fn near(name: &str, got: Vec<f32>, want: impl Iterator<Item = f32>) {
    let want: Vec<f32> = want.collect();
    let close = got.iter().zip(&want).all(|(a, b)| (a - b).abs() <= 2e-6 * (1.0 + b.abs()));
    assert!(got.len() == want.len() && close, "{name}: {got:?}, not {want:?}");
}

/// The derivative at `X[i]`.
fn at(slope: Slope, i: usize) -> f32 {
    slope(f64::from(X[i])) as f32
}

/// `G` times the derivative, `times` times, and `plus` times `G`.
fn expected(slope: Slope, times: f32, plus: f32) -> impl Iterator<Item = f32> {
    (0..4).map(move |i| G[i] * (times * at(slope, i) + plus))
}

#[test]
fn the_given_gradient() {
    for (name, f, slope) in ACTIVATIONS {
        let (x, given) = (leaf(), Tensor::from(G));
        let options = from(&given);
        f(&x).backward_with(&options);
        near(name, grad_of(&x), expected(slope, 1.0, 0.0));
        assert_eq!(values(&given), G);
        // A view of it, whose only handle is held by the options.
        let whole = Tensor::from([G, G]);
        f(&leaf()).backward_with(from(&whole.select(0, 1)));
        assert_eq!(values(&whole), [G, G].concat());
        let y = f(&x);
        let got = grad_with(&y, &x, GradOptions::new().grad_outputs(&given));
        near(name, values(&got), expected(slope, 1.0, 0.0));
        assert_eq!(values(&given), G);
    }
}

#[test]
fn retained_or_requested_gradients() {
    for (name, f, slope) in ACTIVATIONS {
        let x = leaf();
        let (inner, y);
        inner = &x * 1.0;
        y = f(&inner);
        [&inner, &y].into_iter().for_each(Tensor::retain_grad);
        (&y * &Tensor::from(G)).sum().backward();
        assert_eq!(grad_of(&y), G, "{name}");
        near(name, grad_of(&inner), expected(slope, 1.0, 0.0));
        near(name, grad_of(&x), expected(slope, 1.0, 0.0));
        let y = f(&x);
        let got = grad(&(&y * &Tensor::from(G)).sum(), [&y, &x]);
        assert_eq!(values(&got[0]), G, "{name}");
        near(name, values(&got[1]), expected(slope, 1.0, 0.0));
    }
}

#[test]
fn gradients_taken_by_hooks() {
    for (name, f, slope) in ACTIVATIONS {
        for part in [false, true] {
            let (x, taken) = (leaf(), Arc::new(Mutex::new(vec![])));
            let y = f(&x);
            let to = taken.clone();
            y.register_hook(move |g| {
                to.lock().unwrap().push(if part { g.narrow(0, 1, 2) } else { g.detach() });
                None
            });
            (&y * &Tensor::from(G)).sum().backward();
            assert_eq!(values(&taken.lock().unwrap()[0]), if part { &G[1..3] } else { &G[..] }, "{name}");
            near(name, grad_of(&x), expected(slope, 1.0, 0.0));
            // A gradient that the hook substitutes for the other, and keeps.
            let (x, own) = (leaf(), Tensor::from(G));
            let y = f(&x);
            let instead = own.clone();
            y.register_hook(move |_| Some(instead.clone()));
            y.sum().backward();
            assert_eq!(values(&own), G);
            near(name, grad_of(&x), expected(slope, 1.0, 0.0));
        }
    }
}

#[test]
fn gradients_that_flow_elsewhere() {
    for (name, f, slope) in ACTIVATIONS {
        let weight = &Tensor::from(G);
        // The same gradient flows to a leaf, which is older or newer than the activation, and to the activation.
        for newer in [false, true] {
            let (x, mut other) = (leaf(), leaf());
            let y = f(&x);
            if newer {
                other = leaf();
            }
            (&(&y + &other) * weight).sum().backward();
            assert_eq!(grad_of(&other), G, "{name}");
            near(name, grad_of(&x), expected(slope, 1.0, 0.0));
        }
        // To two activations of one input, and past them.
        let x = leaf();
        (&(&(&f(&x) + &f(&x)) + &x) * weight).sum().backward();
        near(name, grad_of(&x), expected(slope, 2.0, 1.0));
        // To views of one output.
        let x = leaf();
        let y = f(&x);
        (&y.view([2, 2]).reshape([4]) * weight).sum().backward();
        near(name, grad_of(&x), expected(slope, 1.0, 0.0));
        let x = leaf();
        (&f(&x).narrow(0, 0, 2).expand([2, 2]) * &weight.view([2, 2])).sum().backward();
        let both = |i: usize| if i < 2 { (G[i] + G[i + 2]) * at(slope, i) } else { 0.0 };
        near(name, grad_of(&x), (0..4).map(both));
        // Through a retained graph, twice.
        let x = leaf();
        let loss = (&f(&x) * weight).sum();
        loss.backward_with(BackwardOptions::new().retain_graph(true));
        let first = x.grad().unwrap().copy();
        loss.backward();
        near(name, values(&first), expected(slope, 1.0, 0.0));
        near(name, grad_of(&x), expected(slope, 2.0, 0.0));
    }
}

/// The gradient of a leaf, to which the user holds a handle, is used as the gradient of an activation in the next
/// graph.
#[test]
fn gradients_of_leaves_used_as_gradients() {
    for (name, f, slope) in ACTIVATIONS {
        let (x, z) = (leaf(), leaf());
        (&x * &Tensor::from(G)).sum().backward();
        f(&z).backward_with(BackwardOptions::new().gradient(x.grad().unwrap()));
        assert_eq!(grad_of(&x), G, "{name}");
        near(name, grad_of(&z), expected(slope, 1.0, 0.0));
    }
}

/// A convolution with a fused activation gives the same results as the two separately, and does not modify the given
/// gradient.
#[test]
fn activations_fused_into_convolutions() {
    rushlight::manual_seed(3);
    let net = nn::seq![nn::Conv2d::new(2, 3, 3), nn::ReLU::new()];
    let (x, given) = (Tensor::randn([2, 2, 6, 6]), Tensor::randn([2, 3, 4, 4]));
    let before = values(&given);
    let run = |y: Tensor| {
        y.backward_with(from(&given));
        let grads: Vec<_> = net.parameters().iter().map(|p| values(&p.grad().unwrap())).collect();
        net.parameters().iter().for_each(|p| p.zero_grad());
        grads
    };
    let fused = run(net.forward(&x));
    let parameters: Vec<Tensor> = net.parameters().iter().map(|p| p.get()).collect();
    let y = x.conv2d(&parameters[0], &parameters[1]);
    assert_eq!(run(y.relu()), fused);
    assert_eq!(values(&given), before);
}
