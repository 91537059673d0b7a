//! Other shapes with more or fewer elements, in the same memory.

use crate::harness::{ALL_DTYPES, Layout, Row, real, sample};
use serde_json::json;

pub(crate) fn rows() -> Vec<Row> {
    // In other layouts other elements follow in memory.
    let of =
        |from: &[usize], to: &[usize]| sample([real(from)]).args(json!({"shape": to})).layouts(&[Layout::Contiguous]);
    vec![
        Row::new(
            "resize_",
            |x, a| x[0].detach().try_resize_(a.list("shape")),
            |x, a| x[0].detach().resize_(a.list("shape")),
        )
        .takes(ALL_DTYPES)
        .constant()
        .samples([of(&[2, 3], &[3]), of(&[2, 3], &[40, 5]), of(&[], &[2]), of(&[0, 3], &[7]), of(&[3], &[0])])
        .refuses(sample([real(&[2])]).args(json!({"shape": [2, -1]})), &["not negative", "[2, -1]"])
        .refuses(sample([real(&[2])]).args(json!({"shape": [1i64 << 40, 1i64 << 40]})), &["fits in memory"]),
    ]
}
