//! The pictures that were classified wrong with the most confidence: mistakes of the model, or of the labels.

use super::{Evaluation, Prediction};
use crate::text::{shown, shown_path};
use rushlight::Result;
use rushlight::plot::PictureGrid;
use rushlight::vision::transforms::{Resize, Transform};
use rushlight::vision::{DecodeOptions, Image, PixelFormat};

/// How many of them are shown.
const SHOWN: usize = 24;
/// The longer side of a picture in pixels: sharp on screens of high density.
const SIDE: usize = 320;

/// A picture that was classified wrong.
pub(super) struct Mistake {
    pub name: String,
    pub truth: String,
    pub said: String,
    /// The probability of what was said.
    pub probability: f32,
    /// The picture made small; nothing if it cannot be read any more.
    pub thumbnail: Option<Image>,
}

impl Mistake {
    /// The mistakes among the pictures that are files, the most confident first.
    pub(super) fn most_confident(evaluation: &Evaluation) -> Vec<Mistake> {
        let confidence = |prediction: &Prediction| prediction.probabilities[prediction.class()];
        let mut wrong: Vec<&Prediction> = evaluation
            .predictions
            .iter()
            .filter(|prediction| prediction.picture.is_some() && prediction.class() != prediction.truth)
            .collect();
        wrong.sort_by(|a, b| confidence(b).total_cmp(&confidence(a)).then_with(|| a.picture.cmp(&b.picture)));
        wrong.truncate(SHOWN);
        let mistake = |prediction: &Prediction| {
            let path = prediction.picture.as_deref()?;
            Some(Mistake {
                name: path.file_name().map_or_else(|| shown_path(path), |name| shown_path(name.as_ref())),
                truth: shown(&evaluation.classes[prediction.truth]),
                said: shown(&evaluation.classes[prediction.class()]),
                probability: confidence(prediction),
                thumbnail: Image::open_with(path, DecodeOptions::new().at_least([SIDE; 2])).and_then(small).ok(),
            })
        };
        wrong.into_iter().filter_map(mistake).collect()
    }
}

/// The picture in color, at most [`SIDE`] pixels long.
fn small(image: Image) -> Result<Image> {
    let image = image.over_white();
    let (width, height) = (image.width(), image.height());
    let longer = width.max(height);
    let scaled = |length: usize| (length * SIDE / longer).max(1);
    let image = if longer > SIDE { Resize::try_new([scaled(height), scaled(width)])?.try_apply(image)? } else { image };
    Ok(if image.format() == PixelFormat::Rgb { image } else { image.to_rgb() })
}

/// The mistakes as one figure; nothing if there are none.
pub(super) fn figure(mistakes: &[Mistake]) -> Option<PictureGrid> {
    let mut grid = PictureGrid::new("The most confident mistakes");
    for mistake in mistakes {
        let Some(image) = &mistake.thumbnail else { continue };
        let said = format!("{} {:.1} %", mistake.said, 100.0 * mistake.probability);
        grid = grid.add(
            (image.width(), image.height()),
            image.samples(),
            [mistake.name.clone(), format!("is {}", mistake.truth), format!("taken for {said}")],
        );
    }
    (!grid.is_empty()).then_some(grid)
}
