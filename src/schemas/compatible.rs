//! Whether readers of one schema can read what another one wrote, and what stands in the way, in plain words.
//!
//! Records, enums and unions are walked here, side by side, so that everything that differs is told and not only the first
//! thing; what lies at the ends is judged by `apache-avro`. One rule is stricter than Avro's: a number that changes its
//! logical type can be read and means something else, so it is no compatible change. Docs and orders of fields don't count.

use std::collections::HashSet;

use apache_avro::Schema;
use apache_avro::schema::{EnumSchema, Name, RecordSchema, ResolvedSchema};
use apache_avro::schema_compatibility::{Compatibility as Readable, SchemaCompatibility};
use serde_json::Value;

use super::{Misfit, Obstacle, Side};

/// Which of two schemas must be able to read what the other one wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compatibility {
    /// The new one reads what the old one wrote.
    Backward,
    /// The old one reads what the new one writes.
    Forward,
    /// Both.
    Full,
}

/// Returns everything that stands in the way; nothing if the schemas are compatible.
///
/// # Errors
/// What `apache-avro` says of a schema that names a type it does not have.
pub fn misfits(
    old: &Schema,
    new: &Schema,
    wanted: Compatibility,
) -> Result<Vec<Misfit>, apache_avro::Error> {
    let (old, new) = (ResolvedSchema::new(old)?, ResolvedSchema::new(new)?);
    let forward = || Reading::of(Side::Old, &new, &old).misfits();
    let backward = || Reading::of(Side::New, &old, &new).misfits();
    Ok(match wanted {
        Compatibility::Backward => backward(),
        Compatibility::Forward => forward(),
        Compatibility::Full => [backward(), forward()].concat(),
    })
}

/// A schema that reads what another one wrote.
struct Reading<'s> {
    reader_is: Side,
    writer: &'s ResolvedSchema<'s>,
    reader: &'s ResolvedSchema<'s>,
    /// Pairs of types that have been looked at: each is told once, and a type may contain itself.
    seen: HashSet<(Name, Name)>,
}

impl<'s> Reading<'s> {
    fn of(reader_is: Side, writer: &'s ResolvedSchema<'s>, reader: &'s ResolvedSchema<'s>) -> Self {
        Self {
            reader_is,
            writer,
            reader,
            seen: HashSet::new(),
        }
    }

    fn misfits(mut self) -> Vec<Misfit> {
        let (writer, reader) = (self.writer.get_schemata()[0], self.reader.get_schemata()[0]);
        self.compare("", writer, reader)
    }

    fn compare(&mut self, path: &str, writer: &'s Schema, reader: &'s Schema) -> Vec<Misfit> {
        let (writer, reader) = (resolve(self.writer, writer), resolve(self.reader, reader));
        if let (Some(written), Some(read)) = (writer.name(), reader.name()) {
            if written.name() != read.name() {
                return vec![self.other_type(path, writer, reader)];
            }
            if !self.seen.insert((written.clone(), read.clone())) {
                return Vec::new();
            }
        }
        match (writer, reader) {
            (Schema::Record(writer), Schema::Record(reader)) => self.records(path, writer, reader),
            (Schema::Enum(writer), Schema::Enum(reader)) => self.enums(path, writer, reader),
            (Schema::Array(writer), Schema::Array(reader)) => {
                self.compare(&format!("{path}[]"), &writer.items, &reader.items)
            }
            (Schema::Map(writer), Schema::Map(reader)) => {
                self.compare(&format!("{path}{{}}"), &writer.types, &reader.types)
            }
            (Schema::Union(writer), Schema::Union(reader)) => {
                self.unions(path, writer.variants(), reader.variants())
            }
            (Schema::Union(writer), reader) => {
                self.unions(path, writer.variants(), std::slice::from_ref(reader))
            }
            (writer, Schema::Union(reader)) => self.branch(path, writer, reader.variants()),
            (writer, reader) => self.leaves(path, writer, reader),
        }
    }

    fn records(
        &mut self,
        path: &str,
        writer: &'s RecordSchema,
        reader: &'s RecordSchema,
    ) -> Vec<Misfit> {
        let mut misfits = Vec::new();
        for field in &reader.fields {
            let names = || std::iter::once(&field.name).chain(&field.aliases);
            let written = names().find_map(|name| writer.fields.iter().find(|it| it.name == *name));
            let path = join(path, &field.name);
            match written {
                Some(written) => {
                    misfits.extend(self.compare(&path, &written.schema, &field.schema));
                }
                None if field.default.is_none() => {
                    misfits.push(self.misfit(&path, Obstacle::NoDefault));
                }
                None => {}
            }
        }
        misfits
    }

    fn enums(&self, path: &str, writer: &EnumSchema, reader: &EnumSchema) -> Vec<Misfit> {
        let known = |symbol: &&String| reader.symbols.contains(symbol);
        let unknown = writer.symbols.iter().filter(|symbol| !known(symbol));
        let unknown: Vec<String> = unknown.cloned().collect();
        if unknown.is_empty() || reader.default.is_some() {
            return Vec::new();
        }
        vec![self.misfit(path, Obstacle::Symbols(unknown))]
    }

    /// Whatever branch was written, the reader must have one for it.
    fn unions(&mut self, path: &str, writer: &'s [Schema], reader: &'s [Schema]) -> Vec<Misfit> {
        if let (Some(written), Some(read)) = (only_value(writer), only_value(reader))
            && has_null(reader) >= has_null(writer)
        {
            return self.compare(path, written, read);
        }
        let branches = writer.iter();
        branches
            .flat_map(|written| self.branch(path, written, reader))
            .collect()
    }

    fn branch(&mut self, path: &str, writer: &'s Schema, reader: &'s [Schema]) -> Vec<Misfit> {
        let written = words(resolve(self.writer, writer));
        let same = |read: &&Schema| words(resolve(self.reader, read)) == written;
        if let Some(read) = reader.iter().find(same) {
            let name = resolve(self.writer, writer).name();
            let path = match name {
                Some(name) if path.is_empty() => name.name(),
                _ => path,
            };
            return self.compare(path, writer, read);
        }
        let promoted = reader
            .iter()
            .any(|read| self.compare(path, writer, read).is_empty());
        if promoted {
            return Vec::new();
        }
        vec![self.misfit(path, Obstacle::Branch(written))]
    }

    fn leaves(&self, path: &str, writer: &Schema, reader: &Schema) -> Vec<Misfit> {
        let readable = SchemaCompatibility::can_read(writer, reader) == Ok(Readable::Full);
        if !readable {
            return vec![self.other_type(path, writer, reader)];
        }
        if logical(writer) == logical(reader) {
            return Vec::new();
        }
        let meaning = Obstacle::Meaning(words(writer), words(reader));
        vec![self.misfit(path, meaning)]
    }

    fn other_type(&self, path: &str, writer: &Schema, reader: &Schema) -> Misfit {
        self.misfit(path, Obstacle::Type(words(writer), words(reader)))
    }

    fn misfit(&self, path: &str, what: Obstacle) -> Misfit {
        Misfit {
            reader: self.reader_is,
            path: path.to_owned(),
            what,
        }
    }
}

/// Follows a reference to the type it names; that it is there was checked when the schema was resolved.
fn resolve<'s>(of: &ResolvedSchema<'s>, schema: &'s Schema) -> &'s Schema {
    match schema {
        Schema::Ref { name } => of.get_names()[name],
        other => other,
    }
}

/// The branch of a union that is not null, if there is just one.
fn only_value(branches: &[Schema]) -> Option<&Schema> {
    let mut values = branches.iter().filter(|it| !matches!(it, Schema::Null));
    values.next().filter(|_| values.next().is_none())
}

fn has_null(branches: &[Schema]) -> bool {
    branches.iter().any(|it| matches!(it, Schema::Null))
}

fn join(path: &str, field: &str) -> String {
    if path.is_empty() {
        field.to_owned()
    } else {
        format!("{path}.{field}")
    }
}

fn logical(schema: &Schema) -> Option<String> {
    let schema = serde_json::to_value(schema).ok()?;
    Some(schema.get("logicalType")?.as_str()?.to_owned())
}

/// Names a type as its schema does: `long`, `timestamp-millis`, `enum Status`, `fixed Hash size 8`.
fn words(schema: &Schema) -> String {
    let typed = match serde_json::to_value(schema) {
        Ok(Value::Object(typed)) => typed,
        Ok(Value::String(simple)) => return simple,
        _ => return "union".to_owned(),
    };
    let text = |key: &str| typed.get(key).and_then(Value::as_str);
    let mut words = vec![
        text("logicalType")
            .or(text("type"))
            .unwrap_or("type")
            .to_owned(),
    ];
    words.extend(text("name").map(str::to_owned));
    let numbers = ["size", "precision", "scale"];
    let numbers = numbers.map(|key| Some(format!("{key} {}", typed.get(key)?)));
    words.extend(numbers.into_iter().flatten());
    words.join(" ")
}

#[cfg(test)]
mod tests;
