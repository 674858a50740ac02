//! What is known of one cohort: scores, waves and their comparison, and what its watch does, series by series.

use serde::Serialize;
use waymark_engine::cohort::{Cohort, Cohorts, SeriesSummary};
use waymark_engine::definition::Definition;
use waymark_engine::event::{Day, Timestamp};

use super::{From, InspectError, Inspector, Place};
use crate::kafka::partition_of;
use crate::protocol::ShardId;

/// What is known of a cohort.
#[derive(Debug, Serialize)]
pub struct CohortReport {
    /// Which one: `branch=17`.
    pub cohort: String,
    /// Where its state was read.
    #[serde(flatten)]
    pub place: Place,
    /// When to look at it although nothing is told.
    pub due: Option<Timestamp>,
    /// Its series, scored over the window that ends with the day of stream time; none if the cohort is not known.
    pub series: Option<Vec<SeriesSummary>>,
}

impl Inspector {
    /// Looks at one cohort: in the store if there is one and it holds a copy, unless the changelog is asked for.
    ///
    /// # Errors
    /// [`InspectError`]; [`InspectError::NoScores`] if the definition keeps none.
    pub fn cohort(
        &mut self,
        key: &str,
        definition: &Definition,
        from: Option<From>,
    ) -> Result<CohortReport, InspectError> {
        let cohorts = Cohorts::of(definition).ok_or(InspectError::NoScores)?;
        let shard = ShardId(partition_of(key.as_bytes(), self.partitions));
        let stored = self.stored(shard, key, from)?;
        let cohort = stored.value.as_deref().map(Cohort::decode);
        let cohort = cohort.transpose();
        let cohort = cohort.map_err(|error| InspectError::State(error.into()))?;
        let now = stored.place.stream_time.unwrap_or(Timestamp::MIN);
        let today = Day::of(now, &cohorts.zone);
        let series = |cohort: &Cohort| cohorts.summary(key, cohort, today);
        Ok(CohortReport {
            cohort: key.to_owned(),
            due: cohort.as_ref().and_then(|it| cohorts.due(key, it)),
            series: cohort.as_ref().map(series),
            place: stored.place,
        })
    }
}
