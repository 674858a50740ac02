//! What is told: an invented history, or a log that somebody brings along, as records in the order of their arrival.

use std::time::Duration;

use waymark_engine::event::{Decoded, Timestamp, encode_json};

use crate::simulate::{Arrival, DAYS_PER_EVENT, Options, Share, Simulation};
use crate::source::{Record, Source, SourceError};

/// One record of a story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scene {
    /// When it is told, in the time of the story; never falls.
    pub(super) at: Timestamp,
    /// Whose it is; a heartbeat, which is nobody's, goes to every partition.
    pub(super) customer: Option<String>,
    /// Its value.
    pub(super) value: Vec<u8>,
}

/// A story.
pub(crate) struct Story<'a> {
    /// When it begins.
    pub(crate) begin: Timestamp,
    /// When it ends, if that is known beforehand.
    pub(crate) end: Option<Timestamp>,
    pub(super) scenes: Box<dyn Iterator<Item = Result<Scene, SourceError>> + Send + 'a>,
}

/// What to invent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Invented {
    /// Another seed, another story.
    pub(crate) seed: u64,
    /// How many customers there are.
    pub(crate) customers: u32,
    /// How long it lasts.
    pub(crate) span: Duration,
}

/// Returns how much of a story passes in a while.
pub(crate) fn passes(speed: Duration, seconds: f64) -> Duration {
    let passes = speed.as_secs_f64() * seconds;
    Duration::try_from_secs_f64(passes).unwrap_or(Duration::MAX)
}

/// A Monday.
const BEGIN: &str = "2026-01-05T00:00:00Z";

const DAY: Duration = Duration::from_hours(24);

impl<'a> Story<'a> {
    /// Invents a history: mostly sound, now and then a record twice or broken, as it is in a bank.
    pub(crate) fn invent(invented: Invented) -> Self {
        let begin = Timestamp::parse(BEGIN).expect("a literal");
        let end = begin + invented.span;
        let arrivals = Simulation::new(&invented.options(begin));
        let scenes = arrivals.map(|arrival| Scene::of_arrival(&arrival));
        let scenes = scenes.take_while(move |scene| scene.at <= end).map(Ok);
        Self {
            begin,
            end: Some(end),
            scenes: Box::new(scenes),
        }
    }

    /// Tells a log. Records that make no sense, and those later than `now`, are told when the one before them is.
    ///
    /// # Errors
    /// [`SourceError`] if the log can't be read.
    pub(crate) fn of_log(mut log: Source<'a>, now: Timestamp) -> Result<Option<Self>, SourceError> {
        // Whatever makes no sense before the first event waits for it.
        let mut before = Vec::new();
        let begin = loop {
            let Some(record) = log.next().transpose()? else {
                return Ok(None);
            };
            let at = time_of(&record, now);
            before.push(record);
            if let Some(at) = at {
                break at;
            }
        };
        let mut told = begin;
        let scenes = before.into_iter().map(Ok).chain(log).map(move |record| {
            let record = record?;
            told = told.max(time_of(&record, now).unwrap_or(told));
            Ok(Scene::of_record(record, told))
        });
        Ok(Some(Self {
            begin,
            end: None,
            scenes: Box::new(scenes),
        }))
    }
}

impl Invented {
    fn options(&self, start: Timestamp) -> Options {
        let days = self.span.as_secs().div_ceil(DAY.as_secs());
        let share = |text: &str| -> Share { text.parse().expect("a literal") };
        Options {
            seed: self.seed,
            customers: self.customers,
            events: days
                .saturating_mul(self.customers.into())
                .div_ceil(DAYS_PER_EVENT),
            start,
            disorder: Duration::ZERO,
            duplicates: share("0.005"),
            bad: share("0.001"),
        }
    }
}

impl Scene {
    /// Its key: whose it is.
    pub(super) fn key(&self) -> &[u8] {
        self.customer.as_deref().unwrap_or_default().as_bytes()
    }

    /// How large its record is.
    pub(super) fn bytes(&self) -> usize {
        self.key().len() + self.value.len()
    }

    fn of_arrival(arrival: &Arrival) -> Self {
        let customer = arrival.event.customer.as_ref();
        Self {
            at: arrival.event.occurred_at,
            customer: customer.map(ToString::to_string),
            value: arrival.json().into_bytes(),
        }
    }

    /// What was understood is told as JSON, whatever it was written in; anything else as it stood there.
    fn of_record(record: Record, at: Timestamp) -> Self {
        let Ok(Decoded::Event(event)) = &record.decoded else {
            let customer = Some(String::new());
            let value = record.value;
            return Self {
                at,
                customer,
                value,
            };
        };
        let mut value = Vec::new();
        encode_json(event, &mut value);
        Self {
            at,
            customer: event.customer.as_ref().map(ToString::to_string),
            value,
        }
    }
}

fn time_of(record: &Record, now: Timestamp) -> Option<Timestamp> {
    match &record.decoded {
        Ok(Decoded::Event(event)) => Some(event.occurred_at).filter(|at| *at <= now),
        Ok(Decoded::Ignored { .. }) | Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{self, Input};

    fn log(lines: &'static [u8]) -> Vec<(String, String)> {
        let name = "test";
        let log = source::open(vec![Input::Shipped { name, bytes: lines }], None).unwrap();
        let now = Timestamp::parse("2026-02-01T00:00:00Z").unwrap();
        let story = Story::of_log(log, now).unwrap();
        let scenes = story.into_iter().flat_map(|story| story.scenes);
        let scenes = scenes.map(|scene| {
            let scene = scene.unwrap();
            (scene.at.to_string(), scene.customer.unwrap_or_default())
        });
        scenes.collect()
    }

    macro_rules! event {
        ($id:literal, $at:literal) => {
            concat!(
                r#"{"event_id":""#,
                $id,
                r#"","customer_id":"C1","occurred_at":""#,
                $at,
                r#"","source":"web","channel":"web","actor":{"type":"customer"},"#,
                r#""body":{"type":"digital.logged_in"}}"#,
                "\n"
            )
        };
    }

    #[test]
    fn a_log_is_told_in_its_order_and_its_clock_never_falls_nor_passes_the_present() {
        let scenes = log(concat!(
            "{}\n",
            event!("1", "2026-01-02T00:00:00Z"),
            event!("2", "2026-01-01T00:00:00Z"),
            event!("3", "2199-01-01T00:00:00Z"),
            event!("4", "2026-01-03T00:00:00Z")
        )
        .as_bytes());
        let told: Vec<_> = scenes.iter().map(|(at, who)| (&at[..10], &**who)).collect();
        let expected = [
            ("2026-01-02", ""),
            ("2026-01-02", "C1"),
            ("2026-01-02", "C1"),
            ("2026-01-02", "C1"),
            ("2026-01-03", "C1"),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_log_without_an_event_is_no_story() {
        assert!(log(b"{}\n[]\n").is_empty());
    }

    #[test]
    fn an_invented_story_is_the_same_each_time_and_ends_in_time() {
        let invented = Invented {
            seed: 7,
            customers: 20,
            span: 30 * DAY,
        };
        let told = || -> Vec<Scene> {
            let scenes = Story::invent(invented).scenes;
            scenes.map(|scene| scene.unwrap()).collect()
        };
        let (story, scenes) = (Story::invent(invented), told());
        assert_eq!(scenes, told());
        assert!(scenes.len() > 50 && scenes.is_sorted_by_key(|scene| scene.at));
        assert!(scenes.iter().all(|scene| Some(scene.at) <= story.end));
    }
}
