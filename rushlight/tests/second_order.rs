//! First and second derivatives of the operations with derivatives of their own, against differences.

use rushlight::autograd::{gradcheck, gradgradcheck};
use rushlight::nn::{self, Activation};
use rushlight::{DType, Reduction, Result, Tensor, TensorOptions};

fn leaf(shape: &[usize]) -> Tensor {
    TensorOptions::new().dtype(DType::F64).requires_grad(true).randn(shape)
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
        check(|t| t[0].try_conv2d(t[1], Some(t[2]), [stride; 2], [padding; 2], [dilation; 2], groups), &[&x, &w, &b]);
    }
    let (x, w) = (leaf(&[2, 3, 7]), leaf(&[2, 3, 3]));
    check(|t| t[0].try_conv1d(t[1], None, [2], [1], [1], 1), &[&x, &w]);
    let (x, w) = (leaf(&[1, 2, 3, 4, 3]), leaf(&[2, 2, 2, 2, 2]));
    check(|t| t[0].try_conv3d(t[1], None, [1; 3], [1; 3], [1; 3], 1), &[&x, &w]);
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
                t[0].try_conv_transpose2d(t[1], Some(t[2]), stride, padding, more, dilation, groups)
            },
            &[&x, &w, &b],
        );
    }
    let (x, w) = (leaf(&[2, 3, 4]), leaf(&[3, 2, 3]));
    check(|t| t[0].try_conv_transpose1d(t[1], None, [2], [1], [1], [1], 1), &[&x, &w]);
    let (x, w) = (leaf(&[2, 2, 3, 2]), leaf(&[2, 2, 2, 2, 2]));
    check(|t| t[0].try_conv_transpose3d(t[1], None, [1; 3], [1; 3], [0; 3], [1; 3], 1), &[&x, &w]);
}

#[test]
fn pooling() {
    rushlight::manual_seed(2);
    let x = leaf(&[2, 2, 5, 6]);
    check(|t| t[0].try_max_pool2d([3, 2], [2, 2], [1, 0], [1, 1], true), &[&x]);
    check(|t| t[0].try_max_pool2d([2, 2], [1, 1], [0, 0], [2, 2], false), &[&x]);
    check(|t| t[0].try_avg_pool2d([3, 2], [2, 2], [1, 1], true, false, None), &[&x]);
    check(|t| t[0].try_avg_pool2d([2, 2], [2, 2], [0, 0], false, true, Some(3)), &[&x]);
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
    check(|t| t[0].try_batch_norm(None, Some(t[1]), Some(t[2]), true, 0.1, 1e-5), &[&x, &w, &b]);
    for activation in [Activation::Relu, Activation::Relu6] {
        check(|t| t[0].try_batch_norm_fused(activation, None, Some(t[1]), Some(t[2]), true, 0.1, 1e-5), &[&x, &w, &b]);
    }
    let (mean, var) = (Tensor::from([0.3f64, -0.2]), Tensor::from([0.7f64, 1.9]));
    check(|t| t[0].try_batch_norm(Some((&mean, &var)), Some(t[1]), Some(t[2]), false, 0.1, 1e-5), &[&x, &w, &b]);
}

#[test]
fn losses() {
    rushlight::manual_seed(4);
    let (x, y) = (leaf(&[4, 3]), leaf(&[4, 3]));
    let (target, weight) = (Tensor::from([2, 0, -100, 1]), Tensor::from([0.5f64, 2.0, 1.5]));
    for reduction in [Reduction::None, Reduction::Mean, Reduction::Sum] {
        check(|t| t[0].try_mse_loss(t[1], reduction), &[&x, &y]);
        gradcheck(|t| t[0].try_l1_loss(t[1], reduction), &[&x, &y]).unwrap();
        check(|t| t[0].try_cross_entropy(&target, Some(&weight), -100, reduction, 0.1), &[&x]);
        check(|t| t[0].try_cross_entropy(&target, None, -100, reduction, 0.0), &[&x]);
        check(|t| t[0].try_log_softmax(1)?.try_nll_loss(&target, Some(&weight), -100, reduction), &[&x]);
        check(|t| t[0].try_sigmoid()?.try_binary_cross_entropy(&t[1].try_sigmoid()?, None, reduction), &[&x, &y]);
        check(
            |t| {
                let target = t[1].try_sigmoid()?;
                t[0].try_binary_cross_entropy_with_logits(&target, None, Some(&weight), reduction)
            },
            &[&x, &y],
        );
    }
    let pictures = leaf(&[2, 3, 2, 2]);
    let targets = Tensor::from([[[0, 1], [2, 1]], [[1, 1], [0, 2]]]);
    check(|t| t[0].try_cross_entropy(&targets, None, -100, Reduction::Mean, 0.0), &[&pictures]);
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
    check(|t| t[0].try_pad(&[1, 0, 2, 3], 0.5)?.try_square(), &[&x]);
}
