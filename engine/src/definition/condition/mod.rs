//! A condition over an event and its subject, in CEL (Common Expression Language).
//!
//! | chapter  | what it holds                                             |
//! | -------- | --------------------------------------------------------- |
//! | `check`  | types: what is refused before it can go wrong             |
//! | `fields` | what `event` offers for each kind, taken from the bodies  |
//!
//! A condition sees `event` (the fields of the body, and `type`, `channel`, `source`, `actor`, `department`),
//! `application` (`product`, `amount`, `stage`) and `dimensions` (any name; absent reads "unknown"). A field that is
//! absent is null: `event.amount != null` asks for it, and comparing null by size is an error, which counts as no.
//! There are no loops and no regular expressions, so the time a condition takes is bounded by its length.

mod check;
mod fields;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, LazyLock};

use cel::objects::{Key, Map, Value};
use cel::parser::PrattParser;
use cel::{Context, Env, IdedExpr};

use super::KindSet;
use crate::event::Event;

/// A compiled, typed condition.
#[derive(Clone)]
pub struct Condition {
    source: Arc<str>,
    expression: Arc<IdedExpr>,
    used: Arc<Used>,
}

/// What a condition can see.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "holds a closure")]
pub struct Facts<'a> {
    /// The event itself.
    pub event: &'a Event,
    /// The application it concerns, as known before the event.
    pub application: Option<ApplicationFacts<'a>>,
    /// Looks up a dimension: of the event, else its application, else the profile.
    pub dimension: &'a dyn Fn(&str) -> Option<&'a str>,
}

/// What a condition can see of an application.
#[derive(Debug, Clone, Copy, Default)]
pub struct ApplicationFacts<'a> {
    /// Product applied for.
    pub product: Option<&'a str>,
    /// Amount asked for.
    pub amount: Option<i64>,
    /// The stage it is in.
    pub stage: Option<&'a str>,
}

/// Why a text is not a condition, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConditionError {
    /// What is the matter.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

/// The names that a condition uses: only these are built when it is asked.
#[derive(Debug, Default, PartialEq, Eq)]
struct Used {
    event: BTreeSet<String>,
    application: BTreeSet<String>,
    dimensions: BTreeSet<String>,
}

const CHARS_MAX: usize = 1_000;
const NESTING_MAX: u16 = 32;

impl Condition {
    /// Compiles a condition on events of certain kinds.
    ///
    /// # Errors
    /// [`ConditionError`] if it is not CEL, uses what is not there, compares what can't be compared, or does not answer
    /// yes or no.
    pub fn compile(source: &str, kinds: KindSet) -> Result<Self, ConditionError> {
        bounded(source)?;
        // The other parser of the crate (ANTLR) takes 100 KiB of stack for each bracket and has no limit of its own.
        let expression = PrattParser::new()
            .max_recursion_depth(NESTING_MAX)
            .parse(source)
            .map_err(|errors| syntax_error(source, &errors))?;
        let used = check::check(&expression, kinds)?;
        Ok(Self {
            source: source.into(),
            expression: Arc::new(expression),
            used: Arc::new(used),
        })
    }

    /// Returns whether the condition holds; an evaluation error, such as comparing a missing value, counts as no.
    pub fn holds(&self, facts: &Facts<'_>) -> bool {
        let mut context = Context::with_env(Arc::clone(&ENV));
        for (name, values) in self.used.values(facts) {
            context.add_variable_from_value(name, values);
        }
        matches!(
            Value::resolve(&self.expression, &context),
            Ok(Value::Bool(true))
        )
    }

    /// Returns the dimensions that it asks for, in alphabetical order.
    pub fn dimensions(&self) -> impl Iterator<Item = &str> {
        self.used.dimensions.iter().map(String::as_str)
    }

    /// Returns the text it was compiled from.
    pub fn source(&self) -> &str {
        &self.source
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Condition").field(&self.source).finish()
    }
}

/// The standard operators and functions; what we do not want of them, `check` refuses.
static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

impl Used {
    fn values(&self, facts: &Facts<'_>) -> impl Iterator<Item = (&'static str, Value)> {
        let application = facts.application.unwrap_or_default();
        let of_dimension = |name: &str| text((facts.dimension)(name).unwrap_or("unknown"));
        [
            (
                "event",
                map(&self.event, |name| fields::value(facts.event, name)),
            ),
            (
                "application",
                map(&self.application, |name| application.value(name)),
            ),
            ("dimensions", map(&self.dimensions, of_dimension)),
        ]
        .into_iter()
        .filter_map(|(name, values)| Some((name, values?)))
    }
}

fn map(names: &BTreeSet<String>, value: impl Fn(&str) -> Value) -> Option<Value> {
    let pairs = names
        .iter()
        .map(|name| (Key::from(name.clone()), value(name)));
    let map: HashMap<Key, Value> = pairs.collect();
    (!map.is_empty()).then(|| Value::Map(Map { map: Arc::new(map) }))
}

fn text(text: &str) -> Value {
    Value::String(Arc::new(text.to_owned()))
}

impl ApplicationFacts<'_> {
    fn value(&self, name: &str) -> Value {
        match name {
            "product" => self.product.map_or(Value::Null, text),
            "amount" => self.amount.map_or(Value::Null, Value::Int),
            "stage" => self.stage.map_or(Value::Null, text),
            _ => Value::Null,
        }
    }
}

/// Refuses what would take the parser long or deep, before it sees it.
fn bounded(source: &str) -> Result<(), ConditionError> {
    let chars = source.chars().count();
    if chars > CHARS_MAX {
        return Err(error(
            format!("the condition has {chars} characters"),
            format!("write at most {CHARS_MAX}; split the rule in two"),
        ));
    }
    Ok(())
}

fn syntax_error(source: &str, errors: &cel::ParseErrors) -> ConditionError {
    let said = errors.errors.first();
    let message = said.map_or_else(String::new, |error| {
        let first = error.msg.lines().next().unwrap_or_default();
        format!(" at character {}: {first}", error.pos.1)
    });
    error(format!("the condition is not CEL{message}"), slip(source))
}

/// Guesses which habit from another language it was.
fn slip(source: &str) -> &'static str {
    let words = || source.split_whitespace();
    if words().any(|word| word == "=") {
        return "write == to compare";
    }
    if words().any(|word| ["and", "or", "not", "AND", "OR", "NOT"].contains(&word)) {
        return "write && for and, || for or, ! for not";
    }
    "write for example: event.amount >= 1000000 && dimensions.tier == \"A\""
}

fn error(message: impl Into<String>, help: impl Into<String>) -> ConditionError {
    ConditionError {
        message: message.into(),
        help: help.into(),
    }
}

/// Values of a kind-specific name, for tests of this room.
#[cfg(test)]
mod tests;

/// Flat values of a custom event.
type Values = BTreeMap<crate::event::Text, crate::event::Value>;
