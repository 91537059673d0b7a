//! Rows of a matrix, added or replaced at indices.

use super::{BadIndex, check_indices};
use crate::convert::{read, update};
use crate::dtype::Stored;
use crate::elementwise::Arithmetic;
use crate::split::{Parts, TASK, for_ranges_of};
use std::ops::Range;

/// Columns that a task processes at least: those of a cache line and more, which tasks should not share.
const COLUMNS: usize = 32;

fn check(name: &str, out: usize, [n, inner]: [usize; 2], indices: &[i64], src: usize) -> Result<(), BadIndex> {
    assert!(
        out == n * inner && src == indices.len() * inner,
        "{name}: expected [{n}, {inner}] and [{}, {inner}] elements, got {out} and {src}",
        indices.len()
    );
    check_indices(indices, n)
}

/// Calls `f` with the parts of rows of `out` and of `src` that belong together, in the order of `indices`. Rows may be
/// repeated, so the tasks divide the columns.
fn each_row<T: Send>(out: &mut [T], inner: usize, indices: &[i64], f: impl Fn(&mut [T], Range<usize>) + Sync) {
    let out = Parts::new(out);
    let rows = indices.len().max(1);
    for_ranges_of(TASK.max(COLUMNS * rows), inner, rows, |columns| {
        for (k, &row) in indices.iter().enumerate() {
            let place = |row: usize| row * inner + columns.start..row * inner + columns.end;
            // SAFETY: tasks have different columns.
            f(unsafe { out.part(place(row as usize)) }, place(k));
        }
    });
}

pub(super) fn add_rows<T: Stored>(
    out: &mut [T],
    sizes: [usize; 2],
    indices: &[i64],
    src: &[T],
) -> Result<(), BadIndex> {
    check("index_add", out.len(), sizes, indices, src.len())?;
    update(out, |out| {
        read(src, |src| {
            each_row(out, sizes[1], indices, |to, from| {
                to.iter_mut().zip(&src[from]).for_each(|(to, &x)| *to = to.plus(x));
            });
        });
    });
    Ok(())
}

pub(super) fn copy_rows<T: Stored>(
    out: &mut [T],
    sizes: [usize; 2],
    indices: &[i64],
    src: &[T],
) -> Result<(), BadIndex> {
    check("index_copy", out.len(), sizes, indices, src.len())?;
    each_row(out, sizes[1], indices, |to, from| to.copy_from_slice(&src[from]));
    Ok(())
}
