//! Against plain loops, with one and two threads.

use super::*;
use crate::half::F16;
use crate::threads::set_num_threads;

fn numbers(n: usize, below: usize) -> Vec<i64> {
    (0..n as u64).map(|i| ((i * 2654435761 + 12345) >> 7) as i64 % below.max(1) as i64).collect()
}

fn coordinates(mut i: usize, sizes: &[usize]) -> Vec<usize> {
    let mut at = vec![0; sizes.len()];
    for d in (0..sizes.len()).rev() {
        at[d] = i % sizes[d];
        i /= sizes[d];
    }
    at
}

fn offset(at: &[usize], sizes: &[usize]) -> usize {
    at.iter().zip(sizes).fold(0, |o, (i, n)| o * n + i)
}

const CASES: [(&[usize], usize, &[usize]); 8] = [
    (&[5], 0, &[9]),
    (&[4, 7], 0, &[3, 6]),
    (&[4, 7], 1, &[4, 20]),
    (&[3, 4, 5], 1, &[2, 6, 5]),
    (&[3, 4, 5], 2, &[3, 1, 2]),
    (&[100, 30, 40], 1, &[100, 20, 40]),
    (&[1], 0, &[1]),
    (&[3, 4], 1, &[0, 4]),
];

#[test]
fn gather_and_scatter_add_match_plain_loops() {
    for (sizes, dim, index_sizes) in CASES {
        let (len, index_len) = (sizes.iter().product::<usize>(), index_sizes.iter().product::<usize>());
        let x: Vec<f32> = (0..len).map(|i| (i as f32).sin()).collect();
        let index = numbers(index_len, sizes[dim]);
        let src_sizes: Vec<usize> = index_sizes.iter().map(|n| n + usize::from(index_len == 18)).collect();
        let src: Vec<f32> = (0..src_sizes.iter().product()).map(|i| (i as f32).cos()).collect();
        let mut want = vec![0.0; index_len];
        let mut want_sum = x.clone();
        for i in 0..index_len {
            let mut at = coordinates(i, index_sizes);
            let from = src[offset(&at, &src_sizes)];
            at[dim] = index[i] as usize;
            want[i] = x[offset(&at, sizes)];
            want_sum[offset(&at, sizes)] += from;
        }
        for threads in [1, 2] {
            set_num_threads(threads);
            let mut out = vec![9.0; index_len];
            gather(&x, sizes, dim, &index, index_sizes, &mut out).unwrap();
            assert_eq!(out, want, "{sizes:?} {dim} {index_sizes:?}");
            let mut sum = x.clone();
            scatter_add(&mut sum, sizes, dim, &index, index_sizes, &src, &src_sizes).unwrap();
            assert_eq!(sum, want_sum, "{sizes:?} {dim} {index_sizes:?}");
        }
    }
}

#[test]
fn rows_are_selected() {
    for [outer, n, inner] in [[1, 5, 3], [2, 7, 1], [3, 4, 200], [1, 1000, 64], [0, 3, 2]] {
        for k in [0, 1, 6, 500] {
            let x: Vec<f32> = (0..outer * n * inner).map(|i| (i as f32).sin()).collect();
            let indices = numbers(k, n);
            let mut want = vec![0.0; outer * k * inner];
            for o in 0..outer {
                for (row, &index) in indices.iter().enumerate() {
                    for i in 0..inner {
                        let at = (o * n + index as usize) * inner + i;
                        want[(o * k + row) * inner + i] = x[at];
                    }
                }
            }
            for threads in [1, 2] {
                set_num_threads(threads);
                let mut out = vec![9.0; want.len()];
                index_select(&x, [outer, n, inner], &indices, &mut out).unwrap();
                assert_eq!(out, want);
            }
        }
    }
}

#[test]
fn a_bad_index_is_reported_and_nothing_written() {
    for (bad, place) in [(-1, 0), (5, 1999), (i64::MIN, 1024), (i64::MAX, 3)] {
        let mut index = vec![2; 2000];
        index[place] = bad;
        let want = Err(BadIndex { value: bad, position: place, size: 5 });
        let (x, mut out) = (vec![1.0; 5], vec![9.0; 2000]);
        assert_eq!(gather(&x, &[5], 0, &index, &[2000], &mut out), want);
        assert_eq!(index_select(&x, [1, 5, 1], &index, &mut out), want);
        assert!(out.iter().all(|&x| x == 9.0));
        let mut sum = vec![1.0; 5];
        assert_eq!(scatter_add(&mut sum, &[5], 0, &index, &[2000], &out, &[2000]), want);
        assert_eq!(sum, x);
    }
    let error = check_indices(&[0, 7], 3).unwrap_err().to_string();
    assert_eq!(error, "index 7 at position 1 is out of bounds for a dimension of size 3");
}

#[test]
fn every_type_is_moved_and_added_in_its_own_way() {
    let index = [2, 0, 2, 1];
    let run = |name: &str| -> Result<(), BadIndex> {
        macro_rules! case {
            ($t:ty, $x:expr, $src:expr, $taken:expr, $sums:expr) => {{
                let (x, mut taken): ([$t; 3], [$t; 4]) = ($x, Default::default());
                index_select(&x, [1, 3, 1], &index, &mut taken)?;
                assert_eq!(taken, $taken, "{name}: index_select");
                gather(&x, &[3], 0, &index, &[4], &mut taken)?;
                assert_eq!(taken, $taken, "{name}: gather");
                let mut sums = x;
                scatter_add(&mut sums, &[3], 0, &index, &[4], &$src, &[4])?;
                assert_eq!(sums, $sums, "{name}: scatter_add");
            }};
        }
        match name {
            "bool" => {
                let (x, src) = ([false, true, false], [false, true, true, false]);
                case!(bool, x, src, [false, false, false, true], [true, true, true]);
            }
            "u8" => case!(u8, [250, 1, 2], [100, 10, 200, 3], [2, 250, 2, 1], [4, 4, 46]),
            "i64" => case!(i64, [i64::MAX, 1, 2], [1, 1, 2, 3], [2, i64::MAX, 2, 1], [i64::MIN, 4, 5]),
            _ => {
                // The float16 after 2048 is 2050: adding 1 twice, rounding each time, would lose both.
                let half = |x: [f32; 3]| x.map(F16::from_f32);
                let src = [1.0, 0.5, 1.0, 3.0].map(F16::from_f32);
                let taken = [2048.0, 0.0, 2048.0, 1.0].map(F16::from_f32);
                case!(F16, half([0.0, 1.0, 2048.0]), src, taken, half([0.5, 4.0, 2050.0]));
            }
        }
        Ok(())
    };
    for name in ["bool", "u8", "i64", "f16"] {
        run(name).unwrap();
    }
}

#[test]
fn rows_are_added_and_replaced_in_order() {
    for (n, inner, count) in [(5, 3, 9), (7, 1, 4), (300, 64, 1000), (4, 0, 3), (3, 2, 0)] {
        let indices = numbers(count, n);
        let x: Vec<f32> = (0..n * inner).map(|i| (i as f32).sin()).collect();
        let src: Vec<f32> = (0..count * inner).map(|i| (i as f32).cos()).collect();
        let (mut sums, mut last) = (x.clone(), x.clone());
        for (k, &row) in indices.iter().enumerate() {
            for i in 0..inner {
                sums[row as usize * inner + i] += src[k * inner + i];
                last[row as usize * inner + i] = src[k * inner + i];
            }
        }
        for threads in [1, 2] {
            set_num_threads(threads);
            let [mut added, mut replaced] = [x.clone(), x.clone()];
            index_add(&mut added, [n, inner], &indices, &src).unwrap();
            index_copy(&mut replaced, [n, inner], &indices, &src).unwrap();
            assert_eq!((added, replaced), (sums.clone(), last.clone()), "{n} {inner} {count}");
        }
    }
    let mut out = [1.0f32, 2.0];
    let bad = index_add(&mut out, [2, 1], &[0, 2], &[5.0, 5.0]).unwrap_err();
    assert_eq!((bad, out), (BadIndex { value: 2, position: 1, size: 2 }, [1.0, 2.0]));
    let mut small = [F16::from_f32(1.0); 2];
    index_add(&mut small, [2, 1], &[1, 1], &[F16::from_f32(0.5), F16::from_f32(0.25)]).unwrap();
    assert_eq!(small.map(f64::from), [1.0, 1.75]);
}
