//! From a mapping as typed to a mapping as meant. Every mistake is reported with its line and what to write instead.

use std::path::Path;
use std::sync::Arc;

use jiff::tz::TimeZone;
use serde_saphyr::Spanned;
use waymark_engine::event::{Channel, Kind, Party, Text};

use super::fields::{Entry, Field, Fields, check};
use super::mistake::MappingError;
use super::moment::{Moment, Reading, check_format};
use super::raw::{RawActor, RawField, RawMapping, RawMoment, RawRule, Texts};
use super::template::{Columns, FileName, Template};
use super::{ActorForm, Mapping, Pattern, Rule};
use crate::names::unknown;
use crate::yaml::{Mistake, Pairs, mistake, read, spot};

impl Mapping {
    /// Reads a mapping from a file.
    ///
    /// # Errors
    /// [`MappingError`], with the line of the first mistake.
    pub fn load(path: &Path) -> Result<Self, MappingError> {
        let file = path.to_string_lossy();
        let text = std::fs::read_to_string(path).map_err(|source| MappingError::Read {
            file: file.clone().into(),
            source,
        })?;
        Self::parse(&file, &text)
    }

    /// Reads a mapping from text; `file` is the name that messages give it.
    ///
    /// # Errors
    /// [`MappingError`], with the line of the first mistake.
    pub fn parse(file: &str, text: &str) -> Result<Self, MappingError> {
        let file: Arc<str> = file.into();
        let meant = read(text).and_then(|raw| mean(Arc::clone(&file), raw));
        meant.map_err(|Mistake { spot, message }| MappingError::Wrong {
            file,
            line: spot.line,
            column: spot.column,
            message,
        })
    }
}

fn mean(file: Arc<str>, raw: RawMapping) -> Result<Mapping, Mistake> {
    let mut columns = Columns::default();
    let to = &mut columns;
    let file_name = raw
        .file_name
        .as_ref()
        .map(|name| FileName::parse(&name.value).map_err(mistake(name)));
    Ok(Mapping {
        name: raw.mapping.into(),
        file,
        separator: raw.separator.as_ref().map_or(Ok(b','), separator)?,
        file_name: file_name.transpose()?,
        feed: raw.feed.value.into(),
        channel: raw
            .channel
            .as_ref()
            .map_or(Ok(Channel::Unknown), |text| named(text, CHANNELS))?,
        event_id: template(&raw.event_id, to)?,
        customer_id: template(&raw.customer_id, to)?,
        application_id: raw
            .application_id
            .as_ref()
            .map(|text| template(text, to))
            .transpose()?,
        case_id: raw
            .case_id
            .as_ref()
            .map(|text| template(text, to))
            .transpose()?,
        occurred_at: moment(&raw.occurred_at, to)?,
        actor: raw
            .actor
            .as_ref()
            .map_or(Ok(NOBODY), |actor| actor_form(actor, to))?,
        dimensions: dimensions(raw.dimensions, to)?,
        rules: raw
            .events
            .into_iter()
            .map(|rule| mean_rule(rule, to))
            .collect::<Result<_, _>>()?,
        none_if: none_if(raw.none_if, to),
        otherwise: raw.otherwise,
        columns,
    })
}

const NOBODY: ActorForm = ActorForm {
    party: Party::Unknown,
    id: None,
    department: None,
};

const CHANNELS: &[(&str, Channel)] = &[
    ("unknown", Channel::Unknown),
    ("web", Channel::Web),
    ("mobile", Channel::Mobile),
    ("branch", Channel::Branch),
    ("phone", Channel::Phone),
    ("email", Channel::Email),
    ("relationship_manager", Channel::RelationshipManager),
    ("partner", Channel::Partner),
];

const PARTIES: &[(&str, Party)] = &[
    ("unknown", Party::Unknown),
    ("customer", Party::Customer),
    ("bank", Party::Bank),
    ("third_party", Party::ThirdParty),
    ("system", Party::System),
];

/// Events may name channels and parties that we don't know; in a mapping that is a slip of the pen.
fn named<T: Copy>(text: &Spanned<String>, known: &[(&str, T)]) -> Result<T, Mistake> {
    let found = known.iter().find(|(name, _)| *name == text.value);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        mistake(text)(unknown("value", &text.value, &names))
    })
}

fn separator(text: &Spanned<String>) -> Result<u8, Mistake> {
    match text.value.as_bytes() {
        [byte] if !matches!(byte, b'"' | b'\r' | b'\n') => Ok(*byte),
        _ => Err(mistake(text)(format!(
            "separator is one ASCII character, not {:?}",
            text.value
        ))),
    }
}

fn template(text: &Spanned<String>, columns: &mut Columns) -> Result<Template, Mistake> {
    Template::parse(&text.value, spot(text).line, columns).map_err(mistake(text))
}

fn moment(raw: &Spanned<RawMoment>, columns: &mut Columns) -> Result<Moment, Mistake> {
    match &raw.value {
        RawMoment::Text(text) => Template::parse(text, spot(raw).line, columns)
            .map(Moment::Rfc3339)
            .map_err(mistake(raw)),
        RawMoment::Local(local) => {
            let zone = TimeZone::get(&local.zone.value).map_err(|_| {
                mistake(&local.zone)(format!("unknown time zone {:?}", local.zone.value))
            })?;
            let readings = local.read.iter().map(|reading| {
                check_format(&reading.format.value).map_err(mistake(&reading.format))?;
                Ok(Reading {
                    text: template(&reading.text, columns)?,
                    format: reading.format.value.as_str().into(),
                })
            });
            Ok(Moment::Local {
                zone,
                readings: readings.collect::<Result<_, _>>()?,
            })
        }
    }
}

fn actor_form(raw: &RawActor, columns: &mut Columns) -> Result<ActorForm, Mistake> {
    Ok(ActorForm {
        party: named(&raw.party, PARTIES)?,
        id: raw
            .id
            .as_ref()
            .map(|text| template(text, columns))
            .transpose()?,
        department: raw
            .department
            .as_ref()
            .map(|text| template(text, columns))
            .transpose()?,
    })
}

fn dimensions(raw: Pairs<String>, columns: &mut Columns) -> Result<Vec<(Text, Template)>, Mistake> {
    raw.0
        .into_iter()
        .map(|(name, text)| Ok((name.value.into(), template(&text, columns)?)))
        .collect()
}

fn none_if(raw: Pairs<Texts>, columns: &mut Columns) -> super::NoneIf {
    raw.0
        .into_iter()
        .map(|(name, texts)| {
            let column = columns.add(&name.value, spot(&texts).line);
            (column, texts.value.0.into_iter().map(Into::into).collect())
        })
        .collect()
}

fn mean_rule(raw: RawRule, columns: &mut Columns) -> Result<Rule, Mistake> {
    let kind = Kind::from_name(&raw.kind.value).ok_or_else(|| {
        let names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        mistake(&raw.kind)(unknown("kind of event", &raw.kind.value, &names))
    })?;
    let when = raw.when.0.into_iter().map(|(name, texts)| {
        let column = columns.add(&name.value, spot(&texts).line);
        (column, texts.value.0.into_iter().map(pattern).collect())
    });
    let when = when.collect();
    let fields = mean_fields(raw.fields, columns)?;
    check(kind, &fields).map_err(|error| Mistake {
        spot: error.spot.unwrap_or_else(|| spot(&raw.kind)),
        message: format!("{kind}: {}", error.message),
    })?;
    Ok(Rule {
        when,
        kind,
        actor: raw
            .actor
            .as_ref()
            .map(|actor| actor_form(actor, columns))
            .transpose()?,
        fields,
    })
}

fn pattern(text: String) -> Pattern {
    match text.strip_suffix('*') {
        Some(beginning) => Pattern::Beginning(beginning.into()),
        None => Pattern::Exactly(text.into()),
    }
}

fn mean_fields(raw: Pairs<RawField>, columns: &mut Columns) -> Result<Fields, Mistake> {
    raw.0
        .into_iter()
        .map(|(name, field)| {
            Ok(Entry {
                name: name.value.into(),
                spot: spot(&field),
                field: mean_field(field, columns)?,
            })
        })
        .collect()
}

fn mean_field(raw: Spanned<RawField>, columns: &mut Columns) -> Result<Field, Mistake> {
    let at = spot(&raw);
    Ok(match raw.value {
        RawField::Text(text) => Field::Template(
            Template::parse(&text, at.line, columns)
                .map_err(|message| Mistake { spot: at, message })?,
        ),
        RawField::Boolean(value) => Field::Boolean(value),
        RawField::Integer(value) => Field::Integer(value),
        RawField::Number(value) => Field::Number(value),
        RawField::List(items) => {
            let items = items
                .into_iter()
                .map(|item| Ok((spot(&item), mean_field(item, columns)?)));
            Field::List(items.collect::<Result<_, _>>()?)
        }
        RawField::Map(pairs) => Field::Map(mean_fields(pairs, columns)?),
    })
}
