//! A journey as bytes, field by field in the order of `schemas/journey.avsc`.
//!
//! What a journey says twice is written once. Event hashes and moments stand in tables at the front and are
//! referred to by position; times are differences, in seconds where all of them are whole seconds. Equal journeys have
//! equal bytes.

mod form;

use super::Unit;
use crate::event::{Dimensions, Timestamp};
use crate::journey::{
    Application, Case, Closing, Episode, Journey, Pending, Profile, Reply, Respondent, Stated,
    Visit, Watch,
};
use crate::stored::Writer;

use form::Form;

/// Returns the journey as an Avro datum behind `header`.
pub(super) fn write(journey: &Journey, header: &[u8]) -> Vec<u8> {
    let mut timeline = journey.timeline.entries().iter();
    let guess = if timeline.all(|entry| Unit::Second.divides(entry.at)) {
        Unit::Second
    } else {
        Unit::Millisecond
    };
    Form::of(journey, guess).write(header).unwrap_or_else(|| {
        let mut exact = Form::of(journey, Unit::Millisecond);
        exact
            .write(header)
            .expect("every time is a whole number of milliseconds")
    })
}

impl Form<'_> {
    /// Returns the bytes; `None` if a time is not a whole number of units.
    fn write(&mut self, header: &[u8]) -> Option<Vec<u8>> {
        let journey = self.journey;
        let known = journey.profile != Profile::default();
        self.optional(known.then_some(&journey.profile), Self::profile);
        self.list(&journey.watches, Self::watch);
        self.list(&journey.applications, Self::application);
        self.list(&journey.cases, Self::case);
        self.list(&journey.respondents, Self::respondent);
        // The tables are complete only now, and belong in front.
        let body = std::mem::replace(&mut self.body, Writer::with_room()).into_bytes();
        self.body.raw(header);
        self.optional(self.journey.due, Self::instant);
        self.optional(self.journey.erased_at, Self::instant);
        self.body.count(self.unit as usize);
        self.recent();
        self.hashes();
        self.moments();
        self.events();
        self.body.raw(&body);
        let bytes = std::mem::take(&mut self.body).into_bytes();
        self.exact.then_some(bytes)
    }

    fn recent(&mut self) {
        let recent = &self.journey.recent;
        self.body.long(recent.day.into());
        self.body.count(recent.yesterday.len());
        self.body.count(recent.today.len());
    }

    fn hashes(&mut self) {
        self.body.count(self.hashes.len() * 8);
        for hash in &self.hashes {
            self.body.raw(&hash.0);
        }
    }

    fn moments(&mut self) {
        self.body.count(self.journey.timeline.entries().len());
        let mut before = Timestamp::MIN;
        let moments = std::mem::take(&mut self.moments);
        self.list(&moments, |form, moment| {
            form.units(moment.at.as_millis() - before.as_millis());
            form.body.count(moment.kind as usize);
            before = moment.at;
        });
    }

    fn events(&mut self) {
        let events = std::mem::take(&mut self.events);
        self.list(&events, |form, (_, place)| {
            form.body.count(place.hash);
            form.body.count(place.moment);
        });
    }

    fn profile(&mut self, profile: &Profile) {
        let fields = [
            &profile.tier,
            &profile.industry,
            &profile.region,
            &profile.branch,
            &profile.relationship_manager,
        ];
        let stated = fields
            .into_iter()
            .flatten()
            .chain(profile.dimensions.values());
        let at = stated.map(|stated| stated.at).min().unwrap_or(self.newest);
        self.before_newest(at);
        for field in fields {
            match field {
                None => self.body.count(0),
                Some(stated) => self.stated(stated, at, 1),
            }
        }
        self.entries(profile.dimensions.iter(), |form, stated| {
            form.stated(stated, at, 0);
        });
    }

    /// Writes the value alone where it was stated at the profile's time, by a union whose branch `plain` that is.
    fn stated(&mut self, stated: &Stated, at: Timestamp, plain: usize) {
        let otherwise = stated.at != at;
        self.body.count(plain + usize::from(otherwise));
        self.body.text(&stated.value);
        if otherwise {
            self.before_newest(stated.at);
        }
    }

    fn watch(&mut self, watch: &Watch) {
        self.body.raw(&watch.rule.0);
        self.list(&watch.pending, Self::pending);
        self.list(&watch.closings, Self::closing);
        self.optional(watch.episode.as_ref(), Self::episode);
    }

    fn pending(&mut self, pending: &Pending) {
        self.event(pending.armed);
        self.units(pending.due.as_millis() - pending.armed.at.as_millis());
        let progress = pending.warned || pending.first.is_some();
        self.optional(progress.then_some(pending), |form, pending| {
            form.body.boolean(pending.warned);
            form.optional(pending.first, Self::event);
        });
    }

    /// Writes the position of a satisfying event, and its complement for one that only clears.
    fn closing(&mut self, closing: &Closing) {
        let place = i64::try_from(self.place(closing.moment)).expect("a table of moderate size");
        self.body
            .long(if closing.satisfies { place } else { !place });
    }

    fn episode(&mut self, episode: &Episode) {
        self.event(episode.armed);
        self.event(episode.overdue);
        self.optional(episode.due, Self::before_newest);
        self.optional(episode.level, |form, level| form.body.count(level as usize));
        self.before_newest(episode.since);
        self.body.long(episode.sequence.into());
    }

    fn application(&mut self, application: &Application) {
        self.body.text(application.id.as_str());
        self.optional(application.submitted_at, Self::before_newest);
        self.optional(application.product.as_deref(), |form, product| {
            form.body.text(product);
        });
        self.optional(application.amount, |form, amount| form.body.long(amount));
        self.entries(application.dimensions.iter(), |form, value| {
            form.body.text(value);
        });
        self.list(&application.visits, Self::visit);
        self.optional(application.decided, Self::event);
        self.optional(application.ended, Self::event);
        self.list(&application.watches, Self::watch);
    }

    fn visit(&mut self, visit: &Visit) {
        self.word(&visit.stage, 0);
        self.before_newest(visit.since);
        self.hash(visit.by);
    }

    fn case(&mut self, case: &Case) {
        self.body.count(case.kind as usize);
        self.body.text(case.id.as_str());
        self.optional(case.application.as_ref(), |form, id| {
            form.body.text(id.as_str());
        });
        self.list(&case.watches, Self::watch);
    }

    fn respondent(&mut self, respondent: &Respondent) {
        self.body.text(&respondent.respondent);
        self.body.count(respondent.instrument as usize);
        self.word(&respondent.touchpoint, 0);
        self.word(&respondent.score_dimension, 0);
        self.list(&respondent.replies, Self::reply);
        self.optional(respondent.episode.as_ref(), Self::episode);
    }

    fn reply(&mut self, reply: &Reply) {
        self.before_newest(reply.at);
        self.hash(reply.by);
        self.body.long(reply.score);
        self.cohorts(&reply.cohorts);
    }

    /// Writes no value where the profile still says what it said when the reply was counted.
    fn cohorts(&mut self, cohorts: &Dimensions) {
        self.items(cohorts.len(), cohorts.iter(), |form, (name, value)| {
            form.word(name, 0);
            if form.journey.profile.dimension(name) == Some(value) {
                form.body.count(0);
            } else {
                form.word(value, 1);
            }
        });
    }
}
