//! Names of cohorts.

use std::cmp::Ordering;
use std::fmt;

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use crate::event::Text;

/// A group of customers or replies: one value of one dimension, such as branch 17.
///
/// One text holds both: it is the key of the cohort stage, and every delta carries one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CohortName {
    key: Text,
    /// Where the dimension ends; a value may hold an equals sign too.
    dimension_end: usize,
}

impl CohortName {
    /// Names a value of a dimension.
    pub fn new(dimension: &str, value: &str) -> Self {
        Self {
            key: [dimension, "=", value].into_iter().collect(),
            dimension_end: dimension.len(),
        }
    }

    /// The cohort of everybody.
    pub fn all() -> Self {
        Self::new("all", "all")
    }

    /// Returns the dimension, such as `branch`; `all` for everybody.
    pub fn dimension(&self) -> &str {
        &self.key[..self.dimension_end]
    }

    /// Returns the value, such as `17`; `all` for everybody.
    pub fn value(&self) -> &str {
        &self.key[self.dimension_end + 1..]
    }

    /// Returns the key of the cohort stage, `branch=17`.
    pub fn key(&self) -> &Text {
        &self.key
    }
}

/// By dimension, then by value.
impl Ord for CohortName {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_dimension = self.dimension().cmp(other.dimension());
        by_dimension.then_with(|| self.value().cmp(other.value()))
    }
}

impl PartialOrd for CohortName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The key, `branch=17`.
impl fmt::Display for CohortName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)
    }
}

/// A record of dimension and value.
impl Serialize for CohortName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut record = serializer.serialize_struct("CohortName", 2)?;
        record.serialize_field("dimension", self.dimension())?;
        record.serialize_field("value", self.value())?;
        record.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_its_parts_whatever_signs_they_hold() {
        let name = CohortName::new("region", "a=b");
        assert_eq!((name.dimension(), name.value()), ("region", "a=b"));
        assert_eq!(&**name.key(), "region=a=b");
        assert_ne!(name, CohortName::new("region=a", "b"));
        let json = serde_json::to_string(&name).expect("texts");
        assert_eq!(json, r#"{"dimension":"region","value":"a=b"}"#);
    }

    #[test]
    fn names_are_in_order_of_their_dimensions_first() {
        // As keys they would be the other way round, for a dash comes before an equals sign.
        assert!(CohortName::new("region", "z") < CohortName::new("region-code", "a"));
    }
}
