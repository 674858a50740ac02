//! Which field was wrong: one sentence for people, made from what serde says.
//!
//! The fast path decodes without looking where it is. Only when that fails is the record read a second time, with its path
//! being followed ([`follow`]), and the two are put together ([`misfit`]). Formats differ in their errors; this chapter
//! knows only texts.

use serde::Deserializer;
use serde_path_to_error::{Path, Segment, Track};

use super::{Reason, Rejection};

/// The longest sentence in a rejection, in bytes: it may quote the producer, who may be long-winded.
const DETAIL_BYTES_MAX: usize = 300;

/// The deepest field of our schema is `body.milestones[3].due`; what lies deeper is a stranger's.
const FIELD_DEPTH_MAX: usize = 4;

/// Reads again what could not be read, and returns the path of the field where it fails, such as `milestones[3].due`.
pub(super) fn follow<'de, D: Deserializer<'de>, T>(
    from: D,
    read: impl FnOnce(serde_path_to_error::Deserializer<'_, '_, D>) -> Result<T, D::Error>,
) -> String {
    let mut track = Track::new();
    match read(serde_path_to_error::Deserializer::new(from, &mut track)) {
        Ok(_) => String::new(),
        Err(_) => field(&track.path()),
    }
}

/// Writes a path as people write it. Variants are left out: they are the kind, which JSON writes as `body.type`.
fn field(path: &Path) -> String {
    let mut field = String::new();
    for segment in path.iter().take(FIELD_DEPTH_MAX) {
        match segment {
            Segment::Map { key } => field = join(&field, key),
            Segment::Seq { index } => field = format!("{field}[{index}]"),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    field
}

/// Joins two parts of a path with a dot.
pub(super) fn join(outer: &str, inner: &str) -> String {
    match (outer, inner) {
        ("", one) | (one, "") => one.to_owned(),
        (outer, inner) => format!("{outer}.{inner}"),
    }
}

/// Rejects bytes that stop following their format at a field.
pub(super) fn unreadable(field: &str, message: &str) -> Rejection {
    reject(Reason::Unreadable, sentence(field, message))
}

/// Rejects a field that is missing or not what its schema says.
pub(super) fn misfit(field: &str, message: &str) -> Rejection {
    // serde carries only text across; `TimestampError` is the one error of ours that begins with this word.
    let reason = if message.starts_with("time ") {
        Reason::BadTime
    } else {
        Reason::Invalid
    };
    let missing = message
        .strip_prefix("missing field `")
        .and_then(|rest| rest.strip_suffix('`'));
    reject(
        reason,
        match missing {
            Some(name) => format!("{} is missing", join(field, name)),
            None => sentence(field, message),
        },
    )
}

/// Rejects with a sentence of bounded length.
pub(super) fn reject(reason: Reason, mut detail: String) -> Rejection {
    if detail.len() > DETAIL_BYTES_MAX {
        detail.truncate(detail.floor_char_boundary(DETAIL_BYTES_MAX));
        detail.push('…');
    }
    Rejection::new(reason, detail)
}

fn sentence(field: &str, message: &str) -> String {
    if field.is_empty() {
        message.to_owned()
    } else {
        format!("{field}: {message}")
    }
}
