//! What customers ask and complain about, and whether the bank answers in time.

use std::time::Duration;

use waymark_engine::event::{
    Body, Channel, ComplaintRaised, ComplaintResolved, ContactMade, EnquiryAnswered, EnquiryOpened,
};

use super::customer::Tier;
use super::fact::{Case, Fact, Feed, Sort};
use super::hours::{DAY, HOUR, in_office, in_office_between};
use super::world::{Act, Habit, Turn};

const ENQUIRY_MEAN: Duration = Duration::from_hours(150 * 24);
const COMPLAINT_LIMIT: Duration = Duration::from_hours(10 * 24);

pub(super) fn begin(turn: &mut Turn<'_>) {
    let first = turn.chance.time(DAY..ENQUIRY_MEAN);
    let habit = Habit::Regular;
    turn.plan_in_office(first, Act::Enquire { habit });
    let first = turn.chance.time(DAY..60 * DAY);
    turn.plan_in_office(first, Act::Meet);
}

/// Answers that the bank promises: a day, eight hours for the first tier.
fn answer_limit(tier: Tier) -> Duration {
    match tier {
        Tier::A => 8 * HOUR,
        Tier::B | Tier::C => 24 * HOUR,
    }
}

/// Most enquiries are answered in time, some late, a few never.
pub(super) fn enquire(turn: &mut Turn<'_>, habit: Habit) -> Fact {
    if habit == Habit::Regular {
        let next = turn.chance.gap(ENQUIRY_MEAN);
        turn.plan_in_office(next, Act::Enquire { habit });
    }
    let case = turn.customer.open_case(Sort::Enquiry);
    let limit = answer_limit(turn.customer.tier);
    match turn.chance.below(100) {
        0..88 => plan_in_time(turn, limit, Act::Answer(case)),
        88..96 => {
            plan_late(turn, limit, Act::Answer(case));
            turn.customer.feel(-8);
        }
        _ => {
            turn.customer.feel(-10);
            if turn.chance.percent(40) {
                turn.plan_in_office(3 * DAY, Act::Complain);
            }
        }
    }
    let topic = match habit {
        Habit::Once => "application-status",
        Habit::Regular => turn
            .chance
            .pick(&["rates", "repayment-plan", "documents", "access"]),
    };
    let (feed, channel) = turn.chance.pick(&[
        (Feed::Crm, Channel::Phone),
        (Feed::Crm, Channel::Email),
        (Feed::Web, Channel::Web),
    ]);
    let topic = Some(topic.into());
    Fact::of_customer(feed, channel, Body::EnquiryOpened(EnquiryOpened { topic })).in_case(case)
}

pub(super) fn answer(turn: &mut Turn<'_>, case: Case) -> Fact {
    turn.customer.feel(2);
    if turn.chance.percent(15) {
        turn.plan(turn.at + HOUR, Act::SurveyAfterAnswer);
    }
    let body = Body::EnquiryAnswered(EnquiryAnswered {});
    by_desk_or_branch(turn, "service desk", body).in_case(case)
}

/// Complaints are settled in time for the most part.
pub(super) fn complain(turn: &mut Turn<'_>) -> Fact {
    turn.customer.feel(-15);
    let case = turn.customer.open_case(Sort::Complaint);
    match turn.chance.below(100) {
        0..82 => plan_in_time(turn, COMPLAINT_LIMIT, Act::Resolve(case)),
        82..94 => plan_late(turn, COMPLAINT_LIMIT, Act::Resolve(case)),
        _ => {}
    }
    let topic = turn
        .chance
        .pick(&["slow-decision", "no-answer", "unclear-costs"]);
    let body = ComplaintRaised {
        topic: Some(topic.into()),
        severity: Some(
            turn.chance
                .pick(&["low", "medium", "medium", "high"])
                .into(),
        ),
    };
    let (feed, channel) = turn.chance.pick(&[
        (Feed::Crm, Channel::Phone),
        (Feed::BranchNotes, Channel::Branch),
    ]);
    Fact::of_customer(feed, channel, Body::ComplaintRaised(body)).in_case(case)
}

pub(super) fn resolve(turn: &mut Turn<'_>, case: Case) -> Fact {
    turn.customer.feel(6);
    let outcome = turn.chance.pick(&["apology", "explained", "fee-refunded"]);
    let outcome = Some(outcome.into());
    let body = Body::ComplaintResolved(ComplaintResolved { outcome });
    Fact::of_bank(Feed::Crm, Channel::Phone, "complaints office", body).in_case(case)
}

/// The relationship manager and the customer speak, the more often the higher the tier.
pub(super) fn meet(turn: &mut Turn<'_>) -> Fact {
    let mean = match turn.customer.tier {
        Tier::A => 45,
        Tier::B => 90,
        Tier::C => 150,
    };
    let next = turn.chance.gap(mean * DAY);
    turn.plan_in_office(next, Act::Meet);
    let form = Some(turn.chance.pick(&["meeting", "call", "visit"]).into());
    let body = Body::ContactMade(ContactMade { form });
    let channel = Channel::RelationshipManager;
    Fact::of_bank(Feed::BranchNotes, channel, "relationship management", body)
}

fn by_desk_or_branch(turn: &mut Turn<'_>, desk: &str, body: Body) -> Fact {
    if turn.chance.percent(12) {
        Fact::of_bank(Feed::BranchNotes, Channel::Branch, "branch", body)
    } else {
        Fact::of_bank(Feed::Crm, Channel::Email, desk, body)
    }
}

fn plan_in_time(turn: &mut Turn<'_>, limit: Duration, act: Act) {
    let near = turn.at + limit * u32::try_from(turn.chance.between(5..70)).unwrap_or(5) / 100;
    let at = in_office_between(turn.at, near, turn.at + limit, turn.chance);
    turn.plan(at, act);
}

fn plan_late(turn: &mut Turn<'_>, limit: Duration, act: Act) {
    let taken = turn.chance.time(limit * 12 / 10..limit * 3);
    let at = in_office(turn.at + taken, turn.chance);
    turn.plan(at, act);
}
