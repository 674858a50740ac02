//! What a reply to the recommendation question changes: what each cohort counts, and what it takes back.
//!
//! One reply counts for each respondent in a window, the latest. So a new reply takes the one before it back, in the
//! cohort that counted it; the cohort stage knows whether that still lies in its window. A reply that is older than one
//! already counted goes to the detectors alone; only if it is the first of its wave is it counted there (and taken back from the
//! window at once, for the newer one stands in it).

use std::collections::BTreeMap;

use super::emit::Emitted;
use super::{Arrival, Rules};
use crate::definition::Nps;
use crate::derived::{Category, CohortName, Delta, Series};
use crate::event::{Day, Dimensions, Event, Instrument, SurveyReplied, Text};
use crate::journey::{Journey, REPLIES_MAX, Reply, Respondent};

impl Rules {
    /// Takes a reply into the journey and returns what the cohorts must know of it.
    pub(super) fn count_reply(
        &self,
        journey: &mut Journey,
        arrival: &Arrival<'_>,
        replied: &SurveyReplied,
        emitted: &mut Emitted<'_>,
    ) -> Vec<Delta> {
        let event = arrival.event;
        let (Some(nps), Instrument::Nps, Some(score)) =
            (&self.definition.nps, replied.instrument, replied.score)
        else {
            return Vec::new();
        };
        let series = Series {
            instrument: Instrument::Nps,
            touchpoint: replied.touchpoint.clone().unwrap_or_default(),
            score_dimension: replied.dimension.clone().unwrap_or_default(),
        };
        let reply = Reply {
            at: event.occurred_at,
            by: event.hash,
            score,
            cohorts: cohorts_of(nps, event, journey),
        };
        let who = replied.respondent.as_deref().unwrap_or_default();
        if journey.is_full_for(who, &series) {
            self.let_go(journey, arrival, emitted);
        }
        let respondent = respondent(journey, who, &series);
        let place = respondent
            .replies
            .partition_point(|known| known.at <= reply.at);
        let deltas = self.deltas(nps, &series, &respondent.replies, place, &reply);
        respondent.replies.insert(place, reply);
        if let Some(turned) = &nps.turned_detractor {
            self.watch_respondent(turned, respondent, place, arrival.at, emitted);
        }
        if respondent.replies.len() > REPLIES_MAX {
            respondent.replies.remove(0);
        }
        deltas
    }

    /// Returns what the cohorts must count and take back for a reply at a place among those of its respondent.
    fn deltas(
        &self,
        nps: &Nps,
        series: &Series,
        known: &[Reply],
        place: usize,
        reply: &Reply,
    ) -> Vec<Delta> {
        let day = |reply: &Reply| Day::of(reply.at, &self.definition.zone);
        let plain = |cohort: CohortName| Delta {
            event_hash: reply.by,
            occurred_at: reply.at,
            cohort,
            series: series.clone(),
            from: None,
            from_day: None,
            to: None,
            score: None,
        };
        let counted = |cohort| Delta {
            to: Category::of(reply.score),
            score: Some(reply.score),
            ..plain(cohort)
        };
        let before = place.checked_sub(1).map(|place| &known[place]);
        let Some(newer) = known.get(place) else {
            return replace(before, reply, day, plain, counted);
        };
        let wave = |reply: &Reply| nps.waves.map(|waves| waves.period_of(day(reply)));
        let alone_in_wave =
            wave(reply) != wave(newer) && before.is_none_or(|before| wave(before) != wave(reply));
        let taken_back = |cohort| Delta {
            occurred_at: newer.at,
            from: Category::of(reply.score),
            from_day: Some(day(reply)),
            ..plain(cohort)
        };
        let mut deltas = Vec::new();
        for cohort in names(reply) {
            if alone_in_wave {
                deltas.push(counted(cohort.clone()));
                deltas.push(taken_back(cohort));
            } else {
                deltas.push(Delta {
                    score: Some(reply.score),
                    ..plain(cohort)
                });
            }
        }
        deltas
    }
}

/// Counts the newest reply of a respondent and takes the one before it back, cohort by cohort.
fn replace(
    before: Option<&Reply>,
    reply: &Reply,
    day: impl Fn(&Reply) -> Day,
    plain: impl Fn(CohortName) -> Delta,
    counted: impl Fn(CohortName) -> Delta,
) -> Vec<Delta> {
    let mut deltas: BTreeMap<CohortName, Delta> = names(reply)
        .map(|name| (name.clone(), counted(name)))
        .collect();
    for name in before.into_iter().flat_map(names) {
        let delta = deltas.entry(name.clone()).or_insert_with(|| plain(name));
        delta.from = before.and_then(|before| Category::of(before.score));
        delta.from_day = before.map(&day);
    }
    deltas.into_values().collect()
}

/// Returns the cohorts that count a reply, everybody's included.
fn names(reply: &Reply) -> impl Iterator<Item = CohortName> {
    let cohorts = reply.cohorts.iter();
    cohorts.map(|(dimension, value)| CohortName::new(dimension, value))
}

/// Returns the cohorts a reply belongs to; a dimension that nothing states reads `unknown`.
fn cohorts_of(nps: &Nps, event: &Event, journey: &Journey) -> Dimensions {
    let application = event
        .application
        .as_ref()
        .and_then(|id| journey.application(id));
    let value_of = |dimension: &str| -> Text {
        if dimension == "all" {
            return "all".into();
        }
        let stated = event.dimensions.get(dimension).map(|value| &**value);
        let known = stated
            .or_else(|| application?.dimension(dimension))
            .or_else(|| journey.profile.dimension(dimension));
        known.unwrap_or("unknown").into()
    };
    nps.cohorts
        .iter()
        .map(|by| (by.dimension.clone(), value_of(&by.dimension)))
        .collect()
}

fn respondent<'a>(journey: &'a mut Journey, who: &str, series: &Series) -> &'a mut Respondent {
    let found = journey
        .respondents
        .iter()
        .position(|known| known.is(who, series));
    let place = found.unwrap_or_else(|| {
        journey
            .respondents
            .push(Respondent::new(who.into(), series));
        journey.respondents.len() - 1
    });
    &mut journey.respondents[place]
}
