//! Waves: calendar periods, each with its own tally, and the comparison of one with the next.
//!
//! This is what people compute by hand: this quarter against that one, once, with an interval. It is not monitored;
//! watching it at each reply would raise false alarms without end (see `detector`). Each wave keeps the latest reply
//! of a respondent for itself: a reply in a later wave takes nothing back from an earlier one.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::definition;
use crate::event::Day;

use super::Tally;
use super::tally::half_width;
use super::window::Change;

/// A calendar period, both days included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Period {
    /// Its first day.
    pub from: Day,
    /// Its last day.
    pub to: Day,
}

/// What was said in one period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Wave {
    /// The period.
    pub period: Period,
    /// Its replies.
    pub tally: Tally,
}

/// One wave against the next one kept.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Comparison {
    /// The earlier wave.
    pub earlier: Period,
    /// The later wave.
    pub later: Period,
    /// The later score less the earlier one.
    #[serde(flatten)]
    pub difference: Difference,
}

/// How far apart two scores are, in points.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Difference {
    /// Later NPS − earlier NPS.
    pub points: f64,
    /// Half-width of its 95 % interval, from both adjusted Wald variances.
    pub half_width: f64,
    /// Whether the interval excludes zero.
    pub differs: bool,
}

/// The latest waves, as many as a comparison of two years by quarter needs.
///
/// Invariant: all periods are of one kind; so one that the definition asks for is here only if all are of that kind.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Waves(pub(super) BTreeMap<Period, Tally>);

/// How many waves are kept.
const WAVES_MAX: usize = 8;

impl Period {
    /// Returns the period that a day lies in.
    pub fn of(day: Day, waves: definition::Waves) -> Self {
        let (from, to) = waves.period_of(day);
        Self { from, to }
    }

    /// Returns whether a day lies in this period.
    pub fn contains(&self, day: Day) -> bool {
        (self.from..=self.to).contains(&day)
    }
}

impl Waves {
    /// Counts a change in the wave of its day; another day's reply is taken back only if it lies in the same wave.
    pub(super) fn count(&mut self, change: &Change, waves: definition::Waves) {
        let period = Period::of(change.day, waves);
        let tally = match self.0.get_mut(&period) {
            Some(tally) => tally,
            None => self.begin(period, waves),
        };
        if let Some((day, category)) = change.from
            && period.contains(day)
        {
            tally.take_back(category.into());
        }
        if let Some(category) = change.to {
            tally.add(category);
        }
        if tally.replies() == 0 {
            self.0.remove(&period);
        }
        if self.0.len() > WAVES_MAX {
            self.0.pop_first();
        }
    }

    fn begin(&mut self, period: Period, waves: definition::Waves) -> &mut Tally {
        // A definition that now asks for other periods starts anew: old tallies can't be split.
        self.0
            .retain(|period, _| *period == Period::of(period.from, waves));
        self.0.entry(period).or_default()
    }

    /// Returns the waves kept, the oldest first.
    pub(super) fn list(&self) -> Vec<Wave> {
        let wave = |(&period, &tally)| Wave { period, tally };
        self.0.iter().map(wave).collect()
    }

    /// Compares each wave kept with the next one kept.
    pub(super) fn comparisons(&self) -> Vec<Comparison> {
        let waves = self.list();
        let compare = |pair: &[Wave]| {
            let [earlier, later] = pair else { return None };
            Some(Comparison {
                earlier: earlier.period,
                later: later.period,
                difference: Difference::between(&earlier.tally, &later.tally)?,
            })
        };
        waves.windows(2).filter_map(compare).collect()
    }
}

impl Difference {
    /// Compares two tallies of different respondents; `None` if one is empty.
    pub fn between(earlier: &Tally, later: &Tally) -> Option<Self> {
        let points = later.nps()? - earlier.nps()?;
        let half_width = half_width(earlier.adjusted().variance + later.adjusted().variance);
        Some(Self {
            points,
            half_width,
            differs: points.abs() > half_width,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derived::Category;

    fn tally([detractors, passives, promoters]: [u32; 3]) -> Tally {
        Tally {
            promoters,
            passives,
            detractors,
        }
    }

    fn day(text: &str) -> Day {
        Day::of_date(text.parse().unwrap())
    }

    fn reply(on: &str, to: Category) -> Change {
        Change {
            day: day(on),
            to: Some(to),
            from: None,
        }
    }

    /// Counts of the SFO Customer Survey, May 2017 and May 2018 (San Francisco International Airport, `DataSF`, question
    /// `NETPRO`, 0 to 10 only): detractors, passives, promoters by boarding area.
    #[test]
    fn two_boarding_areas_of_an_airport_and_all_differ_between_years_and_one_does_not() {
        let cases = [
            ("A", [93, 249, 382], [140, 251, 270], -20.25, 7.74, true),
            ("B", [22, 50, 94], [37, 85, 116], -10.18, 14.21, false),
            ("C", [26, 68, 132], [33, 72, 84], -19.92, 13.79, true),
            ("all", [342, 968, 1436], [447, 935, 1268], -8.86, 3.85, true),
        ];
        for (area, earlier, later, points, half_width, differs) in cases {
            let found = Difference::between(&tally(earlier), &tally(later)).unwrap();
            assert!((found.points - points).abs() < 0.01, "{area}: {found:?}");
            assert!(
                (found.half_width - half_width).abs() < 0.01,
                "{area}: {found:?}"
            );
            assert_eq!(found.differs, differs, "{area}");
        }
    }

    #[test]
    fn a_quarter_begins_and_ends_with_its_months() {
        let quarter = Period::of(day("2024-02-29"), definition::Waves::Quarter);
        assert_eq!(
            (quarter.from, quarter.to),
            (day("2024-01-01"), day("2024-03-31"))
        );
        let month = Period::of(day("2024-02-29"), definition::Waves::Month);
        assert_eq!(
            (month.from, month.to),
            (day("2024-02-01"), day("2024-02-29"))
        );
        let year = Period::of(day("2024-02-29"), definition::Waves::Year);
        assert_eq!((year.from, year.to), (day("2024-01-01"), day("2024-12-31")));
    }

    #[test]
    fn each_wave_keeps_the_latest_reply_of_a_respondent_for_itself() {
        let mut waves = Waves::default();
        let quarterly = definition::Waves::Quarter;
        waves.count(&reply("2026-03-30", Category::Promoter), quarterly);
        let later = Change {
            from: Some((day("2026-03-30"), Category::Promoter)),
            ..reply("2026-04-02", Category::Detractor)
        };
        waves.count(&later, quarterly);
        let again = Change {
            from: Some((day("2026-04-02"), Category::Detractor)),
            ..reply("2026-04-09", Category::Passive)
        };
        waves.count(&again, quarterly);

        let tallies: Vec<_> = waves.list().iter().map(|wave| wave.tally).collect();
        assert_eq!(tallies, [tally([0, 0, 1]), tally([0, 1, 0])]);
    }

    #[test]
    fn the_eight_latest_waves_are_kept_whatever_comes_late() {
        let mut waves = Waves::default();
        for month in (1..=12).rev() {
            let change = reply(&format!("2025-{month:02}-15"), Category::Passive);
            waves.count(&change, definition::Waves::Month);
        }
        let kept = waves.list();
        assert_eq!(kept.len(), 8);
        assert_eq!(kept[0].period.from, day("2025-05-01"));
        assert_eq!(waves.comparisons().len(), 7);
    }

    #[test]
    fn other_periods_in_the_definition_start_anew() {
        let mut waves = Waves::default();
        waves.count(
            &reply("2026-01-15", Category::Passive),
            definition::Waves::Quarter,
        );
        waves.count(
            &reply("2026-02-15", Category::Passive),
            definition::Waves::Month,
        );
        let kept = waves.list();
        assert_eq!(kept.len(), 1);
        assert_eq!(kept[0].period.to, day("2026-02-28"));
    }
}
