//! Event files of TensorBoard: the curves of a run while it trains, `tensorboard --logdir runs`.
//!
//! A file is a sequence of records (TFRecord): length, checksum of the length, an `Event` in protocol buffers, its checksum. The
//! messages and the numbers of their fields are those of TensorFlow's `event.proto` and `summary.proto`, as far as they are used.

use crate::failure::{Failure, Result};
use crate::text::shown_path;
use crc::{CRC_32_ISCSI, Crc};
use prost::Message;
use std::fs::{self, File};
use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// What names of event files start with; TensorBoard looks for `tfevents`.
const PREFIX: &str = "events.out.tfevents.";
/// The first event of each file says this.
const VERSION: &str = "brain.Event:2";
/// No record of this program is longer; a longer one means a damaged file.
const LONGEST: u64 = 64 << 20;

#[derive(Clone, PartialEq, Message)]
struct Event {
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(string, optional, tag = "3")]
    file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    summary: Option<Summary>,
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Value>,
}

#[derive(Clone, PartialEq, Message)]
struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
    #[prost(message, optional, tag = "4")]
    image: Option<EncodedImage>,
}

#[derive(Clone, PartialEq, Message)]
struct EncodedImage {
    #[prost(int32, tag = "1")]
    height: i32,
    #[prost(int32, tag = "2")]
    width: i32,
    /// The number of channels.
    #[prost(int32, tag = "3")]
    colorspace: i32,
    #[prost(bytes = "vec", tag = "4")]
    encoded_image_string: Vec<u8>,
}

/// The event file of a run, open for appending.
pub(crate) struct EventFile {
    path: PathBuf,
    file: File,
}

impl EventFile {
    /// Starts the event file of a new run in its folder, in place of those of a run that is overwritten.
    pub(crate) fn create(folder: &Path) -> Result<EventFile> {
        for path in existing(folder)? {
            fs::remove_file(&path).map_err(|e| failed(&path, &e))?;
        }
        let path = folder.join(format!("{PREFIX}{}.rushlight", now() as u64));
        let file = File::options().append(true).create_new(true).open(&path).map_err(|e| failed(&path, &e))?;
        let mut events = EventFile { path, file };
        events.append(&Event { file_version: Some(VERSION.into()), ..event(0) })?;
        Ok(events)
    }

    /// Continues the event file of a run that stopped. Events after `step`, and a last one that was not written as a whole, are cut off.
    pub(crate) fn resume(folder: &Path, step: usize) -> Result<EventFile> {
        let Some(path) = existing(folder)?.pop() else { return EventFile::create(folder) };
        let open = || {
            let mut file = File::options().read(true).append(true).open(&path)?;
            let kept = kept_bytes(&mut BufReader::new(&mut file), step as i64)?;
            file.set_len(kept)?;
            file.seek(SeekFrom::End(0))?;
            io::Result::Ok((file, kept))
        };
        match open().map_err(|e| failed(&path, &e))? {
            (_, 0) => EventFile::create(folder),
            (file, _) => Ok(EventFile { path, file }),
        }
    }

    /// Adds a value to each of the named curves.
    pub(crate) fn scalars(&mut self, step: usize, values: &[(&str, f64)]) -> Result<()> {
        self.append(&Event { summary: Some(scalars(values)), ..event(step) })
    }

    /// Adds a picture: a PNG file in color.
    pub(crate) fn picture(&mut self, step: usize, tag: &str, png: Vec<u8>) -> Result<()> {
        self.append(&Event { summary: Some(picture(tag, png)), ..event(step) })
    }

    /// Appends a record in one write, so that a reader of the growing file seldom sees a part of one.
    fn append(&mut self, event: &Event) -> Result<()> {
        self.file.write_all(&record(event)).map_err(|e| failed(&self.path, &e))
    }
}

/// The bytes of an event in a file.
fn record(event: &Event) -> Vec<u8> {
    let data = event.encode_to_vec();
    let length = (data.len() as u64).to_le_bytes();
    [&length[..], &checksum(&length).to_le_bytes(), &data, &checksum(&data).to_le_bytes()].concat()
}

fn scalars(values: &[(&str, f64)]) -> Summary {
    let value = |(tag, value): &(&str, f64)| Value {
        tag: (*tag).to_owned(),
        simple_value: Some(*value as f32),
        ..Value::default()
    };
    Summary { value: values.iter().map(value).collect() }
}

fn picture(tag: &str, png: Vec<u8>) -> Summary {
    // A PNG file has its width and height in its first chunk, behind a signature and the head of the chunk.
    let [width, height] = [16, 20]
        .map(|at| png.get(at..at + 4).map_or(0, |length| i32::from_be_bytes(length.try_into().expect("4 bytes"))));
    let image = EncodedImage { height, width, colorspace: 3, encoded_image_string: png };
    Summary { value: vec![Value { tag: tag.to_owned(), image: Some(image), ..Value::default() }] }
}

fn event(step: usize) -> Event {
    Event { wall_time: now(), step: step as i64, ..Event::default() }
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}

/// The event files of this program in a folder, the newest last.
fn existing(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(|e| failed(folder, &e))?;
    let ours = |name: &str| name.starts_with(PREFIX) && name.ends_with(".rushlight");
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut paths: Vec<PathBuf> =
        paths.filter(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(ours)).collect();
    paths.sort();
    Ok(paths)
}

/// How many bytes hold whole records of events up to `step`.
fn kept_bytes(file: &mut impl Read, step: i64) -> io::Result<u64> {
    let mut kept = 0;
    while let Some(data) = next_record(file)? {
        match Event::decode(&*data) {
            Ok(event) if event.step <= step => kept += data.len() as u64 + 16,
            _ => break,
        }
    }
    Ok(kept)
}

/// The event of the next record, or nothing at the end of the file and where it is damaged.
fn next_record(file: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut head = [0; 12];
    let mut tail = [0; 4];
    if !whole(file.read_exact(&mut head))? {
        return Ok(None);
    }
    let (length, sum) = head.split_at(8);
    let count = u64::from_le_bytes(length.try_into().expect("8 bytes"));
    if checksum(length).to_le_bytes() != sum || count > LONGEST {
        return Ok(None);
    }
    // Grows with what is there, however long the record says it is.
    let mut data = Vec::new();
    file.take(count).read_to_end(&mut data)?;
    let whole = data.len() as u64 == count && whole(file.read_exact(&mut tail))?;
    Ok((whole && checksum(&data).to_le_bytes() == tail).then_some(data))
}

/// Whether all bytes were there.
fn whole(read: io::Result<()>) -> io::Result<bool> {
    match read {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// The masked CRC-32C of TFRecord: a file of records may itself be the content of a record.
fn checksum(bytes: &[u8]) -> u32 {
    const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);
    CRC.checksum(bytes).rotate_right(15).wrapping_add(0xA282_EAD8)
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::new(format!("cannot write into {}: {error}", shown_path(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder that is removed at the end of the test.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let path = std::env::temp_dir().join(format!("rushlight-events-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(&path).unwrap();
            Folder(path)
        }

        /// Step and first value of all events of the only file.
        fn events(&self) -> Vec<(i64, Option<f32>)> {
            let paths = existing(&self.0).unwrap();
            assert_eq!(paths.len(), 1);
            let mut file = File::open(&paths[0]).unwrap();
            let mut events = Vec::new();
            while let Some(data) = next_record(&mut file).unwrap() {
                let event = Event::decode(&*data).unwrap();
                events.push((event.step, event.summary.and_then(|summary| summary.value[0].simple_value)));
            }
            assert_eq!(file.read(&mut [0]).unwrap(), 0, "nothing but whole records");
            events
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn checksums_are_those_of_tfrecord() {
        // The check value of CRC-32C, E3069283, masked.
        assert_eq!(checksum(b"123456789"), 0xE306_9283_u32.rotate_right(15).wrapping_add(0xA282_EAD8));
    }

    #[test]
    fn records_are_those_of_tensorboard() {
        // What RecordWriter of tensorboard 2.21.0 writes for the same events.
        let hex = |event: &Event| record(event).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let version = Event { wall_time: 1.5, file_version: Some(VERSION.into()), ..Event::default() };
        assert_eq!(hex(&version), "1800000000000000a37f4b2209000000000000f83f1a0d627261696e2e4576656e743a322a28646c");
        let summary = scalars(&[("loss/train", 0.5), ("loss/valid", -2.0)]);
        let event = Event { wall_time: 1_700_000_000.25, step: 300, summary: Some(summary), ..Event::default() };
        assert_eq!(
            hex(&event),
            "34000000000000005e33175c0900001040fc54d94110ac022a260a110a0a6c6f73732f747261696e150000003f\
             0a110a0a6c6f73732f76616c696415000000c0862efc05"
        );
        let png = [&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], &300_u32.to_be_bytes(), &2_u32.to_be_bytes()].concat();
        let event = Event { wall_time: 2.0, step: 7, summary: Some(picture("wrong.png", png)), ..Event::default() };
        assert_eq!(
            hex(&event),
            "3d000000000000006049f1ec09000000000000004010072a300a2e0a0977726f6e672e706e672221080210ac02180322\
             1889504e470d0a1a0a0000000d494844520000012c0000000227f1a1ab"
        );
    }

    #[test]
    fn a_resumed_run_continues_its_curves() {
        let folder = Folder::new("resume");
        let mut file = EventFile::create(&folder.0).unwrap();
        for step in 1..=3 {
            file.scalars(step, &[("loss/train", 1.0 / step as f64), ("loss/valid", 0.5)]).unwrap();
        }
        let all = folder.events();
        assert_eq!(all, [(0, None), (1, Some(1.0)), (2, Some(0.5)), (3, Some(1.0 / 3.0))]);
        // Killed while the next one was written.
        let path = existing(&folder.0).unwrap().pop().unwrap();
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, [&bytes[..], &bytes[..20]].concat()).unwrap();
        let mut file = EventFile::resume(&folder.0, 2).unwrap();
        file.scalars(3, &[("loss/train", 9.0)]).unwrap();
        assert_eq!(folder.events(), [(0, None), (1, Some(1.0)), (2, Some(0.5)), (3, Some(9.0))]);
    }

    #[test]
    fn damaged_files_keep_what_is_whole() {
        let folder = Folder::new("damaged");
        let mut file = EventFile::create(&folder.0).unwrap();
        file.scalars(1, &[("loss", 1.0)]).unwrap();
        let path = existing(&folder.0).unwrap().pop().unwrap();
        let good = fs::read(&path).unwrap();
        for (at, kept) in [(good.len() - 1, 1), (good.len() - 6, 1), (3, 1), (9, 1), (20, 1)] {
            let mut bytes = good.clone();
            bytes[at] ^= 0x40;
            fs::write(&path, bytes).unwrap();
            drop(EventFile::resume(&folder.0, 1).unwrap());
            assert_eq!(folder.events().len(), kept, "byte {at}");
            let newest = existing(&folder.0).unwrap().pop().unwrap();
            fs::rename(newest, &path).unwrap();
        }
        fs::write(&path, b"").unwrap();
        drop(EventFile::resume(&folder.0, 1).unwrap());
        assert_eq!(folder.events(), [(0, None)]);
    }
}
