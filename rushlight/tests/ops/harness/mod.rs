//! The checks of each row of the table.

mod case;
mod derivatives;
mod device;
mod forms;
#[path = "../../golden/mod.rs"]
mod golden;
mod inputs;
mod layout;
mod row;
mod values;

pub(crate) use device::device;
pub(crate) use inputs::{Args, Inputs};
pub(crate) use layout::Layout;
pub(crate) use row::{
    ABSENT, ALL_DTYPES, FLOATS, NUMBERS, Row, Sample, Spec, between, given, number, positive, real, sample,
};

use crate::FAMILIES;
use rushlight::autograd::{gradcheck, gradgradcheck};
use rushlight::{DType, Error, Tensor};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

/// Checks everything that a row implies. The error lists all failures.
pub(crate) fn check(family: &'static str, row: &Row) -> Result<(), String> {
    // Rows that draw from the default generator run one at a time.
    static GENERATOR: Mutex<()> = Mutex::new(());
    let _alone = row.random.then(|| GENERATOR.lock().unwrap_or_else(PoisonError::into_inner));
    RANDOM.set(row.random);
    let mut report = Report::default();
    values::check(family, row, &mut report);
    forms::check(row, &mut report);
    derivatives::check(row, &mut report);
    let Report { checks, failures } = report;
    match (checks, failures.is_empty()) {
        (0, _) => Err("nothing was checked".to_owned()),
        (_, true) => Ok(()),
        (_, false) => Err(format!("{} of {checks} checks of {}:\n{}", failures.len(), row.name, failures.join("\n"))),
    }
}

/// The results of a row's checks.
#[derive(Default)]
pub(crate) struct Report {
    checks: usize,
    failures: Vec<String>,
}

impl Report {
    fn run(&mut self, what: &str, check: impl FnOnce() -> Result<(), String>) {
        self.checks += 1;
        let result = panic_of(check).unwrap_or_else(|(message, file)| Err(format!("a panic in {file}: {message}")));
        if let Err(message) = result {
            self.failures.push(format!("{what} on {}: {message}", device()));
        }
    }
}

thread_local! {
    /// Message and file of the last panic on this thread, while [`panic_of`] is active.
    static LAST: RefCell<Option<(String, String)>> = const { RefCell::new(None) };
    /// Whether the row on this thread draws from the default generator.
    static RANDOM: Cell<bool> = const { Cell::new(false) };
    static LISTENING: Cell<usize> = const { Cell::new(0) };
}

/// Installs the panic hook that [`panic_of`] needs.
pub(crate) fn listen_to_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if LISTENING.get() == 0 {
            return usual(info);
        }
        let file = info.location().map_or(String::new(), |location| location.file().to_owned());
        LAST.set(Some((info.payload_as_str().unwrap_or_default().to_owned(), file)));
    }));
}

/// The result, or the message and the file of a panic.
fn panic_of<T>(f: impl FnOnce() -> T) -> Result<T, (String, String)> {
    LISTENING.set(LISTENING.get() + 1);
    let result = catch_unwind(AssertUnwindSafe(f));
    LISTENING.set(LISTENING.get() - 1);
    result.map_err(|_| LAST.take().unwrap_or_default())
}

fn text(error: Error) -> String {
    format!("an error: {error}")
}

/// Seeds the default generator, which is global, if the row draws from it.
fn seed(seed: u64) {
    if RANDOM.get() {
        rushlight::manual_seed(seed);
    }
}

pub(crate) fn every_golden_case_has_a_row() -> Result<(), String> {
    let mut problems = Vec::new();
    for family in &FAMILIES {
        let rows = (family.rows)();
        for case in case::cases(family.name).iter() {
            let count = rows.iter().flat_map(Row::names).filter(|name| *name == case.op).count();
            if count != 1 {
                problems.push(format!("{}: {count} rows of {} run {}", case.name, family.name, case.op));
            }
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
}

pub(crate) fn a_wrong_value_is_noticed() -> Result<(), String> {
    let cases = case::cases("arithmetic");
    let case = cases.iter().find(|case| case.name == "mul/same/f64").ok_or("the case is missing")?;
    let output = case.outputs[0].tensor();
    let compare = |tensor: &Tensor| case.outputs[0].compare("it", tensor, case.tolerance());
    compare(&output)?;
    for wrong in [output.mul(1.0 + 1e-8), output.t(), output.to_dtype(DType::F32), output.mul(f64::NAN)] {
        if compare(&wrong).is_ok() {
            return Err(format!("{wrong} passes for {output}"));
        }
    }
    Ok(())
}

pub(crate) fn a_wrong_derivative_is_noticed() -> Result<(), String> {
    let x = Tensor::from([0.5f64, -0.3]).requires_grad_(true);
    let noticed = |what: &str, result: rushlight::Result<()>| match result {
        Ok(()) => Err(format!("{what} passes")),
        Err(_) => Ok(()),
    };
    noticed("one factor of a square treated as a constant", gradcheck(|x| x[0].detach().try_mul(x[0]), &[&x]))?;
    noticed("the whole function treated as a constant", gradcheck(|x| x[0].detach().try_mul(2.0), &[&x]))?;
    // The first derivative is correct, the second is not: sin x - x cos c + c cos c, at x = c.
    let wrong = |x: &[&Tensor]| {
        let c = x[0].detach();
        x[0].try_mul(&c.try_cos()?)?.try_add(&c.try_sin()?.try_sub(&c.try_mul(&c.try_cos()?)?)?)
    };
    gradcheck(wrong, &[&x]).map_err(text)?;
    noticed("a wrong second derivative", gradgradcheck(wrong, &[&x]))?;
    let single = Tensor::from([1.0f32]).requires_grad_(true);
    noticed("single precision", gradcheck(|x| x[0].try_exp(), &[&single]))
}
