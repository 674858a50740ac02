//! NPS: whose, over which window, and how a shift is watched for.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::{Reading, severity, text};
use crate::definition::placed::At;
use crate::definition::raw::{
    RawCohort, RawDuration, RawNps, RawShift, RawTurnedDetractor, RawWaves,
};
use crate::definition::{CohortBy, Nps, Shift, TurnedDetractor, Waves};
use crate::derived::Severity;
use crate::event::Text;

const WINDOW_DAYS: u16 = 90;
const VALUES_MAX: u32 = 100;
const GRACE: Duration = Duration::from_mins(10);
const BASELINE_REPLIES: u32 = 500;
const TOLERANCE: f64 = 5.0;
const FALSE_ALARMS_PER_YEAR: f64 = 2.0;

impl Reading {
    pub(super) fn nps(&mut self, raw: &RawNps) -> Option<Nps> {
        let window_days = match &raw.window {
            Some(typed) => self.days(typed),
            None => Some(WINDOW_DAYS),
        };
        let cohorts = raw.cohorts.iter().filter_map(|cohort| cohort.0.as_ref());
        let cohorts = cohorts
            .map(|cohort| self.cohort(cohort, raw.shift.is_some()))
            .collect::<Vec<_>>();
        let shift = raw.shift.as_ref().map(|shift| self.shift(shift));
        let turned = raw.turned_detractor.as_ref();
        let turned = turned.map(|turned| self.turned_detractor(turned));
        Some(Nps {
            window_days: window_days?,
            cohorts: cohorts.into_iter().collect::<Option<_>>()?,
            waves: raw.waves.map(waves),
            shift: match shift {
                Some(shift) => Some(shift?),
                None => None,
            },
            turned_detractor: match turned {
                Some(turned) => Some(turned?),
                None => None,
            },
        })
    }

    fn days(&mut self, typed: &At<RawDuration>) -> Option<u16> {
        const DAYS_MAX: u64 = 1_830;
        const DAY: u64 = 86_400;
        let seconds = self.duration(typed)?.as_secs();
        if !seconds.is_multiple_of(DAY) || seconds > DAYS_MAX * DAY {
            let message = format!("a window of {:?} can't be kept", typed.value.0);
            self.tell(
                typed.place,
                message,
                "write whole days, at most 1830d, such as 90d",
            );
            return None;
        }
        u16::try_from(seconds / DAY).ok()
    }

    fn cohort(&mut self, raw: &RawCohort, watched: bool) -> Option<CohortBy> {
        let dimension = self.name("dimension", &raw.by);
        if raw.by.value.contains('=') {
            let message = format!("the dimension {:?} contains =", raw.by.value);
            self.tell(
                raw.by.place,
                message,
                "write a name without =: a cohort is called dimension=value",
            );
            return None;
        }
        let alone = raw.by.value == "all";
        let values_max = if alone { 1 } else { VALUES_MAX };
        let values_max = self.count("values_max", raw.values_max.as_ref(), values_max);
        let expected = self.count("expected", raw.expected.as_ref(), values_max?);
        let replies = self.replies_per_year(raw, watched);
        let target = raw.target.as_ref();
        let target = target.map(|typed| self.within_range("target", typed, -100.0..=100.0));
        Some(CohortBy {
            dimension: dimension?,
            values_max: values_max?,
            replies_per_year: replies?,
            expected: expected?,
            target: match target {
                Some(target) => Some(target?),
                None => None,
            },
        })
    }

    /// Only the threshold of a watched shift needs this number.
    fn replies_per_year(&mut self, raw: &RawCohort, watched: bool) -> Option<f64> {
        match &raw.replies_per_year {
            Some(typed) => self.within_range("replies_per_year", typed, 1.0..=1e9),
            None if watched => {
                self.tell(
                    raw.by.place,
                    format!("replies_per_year of cohort {:?} is missing", raw.by.value),
                    "write how many replies one such group gets in a year: the alarm threshold follows from it",
                );
                None
            }
            None => Some(0.0),
        }
    }

    fn shift(&mut self, raw: &RawShift) -> Option<Shift> {
        let rule = self.rule_id(raw.rule.as_ref(), "nps-shift");
        let grace = self.optional_duration(raw.grace.as_ref(), GRACE);
        let baseline = raw.baseline_replies.as_ref();
        let baseline = self.count("baseline_replies", baseline, BASELINE_REPLIES);
        let tolerance = match &raw.tolerance {
            Some(typed) => self.within_range("tolerance", typed, 0.0..=100.0),
            None => Some(TOLERANCE),
        };
        let false_alarms = match &raw.false_alarms_per_year {
            Some(typed) => self.within_range("false_alarms_per_year", typed, 0.001..=1e6),
            None => Some(FALSE_ALARMS_PER_YEAR),
        };
        Some(Shift {
            rule: rule?,
            severity: severity(raw.severity, Severity::Warning),
            grace: grace?,
            baseline_replies: baseline?,
            tolerance: tolerance?,
            false_alarms_per_year: false_alarms?,
        })
    }

    fn turned_detractor(&mut self, raw: &RawTurnedDetractor) -> Option<TurnedDetractor> {
        Some(TurnedDetractor {
            rule: self.rule_id(raw.rule.as_ref(), "promoter-turned-detractor")?,
            severity: severity(raw.severity, Severity::Warning),
        })
    }

    fn rule_id(&mut self, typed: Option<&At<String>>, default: &str) -> Option<Text> {
        match typed {
            Some(typed) => self.name("rule id", typed),
            None => Some(text(default)),
        }
    }

    fn count(&mut self, what: &str, typed: Option<&At<u32>>, default: u32) -> Option<u32> {
        let Some(typed) = typed else {
            return Some(default);
        };
        let number = f64::from(typed.value);
        let at = At {
            value: number,
            place: typed.place,
        };
        self.within_range(what, &at, 1.0..=1e6)?;
        Some(typed.value)
    }

    fn within_range(
        &mut self,
        what: &str,
        typed: &At<f64>,
        range: RangeInclusive<f64>,
    ) -> Option<f64> {
        if range.contains(&typed.value) {
            return Some(typed.value);
        }
        let (low, high) = range.into_inner();
        let message = format!("{what} is {}", typed.value);
        self.tell(
            typed.place,
            message,
            format!("write a number from {low} to {high}"),
        );
        None
    }
}

fn waves(raw: RawWaves) -> Waves {
    match raw {
        RawWaves::Month => Waves::Month,
        RawWaves::Quarter => Waves::Quarter,
        RawWaves::Year => Waves::Year,
    }
}
