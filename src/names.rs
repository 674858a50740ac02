//! Names that were mistyped, and the ones that were probably meant.
//!
//! Files of ours and columns of others ask here; what the names stand for is their business.

/// Says that a name is not known, and which one may be meant.
pub(crate) fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    match nearest(name, known.iter().copied()) {
        Some(near) => format!("unknown {what} {name:?}: do you mean {near:?}?"),
        None => format!(
            "unknown {what} {name:?}: one of {} is expected",
            known.join(", ")
        ),
    }
}

/// Returns the name that reads most like a wanted one, if any comes close.
pub(crate) fn nearest<'n>(
    wanted: &str,
    names: impl IntoIterator<Item = &'n str>,
) -> Option<&'n str> {
    names
        .into_iter()
        .map(|name| {
            let likeness = strsim::jaro_winkler(&wanted.to_lowercase(), &name.to_lowercase());
            (likeness, name)
        })
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}
