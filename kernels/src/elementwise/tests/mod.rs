//! Every operation on every instruction set against scalar references, over many layouts.

mod accuracy;
mod layouts;
mod stored;
mod values;

use crate::isa::{Isa, with_isa};

/// Runs `f` on every instruction set that this processor has.
fn on_every_isa(f: impl Fn(Isa)) {
    for isa in Isa::available() {
        with_isa(isa, || f(isa));
    }
}
