//! The guarantees of `docs/api-style.md` for the public API, as written by a user.
#![allow(clippy::reversed_empty_ranges, reason = "`1..-1` ends before the last element, as in Python")]

use rushlight::autograd::{GradOptions, grad, grad_with, gradcheck, gradgradcheck};
use rushlight::ops::{DiagonalOptions, LeakyReluOptions, SliceOptions};
use rushlight::{DType, Error, Generator, Tensor, TensorOptions, catch, keepdim, tensor};

#[test]
fn numbers_on_the_left_need_no_annotation() {
    let logvar = tensor!([0.0, 2.0]);
    assert_eq!((0.5 * logvar).exp().to_string(), "tensor([1.0000, 2.7183])");
    let x = tensor!([1.0, 2.0]);
    assert_eq!((2 * &x).to_vec::<f32>(), [2.0, 4.0]);
    assert_eq!(((1 - &x) / 2.0).to_vec::<f32>(), [0.0, -0.5]);
    assert_eq!((1.0 / x).dtype(), DType::F32);
}

#[test]
fn the_tensor_macro_means_what_torch_tensor_means() {
    let x = tensor!([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    assert_eq!((x.shape(), x.dtype()), (&[2, 3][..], DType::F32));
    assert_eq!(tensor!([1, 2]).dtype(), DType::I64);
    assert_eq!(tensor!([true, false]).dtype(), DType::Bool);
    assert_eq!(tensor!([1, 2.5]).to_vec::<f32>(), [1.0, 2.5]);
    assert_eq!((tensor!(7).shape(), tensor!(7).item()), (&[][..], 7.0));
    assert_eq!((tensor!([]).shape(), tensor!([]).dtype()), (&[0][..], DType::F32));
    let (n, big) = (2.0f64, i64::MAX);
    assert_eq!(tensor!([n, -n]).dtype(), DType::F32);
    assert_eq!(tensor!(big).item_as::<i64>(), i64::MAX);
    let leaf = tensor!([[1], [2]], dtype = DType::F64, requires_grad = true);
    assert!(leaf.requires_grad() && leaf.dtype() == DType::F64 && leaf.shape() == [2, 1]);
}

#[test]
fn shapes_dimensions_and_ranges() {
    let (n, x) = (2usize, Tensor::arange(24));
    assert_eq!(x.view((n, 3i64, -1)).shape(), [2, 3, 4]);
    let x = x.view([2, 3, 4]);
    assert_eq!(x.flatten().shape(), [24]);
    assert_eq!((x.flatten_dim(1..).shape(), x.flatten_dim(0..=1).shape()), (&[2, 12][..], &[6, 4][..]));
    assert!(x.try_flatten_dim(..0).is_err() && x.try_flatten_dim(3..).is_err());
    assert_eq!(x.sum_dim(keepdim(-1)).shape(), [2, 3, 1]);
    assert_eq!(x.amax(keepdim([0, 2])).shape(), [1, 3, 1]);
    assert_eq!(x.max_dim(keepdim(1)).0.shape(), [2, 1, 4]);
    assert!(x.try_max_dim([0, 1]).unwrap_err().to_string().contains("expected one dimension"));
    assert_eq!(x.narrow(2, -2, 1).shape(), x.slice(2, 2..3).shape());
    assert_eq!(Tensor::arange(10).slice_with(0, 1..-1, SliceOptions::new().step(3)).to_vec::<i64>(), [1, 4, 7]);
    assert!(Tensor::arange(10).slice(0, (1, -1)).equal(&Tensor::arange(10).slice(0, 1..-1)));
    assert_eq!(Tensor::arange((5, 0, -2)).to_vec::<i64>(), [5, 3, 1]);
    assert_eq!(x.stride(), [12, 4, 1]);
    let rows: Vec<Tensor> = x.unbind();
    assert_eq!(
        (Tensor::stack(&rows).shape(), Tensor::cat_dim([&rows[0], &rows[1]], 1).shape()),
        (x.shape(), &[3, 8][..])
    );
}

#[test]
fn diagonals() {
    let x = Tensor::arange(12).view([3, 4]);
    let of = |offset| x.diagonal_with(DiagonalOptions::new().offset(offset)).to_vec::<i64>();
    assert_eq!((of(1), of(-1), of(9)), (vec![1, 6, 11], vec![4, 9], vec![]));
    let batch = Tensor::arange(18).view([2, 3, 3]);
    let each = batch.diagonal_with(DiagonalOptions::new().dim1(-2).dim2(-1));
    assert_eq!((each.shape(), each.to_vec::<i64>()), (&[2, 3][..], vec![0, 4, 8, 9, 13, 17]));
    assert!(x.try_diagonal_with(DiagonalOptions::new().dim1(1)).is_err());
    let leaf = Tensor::ones_with([3, 4], TensorOptions::new().dtype(DType::F64).requires_grad(true));
    gradcheck(|x| x[0].try_diagonal_with(DiagonalOptions::new().offset(1)), &[&leaf]).unwrap();
}

#[test]
fn options_reach_every_form() {
    let x = tensor!([-1.0, 2.0]);
    let slope = LeakyReluOptions::new().negative_slope(0.5);
    assert_eq!(x.leaky_relu().to_vec::<f32>(), [-0.01, 2.0]);
    assert_eq!(x.try_leaky_relu_with(slope).unwrap().to_vec::<f32>(), [-0.5, 2.0]);
    assert_eq!(x.leaky_relu_with_(slope).to_vec::<f32>(), [-0.5, 2.0]);
    let generator = Generator::from_seed(3);
    let first = Tensor::zeros([4]).uniform_with_(-1.0..1.0, &generator);
    let again = Tensor::rand_with([4], TensorOptions::new().generator(Generator::from_seed(3)));
    assert!(first.allclose(&(2 * again - 1)));
    assert_eq!(Tensor::ones_with([2], DType::Bool).to_string(), "tensor([True, True])");
    // PyTorch: torch.manual_seed(0); torch.empty(2, dtype=torch.int64).random_()
    let generator = Generator::from_seed(0);
    let all = Tensor::zeros_with([2], DType::I64).random_with_(.., &generator);
    assert_eq!(all.to_vec::<i64>(), [900450186894289455, 3969543146641149120]);
}

#[test]
fn products_are_differentiated_exactly_where_elements_are_zero() {
    for values in [[2.0, 3.0, 4.0, 5.0, 6.0], [2.0, 0.0, 4.0, 5.0, 6.0], [2.0, 0.0, 4.0, 0.0, 6.0]] {
        let x = Tensor::from(values).requires_grad_(true);
        let others = |i: usize| (0..5).filter(|&j| j != i).map(|j| values[j]).product::<f64>();
        assert_eq!(grad(&x.prod(), &x).to_vec::<f64>(), [0, 1, 2, 3, 4].map(others));
        gradgradcheck(|x| x[0].try_prod(), &[&x]).unwrap();
    }
    let x = tensor!([[2.0, 0.0, 3.0], [0.0, 0.0, 5.0]], dtype = DType::F64, requires_grad = true);
    assert_eq!(x.prod_dim(keepdim(0)).shape(), [1, 3]);
    for dim in 0..2 {
        gradcheck(|x| x[0].try_prod_dim(dim), &[&x]).unwrap();
        gradgradcheck(|x| x[0].try_prod_dim(dim), &[&x]).unwrap();
    }
}

#[test]
fn a_gradient_penalty_reads_like_pytorchs() {
    let x = tensor!([1.0, 2.0], requires_grad = true);
    let out = (&x * &x).sum();
    let [g] = grad_with(&out, [&x], GradOptions::new().create_graph(true));
    let penalty = (g.square().sum().sqrt() - 1).pow(2);
    penalty.backward();
    // d/dx (|2x| - 1)² = 2 (|2x| - 1) · 4x / |2x|
    let norm = 20f64.sqrt();
    let expected = [1.0, 2.0].map(|x| 2.0 * (norm - 1.0) * 4.0 * x / norm);
    assert!(x.grad().unwrap().allclose(&Tensor::from(expected)));
}

#[test]
fn errors_come_back_by_type_and_other_panics_go_on() {
    let error = catch(|| tensor!([1.0]).sum_dim(3)).unwrap_err();
    assert!(matches!(error, Error::Index { op: "sum", .. }), "{error:?}");
    // A caught failure leaves no state behind that a later panic with the same text could be confused with.
    let text = catch(|| tensor!([1.0]).sum_dim(3)).unwrap_err().to_string();
    let other = std::panic::catch_unwind(|| catch::<()>(|| panic!("{text}")));
    assert_eq!(other.unwrap_err().downcast_ref::<String>(), Some(&text));
}

#[test]
fn precision_and_width_of_a_printed_tensor() {
    let x = tensor!([1.0 / 3.0, 2.0]);
    assert_eq!(
        format!("{x:.2}|{:>12.1}", tensor!(0.25)),
        "tensor([0.33, 2.00])|tensor(0.2)".replace("|tensor", "| tensor")
    );
}
