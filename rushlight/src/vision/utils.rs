//! Images of many images, as in `torchvision.utils`.

use super::Image;
use crate::{DType, Error, Result, Tensor};
use rushlight_macros::{Builder, op};
use std::path::Path;

/// The options of [`make_grid_with`] and [`save_image_with`].
#[derive(Builder, Clone, Debug)]
pub struct MakeGridOptions {
    /// The number of images in a row (default: 8).
    #[builder(default = 8)]
    nrow: usize,
    /// The number of pixels between images and around the grid (default: 2).
    #[builder(default = 2)]
    padding: usize,
    /// Whether values are shifted and scaled to 0 to 1 (default: false).
    #[builder(default = false)]
    normalize: bool,
    /// The values that become 0 and 1; others are clamped to them (default: the smallest and the largest).
    value_range: Option<(f64, f64)>,
    /// Whether each image is normalized on its own (default: false, all together).
    #[builder(default = false)]
    scale_each: bool,
    /// The value of the pixels in between (default: 0).
    #[builder(default = 0.0)]
    pad_value: f64,
}

/// Arranges images `[n, channels, height, width]` in a grid `[channels, height, width]`, row by row. Images of one channel
/// become images of three. One image alone is returned without padding; `[channels, height, width]` and `[height, width]` are one image.
///
/// # Errors
/// If the tensor has other dimensions or no image, `nrow` is 0, or a tensor to normalize is not of a floating-point dtype.
///
/// ```
/// use rushlight::Tensor;
/// use rushlight::vision::utils::make_grid;
/// let grid = make_grid(&Tensor::ones([10, 3, 4, 4]));
/// assert_eq!(grid.shape(), [3, 2 + 2 * (4 + 2), 2 + 8 * (4 + 2)]);
/// ```
#[op(
    free,
    with,
    torch = "torchvision.utils.make_grid(tensor, nrow=8, padding=2, normalize=False, value_range=None, scale_each=False, pad_value=0.0)"
)]
pub fn try_make_grid_with(tensor: &Tensor, options: impl Into<MakeGridOptions>) -> Result<Tensor> {
    const NAME: &str = "make_grid";
    let MakeGridOptions { nrow, padding, normalize, value_range, scale_each, pad_value } = options.into();
    let images = match *tensor.shape() {
        [height, width] => tensor.detach().try_reshape([1, 1, height, width])?,
        [channels, height, width] => tensor.detach().try_reshape([1, channels, height, width])?,
        [_, _, _, _] => tensor.detach(),
        _ => {
            let message = format!(
                "expected a tensor [n, channels, height, width], one image [channels, height, width] or [height, width], got shape {:?}",
                tensor.shape()
            );
            return Err(Error::shape(NAME, message));
        }
    };
    if nrow == 0 || images.numel() == 0 {
        let message =
            format!("expected images and at least one in a row, got shape {:?} and {nrow} in a row", tensor.shape());
        return Err(Error::value(NAME, message));
    }
    let mut images = if images.shape()[1] == 1 { Tensor::try_cat_dim([&images; 3], 1)? } else { images };
    if normalize {
        if !images.dtype().is_float() {
            return Err(Error::dtype(
                NAME,
                format!("expected a floating-point dtype to normalize, got {}", images.dtype()),
            ));
        }
        images = if scale_each {
            let each = images.try_unbind()?;
            let each = each.iter().map(|image| rescaled(image, value_range)).collect::<Result<Vec<_>>>()?;
            Tensor::try_stack(&each)?
        } else {
            rescaled(&images, value_range)?
        };
    }
    let [count, channels, height, width] = images.shape().try_into().expect("four dimensions");
    if count == 1 {
        return images.try_select(0, 0);
    }
    let columns = nrow.min(count);
    let rows = count.div_ceil(columns);
    let grid_shape = [channels, padding + rows * (height + padding), padding + columns * (width + padding)];
    let grid = Tensor::try_full_with(grid_shape, pad_value, images.dtype())?;
    for (i, image) in images.try_unbind()?.iter().enumerate() {
        let (top, left) = (padding + i / columns * (height + padding), padding + i % columns * (width + padding));
        grid.try_narrow(1, top as isize, height)?.try_narrow(2, left as isize, width)?.try_copy_(image)?;
    }
    Ok(grid)
}

/// Clamps values to a range and maps it to 0 to 1.
fn rescaled(x: &Tensor, range: Option<(f64, f64)>) -> Result<Tensor> {
    let (low, high) = match range {
        Some(range) => range,
        None => (x.try_min()?.try_item()?, x.try_max()?.try_item()?),
    };
    x.try_clamp(low, high)?.try_sub(low)?.try_div((high - low).max(1e-5))
}

/// Writes images `[n, channels, height, width]` of values from 0 to 1 as one image, [`make_grid`]'s. The extension of the name
/// chooses the format, as in [`Image::save`].
///
/// # Errors
/// As [`make_grid`] and [`Image::save`].
///
/// ```no_run
/// use rushlight::Tensor;
/// use rushlight::vision::utils::save_image;
/// save_image(&Tensor::rand([16, 3, 32, 32]), "samples.png")?;
/// # Ok::<(), rushlight::Error>(())
/// ```
pub fn save_image(tensor: &Tensor, path: impl AsRef<Path>) -> Result<()> {
    save_image_with(tensor, path, MakeGridOptions::new())
}

/// As [`save_image`], with the options of the grid.
///
/// # Errors
/// As [`save_image`].
pub fn save_image_with(tensor: &Tensor, path: impl AsRef<Path>, options: impl Into<MakeGridOptions>) -> Result<()> {
    let grid = try_make_grid_with(tensor, options)?;
    let bytes = grid.try_mul(255)?.try_add(0.5)?.try_clamp(0, 255)?.try_to_dtype(DType::U8)?;
    Image::try_from_tensor(&bytes)?.save(path)
}
