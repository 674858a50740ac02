//! Writer schemas by id, asked for once: a number never gets another schema, so what is known is known for ever, also while
//! the registry is away.
//!
//! Bounded by the length of the texts: 16 MiB, then those known longest are forgotten first. That a registry does *not*
//! know an id is believed for ten seconds only, for somebody may register it meanwhile.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};
use std::time::Duration;

use serde_avro_fast::Schema;

use super::{Registered, RegistryError, SchemaId, SchemaRegistry};
use crate::clock::Stopwatch;

/// Schemas are some KiB long: thousands fit.
const TEXT_BYTES_MAX: usize = 16 << 20;

/// How long to believe that a registry does not know an id.
const UNKNOWN_FOR: Duration = Duration::from_secs(10);

/// Ids that are not known are remembered up to this number, lest random bytes fill the memory.
const UNKNOWN_MAX: usize = 1_000;

/// Writer schemas by id. All threads share one.
#[derive(Debug)]
pub struct SchemasById {
    registry: SchemaRegistry,
    known: RwLock<Known>,
}

/// Why there is no schema by which a record can be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSchema {
    /// The registry answers, and does not know it.
    #[error("the schema registry knows no schema {0}")]
    Unknown(SchemaId),
    /// It is there, and events can't be read with it.
    #[error("schema {id} of the registry {why}")]
    Unusable {
        /// Which one.
        id: SchemaId,
        /// Why not.
        why: Arc<str>,
    },
}

type Found = Result<Arc<Schema>, NoSchema>;

#[derive(Debug, Default)]
struct Known {
    schemas: HashMap<SchemaId, Found>,
    /// In the order in which they became known, with the lengths of their texts.
    order: VecDeque<(SchemaId, usize)>,
    text_bytes: usize,
    unknown: HashMap<SchemaId, Stopwatch>,
}

impl SchemasById {
    /// The schemas of a registry. Nothing is asked yet.
    pub fn of(registry: SchemaRegistry) -> Self {
        Self {
            registry,
            known: RwLock::default(),
        }
    }

    /// Returns the schema with an id; asks the registry if it has not been asked.
    ///
    /// # Errors
    /// [`RegistryError::Away`], [`RegistryError::Denied`]: ask again later.
    pub fn find(&self, id: SchemaId) -> Result<Found, RegistryError> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.find(id) {
            return Ok(found);
        }
        drop(known); // those who know theirs need not wait for us
        let asked = self.registry.schema(id)?;
        Ok(self.write().learn(id, asked))
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        // Whoever panicked in here has left at worst a wrong sum.
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn find(&self, id: SchemaId) -> Option<Found> {
        if let Some(found) = self.schemas.get(&id) {
            return Some(found.clone());
        }
        let since = self.unknown.get(&id)?;
        (since.elapsed() < UNKNOWN_FOR).then_some(Err(NoSchema::Unknown(id)))
    }

    fn learn(&mut self, id: SchemaId, asked: Option<Registered>) -> Found {
        let Some(registered) = asked else {
            if self.unknown.len() >= UNKNOWN_MAX {
                self.unknown.clear();
            }
            self.unknown.insert(id, Stopwatch::start());
            return Err(NoSchema::Unknown(id));
        };
        let found = parse(&registered).map_err(|why| NoSchema::Unusable {
            id,
            why: why.into(),
        });
        self.unknown.remove(&id);
        if self.schemas.insert(id, found.clone()).is_none() {
            self.order.push_back((id, registered.text.len()));
            self.text_bytes += registered.text.len();
            self.forget_the_oldest();
        }
        found
    }

    fn forget_the_oldest(&mut self) {
        while self.text_bytes > TEXT_BYTES_MAX
            && let Some((id, bytes)) = self.order.pop_front()
        {
            self.schemas.remove(&id);
            self.text_bytes -= bytes;
        }
    }
}

fn parse(registered: &Registered) -> Result<Arc<Schema>, String> {
    match registered.kind.as_str() {
        "AVRO" if registered.refers_to_others => {
            Err("refers to other schemas, which is not supported: register it whole".to_owned())
        }
        "AVRO" => registered.text.parse().map(Arc::new).map_err(
            |error: serde_avro_fast::schema::SchemaError| format!("can't be used: {error}"),
        ),
        kind => Err(format!("is of kind {kind}, and only AVRO is read")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registered(kind: &str, text: &str) -> Registered {
        Registered {
            kind: kind.to_owned(),
            text: text.to_owned(),
            refers_to_others: false,
        }
    }

    fn text_of_bytes(length: usize) -> String {
        let name = "n".repeat(length - r#"{"type":"fixed","size":1,"name":""}"#.len());
        format!(r#"{{"type":"fixed","size":1,"name":"{name}"}}"#)
    }

    #[test]
    fn schemas_are_kept_up_to_their_bound_and_the_oldest_go_first() {
        let mut known = Known::default();
        let text = text_of_bytes(TEXT_BYTES_MAX / 4);
        for number in 0..6 {
            let id = SchemaId::Number(number);
            assert!(known.learn(id, Some(registered("AVRO", &text))).is_ok());
        }
        let kept = (0..6).filter(|number| known.find(SchemaId::Number(*number)).is_some());
        assert_eq!(kept.collect::<Vec<_>>(), [2, 3, 4, 5]);
        assert_eq!((known.order.len(), known.text_bytes), (4, TEXT_BYTES_MAX));
    }

    #[test]
    fn an_unknown_id_is_remembered_and_soon_asked_for_again() {
        let mut known = Known::default();
        let id = SchemaId::Number(7);
        assert_eq!(known.find(id).map(|found| found.is_ok()), None);
        assert!(known.learn(id, None).is_err());
        let found = known.find(id).unwrap();
        assert_eq!(found.unwrap_err(), NoSchema::Unknown(id));
        known
            .learn(id, Some(registered("AVRO", "\"int\"")))
            .unwrap();
        assert!(known.find(id).unwrap().is_ok());
        for number in 0..3_000 {
            known
                .learn(SchemaId::Number(number + 100), None)
                .unwrap_err();
        }
        assert!(known.unknown.len() <= UNKNOWN_MAX);
    }

    #[test]
    fn what_events_can_not_be_read_with_is_told() {
        let mut known = Known::default();
        let mut told = |kind, text| {
            let found = known.learn(SchemaId::Number(9), Some(registered(kind, text)));
            found.unwrap_err().to_string()
        };
        assert_eq!(
            told("PROTOBUF", "message A {}"),
            "schema 9 of the registry is of kind PROTOBUF, and only AVRO is read"
        );
        let says = told("AVRO", "{");
        assert!(
            says.starts_with("schema 9 of the registry can't be used: "),
            "{says}"
        );
    }
}
