//! The working week: Monday to Friday, eight to six, UTC. Holidays are left out.

use std::time::Duration;

use waymark_engine::event::Timestamp;

use super::chance::Chance;

const DAY_SECONDS: u64 = 86_400;
const OPENS: u64 = 8 * 3_600;
const CLOSES: u64 = 18 * 3_600;
/// Monday to Friday.
const WORKING_DAYS: u64 = 5;

pub(super) const MINUTE: Duration = Duration::from_mins(1);
pub(super) const HOUR: Duration = Duration::from_hours(1);
pub(super) const DAY: Duration = Duration::from_secs(DAY_SECONDS);

/// Returns the first moment in the office at or after a time: the time itself, or some time on a working day soon.
pub(super) fn in_office(at: Timestamp, chance: &mut Chance) -> Timestamp {
    let second = seconds(at) % DAY_SECONDS;
    if is_working_day(day(at)) && (OPENS..CLOSES).contains(&second) {
        return at;
    }
    let first = if second < OPENS { day(at) } else { day(at) + 1 };
    // What piles up over a weekend is worked off until Wednesday.
    let next = match weekday(first) {
        WORKING_DAYS.. => first + 7 - weekday(first) + chance.below(3),
        _ => first,
    };
    moment(next, OPENS..CLOSES, chance)
}

/// Returns a moment in the office after one bound and before another: on the day of a time or the working day that
/// follows, else on one that comes before, else after hours.
pub(super) fn in_office_between(
    after: Timestamp,
    near: Timestamp,
    before: Timestamp,
    chance: &mut Chance,
) -> Timestamp {
    let days_to_try = (day(near)..=day(before)).chain((day(after)..day(near)).rev());
    let fitting = days_to_try
        .filter(|day| is_working_day(*day))
        .map(|day| moment(day, OPENS..CLOSES, chance))
        .find(|moment| (after + MINUTE..before).contains(moment));
    fitting.unwrap_or_else(|| after + chance.time(10 * MINUTE..50 * MINUTE))
}

/// Returns when somebody at home or at work opens an application on the day of a time: mostly in working hours.
pub(super) fn at_leisure(at: Timestamp, chance: &mut Chance) -> Timestamp {
    let evening = 19 * 3_600..22 * 3_600;
    let chosen = if chance.percent(12) {
        moment(day(at), evening, chance)
    } else {
        in_office(moment(day(at), OPENS..CLOSES, chance), chance)
    };
    chosen.max(at)
}

fn moment(day: u64, within: std::ops::Range<u64>, chance: &mut Chance) -> Timestamp {
    let second = day * DAY_SECONDS + chance.between(within);
    Timestamp::MIN + Duration::from_secs(second)
}

fn is_working_day(day: u64) -> bool {
    weekday(day) < WORKING_DAYS
}

/// Monday is 0; 1 January 1970 was a Thursday.
fn weekday(day: u64) -> u64 {
    (day + 3) % 7
}

fn day(at: Timestamp) -> u64 {
    seconds(at) / DAY_SECONDS
}

fn seconds(at: Timestamp) -> u64 {
    at.since(Timestamp::MIN).as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn friday_evening_waits_for_the_next_week() {
        let mut chance = Chance::new(1, 0);
        let friday = at("2026-01-09T19:00:00Z");
        let waited = in_office(friday, &mut chance);
        assert!(waited >= at("2026-01-12T08:00:00Z") && waited < at("2026-01-14T18:00:00Z"));
    }

    #[test]
    fn a_promise_over_the_weekend_is_kept_before_it() {
        let mut chance = Chance::new(1, 0);
        let friday = at("2026-01-09T09:00:00Z");
        for _ in 0..50 {
            let kept = in_office_between(friday, friday + DAY, friday + 2 * DAY, &mut chance);
            assert!(kept > friday && kept < at("2026-01-09T18:00:00Z"));
        }
    }
}
