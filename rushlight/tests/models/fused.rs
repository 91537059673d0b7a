//! Fused layers: the same results as layer by layer, and never out of date.

use rushlight::autograd::{gradcheck, gradgradcheck};
use rushlight::nn::{self, Activation, Forward, Module};
use rushlight::ops::ConvOptions;
use rushlight::{DType, Tensor, TensorOptions, enable_grad, no_grad};

fn seeded<R>(f: impl FnOnce() -> R) -> R {
    let _alone = crate::alone();
    rushlight::manual_seed(7);
    f()
}

/// The maximum difference, relative to the largest element.
fn off(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!((a.shape(), a.dtype()), (b.shape(), b.dtype()));
    let scale = b.abs().max().to_dtype(DType::F64).item().max(1e-30);
    (a - b).abs().max().to_dtype(DType::F64).item() / scale
}

fn norm(channels: usize) -> nn::BatchNorm2d {
    let norm = nn::BatchNorm2d::new(channels);
    no_grad(|| {
        norm.weight.as_ref().unwrap().get().uniform_(0.5..2.0);
        norm.bias.as_ref().unwrap().get().uniform_(-1.0..1.0);
        norm.running_mean.as_ref().unwrap().get().uniform_(-1.0..1.0);
        norm.running_var.as_ref().unwrap().get().uniform_(0.5..2.0);
    });
    norm
}

/// Layers one by one, each in its own [`nn::Sequential`].
fn one_by_one(net: &nn::Sequential, x: &Tensor) -> Tensor {
    net.iter().fold(x.clone(), |x, layer| layer.forward(&x))
}

fn nets() -> Vec<nn::Sequential> {
    let conv = |kernel: usize| nn::Conv2d::builder(16, 16, kernel).padding(1);
    vec![
        nn::seq![conv(3).build(), norm(16), nn::ReLU::new(), nn::Conv2d::new(16, 4, 1), norm(4), nn::ReLU6::new()],
        nn::seq![conv(3).bias(false).build(), norm(16), nn::MaxPool2d::new(2), norm(16), nn::ReLU6::new()],
        nn::seq![conv(5).groups(16).build(), nn::ReLU6::new(), norm(16), nn::Tanh::new()],
        nn::seq![conv(3).stride(2).groups(4).build(), nn::ReLU::new(), nn::ReLU::new(), norm(16)],
        nn::seq![nn::ReLU::new(), norm(16), nn::ReLU::new(), conv(3).build()],
        nn::seq![nn::Conv2d::builder(16, 16, [4, 3]).padding(nn::Padding::Same).build(), norm(16)],
    ]
}

#[test]
fn forward_and_gradients_match_the_layers_one_by_one() {
    let _alone = crate::alone();
    seeded(|| {
        for net in nets() {
            for training in [true, false] {
                net.train(training);
                let state: Vec<Tensor> = net.buffers().iter().map(|buffer| buffer.get().copy()).collect();
                let restore = || {
                    for (buffer, value) in net.buffers().iter().zip(&state) {
                        buffer.get().copy_(value);
                    }
                };
                let run = |forward: &dyn Fn(&Tensor) -> Tensor, x: &Tensor| {
                    restore();
                    net.zero_grad();
                    let x = x.detach().requires_grad_(true);
                    let y = forward(&x);
                    (&y * &y.detach().cos()).sum().backward();
                    let grads = net.parameters().into_iter().map(|param| param.grad().unwrap());
                    (y.detach(), [x.grad().unwrap()].into_iter().chain(grads).collect::<Vec<_>>())
                };
                let x = Tensor::randn([3, 16, 12, 11]) * 2;
                let (y, grads) = run(&|x| net.forward(x), &x);
                let (z, wanted) = run(&|x| one_by_one(&net, x), &x);
                assert!(off(&y, &z) < 1e-6, "{net}");
                for (i, (grad, wanted)) in grads.iter().zip(&wanted).enumerate() {
                    assert!(off(grad, wanted) < 1e-5, "gradient {i} of {net}: {}", off(grad, wanted));
                }
                restore();
                let folded = no_grad(|| net.forward(&x));
                assert!(off(&folded, &z) < 1e-5, "{net} is off by {}", off(&folded, &z));
                restore();
            }
        }
    });
}

#[test]
fn cached_weights_follow_every_change() {
    let _alone = crate::alone();
    seeded(|| {
        let net = nn::seq![nn::Conv2d::builder(16, 16, 3).padding(1).build(), norm(16), nn::ReLU::new()];
        net.eval();
        let x = Tensor::randn([2, 16, 12, 12]);
        let check = |what: &str| {
            let wanted = enable_grad(|| one_by_one(&net, &x)).detach();
            for pass in 0..2 {
                let got = no_grad(|| net.forward(&x));
                assert!(off(&got, &wanted) < 1e-5, "after {what}, pass {pass}: {}", off(&got, &wanted));
            }
        };
        check("nothing");
        for (name, param) in net.named_parameters() {
            no_grad(|| param.get().uniform_(0.1..1.0));
            check(&format!("a change of {name}"));
            param.set(param.get().detach() * 0.5);
            check(&format!("an exchange of {name}"));
        }
        for (name, buffer) in net.named_buffers() {
            if buffer.get().dtype().is_float() {
                buffer.get().uniform_(0.5..1.0);
                check(&format!("a change of {name}"));
            }
        }
        let other = nn::seq![nn::Conv2d::builder(16, 16, 3).padding(1).build(), norm(16), nn::ReLU::new()];
        net.load_state_dict(&other.state_dict());
        check("loading");
        net.train(true);
        net.forward(&x);
        net.eval();
        check("a step of training");
        net.to_dtype(DType::F64);
        let x = x.to_dtype(DType::F64);
        let wanted = one_by_one(&net, &x).detach();
        assert!(off(&no_grad(|| net.forward(&x)), &wanted) < 1e-13, "after a change of the type");
    });
}

#[test]
fn results_do_not_depend_on_what_was_computed_before() {
    let _alone = crate::alone();
    seeded(|| {
        // A batch of one uses another algorithm than a large one.
        let conv = nn::Conv2d::builder(32, 32, 3).padding(1).build();
        let (one, many) = (Tensor::randn([1, 32, 9, 9]), Tensor::randn([16, 32, 9, 9]));
        let fresh = |x: &Tensor| conv.forward(x).detach();
        let wanted = [fresh(&one), fresh(&many)];
        no_grad(|| {
            for _ in 0..2 {
                for (x, wanted) in [&one, &many].into_iter().zip(&wanted) {
                    assert!(conv.forward(x).equal(wanted));
                }
            }
        });
        conv.requires_grad_(false);
        assert!(conv.forward(&many).equal(&wanted[1]), "a frozen layer");
        assert!(conv.forward(&one.squeeze(0)).equal(&wanted[0].squeeze(0)), "a single image");
    });
}

#[test]
fn threads_share_a_network() {
    let _alone = crate::alone();
    seeded(|| {
        let net = &nets()[0];
        net.eval();
        let inputs: Vec<Tensor> = (1..5).map(|n| Tensor::randn([n, 16, 12, 12])).collect();
        let wanted: Vec<Tensor> = inputs.iter().map(|x| no_grad(|| net.forward(x))).collect();
        let fresh = nets();
        fresh[0].load_state_dict(&net.state_dict());
        fresh[0].eval();
        std::thread::scope(|scope| {
            for (x, wanted) in inputs.iter().zip(&wanted) {
                let net = &fresh[0];
                scope.spawn(move || {
                    for _ in 0..10 {
                        assert!(no_grad(|| net.forward(x)).equal(wanted));
                    }
                });
            }
        });
    });
}

#[test]
fn wrong_shapes_are_named() {
    let _alone = crate::alone();
    seeded(|| {
        let net = nn::seq![nn::Conv2d::new(3, 8, 3), norm(9), nn::ReLU::new()];
        net.eval();
        let x = Tensor::zeros([1, 3, 5, 5]);
        for text in [no_grad(|| net.try_forward(&x)), net.try_forward(&x)].map(|y| y.unwrap_err().to_string()) {
            assert!(text.contains("layer 0 (Conv2d): batch_norm: ") && text.contains("[9]"), "{text}");
        }
        net.parameters();
        let text = no_grad(|| net.try_forward(&Tensor::zeros([1, 4, 5, 5]))).unwrap_err().to_string();
        assert!(text.contains("4") && text.contains("0.weight"), "{text}");
        // What is rejected while gradients are recorded is rejected without recording, too.
        let (conv, norm) = (nn::Conv2d::new(3, 8, 3), norm(8));
        norm.to_dtype(DType::F64);
        norm.eval();
        let folded = || conv.try_forward_fused(&x, Some(&norm), Activation::None).unwrap_err().to_string();
        assert!(no_grad(folded).contains("batch_norm") && folded().contains("batch_norm"));
        conv.weight.set(Tensor::from(1.0f32));
        assert!(no_grad(folded).starts_with("conv2d"), "{}", no_grad(folded));
        let (scalar, one) = (Tensor::from(1.0f32), Tensor::from(1.0f32));
        let text = nn::utils::try_fuse_conv_bn_weights(&scalar, None, &one, &one, 0.1, None, None).unwrap_err();
        assert!(text.to_string().contains("[out, in, …]"), "{text}");
        let (conv, bn) = (nn::Conv2d::new(3, 8, 3), nn::BatchNorm2d::new(8));
        let text = nn::utils::try_fuse_conv_bn_eval(&conv, &bn).err().unwrap().to_string();
        assert!(text.contains("evaluation"), "{text}");
        bn.eval();
        let x = Tensor::randn([2, 3, 6, 6]);
        let fused = nn::utils::fuse_conv_bn_eval(&conv, &bn);
        let wanted = conv.forward_fused(&x, Some(&bn), Activation::None);
        assert!(off(&fused.forward(&x).detach(), &wanted.detach()) < 1e-5);
    });
}

#[test]
fn winograd_can_be_turned_off() {
    let _alone = crate::alone();
    seeded(|| {
        let (x, w) = (Tensor::randn([4, 32, 24, 24]), Tensor::randn([32, 32, 3, 3]));
        let conv = |x: &Tensor, w: &Tensor| x.conv2d_with(w, None, ConvOptions::new().padding(1));
        let exact = conv(&x.to_dtype(DType::F64), &w.to_dtype(DType::F64));
        let error = || off(&conv(&x, &w).to_dtype(DType::F64), &exact);
        let fast = error();
        rushlight::backend::set_winograd(false);
        let direct = error();
        rushlight::backend::set_winograd(true);
        assert!(rushlight::backend::winograd());
        assert!(direct < fast && fast < 1e-5, "direct {direct:e}, Winograd {fast:e}");
    });
}

/// Sequences and volumes are fused like images.
#[test]
fn other_ranks_are_fused_too() {
    fn randomize<const N: usize>(norm: nn::BatchNorm<N>) -> nn::BatchNorm<N> {
        no_grad(|| {
            norm.weight.as_ref().unwrap().get().uniform_(0.5..2.0);
            norm.running_mean.as_ref().unwrap().get().uniform_(-1.0..1.0);
            norm.running_var.as_ref().unwrap().get().uniform_(0.5..2.0);
        });
        norm
    }
    seeded(|| {
        let sequences = nn::seq![
            nn::Conv1d::builder(4, 6, 3).padding(nn::Padding::Same).build(),
            randomize(nn::BatchNorm1d::new(6)),
            nn::ReLU::new(),
            nn::Conv1d::new(6, 2, 3),
            nn::ReLU6::new(),
        ];
        let volumes = nn::seq![nn::Conv3d::new(2, 4, 3), randomize(nn::BatchNorm3d::new(4)), nn::ReLU6::new()];
        for (net, x) in [(sequences, Tensor::randn([2, 4, 11])), (volumes, Tensor::randn([2, 2, 5, 6, 7]))] {
            net.eval();
            let expected = one_by_one(&net, &x);
            assert!(off(&net.forward(&x), &expected) < 1e-6, "{net}");
            assert!(off(&no_grad(|| net.forward(&x)), &expected) < 1e-5, "{net}");
        }
        // A normalization of another rank rejects the output, as it does when unfused.
        let net = nn::seq![nn::Conv2d::new(2, 4, 3), nn::BatchNorm1d::new(4)];
        net.eval();
        let error = no_grad(|| net.try_forward(&Tensor::randn([1, 2, 5, 5]))).unwrap_err().to_string();
        assert!(error.contains("BatchNorm1d: expected an input [N, C] or [N, C, L]"), "{error}");
    });
}

#[test]
fn derivatives_of_an_activation_after_a_convolution() {
    let _alone = crate::alone();
    rushlight::manual_seed(5);
    let net = nn::seq![nn::Conv2d::builder(2, 3, 3).dtype(DType::F64).build(), nn::ReLU6::new()];
    let x = Tensor::randn_with([2, 2, 4, 5], TensorOptions::new().dtype(DType::F64).requires_grad(true));
    gradcheck(|x| net.try_forward(x[0]), &[&x]).unwrap();
    gradgradcheck(|x| net.try_forward(x[0]), &[&x]).unwrap();
}
