//! In-place operations without an out-of-place form.

use crate::harness::{ALL_DTYPES, Args, Inputs, Row, number, real, sample};
use rushlight::Scalar;

fn value(x: &Inputs, _: &Args) -> Scalar {
    x.number(1).expect("a number")
}

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::only_in_place("copy_", |x, _| x[0].try_copy_(&x[1]), |x, _| x[0].copy_(&x[1]))
            .takes(ALL_DTYPES)
            .samples([
                sample([real(&[2, 3]), real(&[2, 3])]),
                sample([real(&[2, 3]), real(&[3])]),
                sample([real(&[2, 3]), real(&[])]),
                sample([real(&[]), real(&[])]),
                sample([real(&[0, 3]), real(&[3])]),
            ])
            .refuses(sample([real(&[4]), real(&[2, 3])]), &["[2, 3]", "[4]"]),
        Row::only_in_place("fill_", |x, a| x[0].try_fill_(value(x, a)), |x, a| x[0].fill_(value(x, a)))
            .takes(ALL_DTYPES)
            .samples([
                sample([real(&[2, 3]), number(0.7)]),
                sample([real(&[]), number(0.7)]),
                sample([real(&[0, 3]), number(0.7)]),
            ]),
        Row::only_in_place("zero_", |x, _| x[0].try_zero_(), |x, _| x[0].zero_())
            .takes(ALL_DTYPES)
            .elementwise(-2.0, 2.0),
    ]
}
