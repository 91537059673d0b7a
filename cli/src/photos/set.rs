//! Photographs as a data set.

use super::Picture;
use rushlight::data::Dataset;
use rushlight::vision::{DecodeOptions, Image};
use rushlight::{Result, Tensor};
use std::path::Path;

/// From a decoded photograph to the input of a network.
type Prepare = Box<dyn Fn(Image) -> Result<Tensor> + Send + Sync>;

/// Photographs that are read and prepared item by item: the input of the network, the class, and the position of the photograph.
pub(crate) struct PhotoSet {
    pictures: Vec<Picture>,
    decoding: DecodeOptions,
    prepare: Prepare,
}

impl PhotoSet {
    pub(crate) fn new(
        pictures: Vec<Picture>,
        decoding: DecodeOptions,
        prepare: impl Fn(Image) -> Result<Tensor> + Send + Sync + 'static,
    ) -> PhotoSet {
        PhotoSet { pictures, decoding, prepare: Box::new(prepare) }
    }

    /// The file of a photograph.
    pub(crate) fn path(&self, index: usize) -> &Path {
        &self.pictures[index].path
    }
}

impl Dataset for PhotoSet {
    type Item = (Tensor, i64, i64);

    fn len(&self) -> usize {
        self.pictures.len()
    }

    fn get(&self, index: usize) -> Result<(Tensor, i64, i64)> {
        let picture = &self.pictures[index];
        let photograph = Image::open_with(&picture.path, self.decoding)?;
        Ok(((self.prepare)(photograph)?, picture.class as i64, index as i64))
    }
}
