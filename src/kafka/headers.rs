//! The headers of records, whatever their names.
//!
//! Kafka takes any bytes for a name, and the client panics over those that are no text. Nobody here looks for such a
//! header: it is passed over, and the others are read. Whoever copies headers whole copies it too. Headers that the client
//! can't take apart, damaged ones or more than 100,000, are for everybody here as if there were none.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use rdkafka::message::{Header, Headers, Message};

/// Headers of a record that are looked at, the last ones: a name that is no text costs some microseconds, and a
/// hundred thousand of them fit into a record.
const LOOKED_AT_MAX: usize = 1_000;

/// Returns the headers of a record whose names are text, in their order; of very many the last ones.
pub fn headers_of(record: &impl Message) -> impl DoubleEndedIterator<Item = Header<'_, &[u8]>> {
    record.headers().into_iter().flat_map(legible)
}

/// Returns the value of the last header of that name, as Kafka's own clients look for it; `Some(None)` if it has none.
pub fn last_header<'r>(record: &'r impl Message, name: &str) -> Option<Option<&'r [u8]>> {
    let found = headers_of(record).rfind(|header| header.key == name);
    found.map(|header| header.value)
}

/// Returns how many bytes the headers of a record take, each with so many beside its name and value. None if that can't be
/// told, for the name of one is no text.
pub fn headers_bytes(record: &impl Message, beside_each: usize) -> Option<usize> {
    record
        .headers()
        .map_or(Some(0), |it| bytes(it, beside_each))
}

fn bytes<H: Headers>(headers: &H, beside_each: usize) -> Option<usize> {
    let bytes = |header: Header<'_, &[u8]>| {
        beside_each + header.key.len() + header.value.map_or(0, <[u8]>::len)
    };
    let mut places = 0..headers.count();
    places.try_fold(0, |sum, place| Some(sum + bytes(read(headers, place)?)))
}

fn legible<H: Headers>(headers: &H) -> impl DoubleEndedIterator<Item = Header<'_, &[u8]>> {
    let count = headers.count();
    let last = count.saturating_sub(LOOKED_AT_MAX)..count;
    last.filter_map(move |place| read(headers, place))
}

thread_local! {
    /// Whether this thread is reading a header: what it may panic over is no news.
    static READING: Cell<bool> = const { Cell::new(false) };
}

/// What a panic leaves behind is nothing: the client only looks.
fn read<H: Headers>(headers: &H, place: usize) -> Option<Header<'_, &[u8]>> {
    static SILENCED: Once = Once::new();
    SILENCED.call_once(silence);
    READING.set(true);
    let header = catch_unwind(AssertUnwindSafe(|| headers.try_get(place)));
    READING.set(false);
    header.ok().flatten()
}

/// Without this, whoever sends such headers would fill the log.
fn silence() {
    let told_before = take_hook();
    set_hook(Box::new(move |panic| {
        if !READING.get() {
            told_before(panic);
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Headers as the client reads them: it takes every name for text.
    struct Named<'a>(&'a [&'a [u8]]);

    impl Headers for Named<'_> {
        fn count(&self) -> usize {
            self.0.len()
        }

        fn try_get(&self, place: usize) -> Option<Header<'_, &[u8]>> {
            let name = self.0.get(place)?;
            Some(Header {
                key: str::from_utf8(name).unwrap(),
                value: Some(&name[..1]),
            })
        }
    }

    #[test]
    fn a_header_whose_name_is_no_text_is_passed_over_and_the_others_are_read() {
        let headers = Named(&[b"\xff", b"first", b"\xfe\x80", b"last", b"l\xc3"]);
        let names: Vec<_> = legible(&headers).map(|it| it.key).collect();
        assert_eq!(names, ["first", "last"]);
        let last = legible(&headers).next_back().unwrap();
        assert_eq!((last.key, last.value), ("last", Some(&b"l"[..])));
    }

    #[test]
    fn the_size_of_headers_is_told_if_all_names_are_text() {
        assert_eq!(bytes(&Named(&[]), 10), Some(0));
        assert_eq!(bytes(&Named(&[b"one", b"four"]), 10), Some(14 + 15));
        assert_eq!(bytes(&Named(&[b"one", b"\xff"]), 10), None);
    }

    #[test]
    fn of_very_many_headers_the_last_are_looked_at() {
        let mut names = vec![&b"one of many"[..]; LOOKED_AT_MAX];
        names[0] = b"first";
        assert_eq!(legible(&Named(&names)).next().unwrap().key, "first");
        names.push(b"last");
        let headers = Named(&names);
        assert_eq!(legible(&headers).next().unwrap().key, "one of many");
        assert_eq!(legible(&headers).next_back().unwrap().key, "last");
    }
}
