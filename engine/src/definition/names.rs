//! Names that were mistyped, and the ones that were probably meant.

/// Returns the known name nearest to what was typed, if one is near enough to be meant.
pub(super) fn nearest<'a>(
    typed: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // Swapped letters count once, and up to a third of the letters may differ: beyond that a hint misleads.
    let distance = |name: &str| {
        let typed = typed.to_lowercase();
        strsim::osa_distance(&typed, &name.to_lowercase())
    };
    let allowed = (typed.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|name| (distance(name), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, name)| name)
}

/// Returns what to write instead of an unknown name: the nearest one, or the list to choose from.
pub(super) fn suggestion<'a>(
    typed: &str,
    known: impl IntoIterator<Item = &'a str, IntoIter: Clone>,
) -> String {
    let known = known.into_iter();
    match nearest(typed, known.clone()) {
        Some(name) => format!("did you mean {name:?}?"),
        None => choices(known),
    }
}

/// Returns `write one of: a, b, c`, cut where a list is too long to read.
pub(super) fn choices<'a>(known: impl Iterator<Item = &'a str> + Clone) -> String {
    const SHOWN: usize = 12;
    let more = known.clone().count().saturating_sub(SHOWN);
    let list = known.take(SHOWN).collect::<Vec<_>>().join(", ");
    match (list.is_empty(), more) {
        (true, _) => "nothing is declared that could stand here".to_owned(),
        (false, 0) => format!("write one of: {list}"),
        (false, more) => format!("write one of: {list}, and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_its_name_and_a_foreign_word_does_not() {
        let known = ["within", "warn", "grace"];
        assert_eq!(nearest("witin", known), Some("within"));
        assert_eq!(nearest("wran", known), Some("warn"));
        assert_eq!(nearest("Grace", known), Some("grace"));
        assert_eq!(nearest("deadline", known), None);
        assert_eq!(
            suggestion("deadline", known),
            "write one of: within, warn, grace"
        );
    }
}
