//! From the text of a file to the definition it means, or to everything that is wrong with it.
//!
//! | chapter  | what it reads                                  |
//! | -------- | ---------------------------------------------- |
//! | `rule`   | expectations: selectors, limits, what to raise |
//! | `scores` | NPS: cohorts, waves, shift                     |
//!
//! Each part is read on its own; a part that fails is reported and left out, and reading goes on.

mod rule;
mod scores;

use std::collections::BTreeMap;
use std::ops::Deref;
use std::time::Duration;

use super::placed::At;
use super::problem::{Place, Problem, ProblemSeverity};
use super::raw::{
    RawApplications, RawDefinition, RawDuration, RawFeedClass, RawFeeds, RawKind, RawKinds,
    RawSeverity, RawStage,
};
use super::{
    Definition, Edition, FeedClass, Feeds, KindSet, Stage, duration, edition, lint, names, shape,
    tree,
};
use crate::derived::Severity;
use crate::event::{FeedName, Kind, Text};

impl Definition {
    /// Reads a definition file.
    ///
    /// Returns the definition with warnings, in the order of the file.
    ///
    /// # Errors
    /// All problems found, errors and warnings, in the order of the file; at least one is an error.
    pub fn parse(text: &str) -> Result<(Self, Vec<Problem>), Vec<Problem>> {
        let node = tree::read(text).map_err(|problem| vec![problem])?;
        let (raw, mut problems) = shape::read::<RawDefinition>(&node);
        let definition = raw.and_then(|raw| {
            let mut reading = Reading::of(&raw);
            let definition = reading.definition(&raw, edition::fingerprint(&node));
            problems.append(&mut reading.problems);
            problems.extend(lint::check(&raw, definition.as_ref()));
            definition
        });
        problems.sort_by_key(|problem| problem.place);
        let usable = problems
            .iter()
            .all(|problem| problem.severity == ProblemSeverity::Warning);
        match definition {
            Some(definition) if usable => Ok((definition, problems)),
            _ => Err(problems),
        }
    }
}

const LATENESS_DIGITAL: Duration = Duration::from_hours(1);
const LATENESS_OFFLINE: Duration = Duration::from_hours(7 * 24);
const DECIDED_BY: [Kind; 4] = [
    Kind::ApplicationApproved,
    Kind::ApplicationDeclined,
    Kind::ApplicationWithdrawn,
    Kind::ApplicationCancelled,
];
const ENDED_BY: [Kind; 4] = [
    Kind::ApplicationDeclined,
    Kind::ApplicationWithdrawn,
    Kind::ApplicationCancelled,
    Kind::FundsDisbursed,
];

/// What is known while reading, and what went wrong so far.
struct Reading {
    problems: Vec<Problem>,
    stages: Vec<String>,
    outputs: Vec<Text>,
}

impl Reading {
    fn of(raw: &RawDefinition) -> Self {
        let stages = raw.stages.iter().filter_map(|stage| stage.0.as_ref());
        let outputs = match raw.outputs.as_deref() {
            None | Some([]) => vec!["alerts".into()],
            Some(outputs) => outputs.iter().map(|output| text(output)).collect(),
        };
        Self {
            problems: Vec::new(),
            stages: stages.map(|stage| stage.name.value.clone()).collect(),
            outputs,
        }
    }

    fn definition(&mut self, raw: &RawDefinition, fingerprint: Text) -> Option<Definition> {
        let name = self.name("definition", &raw.definition);
        let version = self.name("version", &raw.version);
        let zone = self.zone(raw.zone.as_ref());
        let feeds = self.feeds(raw.feeds.as_ref());
        let (decided_by, ended_by) = self.applications(raw.applications.as_ref());
        let stages = raw.stages.iter().filter_map(|stage| stage.0.as_ref());
        let stages = stages.map(|stage| self.stage(stage)).collect();
        let rules = raw.rules.iter().filter_map(|rule| rule.0.as_ref());
        let rules = rules
            .filter_map(|rule| self.rule(rule, feeds.as_ref()))
            .collect();
        let nps = raw.nps.as_ref().map(|nps| self.nps(nps));
        for output in raw.outputs.iter().flatten() {
            self.name("output", output);
        }
        Some(Definition {
            name: name?,
            edition: Edition {
                version: version?,
                fingerprint,
            },
            feeds: feeds?,
            zone: zone?,
            decided_by,
            ended_by,
            stages,
            rules,
            nps: match nps {
                Some(nps) => Some(nps?),
                None => None,
            },
            outputs: self.outputs.clone(),
        })
    }

    fn tell(&mut self, place: Place, message: impl Into<String>, help: impl Into<String>) {
        self.problems
            .push(Problem::error(place, message).help(help));
    }

    /// Checks a name that ends up in alerts and metrics.
    fn name<T: Deref<Target = str>>(&mut self, what: &str, typed: &At<T>) -> Option<Text> {
        const CHARS_MAX: usize = 64;
        let printable = typed.chars().all(|c| !c.is_control());
        match typed.chars().count() {
            0 => self.tell(
                typed.place,
                format!("{what} is empty"),
                format!("write a short name, such as {what}: \"2026.1\""),
            ),
            1..=CHARS_MAX if printable => return Some(text(typed)),
            1..=CHARS_MAX => self.tell(
                typed.place,
                format!("{what} holds characters that can't be printed"),
                "write it on one line, without tabs",
            ),
            chars => self.tell(
                typed.place,
                format!("{what} has {chars} characters"),
                format!("write at most {CHARS_MAX}"),
            ),
        }
        None
    }

    fn zone(&mut self, typed: Option<&At<String>>) -> Option<jiff::tz::TimeZone> {
        let Some(typed) = typed else {
            return Some(jiff::tz::TimeZone::UTC);
        };
        let zone = jiff::tz::TimeZone::get(typed).ok();
        if zone.is_none() {
            let message = format!("unknown time zone {:?}", typed.value);
            let known = jiff::tz::db().available().collect::<Vec<_>>();
            let help = match names::nearest(typed, known.iter().map(jiff::tz::TimeZoneName::as_str))
            {
                Some(name) => format!("did you mean {name:?}?"),
                None => "write a name such as Europe/Berlin, or UTC".to_owned(),
            };
            self.tell(typed.place, message, help);
        }
        zone
    }

    fn feeds(&mut self, raw: Option<&RawFeeds>) -> Option<Feeds> {
        let none = RawFeeds::default();
        let raw = raw.unwrap_or(&none);
        let lateness = raw.allowed_lateness.as_ref();
        let typed = lateness.and_then(|lateness| lateness.digital.as_ref());
        let digital = self.optional_duration(typed, LATENESS_DIGITAL);
        let typed = lateness.and_then(|lateness| lateness.offline.as_ref());
        let offline = self.optional_duration(typed, LATENESS_OFFLINE);
        Some(Feeds {
            digital: digital?,
            offline: offline?,
            classes: self.feed_classes(raw),
            otherwise: match raw.otherwise {
                None | Some(RawFeedClass::Digital) => FeedClass::Digital,
                Some(RawFeedClass::Offline) => FeedClass::Offline,
            },
        })
    }

    fn feed_classes(&mut self, raw: &RawFeeds) -> BTreeMap<FeedName, FeedClass> {
        let digital = raw.digital.iter().map(|name| (name, FeedClass::Digital));
        let offline = raw.offline.iter().map(|name| (name, FeedClass::Offline));
        let mut classes = BTreeMap::new();
        for (typed, class) in digital.chain(offline) {
            let Some(name) = self.feed(typed) else {
                continue;
            };
            if classes.insert(name, class).is_some() {
                let message = format!("feed {:?} is named twice", typed.value);
                self.tell(
                    typed.place,
                    message,
                    "name it once, under digital or under offline",
                );
            }
        }
        classes
    }

    fn feed(&mut self, typed: &At<String>) -> Option<FeedName> {
        self.name("feed", typed)
            .and_then(|name| FeedName::parse(name).ok())
    }

    fn applications(&mut self, raw: Option<&RawApplications>) -> (KindSet, KindSet) {
        let mut kinds = |typed: Option<&RawKinds>, default: [Kind; 4]| match typed {
            Some(typed) => self.kinds(typed).unwrap_or_default(),
            None => default.into_iter().collect(),
        };
        (
            kinds(raw.and_then(|raw| raw.decided_by.as_ref()), DECIDED_BY),
            kinds(raw.and_then(|raw| raw.ended_by.as_ref()), ENDED_BY),
        )
    }

    fn stage(&mut self, raw: &RawStage) -> Stage {
        let name = self.name("stage", &raw.name);
        let entered_by = raw.entered_by.as_ref();
        let entered_by = entered_by.and_then(|kinds| self.kinds(kinds));
        Stage {
            name: name.unwrap_or_default(),
            entered_by: entered_by.unwrap_or_default(),
            next: raw
                .next
                .iter()
                .filter_map(|next| self.known_stage(next))
                .collect(),
        }
    }

    fn known_stage<T: Deref<Target = str>>(&mut self, typed: &At<T>) -> Option<Text> {
        let name: &str = typed;
        if self.stages.iter().any(|stage| stage == name) {
            return Some(text(name));
        }
        let message = format!("unknown stage {name:?}");
        let help = if self.stages.is_empty() {
            "declare it under stages".to_owned()
        } else {
            names::suggestion(name, self.stages.iter().map(String::as_str))
        };
        self.tell(typed.place, message, help);
        None
    }

    fn kinds(&mut self, raw: &RawKinds) -> Option<KindSet> {
        match raw {
            RawKinds::Text(kind) => self.kind_set(std::slice::from_ref(kind)),
            RawKinds::List(kinds) => self.kind_set(kinds),
        }
    }

    /// Reads a list of kinds; none if one of them is unknown, so that nothing is said of a set that was not meant.
    fn kind_set(&mut self, typed: &[At<RawKind>]) -> Option<KindSet> {
        let sets: Vec<_> = typed.iter().map(|kind| self.kind(kind)).collect();
        let known = sets.into_iter().collect::<Option<Vec<_>>>()?;
        Some(known.into_iter().fold(KindSet::NONE, KindSet::union))
    }

    fn kind(&mut self, typed: &At<RawKind>) -> Option<KindSet> {
        let name = typed.value.0.as_str();
        if name == "any" {
            return Some(KindSet::ALL);
        }
        let kind = Kind::from_name(name);
        if kind.is_none() {
            let known = Kind::ALL.iter().map(|kind| kind.name());
            let help = match names::nearest(name, known) {
                Some(near) => format!("did you mean {near:?}?"),
                None => "write a kind of event such as application.submitted, or any".to_owned(),
            };
            self.tell(typed.place, format!("unknown kind of event {name:?}"), help);
        }
        kind.map(|kind| [kind].into_iter().collect())
    }

    fn duration(&mut self, typed: &At<RawDuration>) -> Option<Duration> {
        self.elapsed(typed, duration::parse(&typed.value.0))
    }

    /// Reads a duration that may be zero, or takes the default.
    fn optional_duration(
        &mut self,
        typed: Option<&At<RawDuration>>,
        default: Duration,
    ) -> Option<Duration> {
        match typed {
            Some(typed) => self.elapsed(typed, duration::parse_or_zero(&typed.value.0)),
            None => Some(default),
        }
    }

    fn elapsed(
        &mut self,
        typed: &At<RawDuration>,
        read: Result<Duration, duration::DurationError>,
    ) -> Option<Duration> {
        read.map_err(|error| self.tell(typed.place, error.message, error.help))
            .ok()
    }
}

fn severity(raw: Option<RawSeverity>, default: Severity) -> Severity {
    match raw {
        None => default,
        Some(RawSeverity::Info) => Severity::Info,
        Some(RawSeverity::Warning) => Severity::Warning,
        Some(RawSeverity::Critical) => Severity::Critical,
    }
}

fn text(typed: &str) -> Text {
    typed.into()
}
