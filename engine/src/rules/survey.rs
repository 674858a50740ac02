//! What a reply to the recommendation question changes: what each cohort counts, and whether a promoter has turned.
//!
//! One reply counts for each respondent in a window, the latest. So a new reply takes the one before it back, in the
//! cohort that counted it; the cohort stage knows whether that still lies in its window. A reply that is older than one
//! already counted goes to the detectors alone; only if it is the first of its wave is it counted there (and taken back from the
//! window at once, for the newer one stands in it).

use std::collections::BTreeMap;

use super::Rules;
use super::emit::{Emitted, evidence_of};
use crate::definition::{Nps, TurnedDetractor};
use crate::derived::{Alert, AlertId, Category, CohortName, Delta, Series, Status};
use crate::event::{Day, Dimensions, Event, Instrument, Kind, SurveyReplied, Text, Timestamp};
use crate::journey::{Episode, Journey, Moment, REPLIES_MAX, RESPONDENTS_MAX, Reply, Respondent};

impl Rules {
    /// Takes a reply into the journey and returns what the cohorts must know of it.
    pub(super) fn count_reply(
        &self,
        journey: &mut Journey,
        event: &Event,
        replied: &SurveyReplied,
        emitted: &mut Emitted<'_>,
    ) -> Vec<Delta> {
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
        let respondent = respondent(journey, who, &series);
        let place = respondent
            .replies
            .partition_point(|known| known.at <= reply.at);
        let deltas = self.deltas(nps, &series, &respondent.replies, place, &reply);
        respondent.replies.insert(place, reply);
        if let Some(turned) = &nps.turned_detractor {
            self.watch_respondent(turned, respondent, place, emitted);
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
        let wave = |reply: &Reply| nps.waves.map(|waves| waves.start_of(day(reply)));
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

    /// Raises, resolves or corrects the alert that a promoter has turned detractor.
    fn watch_respondent(
        &self,
        turned: &TurnedDetractor,
        of: &mut Respondent,
        place: usize,
        emitted: &mut Emitted<'_>,
    ) {
        let reply = moment(&of.replies[place]);
        let newest = of.replies.len() - 1;
        let detracts = Category::of(of.replies[newest].score) == Some(Category::Detractor);
        let promoted =
            |place: usize| Category::of(of.replies[place].score) == Some(Category::Promoter);
        let turns = detracts && newest > 0 && promoted(newest - 1);
        let decides = place == newest || place + 1 == newest;
        match &of.episode {
            None if turns && decides => {
                let armed = moment(&of.replies[newest]);
                let episode = Episode {
                    armed,
                    due: None,
                    level: None,
                    since: armed.at,
                    sequence: 1,
                };
                let evidence = [armed, moment(&of.replies[newest - 1])];
                self.emit_turn(
                    turned,
                    of,
                    &episode,
                    Status::Raised,
                    armed.at,
                    &evidence,
                    emitted,
                );
                of.episode = Some(episode);
            }
            Some(episode) if place == newest && !detracts => {
                let next = Episode {
                    sequence: episode.sequence + 1,
                    ..episode.clone()
                };
                let evidence = [next.armed, reply];
                self.emit_turn(
                    turned,
                    of,
                    &next,
                    Status::Resolved,
                    reply.at,
                    &evidence,
                    emitted,
                );
                of.episode = None;
            }
            Some(episode) if episode.armed.by == of.replies[newest].by && !turns && decides => {
                let next = Episode {
                    sequence: episode.sequence + 1,
                    ..episode.clone()
                };
                let evidence = [next.armed, reply];
                self.emit_turn(
                    turned,
                    of,
                    &next,
                    Status::Corrected,
                    reply.at,
                    &evidence,
                    emitted,
                );
                of.episode = None;
            }
            None | Some(_) => {}
        }
    }

    /// Ends the open alerts of respondents of a customer who must be forgotten.
    pub(super) fn expire_respondents(
        &self,
        journey: &Journey,
        erased: Moment,
        emitted: &mut Emitted<'_>,
    ) {
        let Some(turned) = self
            .definition
            .nps
            .as_ref()
            .and_then(|nps| nps.turned_detractor.as_ref())
        else {
            return;
        };
        for respondent in &journey.respondents {
            if let Some(episode) = &respondent.episode {
                let next = Episode {
                    sequence: episode.sequence + 1,
                    ..episode.clone()
                };
                let evidence = [next.armed, erased];
                self.emit_turn(
                    turned,
                    respondent,
                    &next,
                    Status::Expired,
                    erased.at,
                    &evidence,
                    emitted,
                );
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "each is a field of the alert")]
    fn emit_turn(
        &self,
        turned: &TurnedDetractor,
        of: &Respondent,
        episode: &Episode,
        status: Status,
        at: Timestamp,
        evidence: &[Moment],
        emitted: &mut Emitted<'_>,
    ) {
        let customer = emitted.customer_id();
        let subject = [
            "respondent",
            customer.as_str(),
            &of.respondent,
            &of.touchpoint,
            &of.score_dimension,
        ];
        let details = [
            (
                "respondent",
                Some(of.respondent.clone()).filter(|who| !who.is_empty()),
            ),
            ("scores", Some(scores(of))),
            (
                "touchpoint",
                Some(of.touchpoint.clone()).filter(|touchpoint| !touchpoint.is_empty()),
            ),
        ];
        let alert = Alert {
            alert_id: AlertId::derive(&turned.rule, &subject, episode.armed.by),
            sequence: episode.sequence,
            kind: "promoter_turned_detractor".into(),
            level: None,
            status,
            severity: turned.severity,
            customer_id: Some(customer),
            application_id: None,
            case_id: None,
            cohort: None,
            occurred_at: at,
            due: None,
            rule: turned.rule.clone(),
            definition_version: self.definition.version.clone(),
            evidence: evidence.iter().copied().map(evidence_of).collect(),
            details: details
                .into_iter()
                .filter_map(|(name, value)| Some((name.into(), value?)))
                .collect(),
        };
        // Behind the alerts of all rules, which stand before it in the file.
        emitted.push(at, usize::MAX, alert);
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
    reply.cohorts.iter().map(|(dimension, value)| CohortName {
        dimension: dimension.clone(),
        value: value.clone(),
    })
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
        if journey.respondents.len() >= RESPONDENTS_MAX {
            let silent_longest = |it: &Respondent| it.replies.last().map(|reply| reply.at);
            let quiet = journey
                .respondents
                .iter()
                .enumerate()
                .filter(|(_, it)| it.episode.is_none());
            let oldest = quiet
                .min_by_key(|(_, it)| silent_longest(it))
                .map_or(0, |(place, _)| place);
            journey.respondents.remove(oldest);
        }
        journey
            .respondents
            .push(Respondent::new(who.into(), series));
        journey.respondents.len() - 1
    });
    &mut journey.respondents[place]
}

fn moment(reply: &Reply) -> Moment {
    Moment {
        at: reply.at,
        kind: Kind::SurveyReplied,
        by: reply.by,
    }
}

/// Writes the last replies for people: `9, 3`.
fn scores(of: &Respondent) -> Text {
    let scores: Vec<String> = of
        .replies
        .iter()
        .rev()
        .take(2)
        .rev()
        .map(|reply| reply.score.to_string())
        .collect();
    scores.join(", ").into()
}
