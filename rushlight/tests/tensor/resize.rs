//! Resizing: what the other handles of the memory see.

use rushlight::{Error, Tensor, no_grad};

#[test]
fn growing_keeps_the_elements_and_adds_zeros() {
    // Inline, from inline to a block, from block to block, and nothing.
    for (from, to) in [(2, 5), (2, 100), (20, 21), (500, 100_000), (0, 3), (0, 1000)] {
        let mut x = Tensor::arange(from);
        let returned = x.resize_(to);
        let expected: Vec<i64> = (0..to as i64).map(|i| if i < from as i64 { i } else { 0 }).collect();
        assert_eq!(x.to_vec::<i64>(), expected, "{from} to {to}");
        assert!(returned.shares_memory_with(&x));
        assert_eq!(x.storage_bytes(), 8 * to as usize);
    }
    let mut mask = Tensor::from([true]);
    mask.resize_(1000);
    assert_eq!(mask.to_vec::<bool>().iter().filter(|&&set| set).count(), 1);
}

#[test]
fn other_handles_keep_their_shape_and_share_the_memory() {
    let mut x = Tensor::from([1.0f32, 2.0, 3.0]);
    let (clone, view) = (x.clone(), x.narrow(0, 1, 2));
    x.resize_([50, 2]);
    assert_eq!((clone.shape(), view.shape(), x.shape()), (&[3][..], &[2][..], &[50, 2][..]));
    assert!(x.shares_memory_with(&clone) && x.shares_memory_with(&view));
    x.fill_(7.0);
    assert_eq!((clone.to_vec::<f32>(), view.to_vec::<f32>()), (vec![7.0; 3], vec![7.0; 2]));
    clone.zero_();
    assert_eq!(x.sum().item(), 7.0 * 97.0);
    // A view can grow the memory, too; then it begins where it began.
    let mut part = clone.narrow(0, 2, 1);
    part.resize_(200);
    assert_eq!((part.numel(), part.sum().item()), (200, 7.0 * 97.0));
    assert_eq!(x.storage_bytes(), 4 * 202);
    // Shrinking frees nothing.
    x.resize_(1);
    assert_eq!((x.numel(), x.storage_bytes()), (1, 4 * 202));
}

#[test]
fn tensors_with_a_gradient_are_not_resized() {
    let mut w = Tensor::ones([2]).requires_grad_(true);
    for mut tensor in [w.clone(), &w * 2.0, w.narrow(0, 0, 1)] {
        let shape = tensor.shape().to_vec();
        let error = tensor.try_resize_(2).unwrap_err();
        assert!(matches!(error, Error::Autograd { .. }));
        assert!(error.to_string().starts_with("resize_: cannot resize variables that require grad: "), "{error}");
        assert_eq!(tensor.shape(), shape);
    }
    assert!(no_grad(|| w.try_resize_(3)).is_err());
    // Its memory can grow through a tensor without gradients, as in PyTorch.
    w.detach().resize_(4);
    assert_eq!((w.shape(), w.storage_bytes(), w.requires_grad()), (&[2][..], 16, true));
    (&w * &w).sum().backward();
    assert_eq!(w.grad().unwrap().to_vec::<f32>(), [2.0, 2.0]);
    // What was saved for a backward pass is still there.
    let x = Tensor::from([3.0f32, 4.0]);
    let y = (&w * &x).sum();
    x.clone().resize_(1000);
    w.zero_grad();
    y.backward();
    assert_eq!(w.grad().unwrap().to_vec::<f32>(), [3.0, 4.0]);
}
