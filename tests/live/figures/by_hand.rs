//! Scores, waves and shifts of a history, computed a second time with nothing of ours.
//!
//! It knows the whole history and reads it as often as it likes: no windows that roll, no states, no clocks. A reply is
//! counted as the definition says: one of each respondent, the latest; in the cohorts that its event or else the profile
//! states. Of ours it takes the hash of an event id, which settles which of two simultaneous replies a detector reads first.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde_json::Value;
use waymark_engine::event::EventHash;

use super::{Plan, Shift};
use crate::nps::Tally;

/// Which cohort, at the end of which day.
pub(crate) type Close = (String, Date);

/// Scores and shifts of a whole history.
pub(crate) struct ByHand {
    plan: &'static Plan,
    zone: TimeZone,
    replies: Vec<Reply>,
}

struct Reply {
    at: Timestamp,
    hash: EventHash,
    day: Date,
    respondent: String,
    score: i64,
    cohorts: Vec<String>,
}

impl ByHand {
    /// Reads events, one a line, in the order of arrival. What is sent twice counts once.
    pub(crate) fn of(plan: &'static Plan, lines: &[String]) -> Self {
        let mut by_hand = Self {
            plan,
            zone: TimeZone::get(plan.zone).unwrap(),
            replies: Vec::new(),
        };
        let (mut ids, mut profiles) = (HashSet::new(), HashMap::new());
        for line in lines {
            let event: Value = serde_json::from_str(line).unwrap();
            if !ids.insert(event["event_id"].to_string()) {
                continue;
            }
            let customer = event["customer_id"].to_string();
            match event["body"]["type"].as_str().unwrap() {
                "profile.changed" => drop(profiles.insert(customer, event["body"].clone())),
                "survey.replied" => {
                    let profile = profiles.get(&customer);
                    let reply = by_hand.reply(&event, profile.unwrap_or(&Value::Null));
                    by_hand.replies.extend(reply);
                }
                _ => {}
            }
        }
        by_hand.replies.sort_by_key(|reply| (reply.at, reply.hash));
        by_hand
    }

    /// `None` where the question is another one, or was left open.
    fn reply(&self, event: &Value, profile: &Value) -> Option<Reply> {
        let body = &event["body"];
        let score = body["score"].as_i64()?;
        let at: Timestamp = event["occurred_at"].as_str()?.parse().unwrap();
        let value = |dimension: &str| {
            let of_all = (dimension == "all").then_some("all");
            let stated = event["dimensions"][dimension].as_str();
            let known = of_all.or(stated).or(profile[dimension].as_str());
            format!("{dimension}={}", known.unwrap_or("unknown"))
        };
        (body["instrument"] == "NPS").then(|| Reply {
            at,
            hash: EventHash::of(event["event_id"].as_str().unwrap()),
            day: at.to_zoned(self.zone.clone()).date(),
            respondent: format!("{} {}", event["customer_id"], body["respondent"]),
            score,
            cohorts: self.plan.cohorts.iter().map(|it| value(it.by)).collect(),
        })
    }

    fn cohorts(&self) -> BTreeSet<String> {
        let names = self.replies.iter().flat_map(|reply| reply.cohorts.clone());
        names.collect()
    }

    /// Returns the score at the close of each day before `end`. A window that has run empty is told once.
    pub(crate) fn scores(&self, end: Date) -> BTreeMap<Close, Tally> {
        let mut scores = BTreeMap::new();
        let mut told = BTreeSet::new();
        let mut latest = HashMap::new();
        let mut replies = self.replies.iter().peekable();
        let first = self.replies[0].day;
        for day in first.series(1.day()).take_while(|day| *day < end) {
            while let Some(reply) = replies.next_if(|reply| reply.day == day) {
                latest.insert(&reply.respondent, reply);
            }
            let begin = day - (self.plan.window_days - 1).days();
            let window = latest.values().filter(|reply| reply.day >= begin);
            let tallies = by_cohort(window.copied());
            for cohort in told.union(&tallies.keys().cloned().collect()) {
                let tally = tallies.get(cohort).copied().unwrap_or_default();
                scores.insert((cohort.clone(), day), tally);
            }
            told = tallies.into_keys().collect();
        }
        scores
    }

    /// Returns what each wave said of each cohort, by its first day.
    pub(crate) fn waves(&self) -> BTreeMap<String, BTreeMap<Date, Tally>> {
        let mut latest = HashMap::new();
        for reply in &self.replies {
            let wave = (self.plan.wave_of)(reply.day);
            latest.insert((wave, &reply.respondent), reply);
        }
        let mut waves: BTreeMap<String, BTreeMap<Date, Tally>> = BTreeMap::new();
        for ((wave, _), reply) in latest {
            for cohort in &reply.cohorts {
                let cohort = waves.entry(cohort.clone()).or_default();
                cohort.entry(wave).or_default().add(reply.score);
            }
        }
        waves
    }

    /// Returns the shifts of all cohorts, each with the hour of the reply that showed it, and their ends.
    pub(crate) fn shifts(&self) -> BTreeSet<Shift> {
        let cohorts = self.cohorts();
        cohorts.iter().flat_map(|it| self.shifts_of(it)).collect()
    }

    /// Learns a reference from some replies, bets against it until the evidence suffices, and learns the next.
    fn shifts_of(&self, cohort: &str) -> Vec<Shift> {
        let threshold = self.plan.threshold(cohort);
        let mut shifts: Vec<Shift> = Vec::new();
        let mut learnt = Vec::new();
        let mut bets: Option<[Bets; 2]> = None;
        for reply in &self.replies {
            if !reply.cohorts.iter().any(|it| it == cohort) {
                continue;
            }
            let told = |direction, status| Shift {
                cohort: cohort.to_owned(),
                direction,
                status,
                hour: reply.at.to_string()[..13].to_owned(),
            };
            if let Some(both) = &mut bets {
                for it in both.iter_mut() {
                    it.observe(reply.score);
                }
                let alarm = both.iter().find(|it| it.evidence() >= threshold);
                if let Some(direction) = alarm.map(Bets::direction) {
                    shifts.push(told(direction, "raised"));
                    bets = None;
                }
            } else {
                learnt.push(reply.score);
                if learnt.len() == self.plan.baseline_replies {
                    let [low, high] = Tally::of(std::mem::take(&mut learnt)).interval();
                    let [low, high] = [low - self.plan.tolerance, high + self.plan.tolerance];
                    bets = Some([Bets::on(1.0, low), Bets::on(-1.0, high)]);
                    let open = shifts.last().map(|it| it.direction);
                    shifts.extend(open.map(|direction| told(direction, "resolved")));
                }
            }
        }
        shifts
    }
}

fn by_cohort<'a>(replies: impl Iterator<Item = &'a Reply>) -> BTreeMap<String, Tally> {
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    for reply in replies {
        for cohort in &reply.cohorts {
            let tally = tallies.entry(cohort.clone()).or_default();
            tally.add(reply.score);
        }
    }
    tallies
}

/// Eight gamblers with stakes from 0.02 to 0.95 of 1 / (1 − m), geometric, who bet that the mean is below m. On a rise
/// they bet in the mirror.
struct Bets {
    /// 1 on a fall, −1 on a rise.
    sign: f64,
    mean: f64,
    evidence: [f64; 8],
}

impl Bets {
    fn on(sign: f64, reference: f64) -> Self {
        let mean = sign * reference / 100.0;
        assert!(mean < 0.99, "a reference from which nothing can fall");
        Self {
            sign,
            mean,
            evidence: [0.0; 8],
        }
    }

    fn observe(&mut self, score: i64) {
        let step = match score {
            9.. => self.sign,
            7..=8 => 0.0,
            _ => -self.sign,
        };
        for (gambler, evidence) in (0_u8..).zip(&mut self.evidence) {
            let share = 0.02 * (0.95_f64 / 0.02).powf(f64::from(gambler) / 7.0);
            let stake = share / (1.0 - self.mean);
            *evidence = (*evidence + 1.0) * (1.0 + stake * (self.mean - step));
        }
    }

    fn evidence(&self) -> f64 {
        self.evidence.iter().sum::<f64>() / 8.0
    }

    fn direction(&self) -> &'static str {
        if self.sign > 0.0 { "fall" } else { "rise" }
    }
}
