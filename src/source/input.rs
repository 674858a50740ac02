//! From a name to bytes: opens a file or standard input, unpacks zstd, and looks at the first bytes.
//!
//! Knows formats only by their first bytes and their endings; what the bytes mean is for the readers.

use std::fs::{self, File};
use std::io::{self, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Mapping, Place, SourceError};

/// Where events come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A file.
    File(PathBuf),
    /// The pipe we stand in.
    StandardInput,
    /// Bytes that ship with the program.
    Shipped {
        /// What to call them.
        name: &'static str,
        /// The bytes, as a file would hold them.
        bytes: &'static [u8],
    },
}

impl Input {
    /// Understands a word of the command line: `-` is standard input, anything else a file.
    pub fn parse(word: impl Into<PathBuf>) -> Self {
        let path = word.into();
        if path.as_os_str() == "-" {
            Self::StandardInput
        } else {
            Self::File(path)
        }
    }

    /// Returns the name under which errors and dead letters speak of it.
    pub fn name(&self) -> Arc<str> {
        match self {
            Self::File(path) => path.to_string_lossy().into(),
            Self::StandardInput => "standard input".into(),
            Self::Shipped { name, .. } => (*name).into(),
        }
    }

    /// Returns the name without folders and without the ending of the compression.
    pub(super) fn plain_name(&self) -> Option<String> {
        let Self::File(path) = self else { return None };
        let name = path.file_name()?.to_string_lossy();
        Some(name.strip_suffix(".zst").unwrap_or(&name).to_owned())
    }

    /// Returns the size in bytes where it is known beforehand.
    pub(super) fn size(&self) -> Option<u64> {
        match self {
            Self::File(path) => path
                .metadata()
                .ok()
                .filter(fs::Metadata::is_file)
                .map(|it| it.len()),
            Self::StandardInput => None,
            Self::Shipped { bytes, .. } => Some(bytes.len() as u64),
        }
    }
}

/// Unpacked bytes.
pub(super) type Bytes = BufReader<Box<dyn Read + Send>>;

/// What an input holds, as far as its first bytes and its name tell.
pub(super) enum Format<'m> {
    JsonLines,
    Avro,
    Csv(&'m Mapping),
}

/// Large enough that a read costs nothing beside decoding what it brings.
const BUFFER_BYTES: usize = 256 * 1024;

const AVRO: &[u8] = b"Obj\x01";
const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
const BYTE_ORDER_MARK: &[u8] = &[0xef, 0xbb, 0xbf];

/// Opens an input and returns its unpacked bytes from the first one on, with their format.
///
/// Every byte taken from the input itself, compressed or not, is added to `read`.
pub(super) fn open<'m>(
    input: &Input,
    mapping: Option<&'m Mapping>,
    read: &Arc<AtomicU64>,
) -> Result<(Bytes, Format<'m>), SourceError> {
    let file = input.name();
    let packed = Counted {
        inner: raw(input).map_err(|source| SourceError::Open {
            file: Arc::clone(&file),
            source,
        })?,
        read: Arc::clone(read),
    };
    let failed = |source| SourceError::read(Place::start(&file), source);
    let (head, rest) = peek(Box::new(packed)).map_err(failed)?;
    let packed = join(&head, rest);
    let plain: Box<dyn Read + Send> = if head.starts_with(ZSTD) {
        Box::new(zstd::Decoder::new(packed).map_err(failed)?)
    } else {
        packed
    };
    let (head, rest) = peek(plain).map_err(failed)?;
    let format = format(input, &head, mapping)?;
    // Spreadsheets begin their text files with a mark that no reader wants to see.
    let text = head.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&head);
    let bytes = BufReader::with_capacity(BUFFER_BYTES, join(text, rest));
    Ok((bytes, format))
}

fn raw(input: &Input) -> io::Result<Box<dyn Read + Send>> {
    Ok(match input {
        Input::File(path) => Box::new(open_file(path)?),
        Input::StandardInput => Box::new(io::stdin()),
        Input::Shipped { bytes, .. } => Box::new(*bytes),
    })
}

/// Opening a folder succeeds on Unix, and only reading it fails; better to say it at once.
fn open_file(path: &Path) -> io::Result<File> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    Ok(file)
}

/// Takes the first four bytes, fewer only where the input ends; a pipe may bring them one by one.
fn peek(mut bytes: Box<dyn Read + Send>) -> io::Result<(Vec<u8>, Box<dyn Read + Send>)> {
    let mut head = Vec::with_capacity(4);
    bytes.by_ref().take(4).read_to_end(&mut head)?;
    Ok((head, bytes))
}

fn join(head: &[u8], rest: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
    Box::new(Cursor::new(head.to_vec()).chain(rest))
}

/// The first bytes decide where they can; then the ending of the name; then whether a mapping was given.
fn format<'m>(
    input: &Input,
    head: &[u8],
    mapping: Option<&'m Mapping>,
) -> Result<Format<'m>, SourceError> {
    let file = input.name();
    let wrong = |detail: &str| SourceError::Format {
        file: Arc::clone(&file),
        detail: detail.to_owned(),
    };
    if head.is_empty() {
        return Err(SourceError::Empty { file });
    }
    if head.starts_with(AVRO) {
        return Ok(Format::Avro);
    }
    if head.starts_with(GZIP) {
        return Err(wrong("is compressed with gzip; unpack it or use zstd"));
    }
    let name = input.plain_name().unwrap_or_default();
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    match (ending.to_ascii_lowercase().as_str(), mapping) {
        ("avro", _) => Err(wrong(
            "is not an Avro container: it does not begin with Obj and 1",
        )),
        ("jsonl" | "ndjson" | "json", _) => Ok(Format::JsonLines),
        ("csv" | "tsv", Some(mapping)) => Ok(Format::Csv(mapping)),
        ("csv" | "tsv", None) => Err(wrong(
            "is a CSV log, which is read through an import mapping: name one with --mapping",
        )),
        _ if head.starts_with(b"{") => Ok(Format::JsonLines),
        (_, Some(mapping)) => Ok(Format::Csv(mapping)),
        (_, None) => Err(wrong(
            "is neither JSON lines nor an Avro container; a CSV log needs --mapping",
        )),
    }
}

/// Counts what passes, so that progress can be told in bytes of the file itself.
struct Counted<R> {
    inner: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
