//! Surveys: whom the bank asks, who answers, and how kindly.
//!
//! All NPS surveys carry one touchpoint, so that their replies add up; CSAT is asked about one thing at a time. A score
//! depends on the respondent's nature, on how things went lately, and on the branch.

use std::time::Duration;

use waymark_engine::event::{Body, Channel, Instrument, Scale, SurveyReplied, SurveySent};

use super::fact::{Case, Fact, Feed, Sort};
use super::hours::{DAY, HOUR, at_leisure};
use super::world::{Act, Turn};

const YEAR: Duration = Duration::from_hours(365 * 24);
/// Nobody likes to be asked twice in this time.
const QUIET_PERIOD: Duration = Duration::from_hours(21 * 24);
/// What the worse service of one branch takes off the kindness of its customers.
const SHIFT: i16 = 28;

/// How many in a hundred surveys each respondent answers: people keep their habits.
const ANSWERED_PERCENT: [u64; 3] = [85, 55, 35];

/// One answer to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Reply {
    instrument: Instrument,
    respondent: usize,
    application: Option<u16>,
}

pub(super) fn begin(turn: &mut Turn<'_>) {
    let first = turn.chance.time(DAY..YEAR);
    turn.plan_in_office(first, Act::SurveyYearly);
}

/// Once a year everybody is asked.
pub(super) fn send_yearly(turn: &mut Turn<'_>) -> Option<Fact> {
    turn.plan_in_office(YEAR, Act::SurveyYearly);
    send_nps(turn, 3, None)
}

/// After a decision and after the money those two are asked who dealt with it.
pub(super) fn send_after_step(turn: &mut Turn<'_>, application: u16) -> Option<Fact> {
    send_nps(turn, 2, Some(application))
}

fn send_nps(turn: &mut Turn<'_>, respondents: usize, application: Option<u16>) -> Option<Fact> {
    let asked_lately = |asked| turn.at.since(asked) < QUIET_PERIOD;
    if turn.customer.surveyed_at.is_some_and(asked_lately) {
        return None;
    }
    turn.customer.surveyed_at = Some(turn.at);
    Some(send(turn, Instrument::Nps, respondents, application))
}

pub(super) fn send_after_answer(turn: &mut Turn<'_>) -> Fact {
    send(turn, Instrument::Csat, 1, None)
}

/// Asks some people, of whom some will answer within a week.
fn send(
    turn: &mut Turn<'_>,
    instrument: Instrument,
    respondents: usize,
    application: Option<u16>,
) -> Fact {
    let case = turn.customer.open_case(Sort::Survey);
    for (respondent, percent) in ANSWERED_PERCENT.into_iter().enumerate().take(respondents) {
        if turn.chance.percent(percent) {
            let later = turn.at + turn.chance.time(2 * HOUR..6 * DAY);
            let at = at_leisure(later, turn.chance);
            let reply = Reply {
                instrument,
                respondent,
                application,
            };
            turn.plan(at, Act::Reply(case, reply));
        }
    }
    let body = SurveySent {
        instrument,
        touchpoint: Some(touchpoint(instrument).into()),
    };
    Fact::of_system(Feed::Survey, Channel::Email, Body::SurveySent(body))
        .in_case(case)
        .about(application)
}

fn touchpoint(instrument: Instrument) -> &'static str {
    match instrument {
        Instrument::Nps => "lending",
        Instrument::Csat | Instrument::Ces => "enquiry",
    }
}

pub(super) fn reply(turn: &mut Turn<'_>, case: Case, reply: Reply) -> Fact {
    let mut kindness = turn.customer.kindness(reply.respondent, turn.chance);
    if turn.has_shifted && turn.customer.is_of_shifting_branch() {
        kindness -= SHIFT;
    }
    let (score, high, dimension) = match reply.instrument {
        Instrument::Nps => (nps_score(kindness), 10, None),
        Instrument::Csat | Instrument::Ces => {
            let about = turn.chance.pick(&["speed", "efficiency", "attitude"]);
            (csat_score(kindness), 5, Some(about.into()))
        }
    };
    let left_open = turn.chance.percent(3);
    let body = SurveyReplied {
        instrument: reply.instrument,
        score: (!left_open).then_some(score),
        scale: Some(Scale {
            low: i64::from(reply.instrument != Instrument::Nps),
            high,
        }),
        dimension,
        touchpoint: Some(touchpoint(reply.instrument).into()),
        respondent: Some(turn.customer.respondent_id(reply.respondent).into()),
    };
    Fact::of_customer(Feed::Survey, Channel::Email, Body::SurveyReplied(body))
        .in_case(case)
        .about(reply.application)
}

/// Of undisturbed customers some 45 in a hundred promote, 22 detract.
fn nps_score(kindness: i16) -> i64 {
    match kindness {
        80.. => 10,
        55..80 => 9,
        38..55 => 8,
        22..38 => 7,
        14..22 => 6,
        6..14 => 5,
        -4..6 => 4,
        -14..-4 => 3,
        -28..-14 => 2,
        -44..-28 => 1,
        _ => 0,
    }
}

fn csat_score(kindness: i16) -> i64 {
    match kindness {
        60.. => 5,
        30..60 => 4,
        15..30 => 3,
        0..15 => 2,
        _ => 1,
    }
}
