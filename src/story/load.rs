//! From a file as typed to stories as meant. The first mistake is told with its line and what to write instead.

use std::path::Path;
use std::sync::Arc;

use serde_saphyr::Spanned;
use waymark_engine::definition::{Definition, Problem};
use waymark_engine::event::{Reason, Timestamp};

use super::event::event;
use super::look::{Form, Wanted};
use super::raw::{RawDefinition, RawExpected, RawFile, RawKeys, RawPairs, RawStep, RawStory};
use super::time::Clock;
use super::{Does, Expected, Step, Story, StoryFile};
use crate::names::unknown;
use crate::yaml::{Mistake, mistake, read, spot};

/// What is wrong with a file of stories, and where.
#[derive(Debug, thiserror::Error)]
pub enum StoryError {
    /// The file, or the definition it names, cannot be read.
    #[error("{file}: cannot be read")]
    Read {
        /// Which file.
        file: Arc<str>,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file does not say what stories say.
    #[error("{file}:{line}:{column}: {message}")]
    Wrong {
        /// The file of the stories.
        file: Arc<str>,
        /// Where, from 1; 0 if unknown.
        line: u64,
        /// Where in the line, from 1; 0 if unknown.
        column: u64,
        /// What is wrong.
        message: String,
    },
    /// The definition has errors.
    #[error("the definition has errors{}", told(file, problems))]
    Definition {
        /// The file of the definition.
        file: Arc<str>,
        /// All that is wrong with it.
        problems: Vec<Problem>,
    },
}

fn told(file: &str, problems: &[Problem]) -> String {
    let lines = problems.iter().map(|problem| format!("\n{file}:{problem}"));
    lines.collect()
}

impl StoryFile {
    /// Reads stories, and the definition they are about, from a file.
    ///
    /// # Errors
    /// [`StoryError`], with the line of the first mistake.
    pub fn load(path: &Path) -> Result<Self, StoryError> {
        Self::parse(path, &read_text(path)?)
    }

    /// Reads stories from text; `path` is the name that messages give it, and where the name of a definition leads from.
    ///
    /// # Errors
    /// [`StoryError`], with the line of the first mistake.
    pub fn parse(path: &Path, text: &str) -> Result<Self, StoryError> {
        let file: Arc<str> = path.to_string_lossy().into();
        let wrong = |Mistake { spot, message }| StoryError::Wrong {
            file: Arc::clone(&file),
            line: spot.line,
            column: spot.column,
            message,
        };
        let raw: RawFile = read(text).map_err(wrong)?;
        let definition = match raw.definition.map(|definition| definition.value) {
            None => Definition::shipped_default(),
            Some(RawDefinition::Here) => definition(path, &alone(text))?,
            Some(RawDefinition::File(name)) => {
                let beside = path.with_file_name(name);
                definition(&beside, &read_text(&beside)?)?
            }
        };
        let stories = stories(&raw.stories).map_err(wrong)?;
        Ok(Self {
            file,
            definition,
            stories,
        })
    }
}

fn read_text(path: &Path) -> Result<String, StoryError> {
    std::fs::read_to_string(path).map_err(|source| StoryError::Read {
        file: path.to_string_lossy().into(),
        source,
    })
}

fn definition(path: &Path, text: &str) -> Result<Definition, StoryError> {
    match Definition::parse(text) {
        Ok((definition, _)) => Ok(definition),
        Err(problems) => Err(StoryError::Definition {
            file: path.to_string_lossy().into(),
            problems,
        }),
    }
}

/// Blanks out all but the definition, so that its problems are told with their places in this file.
fn alone(text: &str) -> String {
    const KEY: &str = "definition:";
    let mut inside = false;
    let mut alone = String::with_capacity(text.len());
    for line in text.lines() {
        let key = !line.starts_with([' ', '\t', '#', '}']) && !line.is_empty();
        inside = if key { line.starts_with(KEY) } else { inside };
        match line.strip_prefix(KEY) {
            Some(rest) if inside => alone.extend([&" ".repeat(KEY.len()), rest]),
            _ if inside => alone.push_str(line),
            _ => {}
        }
        alone.push('\n');
    }
    alone
}

fn stories(raw: &Spanned<Vec<RawStory>>) -> Result<Vec<Story>, Mistake> {
    if raw.value.is_empty() {
        return Err(mistake(raw)("there are no stories".to_owned()));
    }
    let mut stories: Vec<Story> = Vec::with_capacity(raw.value.len());
    for typed in &raw.value {
        if let Some(same) = stories.iter().find(|story| story.name == typed.name.value) {
            let message = format!("the story of line {} has this name already", same.line);
            return Err(mistake(&typed.name)(message));
        }
        stories.push(story(typed)?);
    }
    Ok(stories)
}

/// Monday, nine o'clock.
const START: &str = "2026-03-02T09:00:00Z";

fn story(raw: &RawStory) -> Result<Story, Mistake> {
    let start = match &raw.start {
        Some(typed) => {
            Timestamp::parse(&typed.value).map_err(|error| mistake(typed)(error.to_string()))?
        }
        None => Timestamp::parse(START).expect("a literal, used by every test"),
    };
    let mut clock = Clock::at(start);
    let mut script = Vec::with_capacity(raw.script.len());
    for (place, typed) in raw.script.iter().enumerate() {
        let does = step(typed, &mut clock, place + 1)?;
        let line = spot(typed).line;
        script.push(Step { line, does });
    }
    if !script.iter().any(Step::looks) {
        let message = "the story looks at nothing: add alerts, no_alerts, scores or expect";
        return Err(mistake(&raw.name)(message.to_owned()));
    }
    Ok(Story {
        line: spot(&raw.name).line,
        name: raw.name.value.clone(),
        start,
        script,
    })
}

impl Step {
    fn looks(&self) -> bool {
        match &self.does {
            Does::Take { expected, .. } => *expected != Expected::Applied,
            Does::Advance { .. } => false,
            Does::LookAtAlerts(_) => true,
            Does::LookAtScores(wanted) => !wanted.is_empty(),
        }
    }
}

fn step(typed: &Spanned<RawStep>, clock: &mut Clock, place: usize) -> Result<Does, Mistake> {
    let keys = match &typed.value {
        RawStep::NoAlerts => return Ok(Does::LookAtAlerts(Vec::new())),
        RawStep::Keys(keys) => keys,
    };
    if keys.count() != 1 || (keys.expect.is_some() && keys.event.is_none()) {
        let message =
            "a step is one of event (with expect), advance, advance_to, alerts, no_alerts, scores";
        return Err(mistake(typed)(message.to_owned()));
    }
    if let Some(typed) = &keys.event {
        let expected = keys
            .expect
            .as_ref()
            .map_or(Ok(Expected::Applied), expected)?;
        event(typed, expected, *clock, &format!("event-{place}"))
    } else if let Some(by) = &keys.advance {
        clock.advance(&by.value).map_err(mistake(by))?;
        Ok(Does::Advance { to: clock.now() })
    } else if let Some(to) = &keys.advance_to {
        clock.advance_to(&to.value).map_err(mistake(to))?;
        Ok(Does::Advance { to: clock.now() })
    } else if let Some(alerts) = &keys.alerts {
        wanted(alerts, Form::ALERT, *clock).map(Does::LookAtAlerts)
    } else {
        let scores = keys.scores.as_deref().unwrap_or_default();
        wanted(scores, Form::SCORE, *clock).map(Does::LookAtScores)
    }
}

impl RawKeys {
    fn count(&self) -> usize {
        let said = [
            self.event.is_some(),
            self.advance.is_some(),
            self.advance_to.is_some(),
            self.alerts.is_some(),
            self.scores.is_some(),
        ];
        said.iter().filter(|said| **said).count()
    }
}

fn wanted(
    typed: &[Spanned<RawPairs>],
    forms: &[(&'static str, Form)],
    clock: Clock,
) -> Result<Vec<Wanted>, Mistake> {
    typed
        .iter()
        .map(|typed| Wanted::mean(typed, forms, clock))
        .collect()
}

fn expected(raw: &RawExpected) -> Result<Expected, Mistake> {
    Ok(match raw {
        RawExpected::Applied => Expected::Applied,
        RawExpected::Duplicate => Expected::Duplicate,
        RawExpected::Late => Expected::Late,
        RawExpected::Ignored => Expected::Ignored,
        RawExpected::DeadLetter(typed) => {
            let mut reasons = Reason::ALL.iter();
            let reason = reasons.find(|reason| reason.code() == typed.value);
            Expected::DeadLetter(*reason.ok_or_else(|| {
                let codes: Vec<&str> = Reason::ALL.iter().map(|reason| reason.code()).collect();
                mistake(typed)(unknown("reason", &typed.value, &codes))
            })?)
        }
    })
}
