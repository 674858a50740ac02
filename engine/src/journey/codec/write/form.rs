//! What `write` builds on: the tables that grow while a journey is written, references to them, times, unions and lists.

use smallvec::SmallVec;

use crate::event::{EventHash, Text, Timestamp};
use crate::journey::codec::{Unit, words};
use crate::journey::{Journey, Moment, TimelineEntry};
use crate::stored::Writer;

/// How far back a table is searched. A journey of ordinary size has fewer entries; beyond, one may stand there twice.
const LOOK_BACK: usize = 128;

/// What refers to the tables, written first, and the tables, which grow meanwhile.
pub(super) struct Form<'a> {
    pub(super) journey: &'a Journey,
    pub(super) unit: Unit,
    /// Whether all times so far were a whole number of units.
    pub(super) exact: bool,
    /// What single times count back from.
    pub(super) newest: Timestamp,
    pub(super) hashes: SmallVec<[EventHash; 32]>,
    pub(super) moments: SmallVec<[TimelineEntry; 16]>,
    pub(super) events: SmallVec<[(Moment, Place); 8]>,
    pub(super) body: Writer,
}

/// Where the two halves of an event stand.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) hash: usize,
    pub(super) moment: usize,
}

impl<'a> Form<'a> {
    pub(super) fn of(journey: &'a Journey, unit: Unit) -> Self {
        let recent = &journey.recent;
        let timeline = journey.timeline.entries();
        Self {
            journey,
            unit,
            exact: true,
            newest: timeline.last().map_or(Timestamp::MIN, |entry| entry.at),
            hashes: recent
                .yesterday
                .iter()
                .chain(&recent.today)
                .copied()
                .collect(),
            moments: timeline.iter().copied().collect(),
            events: SmallVec::new(),
            body: Writer::with_room(),
        }
    }

    /// Writes a text by a union whose branch `first` is [`words`] and whose next is any other text.
    pub(super) fn word(&mut self, text: &str, first: usize) {
        if let Some(place) = words::place_of(text) {
            self.body.count(first);
            self.body.count(place);
        } else {
            self.body.count(first + 1);
            self.body.text(text);
        }
    }

    pub(super) fn event(&mut self, moment: Moment) {
        let place = self.place(moment);
        self.body.count(place);
    }

    /// Returns where an event stands in the table, where it may stand from now on.
    pub(super) fn place(&mut self, moment: Moment) -> usize {
        if let Some(place) = find(&self.events, |(known, _)| *known == moment) {
            return place;
        }
        let entry = TimelineEntry {
            at: moment.at,
            kind: moment.kind,
        };
        let place = Place {
            hash: place_in(&mut self.hashes, moment.by),
            moment: place_in(&mut self.moments, entry),
        };
        self.events.push((moment, place));
        self.events.len() - 1
    }

    pub(super) fn hash(&mut self, hash: EventHash) {
        let place = place_in(&mut self.hashes, hash);
        self.body.count(place);
    }

    /// Writes a time as how long before the newest entry of the timeline it was.
    pub(super) fn before_newest(&mut self, at: Timestamp) {
        self.units(self.newest.as_millis() - at.as_millis());
    }

    pub(super) fn units(&mut self, millis: i64) {
        let unit = self.unit.millis();
        self.exact &= millis % unit == 0;
        self.body.long(millis / unit);
    }

    pub(super) fn instant(&mut self, at: Timestamp) {
        self.body.long(at.as_millis());
    }

    pub(super) fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.body.count(usize::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }

    pub(super) fn list<T>(&mut self, items: &[T], write: impl FnMut(&mut Self, &T)) {
        self.items(items.len(), items.iter(), write);
    }

    pub(super) fn entries<'v, V: 'v>(
        &mut self,
        entries: impl ExactSizeIterator<Item = (&'v Text, &'v V)>,
        mut write: impl FnMut(&mut Self, &V),
    ) {
        self.items(entries.len(), entries, |form, (name, value)| {
            form.body.text(name);
            write(form, value);
        });
    }

    pub(super) fn items<T>(
        &mut self,
        count: usize,
        items: impl Iterator<Item = T>,
        mut write: impl FnMut(&mut Self, T),
    ) {
        if count > 0 {
            self.body.count(count);
            items.for_each(|item| write(self, item));
        }
        self.body.count(0);
    }
}

fn place_in<A: smallvec::Array>(table: &mut SmallVec<A>, entry: A::Item) -> usize
where
    A::Item: PartialEq,
{
    find(table, |known| *known == entry).unwrap_or_else(|| {
        table.push(entry);
        table.len() - 1
    })
}

fn find<T>(table: &[T], is_it: impl Fn(&T) -> bool) -> Option<usize> {
    let start = table.len().saturating_sub(LOOK_BACK);
    let place = table[start..].iter().position(is_it)?;
    Some(start + place)
}
