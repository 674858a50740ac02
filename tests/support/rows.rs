//! Reading the rows of a CSV log, with nothing of ours.

use std::fs::File;
use std::path::Path;

/// Opens a CSV file packed with zstd.
pub(crate) fn csv(path: &Path) -> csv::Reader<impl std::io::Read> {
    let unpacked = zstd::Decoder::new(File::open(path).unwrap()).unwrap();
    csv::Reader::from_reader(unpacked)
}

/// Returns where a column stands; blanks around names don't count.
pub(crate) fn column(header: &csv::StringRecord, name: &str) -> usize {
    header.iter().position(|it| it.trim() == name).unwrap()
}
