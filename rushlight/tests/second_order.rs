//! First and second derivatives of the operations with derivatives of their own, against differences.

use rushlight::autograd::{gradcheck, gradgradcheck};
use rushlight::nn::{self, Activation};
use rushlight::ops::{
    AvgPoolOptions, BatchNormOptions, BinaryCrossEntropyOptions, BinaryCrossEntropyWithLogitsOptions, ConvOptions,
    ConvTransposeOptions, CrossEntropyOptions, MaxPoolOptions, NllLossOptions,
};
use rushlight::{DType, Reduction, Result, Tensor, TensorOptions};

fn leaf(shape: &[usize]) -> Tensor {
    Tensor::randn_with(shape, TensorOptions::new().dtype(DType::F64).requires_grad(true))
}

fn check(f: impl Fn(&[&Tensor]) -> Result<Tensor>, inputs: &[&Tensor]) {
    gradcheck(&f, inputs).unwrap();
    gradgradcheck(&f, inputs).unwrap();
}

#[test]
fn convolution() {
    rushlight::manual_seed(1);
    for (groups, stride, padding, dilation) in [(1, 1, 0, 1), (1, 2, 1, 1), (2, 1, 1, 2), (4, 2, 2, 1)] {
        let (x, w, b) = (leaf(&[2, 4, 6, 5]), leaf(&[4, 4 / groups, 3, 2]), leaf(&[4]));
        check(
            |t| {
                t[0].try_conv2d_with(
                    t[1],
                    t[2],
                    ConvOptions::new().stride(stride).padding(padding).dilation(dilation).groups(groups),
                )
            },
            &[&x, &w, &b],
        );
    }
    let (x, w) = (leaf(&[2, 3, 7]), leaf(&[2, 3, 3]));
    check(|t| t[0].try_conv1d_with(t[1], None, ConvOptions::new().stride(2).padding(1)), &[&x, &w]);
    let (x, w) = (leaf(&[1, 2, 3, 4, 3]), leaf(&[2, 2, 2, 2, 2]));
    check(|t| t[0].try_conv3d_with(t[1], None, ConvOptions::new().padding(1)), &[&x, &w]);
}

#[test]
fn transposed_convolution() {
    rushlight::manual_seed(1);
    for (groups, stride, padding, more, dilation) in
        [(1, 1, 0, 0, 1), (1, 2, 1, 1, 1), (2, 1, 1, 1, 2), (4, 2, 2, 4, 5)]
    {
        let (x, w, b) = (leaf(&[2, 4, 3, 4]), leaf(&[4, 4 / groups, 3, 2]), leaf(&[4]));
        check(
            |t| {
                let [stride, padding, more, dilation] = [stride, padding, more, dilation].map(|step| [step; 2]);
                t[0].try_conv_transpose2d_with(
                    t[1],
                    t[2],
                    ConvTransposeOptions::new()
                        .stride(stride)
                        .padding(padding)
                        .output_padding(more)
                        .dilation(dilation)
                        .groups(groups),
                )
            },
            &[&x, &w, &b],
        );
    }
    let (x, w) = (leaf(&[2, 3, 4]), leaf(&[3, 2, 3]));
    check(
        |t| {
            t[0].try_conv_transpose1d_with(
                t[1],
                None,
                ConvTransposeOptions::new().stride(2).padding(1).output_padding(1),
            )
        },
        &[&x, &w],
    );
    let (x, w) = (leaf(&[2, 2, 3, 2]), leaf(&[2, 2, 2, 2, 2]));
    check(|t| t[0].try_conv_transpose3d_with(t[1], None, ConvTransposeOptions::new().padding(1)), &[&x, &w]);
}

#[test]
fn pooling() {
    rushlight::manual_seed(2);
    let x = leaf(&[2, 2, 5, 6]);
    check(|t| t[0].try_max_pool2d(MaxPoolOptions::new([3, 2]).stride(2).padding([1, 0]).ceil_mode(true)), &[&x]);
    check(|t| t[0].try_max_pool2d(MaxPoolOptions::new(2).stride(1).dilation(2)), &[&x]);
    check(
        |t| {
            t[0].try_avg_pool2d(
                AvgPoolOptions::new([3, 2]).stride(2).padding(1).ceil_mode(true).count_include_pad(false),
            )
        },
        &[&x],
    );
    check(|t| t[0].try_avg_pool2d(AvgPoolOptions::new(2).divisor_override(3)), &[&x]);
    check(|t| t[0].try_adaptive_avg_pool2d([3, 4]), &[&x]);
    check(|t| t[0].try_adaptive_avg_pool2d([1, 1]), &[&x]);
}

#[test]
fn activations_behind_convolutions() {
    rushlight::manual_seed(5);
    let net = nn::seq![nn::Conv2d::builder(2, 3, 3).dtype(DType::F64).build(), nn::ReLU6::new()];
    let x = leaf(&[2, 2, 4, 5]);
    check(|t| nn::Forward::try_forward(&net, t[0]), &[&x]);
}

#[test]
fn batch_norm() {
    rushlight::manual_seed(3);
    let (x, w, b) = (leaf(&[3, 2, 2, 3]), leaf(&[2]), leaf(&[2]));
    check(
        |t| t[0].try_batch_norm_with(None, None, BatchNormOptions::new().weight(t[1]).bias(t[2]).training(true)),
        &[&x, &w, &b],
    );
    for activation in [Activation::Relu, Activation::Relu6] {
        check(
            |t| {
                t[0].try_batch_norm_with(
                    None,
                    None,
                    BatchNormOptions::new().weight(t[1]).bias(t[2]).training(true).activation(activation),
                )
            },
            &[&x, &w, &b],
        );
    }
    let (mean, var) = (Tensor::from([0.3f64, -0.2]), Tensor::from([0.7f64, 1.9]));
    check(|t| t[0].try_batch_norm_with(&mean, &var, BatchNormOptions::new().weight(t[1]).bias(t[2])), &[&x, &w, &b]);
}

#[test]
fn losses() {
    rushlight::manual_seed(4);
    let (x, y) = (leaf(&[4, 3]), leaf(&[4, 3]));
    let (target, weight) = (Tensor::from([2, 0, -100, 1]), Tensor::from([0.5f64, 2.0, 1.5]));
    for reduction in [Reduction::None, Reduction::Mean, Reduction::Sum] {
        check(|t| t[0].try_mse_loss_with(t[1], reduction), &[&x, &y]);
        gradcheck(|t| t[0].try_l1_loss_with(t[1], reduction), &[&x, &y]).unwrap();
        check(
            |t| {
                t[0].try_cross_entropy_with(
                    &target,
                    CrossEntropyOptions::new().weight(&weight).reduction(reduction).label_smoothing(0.1),
                )
            },
            &[&x],
        );
        check(|t| t[0].try_cross_entropy_with(&target, CrossEntropyOptions::new().reduction(reduction)), &[&x]);
        check(
            |t| {
                t[0].try_log_softmax(1)?
                    .try_nll_loss_with(&target, NllLossOptions::new().weight(&weight).reduction(reduction))
            },
            &[&x],
        );
        check(
            |t| {
                t[0].try_sigmoid()?.try_binary_cross_entropy_with(
                    &t[1].try_sigmoid()?,
                    BinaryCrossEntropyOptions::new().reduction(reduction),
                )
            },
            &[&x, &y],
        );
        check(
            |t| {
                let target = t[1].try_sigmoid()?;
                t[0].try_binary_cross_entropy_with_logits_with(
                    &target,
                    BinaryCrossEntropyWithLogitsOptions::new().pos_weight(&weight).reduction(reduction),
                )
            },
            &[&x, &y],
        );
    }
    let pictures = leaf(&[2, 3, 2, 2]);
    let targets = Tensor::from([[[0, 1], [2, 1]], [[1, 1], [0, 2]]]);
    check(|t| t[0].try_cross_entropy(&targets), &[&pictures]);
}

#[test]
fn softmaxes() {
    rushlight::manual_seed(5);
    let x = leaf(&[3, 4, 2]);
    for dim in 0..3 {
        check(|t| t[0].try_softmax(dim), &[&x]);
        check(|t| t[0].try_log_softmax(dim), &[&x]);
    }
}

#[test]
fn residuals_and_padding() {
    rushlight::manual_seed(6);
    let (x, y) = (leaf(&[3, 4]), leaf(&[4]));
    check(|t| t[0].try_add_relu(t[1]), &[&x, &y]);
    check(|t| t[0].try_pad_with(&[1, 0, 2, 3], 0.5)?.try_square(), &[&x]);
}
