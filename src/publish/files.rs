//! A folder of outputs that appears whole or not at all.
//!
//! | part    | if we stop right after it                                                     |
//! | ------- | ------------------------------------------------------------------------------ |
//! | create  | hidden `.alerts.jsonl.part` and the like lie in the folder; earlier outputs stand |
//! | write   | the same                                                                       |
//! | sync    | the same, and what was written survives a power cut                            |
//! | rename  | no `summary.json`, some outputs new, some old; a run is whole when its summary is there  |
//!
//! Dropped before [`FileOutputs::finish`], the hidden files are removed. A later run overwrites what a crash left.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Serialize;
use waymark_engine::derived::{Alert, Score};
use waymark_engine::event::Rejection;

use crate::source::{At, Place};

/// Why outputs cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// A file stands where the folder should be.
    #[error("{}: is a file; name a folder to write into", path.display())]
    NotAFolder {
        /// The folder as given.
        path: PathBuf,
    },
    /// The disk is full, read-only, or not ours.
    #[error("{}: cannot be written", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// The outputs of a run, in a folder.
#[derive(Debug)]
#[must_use = "dropped before finish, nothing remains of the outputs"]
pub struct FileOutputs {
    folder: PathBuf,
    alerts: Output,
    scores: Output,
    dead_letters: Output,
    late: Output,
}

impl FileOutputs {
    /// Creates the folder where it is missing, and hidden files in it.
    ///
    /// # Errors
    /// [`PublishError`]: a file stands there, or nothing can be written.
    pub fn create(folder: &Path) -> Result<Self, PublishError> {
        if folder.is_file() {
            let path = folder.to_owned();
            return Err(PublishError::NotAFolder { path });
        }
        fs::create_dir_all(folder).map_err(cannot_write(folder))?;
        Ok(Self {
            alerts: Output::create(folder, "alerts.jsonl")?,
            scores: Output::create(folder, "scores.jsonl")?,
            dead_letters: Output::create(folder, "dead-letter.jsonl")?,
            late: Output::create(folder, "late.jsonl")?,
            folder: folder.to_owned(),
        })
    }

    /// Writes one transition of an alert.
    ///
    /// # Errors
    /// [`PublishError::Write`].
    pub fn alert(&mut self, alert: &Alert) -> Result<(), PublishError> {
        self.alerts.line(alert)
    }

    /// Writes the score of a cohort at the close of a day.
    ///
    /// # Errors
    /// [`PublishError::Write`].
    pub fn score(&mut self, score: &Score) -> Result<(), PublishError> {
        self.scores.line(score)
    }

    /// Writes a record that was set aside, with the reason and its original bytes.
    ///
    /// # Errors
    /// [`PublishError::Write`].
    pub fn dead_letter(
        &mut self,
        rejection: &Rejection,
        place: &Place,
        value: &[u8],
    ) -> Result<(), PublishError> {
        self.dead_letters.line(&DeadLetter {
            reason: rejection.reason.code(),
            detail: &rejection.detail,
            original: Original::new(place, value),
        })
    }

    /// Writes a record that was too late to count.
    ///
    /// # Errors
    /// [`PublishError::Write`].
    pub fn late(&mut self, place: &Place, value: &[u8]) -> Result<(), PublishError> {
        self.late.line(&Original::new(place, value))
    }

    /// Makes the outputs appear under their names, with the summary of the run.
    ///
    /// # Errors
    /// [`PublishError::Write`]; outputs that have not appeared by then never will.
    pub fn finish(self, summary: &impl Serialize) -> Result<(), PublishError> {
        let mut last = Output::create(&self.folder, "summary.json")?;
        serde_json::to_writer_pretty(&mut last.writer, summary)
            .map_err(io::Error::from)
            .and_then(|()| last.writer.write_all(b"\n"))
            .map_err(cannot_write(&last.path))?;
        let summary_path = last.path.clone();
        let mut outputs = [self.alerts, self.scores, self.dead_letters, self.late, last];
        for output in &mut outputs {
            output.sync()?;
        }
        // A run is whole when its summary stands there: that of an earlier one goes first.
        match fs::remove_file(&summary_path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(cannot_write(&summary_path)(error));
            }
            Ok(()) | Err(_) => {}
        }
        for output in outputs {
            output.appear()?;
        }
        // The names are part of the folder, which has to reach the disk as well.
        File::open(&self.folder)
            .and_then(|folder| folder.sync_all())
            .map_err(cannot_write(&self.folder))
    }
}

fn cannot_write(path: &Path) -> impl FnOnce(io::Error) -> PublishError {
    let path = path.to_owned();
    move |source| PublishError::Write { path, source }
}

/// A file under a hidden name, until it appears.
#[derive(Debug)]
struct Output {
    path: PathBuf,
    hidden: PathBuf,
    writer: BufWriter<File>,
}

impl Output {
    fn create(folder: &Path, name: &str) -> Result<Self, PublishError> {
        let path = folder.join(name);
        let hidden = folder.join(format!(".{name}.part"));
        let file = File::create(&hidden).map_err(cannot_write(&path))?;
        Ok(Self {
            path,
            hidden,
            writer: BufWriter::with_capacity(256 * 1024, file),
        })
    }

    fn line(&mut self, value: &impl Serialize) -> Result<(), PublishError> {
        serde_json::to_writer(&mut self.writer, value)
            .map_err(io::Error::from)
            .and_then(|()| self.writer.write_all(b"\n"))
            .map_err(cannot_write(&self.path))
    }

    fn sync(&mut self) -> Result<(), PublishError> {
        self.writer
            .flush()
            .and_then(|()| self.writer.get_ref().sync_all())
            .map_err(cannot_write(&self.path))
    }

    fn appear(self) -> Result<(), PublishError> {
        fs::rename(&self.hidden, &self.path).map_err(cannot_write(&self.path))
    }
}

/// Removes the hidden file; after `appear` there is none.
impl Drop for Output {
    fn drop(&mut self) {
        fs::remove_file(&self.hidden).ok();
    }
}

#[derive(Serialize)]
struct DeadLetter<'a> {
    reason: &'static str,
    detail: &'a str,
    #[serde(flatten)]
    original: Original<'a>,
}

/// Where a record stood, and its bytes: as text where they are text.
#[derive(Serialize)]
struct Original<'a> {
    source: Coordinates<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_base64: Option<String>,
}

#[derive(Serialize)]
struct Coordinates<'a> {
    file: &'a str,
    #[serde(flatten)]
    at: At,
}

impl<'a> Original<'a> {
    fn new(place: &'a Place, bytes: &'a [u8]) -> Self {
        let value = str::from_utf8(bytes).ok();
        Self {
            source: Coordinates {
                file: &place.file,
                at: place.at,
            },
            value,
            value_base64: value.is_none().then(|| BASE64.encode(bytes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use waymark_engine::event::Reason;

    use super::*;

    fn place(line: u64) -> Place {
        Place {
            file: "events.jsonl".into(),
            at: At::Line(line),
        }
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn outputs_appear_only_when_the_run_is_finished() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("deep/out");
        let mut outputs = FileOutputs::create(&out).unwrap();
        outputs.late(&place(3), b"{}").unwrap();
        assert!(names(&out).iter().all(|name| name.starts_with('.')));
        outputs.finish(&serde_json::json!({"received": 1})).unwrap();
        assert_eq!(
            names(&out),
            [
                "alerts.jsonl",
                "dead-letter.jsonl",
                "late.jsonl",
                "scores.jsonl",
                "summary.json"
            ]
        );
        let late = fs::read_to_string(out.join("late.jsonl")).unwrap();
        assert_eq!(
            late,
            "{\"source\":{\"file\":\"events.jsonl\",\"line\":3},\"value\":\"{}\"}\n"
        );
        let summary = fs::read_to_string(out.join("summary.json")).unwrap();
        assert_eq!(summary, "{\n  \"received\": 1\n}\n");
    }

    #[test]
    fn a_run_that_fails_leaves_nothing_and_keeps_the_outputs_of_the_last_one() {
        let folder = tempfile::tempdir().unwrap();
        FileOutputs::create(folder.path())
            .unwrap()
            .finish(&1)
            .unwrap();
        let before = names(folder.path());
        let mut outputs = FileOutputs::create(folder.path()).unwrap();
        outputs.late(&place(1), b"x").unwrap();
        drop(outputs);
        assert_eq!(names(folder.path()), before);
        assert_eq!(
            fs::read_to_string(folder.path().join("late.jsonl")).unwrap(),
            ""
        );
    }

    #[test]
    fn a_dead_letter_keeps_its_bytes_as_text_or_in_base64() {
        let folder = tempfile::tempdir().unwrap();
        let mut outputs = FileOutputs::create(folder.path()).unwrap();
        let rejection = Rejection::new(Reason::Unreadable, "the row is not UTF-8");
        outputs
            .dead_letter(&rejection, &place(7), "é\"".as_bytes())
            .unwrap();
        outputs
            .dead_letter(&rejection, &place(8), b"\xff\x00")
            .unwrap();
        outputs.finish(&()).unwrap();
        let written = fs::read_to_string(folder.path().join("dead-letter.jsonl")).unwrap();
        let letters: Vec<serde_json::Value> = written
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(
            letters[0],
            serde_json::json!({
                "reason": "unreadable", "detail": "the row is not UTF-8",
                "source": {"file": "events.jsonl", "line": 7}, "value": "é\""
            })
        );
        assert_eq!(letters[1]["value_base64"], "/wA=");
        assert!(letters[1].get("value").is_none());
    }

    #[test]
    fn a_file_in_the_place_of_the_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("out");
        fs::write(&file, "mine").unwrap();
        let error = FileOutputs::create(&file).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("out: is a file; name a folder to write into")
        );
        assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    }
}
