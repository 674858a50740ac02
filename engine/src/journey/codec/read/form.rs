//! What `read` builds on: the tables, references to them, times, unions and lists.

use std::collections::BTreeMap;

use smallvec::SmallVec;

use crate::event::{EventHash, Text, Timestamp};
use crate::journey::Moment;
use crate::journey::codec::{Unit, words};
use crate::stored::{Damage, Reader};

/// Room that is made for a list before its items are seen: damaged bytes may promise any number.
const ITEMS_USUAL: usize = 8;

/// The part of a journey that refers to the tables, and the tables.
pub(super) struct Form<'r, 'a> {
    pub(super) reader: &'r mut Reader<'a>,
    pub(super) unit: Unit,
    /// What single times count back from.
    pub(super) newest: Timestamp,
    pub(super) hashes: &'a [[u8; 8]],
    pub(super) events: SmallVec<[Moment; 8]>,
}

impl Form<'_, '_> {
    pub(super) fn word(&mut self) -> Result<Text, Damage> {
        let branch = self.reader.count()?;
        self.word_of(branch)
    }

    pub(super) fn word_of(&mut self, branch: usize) -> Result<Text, Damage> {
        match branch {
            0 => Ok(self.reader.symbol(&words::WORDS)?.into()),
            1 => self.text(),
            _ => Err(Damage::UNION),
        }
    }

    pub(super) fn text(&mut self) -> Result<Text, Damage> {
        Ok(self.reader.text()?.into())
    }

    pub(super) fn id<T, E>(&mut self, parse: fn(Text) -> Result<T, E>) -> Result<T, Damage> {
        parse(self.text()?).map_err(|_| Damage::Value("an id"))
    }

    pub(super) fn hash(&mut self) -> Result<EventHash, Damage> {
        self.reader.symbol(self.hashes).map(EventHash)
    }

    pub(super) fn event(&mut self) -> Result<Moment, Damage> {
        let place = self.reader.long()?;
        self.event_at(place)
    }

    pub(super) fn event_at(&self, place: i64) -> Result<Moment, Damage> {
        let place = usize::try_from(place).ok();
        let event = place.and_then(|place| self.events.get(place));
        event.copied().ok_or(Damage::Value("a position"))
    }

    /// Reads a time that is told by how long before the newest entry of the timeline it was.
    pub(super) fn before_newest(&mut self) -> Result<Timestamp, Damage> {
        let before = self.reader.long()?.checked_neg();
        self.off(self.newest, before)
    }

    /// Reads a time that is told by how long after another it was.
    pub(super) fn after(&mut self, other: Timestamp) -> Result<Timestamp, Damage> {
        let after = self.reader.long()?;
        self.off(other, Some(after))
    }

    pub(super) fn off(&self, from: Timestamp, units: Option<i64>) -> Result<Timestamp, Damage> {
        let millis = units
            .and_then(|units| units.checked_mul(self.unit.millis()))
            .and_then(|millis| from.as_millis().checked_add(millis));
        timestamp(millis.ok_or(Damage::TIME)?)
    }

    pub(super) fn optional<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Damage>,
    ) -> Result<Option<T>, Damage> {
        match self.reader.count()? {
            0 => Ok(None),
            1 => read(self).map(Some),
            _ => Err(Damage::UNION),
        }
    }

    pub(super) fn list<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<T, Damage>,
    ) -> Result<Vec<T>, Damage> {
        let mut items = Vec::new();
        loop {
            let count = self.reader.block()?;
            if count == 0 {
                return Ok(items);
            }
            items.reserve_exact(count.min(ITEMS_USUAL));
            for _ in 0..count {
                items.push(read(self)?);
            }
        }
    }

    pub(super) fn entries<V>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<V, Damage>,
    ) -> Result<BTreeMap<Text, V>, Damage> {
        let mut entries = BTreeMap::new();
        self.each(|form| {
            entries.insert(form.text()?, read(form)?);
            Ok(())
        })?;
        Ok(entries)
    }

    /// Reads every item of a list or map.
    pub(super) fn each(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<(), Damage>,
    ) -> Result<(), Damage> {
        loop {
            let count = self.reader.block()?;
            if count == 0 {
                return Ok(());
            }
            for _ in 0..count {
                read(self)?;
            }
        }
    }
}

pub(super) fn timestamp(millis: i64) -> Result<Timestamp, Damage> {
    Timestamp::from_millis(millis).map_err(|_| Damage::TIME)
}
