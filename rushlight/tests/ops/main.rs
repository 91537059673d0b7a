//! One table of operations, from which all of their tests are derived: a row specifies how an operation is called and
//! on what, and the harness tests everything that this implies. Each row is a test under the operation's name, and the
//! name alone selects it: `cargo test -p rushlight --test ops relu` runs `relu`, not `leaky_relu`.

mod harness;
mod signatures;

mod activation;
mod arithmetic;
mod compare;
mod conv;
mod copy;
mod embedding;
mod index;
mod inplace;
mod join;
mod loss;
mod math;
mod matmul;
mod norm;
mod pooling;
mod random;
mod reduce;
mod resize;
mod softmax;
mod view;

use harness::Row;
use libtest_mimic::{Arguments, Failed, Trial};
use std::process::ExitCode;

/// The rows of a family, whose golden values are in `tests/golden/ops/NAME.json.gz`.
struct Family {
    name: &'static str,
    rows: fn() -> Vec<Row>,
}

macro_rules! families {
    ($($name:ident)*) => { [$(Family { name: stringify!($name), rows: $name::rows }),*] };
}

const FAMILIES: [Family; 19] = families! {
    activation arithmetic compare conv copy embedding index inplace join loss math matmul norm pooling random reduce resize softmax view
};

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    harness::listen_to_panics();
    let mut trials = Vec::new();
    for family in &FAMILIES {
        for row in (family.rows)() {
            if arguments.filter.as_deref() == Some(row.name) {
                arguments.exact = true;
            }
            let name = row.name;
            let run = move || harness::check(family.name, &row).map_err(Failed::from);
            trials.push(Trial::test(name, run).with_kind(family.name));
        }
    }
    type Check = fn() -> Result<(), String>;
    let table: [(&str, Check); 5] = [
        ("every_operation_has_a_row", signatures::every_operation_has_a_row),
        ("every_signature_is_pytorchs", signatures::every_signature_is_pytorchs),
        ("every_golden_case_has_a_row", harness::every_golden_case_has_a_row),
        ("a_wrong_value_is_noticed", harness::a_wrong_value_is_noticed),
        ("a_wrong_derivative_is_noticed", harness::a_wrong_derivative_is_noticed),
    ];
    for (name, run) in table {
        trials.push(Trial::test(name, move || run().map_err(Failed::from)).with_kind("table"));
    }
    let coverage = || signatures::coverage().map_err(Failed::from);
    trials.push(Trial::test("coverage", coverage).with_kind("table").with_ignored_flag(true));
    libtest_mimic::run(&arguments, trials).exit_code()
}
