//! The order in which the elements of a strided tensor are drawn.

use std::cmp::Ordering;

/// Returns the dimensions of an output in the order in which random numbers fill it, slowest first: permute the output by it, fill the
/// permuted view in row-major order.
///
/// PyTorch fills a contiguous tensor in row-major order and any other one in memory order, so that the transpose of a
/// contiguous tensor gets the transpose of what the tensor itself would get.
///
/// ```
/// use rushlight::random::fill_order;
///
/// assert_eq!(fill_order(&[2, 3], &[3, 1]), [0, 1]);
/// assert_eq!(fill_order(&[3, 2], &[1, 3]), [1, 0]);
/// ```
///
/// # Panics
/// If `shape` and `strides` differ in length.
pub fn fill_order(shape: &[usize], strides: &[usize]) -> Vec<usize> {
    assert_eq!(shape.len(), strides.len(), "fill_order: as many strides as dimensions");
    let rank = shape.len();
    if is_contiguous(shape, strides) {
        return (0..rank).collect();
    }
    // Fastest first while sorting. Comparisons can be undecided (broadcast dimensions have stride 0), so this insertion sort,
    // which then looks further down, is part of the definition.
    let mut order: Vec<usize> = (0..rank).rev().collect();
    for i in 1..rank {
        let mut place = i;
        for lower in (0..i).rev() {
            match compare(order[lower], order[place], shape, strides) {
                Ordering::Greater => {
                    order.swap(lower, place);
                    place = lower;
                }
                Ordering::Less => break,
                Ordering::Equal => {}
            }
        }
    }
    order.reverse();
    order
}

/// Whether dimension `a`, now the faster one, must come after `b` (greater), before it (less), or is undecided (equal).
fn compare(a: usize, b: usize, shape: &[usize], strides: &[usize]) -> Ordering {
    if strides[a] == 0 || strides[b] == 0 {
        return Ordering::Equal;
    }
    strides[a].cmp(&strides[b]).then(if shape[a] > shape[b] { Ordering::Greater } else { Ordering::Equal })
}

fn is_contiguous(shape: &[usize], strides: &[usize]) -> bool {
    let mut expected = 1;
    shape.contains(&0)
        || shape.iter().zip(strides).rev().all(|(&size, &stride)| {
            let fits = size == 1 || stride == expected;
            expected *= size;
            fits
        })
}
