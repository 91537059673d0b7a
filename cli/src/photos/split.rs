//! Parts of a folder of photographs, each with all classes in their proportions.

use super::{Part, Photos};
use crate::failure::{Failure, Result};
use rushlight::data::{TensorDataset, try_stratified_split};
use rushlight::{Generator, Tensor};

/// Moves `share` of the pictures into the validation part, at random by `seed`, each class in its proportion.
pub(crate) fn split(photos: &mut Photos, share: f64, seed: u64) -> Result<()> {
    let parts = parts(photos, &[share], seed)
        .map_err(|failure| Failure::new(format!("cannot split off pictures for validation: {failure}")))?;
    for (picture, part) in photos.pictures.iter_mut().zip(parts) {
        picture.part = if part == 1 { Part::Validation } else { Part::Train };
    }
    Ok(())
}

/// The part of each picture, at random by `seed`: 1, 2, … with these shares of the pictures, and 0 with what is left.
pub(crate) fn parts(photos: &Photos, shares: &[f64], seed: u64) -> Result<Vec<usize>> {
    let total = photos.pictures.len();
    let mut lengths = vec![total];
    for &share in shares.iter() {
        let length = ((total as f64 * share).round() as usize).max(usize::from(share > 0.0)).min(lengths[0] - 1);
        lengths[0] -= length;
        lengths.push(length);
    }
    let positions = TensorDataset::try_new(Tensor::try_arange(total as i64)?)?;
    let classes: Vec<&str> = photos.pictures.iter().map(|picture| photos.classes[picture.class].as_str()).collect();
    let subsets = try_stratified_split(positions, &classes, &lengths[..], Some(&Generator::from_seed(seed)))?;
    let mut parts = vec![0; total];
    for (part, subset) in subsets.iter().enumerate() {
        subset.indices().iter().for_each(|&index| parts[index] = part);
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::super::{Layout, Picture};
    use super::*;

    fn photos(counts: &[usize]) -> Photos {
        let picture =
            |class: usize, i: usize| Picture { path: format!("{class}/{i}.jpg").into(), class, part: Part::Train };
        let pictures =
            counts.iter().enumerate().flat_map(|(class, &n)| (0..n).map(move |i| picture(class, i))).collect();
        let classes = (0..counts.len()).map(|class| format!("class {class}")).collect();
        Photos { layout: Layout::ClassFolders, classes, pictures, notes: Vec::new() }
    }

    #[test]
    fn each_class_has_its_share() {
        let validation = |seed: u64| {
            let mut photos = photos(&[100, 10, 2]);
            split(&mut photos, 0.2, seed).unwrap();
            assert_eq!((photos.counts(Part::Train), photos.counts(Part::Validation)), (vec![81, 8, 1], vec![19, 2, 1]));
            photos.part(Part::Validation).map(|picture| picture.path.clone()).collect::<Vec<_>>()
        };
        assert_eq!(validation(0), validation(0));
        assert_ne!(validation(0), validation(1));
    }

    #[test]
    fn a_picture_cannot_be_in_both_parts() {
        let message = split(&mut photos(&[5, 1]), 0.2, 0).unwrap_err().to_string();
        assert!(
            message.contains("expected at least 2 items of each class, one for each part, got 1 of class class 1"),
            "{message}"
        );
        let mut two = photos(&[2, 2]);
        split(&mut two, 0.9, 0).unwrap();
        assert_eq!(two.counts(Part::Train), [1, 1]);
    }

    #[test]
    fn a_part_without_pictures_changes_nothing() {
        let photos = photos(&[30, 12]);
        let one = parts(&photos, &[0.25], 5).unwrap();
        assert_eq!(one, parts(&photos, &[0.25, 0.0], 5).unwrap());
        assert_eq!((one.iter().filter(|&&part| part == 1).count(), one.len()), (11, 42));
        let three = parts(&photos, &[0.9, 0.01], 5).unwrap();
        assert_eq!([0, 1, 2].map(|part| three.iter().filter(|&&own| own == part).count()), [3, 37, 2]);
    }
}
