//! Stories at work: the engine of a replay, one story at a time, and how each ended.
//!
//! A story ends at its first failure. Alerts that nobody looked at until the end are one.

use serde::Serialize;
use waymark_engine::derived::Alert;
use waymark_engine::event::{Decoded, Rejection, Timestamp};
use waymark_engine::journey::Journey;
use waymark_engine::reference::Reference;
use waymark_engine::rules::Rules;
use waymark_engine::stage::{Derived, Outcome, Table};

use super::look::{Facts, Said, Wanted, of_alert, of_score};
use super::{Does, Expected, Step, Story, StoryFile};

/// How stories ended.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// How many went as told.
    pub passed: usize,
    /// How many did not.
    pub failed: usize,
    /// Each, in the order of the files.
    pub stories: Vec<Ending>,
}

/// How one story ended.
#[derive(Debug, Serialize)]
pub struct Ending {
    /// Its file.
    pub file: String,
    /// Where it begins.
    pub line: u64,
    /// Its name.
    pub name: String,
    /// What went wrong, if anything.
    pub failure: Option<Failure>,
}

/// What went otherwise than told, and where.
#[derive(Debug, Serialize)]
pub struct Failure {
    /// The line of the step.
    pub line: u64,
    /// The step, from 1.
    pub step: usize,
    /// What went otherwise.
    #[serde(flatten)]
    pub difference: Difference,
}

/// What went otherwise than told.
#[derive(Debug, Serialize)]
pub struct Difference {
    /// What it is about, in a few words.
    pub message: String,
    /// What was expected, where there is more to say.
    pub expected: Vec<Line>,
    /// What came.
    pub came: Vec<Line>,
}

/// One alert or score of a failure.
#[derive(Debug, Serialize)]
pub struct Line {
    /// Whether it is as the other side says.
    pub fits: bool,
    /// What it says.
    pub fields: Vec<Said>,
}

impl Report {
    /// Adds the endings of a file.
    pub fn add(&mut self, endings: Vec<Ending>) {
        let failed = endings.iter().filter(|it| it.failure.is_some()).count();
        self.failed += failed;
        self.passed += endings.len() - failed;
        self.stories.extend(endings);
    }
}

impl StoryFile {
    /// Runs all its stories.
    pub fn run(&self) -> Vec<Ending> {
        let ending = |story: &Story| Ending {
            file: self.file.to_string(),
            line: story.line,
            name: story.name.clone(),
            failure: story.run(Rules::new(self.definition.clone())).err(),
        };
        self.stories.iter().map(ending).collect()
    }
}

impl Story {
    fn run(&self, rules: Rules) -> Result<(), Failure> {
        let mut world = World::new(rules, self.start);
        let failure = |place: usize| {
            let line = self.script.get(place).map_or(self.line, |step| step.line);
            let step = place + 1;
            move |difference| Failure {
                line,
                step,
                difference,
            }
        };
        for (place, step) in self.script.iter().enumerate() {
            world.take(step).map_err(failure(place))?;
        }
        let unseen = compare_alerts("alerts that nobody looked at", &[], &world.unseen());
        unseen.map_err(failure(self.script.len() - 1))
    }
}

/// Both stages, and the clock that drives them.
struct World {
    engine: Reference,
    table: Table<Journey>,
    clock: Timestamp,
    derived: Derived,
}

impl World {
    fn new(rules: Rules, start: Timestamp) -> Self {
        let mut world = Self {
            engine: Reference::new(rules),
            table: Table::new(),
            clock: start,
            derived: Derived::default(),
        };
        world.advance(start);
        world
    }

    fn take(&mut self, step: &Step) -> Result<(), Difference> {
        match &step.does {
            Does::Take { record, expected } => self.record(record, *expected),
            Does::Advance { to } => {
                self.advance(*to);
                Ok(())
            }
            Does::LookAtAlerts(wanted) => {
                compare_alerts("other alerts than told", wanted, &self.unseen())
            }
            Does::LookAtScores(wanted) => self.compare_scores(wanted),
        }
    }

    fn advance(&mut self, to: Timestamp) {
        self.clock = to;
        self.engine.advance(&mut self.table, to, &mut self.derived);
    }

    fn record(
        &mut self,
        record: &Result<Decoded, Rejection>,
        expected: Expected,
    ) -> Result<(), Difference> {
        let outcome = match record {
            Ok(Decoded::Event(event)) => {
                let (table, derived) = (&mut self.table, &mut self.derived);
                self.engine.take(table, event, self.clock, derived)
            }
            Ok(Decoded::Ignored { .. }) => Outcome::Ignored,
            Err(rejection) => Outcome::DeadLettered(rejection.clone()),
        };
        if expected.is(&outcome) {
            return Ok(());
        }
        Err(Difference {
            message: format!("the event was {}, not {}", told(&outcome), expected.told()),
            expected: Vec::new(),
            came: Vec::new(),
        })
    }

    /// Takes the alerts since the last look.
    fn unseen(&mut self) -> Vec<Alert> {
        std::mem::take(&mut self.derived.alerts)
    }

    /// Each score wanted must stand; others may.
    fn compare_scores(&self, wanted: &[Wanted]) -> Result<(), Difference> {
        let scores: Vec<Facts> = self.engine.scores().iter().map(of_score).collect();
        let missing = |wanted: &&Wanted| !scores.iter().any(|score| wanted.fits(score));
        let Some(wanted) = wanted.iter().find(missing) else {
            return Ok(());
        };
        let came = scores.iter().map(|score| Line {
            fits: false,
            fields: Wanted::shown_instead(score, Some(wanted), &["cohort", "nps", "replies"]),
        });
        Err(Difference {
            message: "no such score".to_owned(),
            expected: vec![Line {
                fits: false,
                fields: wanted.shown(None),
            }],
            came: came.collect(),
        })
    }
}

impl Expected {
    fn is(self, outcome: &Outcome) -> bool {
        match outcome {
            Outcome::Applied => self == Expected::Applied,
            Outcome::Duplicate => self == Expected::Duplicate,
            Outcome::Late => self == Expected::Late,
            Outcome::Ignored => self == Expected::Ignored,
            Outcome::DeadLettered(rejection) => self == Expected::DeadLetter(rejection.reason),
        }
    }

    fn told(self) -> String {
        match self {
            Expected::Applied => "applied".to_owned(),
            Expected::Duplicate => "a duplicate".to_owned(),
            Expected::Late => "late".to_owned(),
            Expected::Ignored => "ignored".to_owned(),
            Expected::DeadLetter(reason) => format!("set aside as {reason}"),
        }
    }
}

fn told(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Applied => Expected::Applied.told(),
        Outcome::Duplicate => Expected::Duplicate.told(),
        Outcome::Late => Expected::Late.told(),
        Outcome::Ignored => Expected::Ignored.told(),
        Outcome::DeadLettered(rejection) => format!("set aside as {rejection}"),
    }
}

/// What tells one alert from another, whatever a story asks for.
const TELLING: &[&str] = &[
    "kind",
    "status",
    "level",
    "at",
    "application",
    "case",
    "cohort",
];

/// Exactly these alerts, in this order.
fn compare_alerts(message: &str, wanted: &[Wanted], alerts: &[Alert]) -> Result<(), Difference> {
    let came: Vec<Facts> = alerts.iter().map(of_alert).collect();
    let fits = |place: usize| match (wanted.get(place), came.get(place)) {
        (Some(wanted), Some(came)) => wanted.fits(came),
        _ => false,
    };
    if wanted.len() == came.len() && (0..came.len()).all(fits) {
        return Ok(());
    }
    let expected = wanted.iter().enumerate().map(|(place, wanted)| Line {
        fits: fits(place),
        fields: wanted.shown(came.get(place)),
    });
    let instead = came.iter().enumerate().map(|(place, came)| Line {
        fits: fits(place),
        fields: Wanted::shown_instead(came, wanted.get(place), TELLING),
    });
    Err(Difference {
        message: message.to_owned(),
        expected: expected.collect(),
        came: instead.collect(),
    })
}
