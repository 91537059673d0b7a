//! The recording mode of each thread.

use std::cell::Cell;
use std::marker::PhantomData;

thread_local! {
    static RECORDING: Cell<bool> = const { Cell::new(true) };
}

/// Returns whether operations on this thread are recorded for differentiation.
#[inline]
pub fn is_grad_enabled() -> bool {
    RECORDING.get()
}

/// Runs `f` without recording: its results do not require gradients.
///
/// ```
/// use rushlight::{Tensor, no_grad};
/// let w = Tensor::ones([2]).requires_grad_(true);
/// no_grad(|| w.sub_(0.1)); // an update that is not part of the graph
/// assert!(w.is_leaf());
/// ```
pub fn no_grad<R>(f: impl FnOnce() -> R) -> R {
    let _guard = NoGrad::new();
    f()
}

/// Runs `f` with recording, also inside [`no_grad`].
pub fn enable_grad<R>(f: impl FnOnce() -> R) -> R {
    let _guard = EnableGrad::new();
    f()
}

/// Runs `f` with recording if `enabled`, else without: one pass for training and evaluation.
///
/// ```
/// use rushlight::{Tensor, set_grad_enabled};
/// let w = Tensor::ones([2]).requires_grad_(true);
/// for training in [true, false] {
///     let loss = set_grad_enabled(training, || w.square().sum());
///     assert_eq!(loss.requires_grad(), training);
/// }
/// ```
pub fn set_grad_enabled<R>(enabled: bool, f: impl FnOnce() -> R) -> R {
    if enabled { enable_grad(f) } else { no_grad(f) }
}

macro_rules! guard {
    ($(#[$doc:meta])* $name:ident, $value:expr) => {
        $(#[$doc])*
        #[must_use = "the mode ends when the guard is dropped"]
        pub struct $name {
            before: bool,
            /// The mode belongs to the thread, and so does its guard.
            not_send: PhantomData<*mut ()>,
        }

        impl $name {
            /// Enters the mode on this thread.
            #[inline]
            #[allow(clippy::new_without_default, reason = "a guard made by default() would be easy to lose")]
            pub fn new() -> Self {
                $name { before: RECORDING.replace($value), not_send: PhantomData }
            }
        }

        impl Drop for $name {
            #[inline]
            fn drop(&mut self) {
                RECORDING.set(self.before);
            }
        }
    };
}
guard!(
    /// Stops recording on this thread until it is dropped.
    NoGrad,
    false
);
guard!(
    /// Records on this thread until it is dropped.
    EnableGrad,
    true
);
