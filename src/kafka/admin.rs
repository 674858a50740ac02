//! Asks the brokers how topics and brokers are set, and creates the topics that are missing. Alters nothing.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::{Metadata, MetadataTopic};
use tokio::runtime::{self, Runtime};

use super::client::{Quiet, base_settings};
use super::topics::{FoundTopic, WantedTopic};
use crate::clock::Stopwatch;
use crate::config::{Assurance, Config, SecretError};

/// How long brokers may take for one answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long to listen to what a client complains about.
const LISTEN: Duration = Duration::from_secs(3);

/// Between two looks at what is about to be there.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Brokers can't be asked.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// A secret can't be read.
    #[error("the client can't be set up")]
    Secret(#[from] SecretError),
    /// No thread or timer is to be had.
    #[error("the client can't be set up")]
    Runtime(#[source] std::io::Error),
    /// The brokers don't answer, or refuse.
    #[error("brokers at {servers} can't be asked{}", hint(complaint.as_deref()))]
    Ask {
        /// Where we looked for them.
        servers: String,
        /// What the client has complained about last: a login that is refused, a certificate that nobody trusts.
        complaint: Option<Box<str>>,
        /// What the client says.
        #[source]
        source: KafkaError,
    },
    /// A topic could not be created.
    #[error("topic {topic} can't be created: {code}")]
    Create {
        /// Which one.
        topic: String,
        /// What the broker says.
        code: RDKafkaErrorCode,
    },
}

/// A connection to the brokers, to ask and to create.
pub struct Admin {
    client: AdminClient<Quiet>,
    settings: ClientConfig,
    runtime: Runtime,
    servers: String,
    /// Whether brokers can tell how anything is set: a mock broker can't. None until one of what may be a mock was asked.
    describes: Cell<Option<bool>>,
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admin")
            .field("servers", &self.servers)
            .finish_non_exhaustive()
    }
}

impl Admin {
    /// Sets up a client. It connects when it is asked something.
    ///
    /// # Errors
    /// [`AdminError`] if a secret can't be read or librdkafka refuses the settings.
    pub fn new(config: &Config) -> Result<Self, AdminError> {
        let servers = config
            .kafka
            .properties
            .get("bootstrap.servers")
            .cloned()
            .unwrap_or_default();
        let settings = base_settings(&config.kafka)?;
        let client = settings
            .create_with_context(Quiet::default())
            .map_err(|source| AdminError::Ask {
                servers: servers.clone(),
                complaint: None,
                source,
            })?;
        let runtime = runtime::Builder::new_current_thread()
            .build()
            .map_err(AdminError::Runtime)?;
        Ok(Self {
            client,
            settings,
            runtime,
            servers,
            describes: Cell::new((config.assurance != Assurance::Demo).then_some(true)),
        })
    }

    /// Returns those of these topics that exist, with their settings.
    ///
    /// # Errors
    /// [`AdminError::Ask`] if the brokers don't answer.
    pub fn topics(&self, names: &[String]) -> Result<BTreeMap<String, FoundTopic>, AdminError> {
        let metadata = self.metadata()?;
        let known = metadata
            .topics()
            .iter()
            .filter(|topic| topic.error().is_none());
        let mut found: BTreeMap<String, FoundTopic> = known
            .filter(|topic| names.iter().any(|name| name == topic.name()))
            .map(|topic| (topic.name().to_owned(), shape_of(topic)))
            .collect();
        // A question about a topic goes to the controller, and a mock cluster names one that isn't there: it would be waited
        // for in vain. A broker says at once that it has no answer.
        if let (None, Some(broker)) = (self.describes.get(), metadata.brokers().first()) {
            drop(self.describe(ResourceSpecifier::Broker(broker.id()))?);
        }
        for (name, topic) in &mut found {
            topic.settings = self.describe(ResourceSpecifier::Topic(name))?;
        }
        Ok(found)
    }

    /// Returns the settings of each broker by its number, or why they can't be read.
    ///
    /// # Errors
    /// [`AdminError::Ask`] if the brokers don't answer.
    pub fn brokers(&self) -> Result<BTreeMap<i32, Settings>, AdminError> {
        let metadata = self.metadata()?;
        let numbers: Vec<i32> = metadata
            .brokers()
            .iter()
            .map(rdkafka::metadata::MetadataBroker::id)
            .collect();
        let mut brokers = BTreeMap::new();
        for number in numbers {
            let settings = self.describe(ResourceSpecifier::Broker(number))?;
            brokers.insert(number, settings);
        }
        Ok(brokers)
    }

    /// Creates topics; the ones that exist already are left as they are. Returns the names of the new ones.
    ///
    /// # Errors
    /// [`AdminError`] for the first topic that can't be created; others may have been.
    pub fn create(&self, topics: &[WantedTopic]) -> Result<Vec<String>, AdminError> {
        if topics.is_empty() {
            return Ok(Vec::new());
        }
        let wanted: Vec<NewTopic<'_>> = topics.iter().map(new_topic).collect();
        let options = AdminOptions::new()
            .operation_timeout(Some(PATIENCE))
            .request_timeout(Some(PATIENCE * 2));
        let answers = self
            .runtime
            .block_on(self.client.create_topics(&wanted, &options));
        let mut created = Vec::new();
        for answer in answers.map_err(|source| self.ask(source))? {
            match answer {
                Ok(name) => created.push(name),
                Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((topic, code)) => return Err(AdminError::Create { topic, code }),
            }
        }
        self.await_leaders(&created)?;
        Ok(created)
    }

    /// Waits until every partition of new topics has a leader: brokers hear of them one after the other, and whoever uses
    /// a topic right after its creation would be told that it does not exist.
    fn await_leaders(&self, topics: &[String]) -> Result<(), AdminError> {
        let waited = Stopwatch::start();
        while waited.elapsed() < PATIENCE {
            let metadata = self.metadata()?;
            let led = |topic: &MetadataTopic| {
                let mut partitions = topic.partitions().iter();
                topic.error().is_none() && partitions.all(|it| it.leader() >= 0)
            };
            let ready = metadata.topics().iter().filter(|topic| led(topic));
            let ready: Vec<&str> = ready.map(MetadataTopic::name).collect();
            if topics.iter().all(|name| ready.contains(&name.as_str())) {
                break;
            }
            thread::sleep(LOOK_AGAIN);
        }
        Ok(())
    }

    /// One question at a time: a refusal doesn't say which question it answers.
    fn describe(&self, asked: ResourceSpecifier<'_>) -> Result<Settings, AdminError> {
        let unsupported = RDKafkaErrorCode::UnsupportedFeature;
        if self.describes.get() == Some(false) {
            return Ok(Err(unsupported.to_string()));
        }
        let options = AdminOptions::new().request_timeout(Some(PATIENCE));
        let answers = self.client.describe_configs([&asked], &options);
        let answers = self.runtime.block_on(answers);
        let may_be_mock = self.describes.get().is_none();
        let is_mock = may_be_mock
            && matches!(&answers, Err(KafkaError::AdminOp(code)) if *code == unsupported);
        self.describes.set(Some(!is_mock));
        if is_mock {
            return Ok(Err(unsupported.to_string()));
        }
        let answer = answers.map_err(|source| self.ask(source))?.pop();
        Ok(match answer {
            // The client loses the error about this one thing: a permission is missing, or the broker has not heard of the
            // topic yet. Nothing has no settings at all.
            Some(Ok(resource)) if resource.entries.is_empty() => {
                Err("the broker tells none".to_owned())
            }
            Some(Ok(resource)) => Ok(settings_of(resource)),
            Some(Err(code)) => Err(code.to_string()),
            None => Err("no answer".to_owned()),
        })
    }

    fn metadata(&self) -> Result<Metadata, AdminError> {
        // All topics: a question for one that is missing could create it.
        let answer = self.client.inner().fetch_metadata(None, PATIENCE);
        answer.map_err(|source| self.ask(source))
    }

    fn ask(&self, source: KafkaError) -> AdminError {
        AdminError::Ask {
            servers: self.servers.clone(),
            complaint: complaint(&self.settings),
            source,
        }
    }
}

/// Connects once more and listens: a client for administration keeps what it is told to itself.
fn complaint(settings: &ClientConfig) -> Option<Box<str>> {
    let client: BaseConsumer<Quiet> = settings.create_with_context(Quiet::default()).ok()?;
    let since = Stopwatch::start();
    while client.context().complaint().is_none() && since.elapsed() < LISTEN {
        client.poll(LOOK_AGAIN);
    }
    client.context().complaint().map(Into::into)
}

fn hint(complaint: Option<&str>) -> String {
    complaint.map_or_else(String::new, |complaint| format!(" ({complaint})"))
}

/// Settings by name, or why they can't be read.
pub type Settings = Result<BTreeMap<String, String>, String>;

fn settings_of(resource: ConfigResource) -> BTreeMap<String, String> {
    let entries = resource.entries.into_iter();
    entries
        .filter_map(|entry| Some((entry.name, entry.value?)))
        .collect()
}

fn shape_of(topic: &MetadataTopic) -> FoundTopic {
    let partitions = topic.partitions();
    let replicas = partitions
        .iter()
        .map(|partition| partition.replicas().len());
    FoundTopic {
        partitions: u32::try_from(partitions.len()).unwrap_or(u32::MAX),
        replication: u32::try_from(replicas.min().unwrap_or(0)).unwrap_or(u32::MAX),
        settings: Err("not asked yet".to_owned()),
    }
}

fn new_topic(topic: &WantedTopic) -> NewTopic<'_> {
    let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let replication = TopicReplication::Fixed(number(topic.replication));
    let new = NewTopic::new(&topic.name, number(topic.partitions), replication);
    let settings = topic.settings.iter();
    settings.fold(new, |new, setting| new.set(setting.name, &setting.value))
}
