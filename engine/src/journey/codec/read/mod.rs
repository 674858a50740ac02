//! Bytes as a journey: the mirror of `write`.
//!
//! Whatever the bytes are, the answer is a journey or a [`Damage`]: positions are looked up, times and identities are
//! checked as those of events are.

mod form;

use smallvec::SmallVec;

use super::Unit;
use crate::definition::RuleKey;
use crate::derived::Level;
use crate::event::{ApplicationId, CaseId, Dimensions, EventHash, Instrument, Kind, Timestamp};
use crate::journey::{
    Application, Case, CaseKind, Closing, Episode, Journey, Moment, Pending, Profile, RecentEvents,
    Reply, Respondent, Stated, Timeline, TimelineEntry, Visit, Watch,
};
use crate::stored::{Damage, Reader};

use form::{Form, timestamp};

const LEVELS: [Level; 4] = [
    Level::Slow,
    Level::AtRisk,
    Level::Breached,
    Level::Abandoned,
];
const INSTRUMENTS: [Instrument; 3] = [Instrument::Nps, Instrument::Csat, Instrument::Ces];

/// Reads the first field, which is the same in every schema.
pub(super) fn due(reader: &mut Reader<'_>) -> Result<Option<Timestamp>, Damage> {
    match reader.count()? {
        0 => Ok(None),
        1 => timestamp(reader.long()?).map(Some),
        _ => Err(Damage::UNION),
    }
}

/// Reads a journey of the schema that this release writes.
pub(super) fn read(reader: &mut Reader<'_>) -> Result<Journey, Damage> {
    let due_at = due(reader)?;
    let erased_at = due(reader)?;
    let (mut form, recent, timeline) = Form::open(reader)?;
    let profile = form.optional(Form::profile)?.unwrap_or_default();
    Ok(Journey {
        due: due_at,
        erased_at,
        watches: form.list(Form::watch)?,
        applications: form.list(Form::application)?,
        cases: form.list(Form::case)?,
        respondents: form.list(|form| form.respondent(&profile))?,
        profile,
        recent,
        timeline,
    })
}

impl<'r, 'a> Form<'r, 'a> {
    /// Reads the tables, and the two parts of a journey that are nothing but the beginning of one.
    fn open(reader: &'r mut Reader<'a>) -> Result<(Self, RecentEvents, Timeline), Damage> {
        let mut form = Self {
            unit: reader.symbol(&[Unit::Millisecond, Unit::Second])?,
            newest: Timestamp::MIN,
            hashes: &[],
            events: SmallVec::new(),
            reader,
        };
        let recent = form.recent()?;
        let entries = form.reader.count()?;
        let moments = form.moments()?;
        let timeline = moments.get(..entries).ok_or(Damage::Value("a position"))?;
        form.newest = timeline.last().map_or(form.newest, |entry| entry.at);
        form.events(&moments)?;
        Ok((form, recent, Timeline::from_entries(timeline)))
    }

    fn recent(&mut self) -> Result<RecentEvents, Damage> {
        let day = self.reader.long()?;
        let (yesterday, today) = (self.reader.count()?, self.reader.count()?);
        let (hashes, rest) = self.reader.bytes()?.as_chunks();
        self.hashes = hashes;
        let recent = hashes
            .split_at_checked(yesterday)
            .and_then(|(yesterday, rest)| Some((yesterday, rest.get(..today)?)))
            .filter(|_| rest.is_empty());
        let (yesterday, today) = recent.ok_or(Damage::Value("a position"))?;
        Ok(RecentEvents {
            day: day.try_into().map_err(|_| Damage::Value("a day"))?,
            today: with_room(today.iter().copied().map(EventHash)),
            yesterday: yesterday.iter().copied().map(EventHash).collect(),
        })
    }

    fn moments(&mut self) -> Result<SmallVec<[TimelineEntry; 16]>, Damage> {
        let mut moments = SmallVec::new();
        let mut at = Timestamp::MIN;
        self.each(|form| {
            at = form.after(at)?;
            let kind = form.reader.symbol(Kind::ALL)?;
            moments.push(TimelineEntry { at, kind });
            Ok(())
        })?;
        Ok(moments)
    }

    fn events(&mut self, moments: &[TimelineEntry]) -> Result<(), Damage> {
        self.each(|form| {
            let by = form.hash()?;
            let TimelineEntry { at, kind } = form.reader.symbol(moments)?;
            form.events.push(Moment { at, kind, by });
            Ok(())
        })
    }

    fn profile(&mut self) -> Result<Profile, Damage> {
        let at = self.before_newest()?;
        let mut field = || match self.reader.count()? {
            0 => Ok(None),
            branch => self.stated(branch - 1, at).map(Some),
        };
        Ok(Profile {
            tier: field()?,
            industry: field()?,
            region: field()?,
            branch: field()?,
            relationship_manager: field()?,
            dimensions: self.entries(|form| {
                let branch = form.reader.count()?;
                form.stated(branch, at)
            })?,
        })
    }

    /// Reads the value alone, stated at the profile's time, or the value with its own time.
    fn stated(&mut self, branch: usize, at: Timestamp) -> Result<Stated, Damage> {
        let value = self.text()?;
        let at = match branch {
            0 => at,
            1 => self.before_newest()?,
            _ => return Err(Damage::UNION),
        };
        Ok(Stated { value, at })
    }

    fn watch(&mut self) -> Result<Watch, Damage> {
        let mut watch = Watch::new(self.rule()?);
        self.each(|form| {
            watch.pending.push(form.pending()?);
            Ok(())
        })?;
        self.each(|form| {
            watch.closings.push(form.closing()?);
            Ok(())
        })?;
        watch.episode = self.optional(Self::episode)?;
        Ok(watch)
    }

    fn rule(&mut self) -> Result<RuleKey, Damage> {
        let key = self.reader.raw(4)?;
        Ok(RuleKey(key.try_into().expect("four bytes were taken")))
    }

    fn pending(&mut self) -> Result<Pending, Damage> {
        let armed = self.event()?;
        let due = self.after(armed.at)?;
        let progress =
            self.optional(|form| Ok((form.reader.boolean()?, form.optional(Self::event)?)))?;
        let (warned, first) = progress.unwrap_or_default();
        Ok(Pending {
            armed,
            due,
            warned,
            first,
        })
    }

    fn closing(&mut self) -> Result<Closing, Damage> {
        let place = self.reader.long()?;
        let satisfies = place >= 0;
        let moment = self.event_at(if satisfies { place } else { !place })?;
        Ok(Closing { moment, satisfies })
    }

    fn episode(&mut self) -> Result<Episode, Damage> {
        Ok(Episode {
            armed: self.event()?,
            overdue: self.event()?,
            due: self.optional(Self::before_newest)?,
            level: self.optional(|form| form.reader.symbol(&LEVELS))?,
            since: self.before_newest()?,
            sequence: self
                .reader
                .long()?
                .try_into()
                .map_err(|_| Damage::Value("a sequence"))?,
        })
    }

    fn application(&mut self) -> Result<Application, Damage> {
        Ok(Application {
            id: self.id(ApplicationId::parse)?,
            submitted_at: self.optional(Self::before_newest)?,
            product: self.optional(Self::text)?,
            amount: self.optional(|form| form.reader.long())?,
            dimensions: self.entries(Self::text)?,
            visits: self.list(Self::visit)?,
            decided: self.optional(Self::event)?,
            ended: self.optional(Self::event)?,
            watches: self.list(Self::watch)?,
        })
    }

    fn visit(&mut self) -> Result<Visit, Damage> {
        Ok(Visit {
            stage: self.word()?,
            since: self.before_newest()?,
            by: self.hash()?,
        })
    }

    fn case(&mut self) -> Result<Case, Damage> {
        Ok(Case {
            kind: self
                .reader
                .symbol(&[CaseKind::Enquiry, CaseKind::Complaint])?,
            id: self.id(CaseId::parse)?,
            application: self.optional(|form| form.id(ApplicationId::parse))?,
            watches: self.list(Self::watch)?,
        })
    }

    fn respondent(&mut self, profile: &Profile) -> Result<Respondent, Damage> {
        Ok(Respondent {
            respondent: self.text()?,
            instrument: self.reader.symbol(&INSTRUMENTS)?,
            touchpoint: self.word()?,
            score_dimension: self.word()?,
            replies: self.list(|form| form.reply(profile))?,
            episode: self.optional(Self::episode)?,
        })
    }

    fn reply(&mut self, profile: &Profile) -> Result<Reply, Damage> {
        Ok(Reply {
            at: self.before_newest()?,
            by: self.hash()?,
            score: self.reader.long()?,
            cohorts: self.cohorts(profile)?,
        })
    }

    /// Reads which cohorts counted a reply; where no value stands, it is the profile's.
    fn cohorts(&mut self, profile: &Profile) -> Result<Dimensions, Damage> {
        let mut cohorts = Dimensions::new();
        self.each(|form| {
            let name = form.word()?;
            let value = match form.reader.count()? {
                0 => profile.stated(&name).ok_or(Damage::UNION)?.value.clone(),
                branch => form.word_of(branch - 1)?,
            };
            cohorts.insert(name, value);
            Ok(())
        })?;
        Ok(cohorts)
    }
}

/// Collects with room for one more: nearly every journey that is read takes in an event next.
fn with_room<T>(items: impl ExactSizeIterator<Item = T>) -> Vec<T> {
    let mut list = Vec::with_capacity(items.len() + 1);
    list.extend(items);
    list
}
