//! Matrix products.

use crate::harness::{NUMBERS, Row, Sample, given, real, sample};
use rushlight::Tensor;

fn of(a: &[usize], b: &[usize]) -> Sample {
    sample([real(a), real(b)])
}

pub(crate) fn rows() -> Vec<Row> {
    let double = || given(Tensor::from([[1.0f64, 2.0]]));
    vec![
        Row::new("mm", |x, _| x[0].try_mm(&x[1]), |x, _| x[0].mm(&x[1]))
            .takes(NUMBERS)
            .samples([of(&[2, 3], &[3, 2]), of(&[2, 0], &[0, 3]), of(&[0, 2], &[2, 3])])
            .refuses(of(&[2, 3], &[4, 5]), &["[2, 3]", "[4, 5]"])
            .refuses(of(&[2, 3], &[4]), &["[2, 3]", "[4]"]),
        Row::new("bmm", |x, _| x[0].try_bmm(&x[1]), |x, _| x[0].bmm(&x[1]))
            .takes(NUMBERS)
            .samples([of(&[2, 2, 3], &[2, 3, 2]), of(&[0, 2, 3], &[0, 3, 2])])
            .refuses(of(&[2, 3], &[4, 5]), &["[2, 3]", "[4, 5]"]),
        Row::new("matmul", |x, _| x[0].try_matmul(&x[1]), |x, _| x[0].matmul(&x[1]))
            .takes(NUMBERS)
            .samples([
                of(&[3], &[3]),
                of(&[2, 3], &[3]),
                of(&[2], &[2, 3]),
                of(&[2, 3], &[3, 2]),
                of(&[2, 1, 2, 3], &[2, 3, 2]),
                of(&[3], &[2, 3, 2]),
                of(&[2, 0], &[0, 3]),
            ])
            .refuses(of(&[2, 3], &[4, 5]), &["[2, 3]", "[4, 5]"])
            .refuses(of(&[2, 3, 4], &[3, 4, 5]), &["[2, 3, 4]", "[3, 4, 5]", "batch"])
            .refuses(of(&[], &[2]), &["[]", "[2]"])
            .refuses(sample([real(&[1, 2]), double()]), &["float32", "float64", "to_dtype"]),
        Row::new("linear", |x, _| x[0].try_linear(&x[1], x.option(2)), |x, _| x[0].linear(&x[1], x.option(2)))
            .takes(NUMBERS)
            .samples([
                sample([real(&[2, 3]), real(&[4, 3]), real(&[4])]),
                sample([real(&[2, 2, 3]), real(&[4, 3])]),
                sample([real(&[3]), real(&[4, 3]), real(&[4])]),
                sample([real(&[0, 3]), real(&[4, 3]), real(&[4])]),
            ])
            .refuses(of(&[2, 3], &[4, 5]), &["[2, 3]", "[4, 5]", "features"])
            .refuses(sample([real(&[2, 3]), real(&[4, 3]), real(&[3])]), &["bias", "[3]", "[4]"])
            .refuses(sample([real(&[3, 2]), double()]), &["float32", "float64"]),
        Row::new("addmm", |x, _| x[0].try_addmm(&x[1], &x[2]), |x, _| x[0].addmm(&x[1], &x[2]))
            .takes(NUMBERS)
            .samples([
                sample([real(&[2]), real(&[2, 3]), real(&[3, 2])]),
                sample([real(&[]), real(&[2, 3]), real(&[3, 2])]),
                sample([real(&[2, 1]), real(&[2, 0]), real(&[0, 2])]),
            ])
            .refuses(sample([real(&[4]), real(&[2, 3]), real(&[3, 5])]), &["[4]", "[2, 5]"]),
    ]
}
