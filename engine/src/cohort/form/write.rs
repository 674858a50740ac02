//! A cohort as bytes, field by field in the order of `schemas/cohort.avsc`.

use crate::cohort::state::Track;
use crate::cohort::watch::{Episode, Phase, Reply, Watch};
use crate::cohort::{Cohort, Detector, Tally};
use crate::derived::Series;
use crate::event::Day;
use crate::stored::{Header, Writer};

/// Returns the cohort as an Avro datum behind `header`.
pub(super) fn cohort(cohort: &Cohort, header: &Header) -> Vec<u8> {
    let mut to = Writer::with_room();
    to.raw(header);
    to.list(cohort.tracks.iter(), track);
    to.into_bytes()
}

fn track(to: &mut Writer, (series, track): (&Series, &Track)) {
    to.count(series.instrument as usize);
    to.text(&series.touchpoint);
    to.text(&series.score_dimension);
    to.optional(track.window.closing, day);
    to.list(track.window.days.iter(), |to, (at, counts)| {
        day(to, *at);
        tally(to, counts);
    });
    to.list(track.window.ahead.iter(), |to, ((opens, at), counts)| {
        day(to, *opens);
        day(to, *at);
        tally(to, counts);
    });
    to.list(track.waves.0.iter(), |to, (period, counts)| {
        day(to, period.from);
        day(to, period.to);
        tally(to, counts);
    });
    to.list(track.waiting.in_order().iter(), reply);
    to.optional(track.watch.as_ref(), watch);
}

fn day(to: &mut Writer, day: Day) {
    to.long(day.0.into());
}

fn tally(to: &mut Writer, tally: &Tally) {
    to.long(tally.promoters.into());
    to.long(tally.passives.into());
    to.long(tally.detractors.into());
}

fn reply(to: &mut Writer, reply: &Reply) {
    to.long(reply.occurred_at.as_millis());
    to.raw(&reply.event_hash.0);
    to.count(reply.category as usize);
}

fn watch(to: &mut Writer, watch: &Watch) {
    to.optional(watch.target, Writer::double);
    match &watch.phase {
        Phase::Learning {
            seen,
            episode: open,
        } => {
            tally(to, seen);
            to.count(0);
            to.optional(open.as_ref(), episode);
        }
        Phase::Watching {
            origin,
            fall,
            rise,
            seen,
        } => {
            tally(to, seen);
            to.count(1);
            to.count(*origin as usize);
            detector(to, fall);
            detector(to, rise);
        }
    }
}

fn episode(to: &mut Writer, episode: &Episode) {
    reply(to, &episode.opened_by);
    to.count(episode.direction as usize);
}

fn detector(to: &mut Writer, detector: &Detector) {
    to.double(detector.reference);
    to.list(detector.bets.iter(), |to, bet| to.double(*bet));
}
