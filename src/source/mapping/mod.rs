//! An import mapping says what the rows of a CSV event log mean: columns become fields, activities become kinds of events.
//!
//! | chapter    | what it holds                                              |
//! | ---------- | ---------------------------------------------------------- |
//! | `raw`      | the YAML file as typed                                     |
//! | `load`     | from as typed to as meant                                  |
//! | `mistake`  | what is wrong with the file, and where                     |
//! | `template` | texts with columns in them; the cells of a row             |
//! | `moment`   | times                                                      |
//! | `fields`   | the fields of a body, and in `value` each one of them      |
//!
//! A row becomes an event through the same checks as JSON and Avro. Nothing here reads files or knows what CSV looks like.

mod fields;
mod load;
mod mistake;
mod moment;
mod raw;
mod template;
mod value;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use waymark_engine::event::{
    Actor, Channel, Decoded, Dimensions, Kind, Party, RawEvent, Reason, Rejection, Text,
};

pub use mistake::MappingError;

pub(super) use template::{Cell, Cells, FileName};

use fields::{Fields, fill};
use moment::Moment;
use raw::Otherwise;
use template::{Column, Columns, NoneIf, Template, Values};

/// What the rows of a log mean. See the shipped examples under `deploy/examples/`.
#[derive(Debug)]
pub struct Mapping {
    name: Text,
    file: Arc<str>,
    separator: u8,
    file_name: Option<FileName>,
    columns: Columns,
    none_if: NoneIf,
    feed: Text,
    channel: Channel,
    event_id: Template,
    customer_id: Template,
    application_id: Option<Template>,
    case_id: Option<Template>,
    occurred_at: Moment,
    actor: ActorForm,
    dimensions: Vec<(Text, Template)>,
    rules: Vec<Rule>,
    otherwise: Otherwise,
}

/// What a row of one sort means; the first rule that fits counts.
#[derive(Debug)]
struct Rule {
    when: Vec<(Column, Vec<Pattern>)>,
    kind: Kind,
    actor: Option<ActorForm>,
    fields: Fields,
}

/// A text, or the beginning of one where a `*` ends it.
#[derive(Debug)]
enum Pattern {
    Exactly(Box<str>),
    Beginning(Box<str>),
}

#[derive(Debug)]
struct ActorForm {
    party: Party,
    id: Option<Template>,
    department: Option<Template>,
}

impl Mapping {
    /// Returns the name that the mapping gives itself.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the file it was read from, for messages.
    pub(super) fn file(&self) -> Arc<str> {
        Arc::clone(&self.file)
    }

    /// Returns the byte between two fields.
    pub(super) fn separator(&self) -> u8 {
        self.separator
    }

    /// Returns the form of file names that hold columns.
    pub(super) fn file_name(&self) -> Option<&FileName> {
        self.file_name.as_ref()
    }

    /// Returns the columns it reads, each with the line that names it first.
    pub(super) fn columns(&self) -> impl Iterator<Item = (&str, u64)> {
        self.columns.iter()
    }

    /// Says what a row means.
    pub(super) fn decode(&self, cells: &Cells<'_>) -> Result<Decoded, Rejection> {
        let Some(rule) = self.rules.iter().find(|rule| rule.fits(cells)) else {
            return self.no_rule(cells);
        };
        let values = Values::new(*cells, &self.none_if);
        let body = fill(rule.kind, &rule.fields, &values)
            .map_err(|error| Rejection::new(Reason::Invalid, format!("body.{error}")))?;
        let event = RawEvent {
            event_id: self.required("event_id", &self.event_id, &values)?,
            customer_id: optional(Some(&self.customer_id), &values),
            occurred_at: self
                .occurred_at
                .read(&values, |column| self.columns.name(column))?,
            source: self.feed.clone(),
            channel: self.channel,
            actor: rule.actor.as_ref().unwrap_or(&self.actor).fill(&values),
            application_id: optional(self.application_id.as_ref(), &values),
            case_id: optional(self.case_id.as_ref(), &values),
            dimensions: self.dimensions(&values),
            body,
        };
        event.check(values.longest()).map(Decoded::Event)
    }

    fn no_rule(&self, cells: &Cells<'_>) -> Result<Decoded, Rejection> {
        let mut asked: Vec<Column> = Vec::new();
        for (column, _) in self.rules.iter().flat_map(|rule| &rule.when) {
            if !asked.contains(column) {
                asked.push(*column);
            }
        }
        let texts: Vec<&str> = asked.iter().map(|column| cells.text(*column)).collect();
        let type_name = texts.join(" ");
        match self.otherwise {
            Otherwise::Ignore => Ok(Decoded::Ignored {
                type_name: type_name.into(),
            }),
            Otherwise::Error => {
                let detail = format!("no event of mapping {} describes {type_name:?}", self.name);
                Err(Rejection::new(Reason::Invalid, detail))
            }
        }
    }

    fn required(
        &self,
        field: &str,
        template: &Template,
        values: &Values<'_>,
    ) -> Result<Text, Rejection> {
        let text = template.render(values).map_err(|column| {
            let detail = format!(
                "{field} is missing: column {:?} is empty",
                self.columns.name(column)
            );
            Rejection::new(Reason::Invalid, detail)
        })?;
        Ok(text.into())
    }

    fn dimensions(&self, values: &Values<'_>) -> Dimensions {
        self.dimensions
            .iter()
            .filter_map(|(name, template)| {
                let text = template.render(values).ok()?;
                Some((name.clone(), text.into()))
            })
            .collect()
    }
}

impl Rule {
    fn fits(&self, cells: &Cells<'_>) -> bool {
        self.when.iter().all(|(column, patterns)| {
            let text = cells.text(*column);
            patterns.iter().any(|pattern| pattern.fits(text))
        })
    }
}

impl Pattern {
    fn fits(&self, text: &str) -> bool {
        match self {
            Self::Exactly(whole) => **whole == *text,
            Self::Beginning(beginning) => text.starts_with(&**beginning),
        }
    }
}

impl ActorForm {
    fn fill(&self, values: &Values<'_>) -> Actor {
        Actor {
            party: self.party,
            id: optional(self.id.as_ref(), values),
            department: optional(self.department.as_ref(), values),
        }
    }
}

/// A text without its columns is absent, which is no mistake.
fn optional(template: Option<&Template>, values: &Values<'_>) -> Option<Text> {
    template?.render(values).ok().map(Into::into)
}
