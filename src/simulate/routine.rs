//! What goes on whether or not anything is asked for: log-ins, page views, repayments.

use waymark_engine::event::{
    Body, Channel, FeatureUsed, LoggedIn, PageViewed, RepaymentMade, RepaymentMissed,
};

use super::fact::{Fact, Feed};
use super::hours::{DAY, MINUTE, at_leisure};
use super::world::{Act, Turn};

const PAGES: [&str; 6] = [
    "/accounts",
    "/loans",
    "/loans/rates",
    "/messages",
    "/documents",
    "/help",
];

/// Half of the customers already pay back a loan.
pub(super) fn begin(turn: &mut Turn<'_>) {
    plan_log_in(turn);
    if turn.chance.percent(50) {
        let instalment = instalment_of(i64::try_from(turn.chance.between(20..400)).unwrap_or(20));
        take_loan(turn, instalment);
    }
}

/// An amount in thousands, paid back over about four years.
pub(super) fn instalment_of(thousands: i64) -> i64 {
    thousands * 1_000 / 48
}

pub(super) fn take_loan(turn: &mut Turn<'_>, instalment: i64) {
    let pays_already = turn.customer.instalment.is_some();
    turn.customer.instalment = Some(turn.customer.instalment.unwrap_or(0) + instalment);
    if !pays_already {
        let first = turn.chance.time(5 * DAY..35 * DAY);
        turn.plan(turn.at + first, Act::Repay);
    }
}

pub(super) fn repay(turn: &mut Turn<'_>) -> Option<Fact> {
    let amount = turn.customer.instalment?;
    turn.plan(turn.at + 30 * DAY, Act::Repay);
    let body = if turn.chance.percent(3) {
        Body::RepaymentMissed(RepaymentMissed { amount })
    } else {
        Body::RepaymentMade(RepaymentMade { amount })
    };
    Some(Fact::of_system(Feed::Core, Channel::Unknown, body))
}

/// Customers who wait for a decision look more often.
fn plan_log_in(turn: &mut Turn<'_>) {
    let mean = if turn.customer.open.is_empty() {
        32
    } else {
        11
    };
    let day = turn.at + turn.chance.gap(mean * DAY);
    let at = at_leisure(day, turn.chance);
    turn.plan(at, Act::LogIn);
}

pub(super) fn log_in(turn: &mut Turn<'_>) -> Fact {
    plan_log_in(turn);
    let pages = turn.chance.pick(&[0, 1, 1, 2, 3]);
    plan_page(turn, pages);
    let (feed, channel, device) = turn.chance.pick(&[
        (Feed::Web, Channel::Web, "desktop"),
        (Feed::Mobile, Channel::Mobile, "phone"),
    ]);
    let body = LoggedIn {
        device: Some(device.into()),
    };
    Fact::of_customer(feed, channel, Body::LoggedIn(body))
}

fn plan_page(turn: &mut Turn<'_>, pages: u8) {
    if let Some(pages_left) = pages.checked_sub(1) {
        let soon = turn.chance.time(MINUTE / 4..4 * MINUTE);
        turn.plan(turn.at + soon, Act::Browse { pages_left });
    }
}

pub(super) fn browse(turn: &mut Turn<'_>, pages_left: u8) -> Fact {
    plan_page(turn, pages_left);
    if turn.chance.percent(12) {
        let feature = "repayment-calculator".into();
        let body = Body::FeatureUsed(FeatureUsed { feature });
        return Fact::of_customer(Feed::Web, Channel::Web, body);
    }
    let page = if turn.customer.open.is_empty() {
        turn.chance.pick(&PAGES)
    } else {
        "/applications/status"
    };
    let body = PageViewed {
        page: page.into(),
        seconds: Some(i64::try_from(turn.chance.between(3..180)).unwrap_or(3)),
    };
    Fact::of_customer(Feed::Web, Channel::Web, Body::PageViewed(body))
}
