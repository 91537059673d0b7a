//! Lists a folder of photographs whose names tell what they show, with their labels: 0 for `cat.0.jpg`, 1 for `dog.0.jpg`.
//!
//! `cargo run -p rushlight --example labels_from_names FOLDER`

use std::error::Error;
use std::fs;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("expected the folder of the photographs, got no argument")?;
    let mut images = Vec::new();
    for entry in fs::read_dir(&folder).map_err(|error| format!("{folder}: {error}"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let label = match name.split('.').next() {
            Some("cat") => 0,
            Some("dog") => 1,
            _ => return Err(format!("{folder}/{name}: expected cat.NUMBER.jpg or dog.NUMBER.jpg").into()),
        };
        images.push((name, label));
    }
    images.sort();

    println!("data_size: {}", images.len());
    for (label, kind) in ["cat", "dog"].iter().enumerate() {
        println!("label {label}, {kind}: {}", images.iter().filter(|image| image.1 == label).count());
    }
    for (name, label) in images {
        println!("{name} {label}");
    }
    Ok(())
}
