//! What is not as it must be, and how much that matters at the assurance asked for.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::wanted::{Rule, Shape, WantedSetting, WantedTopic, wanted};
use crate::config::{Assumption, Assurance, Config, Deployment};

/// A topic as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundTopic {
    /// How many partitions.
    pub partitions: u32,
    /// On how many brokers the partition with the fewest stands.
    pub replication: u32,
    /// Its settings by name, or why they can't be read.
    pub settings: Result<BTreeMap<String, String>, String>,
}

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Where.
    pub topic: String,
    /// What: a setting, `partitions`, `replication.factor` or `topic`.
    pub setting: String,
    /// What it should be.
    pub wanted: String,
    /// What it is.
    pub found: String,
    /// What would go wrong.
    pub why: String,
    /// How much it matters, by the assurance asked for.
    pub weight: Weight,
}

/// `cleanup.policy is delete, wanted compact: a deleted state reads as a new customer`. The topic is left out: many may
/// have the same.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            setting,
            wanted,
            found,
            why,
            ..
        } = self;
        write!(f, "{setting} is {found}, wanted {wanted}: {why}")
    }
}

/// How much a difference matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    /// Said at each start and waived.
    Warning,
    /// Nothing starts.
    Refusal,
}

/// Returns how the topics of a deployment differ from what they must be like.
///
/// `found` holds the topics that exist, by name.
pub fn differences(config: &Config, found: &BTreeMap<String, FoundTopic>) -> Vec<Difference> {
    let shape = Shape::new(Assurance::Production).fitting(&config.deployment, found);
    let wanted = wanted(&config.deployment, &shape);
    wanted
        .iter()
        .flat_map(|wanted| compare(wanted, found.get(&wanted.name)))
        .map(|mut difference| {
            difference.weight = weight(&difference, config);
            difference
        })
        .collect()
}

impl Shape {
    /// Fits to the topics that exist, by name.
    ///
    /// The number of partitions, the retention and the record size of `events`, and the number of partitions of `deltas`,
    /// are a choice that was made when they were created; all else follows from it. Of a source that is missing, its
    /// changelog knows how many partitions there were.
    #[must_use]
    pub fn fitting(self, deployment: &Deployment, found: &BTreeMap<String, FoundTopic>) -> Self {
        let partitions = |source: &str, stage: &str| {
            let changelog = || found.get(&deployment.changelog(stage));
            Some(found.get(source).or_else(changelog)?.partitions)
        };
        let (events, deltas) = (deployment.events(), deployment.deltas());
        let number = |name: &str| {
            let settings = found.get(&events)?.settings.as_ref().ok()?;
            settings.get(name)?.parse().ok()
        };
        Self {
            partitions: partitions(&events, "customer").unwrap_or(self.partitions),
            cohort_partitions: partitions(&deltas, "cohort").unwrap_or(self.cohort_partitions),
            retention_ms: number("retention.ms").unwrap_or(self.retention_ms),
            record_bytes: number("max.message.bytes").unwrap_or(self.record_bytes),
            ..self
        }
    }
}

/// Settings that need several brokers.
const DURABILITY: [&str; 3] = [
    "replication.factor",
    "min.insync.replicas",
    "unclean.leader.election.enable",
];

/// Stands for the settings of a topic as a whole, where they can't be read.
const SETTINGS: &str = "settings";

fn weight(difference: &Difference, config: &Config) -> Weight {
    let durability = DURABILITY.contains(&difference.setting.as_str());
    let unreadable = difference.setting == SETTINGS;
    let waived = match config.assurance {
        Assurance::Production => false,
        Assurance::SingleBroker => durability,
        Assurance::Demo => durability || unreadable,
    };
    if waived || unreadable && config.assume.contains(&Assumption::TopicSettings) {
        Weight::Warning
    } else {
        Weight::Refusal
    }
}

fn compare(wanted: &WantedTopic, found: Option<&FoundTopic>) -> Vec<Difference> {
    let differs = |setting: &str, should: String, is: String, why: &str| Difference {
        topic: wanted.name.clone(),
        setting: setting.to_owned(),
        wanted: should,
        found: is,
        why: why.to_owned(),
        weight: Weight::Refusal,
    };
    let Some(found) = found else {
        let create = "`waymark topics create` creates what is missing";
        return vec![differs("topic", "there".into(), "missing".into(), create)];
    };
    let mut differences = Vec::new();
    if let Some(why) = wanted.partitions_why
        && wanted.partitions != found.partitions
    {
        let (should, is) = (wanted.partitions.to_string(), found.partitions.to_string());
        differences.push(differs("partitions", should, is, why));
    }
    if found.replication < wanted.replication {
        let should = format!("at least {}", wanted.replication);
        let why = "every record must survive the loss of a broker";
        differences.push(differs(
            "replication.factor",
            should,
            found.replication.to_string(),
            why,
        ));
    }
    match &found.settings {
        Ok(settings) => {
            let wrong = wanted.settings.iter().filter_map(|setting| {
                let is = settings.get(setting.name).map_or("", String::as_str);
                let should = setting.violated_by(is)?;
                Some(differs(setting.name, should, is.to_owned(), setting.why))
            });
            differences.extend(wrong);
        }
        Err(reason) => {
            let why =
                format!("{reason}: allow DescribeConfigs, or list topic-settings under assume");
            differences.push(differs(SETTINGS, "readable".into(), "unknown".into(), &why));
        }
    }
    differences
}

impl WantedSetting {
    /// Returns what it should be, if it is not.
    fn violated_by(&self, found: &str) -> Option<String> {
        let fine = match self.rule {
            Rule::Proposal => true,
            Rule::Exactly => found == self.value,
            Rule::AtLeast(least) => {
                found == "-1" || found.parse().is_ok_and(|found: i64| found >= least)
            }
        };
        let should = match self.rule {
            Rule::AtLeast(least) if least < i64::MAX => format!("at least {least}"),
            Rule::AtLeast(_) | Rule::Exactly | Rule::Proposal => self.value.clone(),
        };
        (!fine).then_some(should)
    }
}
