//! The broker that lives inside this process, with the topics of a deployment.
//!
//! It is librdkafka's own mock, made for tests of clients. A group needs three seconds to come together there, a partition
//! keeps its last 5 MiB, and nothing that delivery rests on can be asked or proven.

use rdkafka::error::KafkaError;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

use crate::config::{Assurance, Deployment};
use crate::kafka::topics::{Shape, wanted};

/// A mock broker; it ends with this value, so drop its clients first.
pub(crate) struct Cluster(MockCluster<'static, DefaultProducerContext>);

impl Cluster {
    /// Starts a broker with all topics of a deployment.
    ///
    /// # Errors
    /// [`KafkaError`] if the client library can't.
    pub(crate) fn start(deployment: &Deployment) -> Result<Self, KafkaError> {
        let mock = MockCluster::new(1)?;
        for topic in wanted(deployment, &Shape::new(Assurance::Demo)) {
            let partitions = i32::try_from(topic.partitions).expect("a dozen");
            mock.create_topic(&topic.name, partitions, 1)?;
        }
        Ok(Self(mock))
    }

    /// Returns where it listens: `127.0.0.1:40123`.
    pub(crate) fn servers(&self) -> String {
        self.0.bootstrap_servers()
    }
}
