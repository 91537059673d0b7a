//! Construction of modules without random initialization.

use std::cell::Cell;

thread_local! {
    static SKIPPED: Cell<bool> = const { Cell::new(false) };
}

/// Restores the state when it is dropped, after a panic too.
struct Restore(bool);

impl Drop for Restore {
    fn drop(&mut self) {
        SKIPPED.set(self.0);
    }
}

/// Runs `f`, in which layers and the functions of [`nn::init`](crate::nn::init) that draw random numbers leave tensors as they are: new parameters are 0.
///
/// It saves the time of drawing where a state is loaded afterwards, and does not advance the default generator. As
/// [`torch.nn.utils.skip_init`](https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.skip_init.html), for any number of modules.
///
/// ```
/// use rushlight::nn::{Linear, Module, utils::skip_init};
/// let net = Linear::new(3, 2);
/// let copy = skip_init(|| Linear::new(3, 2));
/// assert_eq!(copy.weight.get().abs().sum().item(), 0.0);
/// copy.load_state_dict(&net.state_dict());
/// assert!(copy.weight.get().equal(&net.weight.get()));
/// ```
pub fn skip_init<R>(f: impl FnOnce() -> R) -> R {
    let _restore = Restore(SKIPPED.replace(true));
    f()
}

/// Whether the calling thread is in [`skip_init`].
pub(in crate::nn) fn is_skipped() -> bool {
    SKIPPED.get()
}
