//! Hooks on gradients: what they observe, what they may do, and the order in which they run. Expected values are
//! PyTorch's.

use rushlight::autograd::{RemovableHandle, grad};
use rushlight::{BackwardOptions, Tensor, enable_grad, is_grad_enabled, no_grad};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

fn leaf(values: &[f32]) -> Tensor {
    Tensor::from_slice(values, [values.len()]).requires_grad_(true)
}

fn values(t: &Tensor) -> Vec<f32> {
    t.to_vec::<f32>()
}

fn grad_of(t: &Tensor) -> Vec<f32> {
    values(&t.grad().expect("a gradient"))
}

fn retain() -> BackwardOptions {
    BackwardOptions::new().retain_graph(true)
}

/// A hook, and the gradient that it observed.
type Seen = (&'static str, Vec<f32>);

/// What hooks observed, in the order in which they ran.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Seen>>>);

impl Log {
    fn add(&self, who: &'static str, what: &Tensor) {
        self.0.lock().unwrap().push((who, values(what)));
    }

    fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// A hook that logs the gradient and returns another one.
fn logging(
    log: &Log,
    who: &'static str,
    new: fn(&Tensor) -> Option<Tensor>,
) -> impl Fn(&Tensor) -> Option<Tensor> + use<> {
    let log = log.clone();
    move |grad| {
        log.add(who, grad);
        new(grad)
    }
}

#[test]
fn see_and_replace_gradients() {
    let x = leaf(&[1.0, 2.0]);
    let y = &x * 2.0;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    let first = y.register_hook(move |grad| {
        log.lock().unwrap().extend(values(grad));
        Some(grad * 10.0)
    });
    let log = seen.clone();
    y.register_hook(move |grad| {
        log.lock().unwrap().extend(values(grad));
        None
    });
    y.sum().backward_with(retain());
    assert_eq!(*seen.lock().unwrap(), [1.0, 1.0, 10.0, 10.0]);
    assert_eq!(grad_of(&x), [20.0, 20.0]);
    first.remove();
    first.remove();
    x.zero_grad();
    y.sum().backward();
    assert_eq!(grad_of(&x), [2.0, 2.0]);
}

#[test]
fn see_the_whole_sum_once() {
    let x = leaf(&[1.0]);
    let y = &x * 1.0;
    let calls = Arc::new(AtomicUsize::new(0));
    let count = calls.clone();
    y.register_hook(move |grad| {
        assert_eq!(values(grad), [3.0]);
        count.fetch_add(1, Relaxed);
        None
    });
    (&y + &y + &y).sum().backward();
    assert_eq!(calls.load(Relaxed), 1);
}

#[test]
fn may_use_the_tensor_they_are_registered_on() {
    let x = leaf(&[1.0]);
    let (handle, number) = (x.clone(), Arc::new(Mutex::new(None::<RemovableHandle>)));
    let own = number.clone();
    *number.lock().unwrap() = Some(x.register_hook(move |_| {
        handle.register_hook(|_| None);
        own.lock().unwrap().as_ref().map(RemovableHandle::remove);
        None
    }));
    (&x * 2.0).sum().backward();
    (&x * 2.0).sum().backward();
    assert_eq!(grad_of(&x), [4.0]);
}

#[test]
fn may_run_a_backward_pass_of_their_own() {
    let x = leaf(&[3.0]);
    let inner = leaf(&[2.0]);
    let handle = inner.clone();
    let y = &x * 1.0;
    y.register_hook(move |grad| {
        enable_grad(|| (&handle * &handle).sum().backward());
        Some(grad * &handle.grad().unwrap())
    });
    y.sum().backward();
    assert_eq!((grad_of(&x), grad_of(&inner)), (vec![4.0], vec![4.0]));
}

#[test]
fn a_non_leaf_can_retain_its_gradient() {
    let x = leaf(&[1.0, 2.0]);
    let y = &x * 3.0;
    assert!(y.grad().is_none());
    y.retain_grad();
    (&y * &y).sum().backward();
    assert_eq!(grad_of(&y), [6.0, 12.0]);
    assert_eq!(grad_of(&x), [18.0, 36.0]);
    y.zero_grad();
    assert!(y.grad().is_none());
    x.retain_grad(); // no effect on a leaf
    assert_eq!(grad_of(&x), [18.0, 36.0]);
}

#[test]
fn a_kept_gradient_is_that_of_the_latest_value() {
    let x = leaf(&[2.0, 3.0]);
    let y = &x * 1.0;
    y.retain_grad();
    y.mul_(3.0);
    y.sum().backward();
    assert_eq!((grad_of(&y), grad_of(&x)), (vec![1.0, 1.0], vec![3.0, 3.0]));
}

#[test]
fn on_a_leaf_run_before_the_gradient_is_added_and_after() {
    let (x, log) = (leaf(&[1.0, 2.0]), Log::default());
    let first = x.register_hook(logging(&log, "first", |grad| Some(grad * 2.0)));
    x.register_hook(logging(&log, "second", |grad| Some(grad + 1.0)));
    let own = log.clone();
    x.register_post_accumulate_grad_hook(move |x| own.add("after", &x.grad().unwrap()));
    let own = log.clone();
    let taking = x.register_post_accumulate_grad_hook(move |x| {
        own.add("taking", &x.grad().unwrap());
        x.zero_grad();
    });
    (&x * 3.0).sum().backward();
    let seen = [("first", [3.0, 3.0]), ("second", [6.0, 6.0]), ("after", [7.0, 7.0]), ("taking", [7.0, 7.0])];
    assert_eq!(log.take(), seen.map(|(who, seen)| (who, seen.to_vec())));
    assert!(x.grad().is_none());

    taking.remove();
    (&x * 3.0 + &x * &x).sum().backward();
    let seen = [("first", [5.0, 7.0]), ("second", [10.0, 14.0]), ("after", [11.0, 15.0])];
    assert_eq!(log.take(), seen.map(|(who, seen)| (who, seen.to_vec())));
    assert_eq!(grad_of(&x), [11.0, 15.0]);

    first.remove();
    (&x * 3.0).sum().backward();
    let seen = [("second", [3.0, 3.0]), ("after", [15.0, 19.0])];
    assert_eq!(log.take(), seen.map(|(who, seen)| (who, seen.to_vec())));

    // Nothing is accumulated in a leaf whose gradient is only requested.
    assert_eq!(values(&grad(&(&x * 3.0).sum(), &x)), [4.0, 4.0]);
    assert_eq!(log.take(), [("second", vec![3.0, 3.0])]);
    assert_eq!(grad_of(&x), [15.0, 19.0]);
}

#[test]
fn require_a_tensor_with_a_gradient() {
    let text = |result: rushlight::Result<RemovableHandle>| result.unwrap_err().to_string();
    let plain = Tensor::ones([3]);
    assert_eq!(
        text(plain.try_register_hook(|_| None)),
        "register_hook: expected a tensor that requires a gradient, got one of shape [3] that does not"
    );
    assert!(
        text(plain.try_register_post_accumulate_grad_hook(|_| {}))
            .contains("expected a tensor that requires a gradient")
    );
    let y = leaf(&[1.0]) * 2.0;
    let message = text(y.try_register_post_accumulate_grad_hook(|_| {}));
    assert!(message.contains("expected a leaf") && message.contains("MulBackward0"), "{message}");
}

#[test]
fn must_keep_size_and_type() {
    let x = leaf(&[1.0, 2.0]);
    let hook = x.register_hook(|_| Some(Tensor::ones([3])));
    let message = (&x * 3.0).sum().try_backward().unwrap_err().to_string();
    assert_eq!(
        message,
        "backward: expected a hook to return a gradient of dtype float32 and shape [2], got float32 and [3]"
    );
    hook.remove();
    let hook = x.register_hook(|grad| Some(grad.to_dtype(rushlight::DType::F64)));
    assert!(
        (&x * 3.0)
            .sum()
            .try_backward()
            .unwrap_err()
            .to_string()
            .contains("dtype float32 and shape [2], got float64 and [2]")
    );
    assert!(x.grad().is_none());
    hook.remove();
    (&x * 3.0).sum().backward();
    assert_eq!(grad_of(&x), [3.0, 3.0]);
}

#[test]
fn a_kept_gradient_is_what_all_hooks_leave() {
    let x = leaf(&[1.0, 2.0]);
    let y = &x * 2.0;
    y.register_hook(|grad| Some(grad * 10.0));
    y.retain_grad();
    y.register_hook(|grad| Some(grad * 2.0));
    y.sum().backward();
    assert_eq!((grad_of(&y), grad_of(&x)), (vec![20.0, 20.0], vec![40.0, 40.0]));
}

#[test]
fn stay_with_the_value_they_were_registered_for() {
    let (x, log) = (leaf(&[1.0, 2.0]), Log::default());
    let y = &x * 2.0;
    let before = y.register_hook(logging(&log, "before", |_| None));
    y.mul_(5.0);
    y.register_hook(logging(&log, "after", |_| None));
    let loss = y.sum();
    loss.backward_with(retain());
    assert_eq!(log.take(), [("after", vec![1.0, 1.0]), ("before", vec![5.0, 5.0])]);
    before.remove();
    loss.backward();
    assert_eq!(log.take(), [("after", vec![1.0, 1.0])]);
}

#[test]
fn survive_a_temporary_freeze_of_their_leaf() {
    let (x, log) = (leaf(&[1.0, 2.0]), Log::default());
    x.register_hook(logging(&log, "hook", |_| None));
    let own = log.clone();
    x.register_post_accumulate_grad_hook(move |x| own.add("after", &x.grad().unwrap()));
    x.sum().backward();
    x.requires_grad_(false);
    assert_eq!(grad_of(&x), [1.0, 1.0]);
    assert!(x.try_register_hook(|_| None).is_err());
    x.requires_grad_(true);
    assert_eq!(grad_of(&x), [1.0, 1.0]);
    log.take();
    x.sum().backward();
    assert_eq!(log.take(), [("hook", vec![1.0, 1.0]), ("after", vec![2.0, 2.0])]);
}

#[test]
fn record_if_the_pass_does() {
    let x = leaf(&[1.0, 2.0]);
    let modes = Arc::new(Mutex::new(Vec::new()));
    let own = modes.clone();
    x.register_hook(move |_| {
        own.lock().unwrap().push(is_grad_enabled());
        None
    });
    let own = modes.clone();
    x.register_post_accumulate_grad_hook(move |_| own.lock().unwrap().push(is_grad_enabled()));
    (&x * &x).sum().backward();
    (&x * &x).sum().backward_with(BackwardOptions::new().create_graph(true));
    x.zero_grad();
    assert_eq!(*modes.lock().unwrap(), [false, false, true, true]);
}

#[test]
fn a_step_can_run_as_soon_as_a_gradient_is_accumulated() {
    let w = leaf(&[1.0]);
    w.register_post_accumulate_grad_hook(|w| {
        assert!(w.is_leaf() && w.requires_grad());
        no_grad(|| w.add_scaled_(&w.grad().unwrap(), -0.5));
        w.zero_grad();
    });
    for expected in [0.5, 0.25, 0.125] {
        (&w * &w * 0.5).sum().backward();
        assert_eq!(values(&w), [expected]);
    }
    assert!(w.grad().is_none() && w.requires_grad());
}

#[test]
fn do_not_keep_their_tensor_alive() {
    let guard = Arc::new(());
    let x = leaf(&[1.0]);
    let (one, other) = (guard.clone(), guard.clone());
    let handle = x.register_hook(move |_| {
        let _ = &one;
        None
    });
    x.register_post_accumulate_grad_hook(move |_| {
        let _ = &other;
    });
    (&x * 2.0).sum().backward();
    assert_eq!(Arc::strong_count(&guard), 3);
    drop(x);
    assert_eq!(Arc::strong_count(&guard), 1);
    handle.remove(); // has no effect any more
}
