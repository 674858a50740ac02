//! Words that many journeys hold: stored as one byte instead of their letters.
//!
//! They are the stages and dimensions of the shipped definition and the usual names around surveys. Any other text is
//! stored as it is; so the list is a matter of size alone. Its order is that of the enum `Word` in the schema.

/// Every word, in the order of the schema.
pub(super) const WORDS: [&str; 25] = [
    "unknown",
    "all",
    // dimensions
    "tier",
    "industry",
    "region",
    "branch",
    "relationship_manager",
    "product",
    "channel",
    // stages
    "submitted",
    "documents_check",
    "credit_review",
    "risk_review",
    "approval",
    "offer",
    "offer_sent",
    "contract",
    "disbursement",
    // touchpoints and what a score is about
    "lending",
    "application",
    "enquiry",
    "complaint",
    "speed",
    "efficiency",
    "attitude",
];

/// For each value of [`bucket`], one more than the place of the word that has it; 0 for none.
const PLACES: [u8; 64] = {
    let mut places = [0; 64];
    let mut place = 0_u8;
    while (place as usize) < WORDS.len() {
        let bucket = bucket(WORDS[place as usize].as_bytes());
        assert!(places[bucket] == 0, "two words share a bucket");
        place += 1;
        places[bucket] = place;
    }
    places
};

/// Returns the place of a word in the list. Most texts are none, and one look tells.
pub(super) fn place_of(text: &str) -> Option<usize> {
    let place = usize::from(PLACES[bucket(text.as_bytes())]).checked_sub(1)?;
    (WORDS[place] == text).then_some(place)
}

/// The factors were found by trial: no two words share a bucket, as the compiler proves above.
const fn bucket(text: &[u8]) -> usize {
    let [first, .., last] = text else {
        return 0;
    };
    (text.len() * 7 + *first as usize * 16 + *last as usize) % 64
}
