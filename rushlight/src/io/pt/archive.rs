//! PyTorch's format since 1.6: a zip archive with one folder of stored records. `data.pkl` is the pickle, `data/N` are the storages.

use super::build::build;
use super::input::Input;
use super::pickle::{Pickle, Stored};
use super::unpickle::unpickle;
use super::value::Value;
use crate::backend::Device;
use crate::io::elements::{Problem, reverse_elements, write_elements};
use crate::io::zip::{buffer, damaged, fault};
use crate::tensor::Layout;
use crate::{Result, Tensor};
use flate2::Crc;
use rawzip::extra_fields::ExtraFieldId;
use rawzip::{
    CompressionMethod, Crc32Option, Header, ReaderAt, ZipArchive, ZipArchiveEntryWayfinder, ZipArchiveWriter,
};
use std::collections::HashMap;
use std::io::{self, Read, Write};

/// The records' data begin at multiples of this many bytes, so that they can be mapped into memory.
const ALIGNMENT: u64 = 64;

/// Bytes that are read and checked at once, while they are in the cache.
const PART: usize = 1 << 18;

/// The longest name of a record.
const LONGEST_NAME: usize = 1000;

struct Record {
    place: ZipArchiveEntryWayfinder,
    size: u64,
    /// Whether the bytes are the contents, as PyTorch writes all records of checkpoints.
    stored: bool,
    crc: u32,
}

/// The records of an archive by name, without the folder they are in.
struct Records<R> {
    archive: ZipArchive<R>,
    records: HashMap<String, Record>,
}

/// Reads the archive of `total` bytes.
pub(super) fn decode<R: ReaderAt>(archive: ZipArchive<R>, total: u64) -> Result<Value, Problem> {
    let records = Records::open(archive, total)?;
    if records.records.contains_key("constants.pkl") {
        let message = "expected a checkpoint, got a TorchScript program, which is not executed; save its state in Python instead: \
                       torch.save(torch.jit.load(path).state_dict(), new_path)";
        return Err(message.to_owned().into());
    }
    let reversed = match records.bytes("byteorder")?.as_deref() {
        None | Some(b"little") => cfg!(target_endian = "big"),
        Some(b"big") => cfg!(target_endian = "little"),
        Some(other) => {
            return Err(
                format!("expected the byte order little or big, got {:?}", String::from_utf8_lossy(other)).into()
            );
        }
    };
    let Some(pickle) = records.bytes("data.pkl")? else {
        return Err("expected a checkpoint of PyTorch's, got a zip archive without data.pkl".to_owned().into());
    };
    let mut input = &pickle[..];
    let mut input = Input::new(&mut input, pickle.len() as u64);
    let objects = unpickle(&mut input)?;
    if input.left() > 0 {
        return Err(format!("expected one object in data.pkl, got {} more bytes", input.left()).into());
    }
    build(&objects, &mut |storage| {
        let storage = &objects.storages[storage];
        let (name, dtype) = (format!("data/{}", storage.key), storage.kind.dtype.expect("checked"));
        let Some(record) = records.find(&name)? else {
            return Err(format!("expected a record {name:?}, got none").into());
        };
        if record.size != storage.bytes() {
            let (expected, found) = (storage.bytes(), record.size);
            return Err(format!("record {name:?}: expected {expected} bytes, got {found}").into());
        }
        let tensor = Tensor::fresh(Device::Cpu, Layout::contiguous(&[storage.numel as usize]), dtype)?;
        tensor.write_fresh().write_bytes_by(|bytes| {
            records.fill(&name, record, bytes)?;
            if reversed {
                reverse_elements(bytes, dtype.size());
            }
            Ok::<(), Problem>(())
        })?;
        Ok(tensor)
    })
}

impl<R: ReaderAt> Records<R> {
    fn open(archive: ZipArchive<R>, total: u64) -> Result<Records<R>, Problem> {
        let mut buffer = buffer();
        let mut entries = archive.entries(&mut buffer);
        let mut records = HashMap::new();
        let mut folder: Option<String> = None;
        let mut ranges = Vec::new();
        let mut count = 0;
        while let Some(entry) = entries.next_entry().map_err(fault)? {
            count += 1;
            let path = entry.file_path();
            let Ok(name) = std::str::from_utf8(path.as_ref()) else {
                return Err("expected names of records in UTF-8, got other bytes".to_owned().into());
            };
            let odd = |part: &str| part.is_empty() || part == "." || part == "..";
            let inside = name.trim_end_matches('/');
            if name.len() > LONGEST_NAME || name.contains(['\0', '\\']) || inside.split('/').any(odd) {
                let start: String = name.chars().take(80).collect();
                return Err(format!("expected names of records that are relative paths, got {start:?}").into());
            }
            if entry.is_dir() {
                continue;
            }
            let (own, record) = name.split_once('/').unwrap_or(("", name));
            if folder.get_or_insert_with(|| own.to_owned()) != own {
                return Err(
                    format!("expected all records in one folder, got {name:?} beside {:?}", folder.as_deref()).into()
                );
            }
            let (size, bytes) = (entry.uncompressed_size_hint(), entry.compressed_size_hint());
            let stored = !entry.flags().is_encrypted() && entry.compression_method() == CompressionMethod::STORE;
            if stored && size != bytes {
                return Err(format!("record {record:?}: expected {size} stored bytes, got {bytes}").into());
            }
            let place = entry.wayfinder();
            let (start, end) = archive.get_entry(place).map_err(fault)?.compressed_data_range();
            if end > total || end > archive.directory_offset() {
                return Err(format!(
                    "truncated: record {record:?} ends at {end}, behind the records of a file of {total} bytes"
                )
                .into());
            }
            ranges.push((entry.local_header_offset(), start.max(entry.local_header_offset()), end));
            if records.insert(record.to_owned(), Record { place, size, stored, crc: entry.crc32() }).is_some() {
                return Err(format!("expected distinct names of records, got {record:?} twice").into());
            }
        }
        ranges.sort_unstable();
        if let Some(pair) = ranges.windows(2).find(|pair| pair[0].2 > pair[1].0) {
            return Err(format!(
                "expected records that do not overlap, got one up to {} and one from {}",
                pair[0].2, pair[1].0
            )
            .into());
        }
        if count != archive.entries_hint() {
            return Err(format!("expected {} records in the archive, got {count}", archive.entries_hint()).into());
        }
        Ok(Records { archive, records })
    }

    /// A record whose contents can be read.
    fn find(&self, name: &str) -> Result<Option<&Record>, Problem> {
        match self.records.get(name) {
            Some(record) if !record.stored => {
                Err(format!("record {name:?}: expected a stored record, got a compressed or encrypted one").into())
            }
            found => Ok(found),
        }
    }

    /// The contents of a small record.
    fn bytes(&self, name: &str) -> Result<Option<Vec<u8>>, Problem> {
        let Some(record) = self.find(name)? else { return Ok(None) };
        // At most the length of the file.
        let mut bytes = vec![0; record.size as usize];
        self.fill(name, record, &mut bytes)?;
        Ok(Some(bytes))
    }

    /// Reads the contents of a record.
    fn fill(&self, name: &str, record: &Record, bytes: &mut [u8]) -> Result<(), Problem> {
        let mut reader = self.archive.get_entry(record.place).map_err(fault)?.reader();
        let mut crc = Crc::new();
        for part in bytes.chunks_mut(PART) {
            reader.read_exact(part).map_err(damaged)?;
            // PyTorch can be told to write zeros instead of checksums.
            if record.crc != 0 {
                crc.update(part);
            }
        }
        if crc.sum() != record.crc {
            return Err(
                format!("record {name:?}: expected the checksum {:08x}, got {:08x}", record.crc, crc.sum()).into()
            );
        }
        Ok(())
    }
}

/// Writes an archive.
pub(super) fn encode(pickle: &Pickle, out: &mut dyn Write) -> io::Result<()> {
    let mut archive = ZipArchiveWriter::new(out);
    let text = |text: &'static [u8]| move |out: &mut dyn Write| out.write_all(text);
    write_record(&mut archive, "data.pkl", |out| out.write_all(&pickle.bytes))?;
    write_record(&mut archive, ".format_version", text(b"1"))?;
    write_record(&mut archive, ".storage_alignment", text(b"64"))?;
    write_record(&mut archive, "byteorder", text(b"little"))?;
    for (key, storage) in pickle.storages.iter().enumerate() {
        write_record(&mut archive, &format!("data/{key}"), |out| write_storage(storage, out))?;
    }
    write_record(&mut archive, "version", text(b"3\n"))?;
    archive.finish().map_err(io::Error::other)?;
    Ok(())
}

fn write_storage(Stored { tensor, layout }: &Stored, out: &mut dyn Write) -> io::Result<()> {
    let input = tensor.0.storage.read("save", layout, tensor.dtype()).map_err(io::Error::other)?;
    write_elements(&input, out)
}

fn write_record(
    archive: &mut ZipArchiveWriter<&mut dyn Write>,
    name: &str,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let name = format!("archive/{name}");
    // The fixed part of the header, the name, and the header of the padding.
    let start = archive.stream_offset() + 30 + name.len() as u64 + 4;
    let padding = vec![b'Z'; (start.next_multiple_of(ALIGNMENT) - start) as usize];
    let builder = archive
        .new_file(&name)
        .compression_method(CompressionMethod::STORE)
        .crc32(Crc32Option::Calculate)
        .extra_field(ExtraFieldId::new(u16::from_le_bytes(*b"FB")), &padding, Header::LOCAL)
        .map_err(io::Error::other)?;
    let (mut entry, config) = builder.start().map_err(io::Error::other)?;
    let mut out = config.wrap(&mut entry);
    write(&mut out)?;
    let descriptor = out.finish().map_err(io::Error::other)?.1;
    entry.finish(descriptor).map_err(io::Error::other)?;
    Ok(())
}
