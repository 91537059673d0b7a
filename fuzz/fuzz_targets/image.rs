//! Bytes that decode as an image of any format yield as many samples as the header declares, and can be converted.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rushlight::vision::{DecodeOptions, Image, mnist_pixels};

fuzz_target!(|bytes: &[u8]| {
    let Ok(image) = Image::decode(bytes) else { return };
    let pixels = image.width() * image.height();
    assert_eq!(image.samples().len(), pixels * image.format().channels());
    // A few bytes can declare a large image; converting those is slow and finds nothing more.
    if pixels > 1 << 20 {
        return;
    }
    let stored = Image::decode_with(bytes, DecodeOptions::new().orientation(false)).unwrap();
    let stored = [stored.width(), stored.height()];
    assert!(stored == [image.width(), image.height()] || stored == [image.height(), image.width()]);
    let small = Image::decode_with(bytes, DecodeOptions::new().at_least([1, 1])).unwrap();
    assert!(small.width() <= image.width() && small.height() <= image.height());
    assert_eq!(image.to_gray().samples().len(), pixels);
    assert_eq!(image.to_rgb().samples().len(), 3 * pixels);
    if let Ok(digit) = mnist_pixels(&image) {
        assert_eq!(digit.len(), 28 * 28);
        assert!(digit.iter().all(|x| (0.0..=1.0).contains(x)));
    }
    assert!(image.over_white().format().channels() % 2 == 1);
});
