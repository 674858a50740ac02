//! What is known of one customer: the stored journey, in words and with the names of the rules, and where it was read.

use std::collections::BTreeMap;

use serde::Serialize;
use waymark_engine::definition::{Definition, RuleKey};
use waymark_engine::derived::Level;
use waymark_engine::event::{CustomerId, Instrument, Timestamp};
use waymark_engine::journey::{Application, Case, CaseKind, Episode, Journey, Stated, Watch};

use super::{From, InspectError, Inspector, Place};
use crate::kafka::partition_of;
use crate::protocol::ShardId;

/// What is known of a customer.
#[derive(Debug, Serialize)]
pub struct CustomerReport {
    /// Who.
    pub customer: String,
    /// Where the journey was read.
    #[serde(flatten)]
    pub place: Place,
    /// The journey; none if the customer is not known.
    pub journey: Option<JourneyView>,
}

/// A journey, in words.
#[derive(Debug, Serialize)]
pub struct JourneyView {
    /// When to look at it although nothing happens.
    pub due: Option<Timestamp>,
    /// Set once the customer was erased.
    pub erased_at: Option<Timestamp>,
    /// Who the customer is, by dimension.
    pub profile: BTreeMap<String, StatedView>,
    /// Applications, in the order in which they were first heard of.
    pub applications: Vec<ApplicationView>,
    /// What is expected to happen, by its due time.
    pub waiting: Vec<WaitingView>,
    /// Alerts that are open.
    pub open_alerts: Vec<EpisodeView>,
    /// The latest replies to surveys.
    pub replies: Vec<ReplyView>,
    /// The last things that happened, oldest first.
    pub timeline: Vec<TimelineView>,
}

/// Something stated, and when.
#[derive(Debug, Serialize)]
pub struct StatedView {
    /// What.
    pub value: String,
    /// When.
    pub at: Timestamp,
}

/// An application.
#[derive(Debug, Serialize)]
pub struct ApplicationView {
    /// Its id.
    pub id: String,
    /// When it was submitted, if that was heard of.
    pub submitted_at: Option<Timestamp>,
    /// Product applied for.
    pub product: Option<String>,
    /// Amount asked for.
    pub amount: Option<i64>,
    /// The stage it is in, and since when.
    pub stage: Option<StatedView>,
    /// What decided it, and when.
    pub decided: Option<TimelineView>,
    /// What ended it, and when.
    pub ended: Option<TimelineView>,
}

/// Something expected.
#[derive(Debug, Serialize)]
pub struct WaitingView {
    /// Id of the rule.
    pub rule: String,
    /// About what: `application A-1`, `the customer`.
    pub subject: String,
    /// What armed it.
    pub armed_by: &'static str,
    /// When.
    pub armed_at: Timestamp,
    /// When it must have happened.
    pub due: Timestamp,
    /// Whether the warning was given.
    pub warned: bool,
}

/// An alert that is open.
#[derive(Debug, Serialize)]
pub struct EpisodeView {
    /// Id of the rule.
    pub rule: String,
    /// About what.
    pub subject: String,
    /// How far it has gone.
    pub level: Option<Level>,
    /// Since when.
    pub since: Timestamp,
    /// When the expected thing should have happened.
    pub due: Option<Timestamp>,
    /// Transitions published so far.
    pub sequence: u32,
}

/// The latest reply of somebody to a question.
#[derive(Debug, Serialize)]
pub struct ReplyView {
    /// Who; empty where the survey does not say.
    pub respondent: String,
    /// Which question.
    pub instrument: Instrument,
    /// After what it was asked.
    pub touchpoint: String,
    /// The answer.
    pub score: i64,
    /// When it was given.
    pub at: Timestamp,
}

/// Something that happened.
#[derive(Debug, Serialize)]
pub struct TimelineView {
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: &'static str,
}

impl Inspector {
    /// Looks at one customer: in the store if there is one and it holds a copy, unless the changelog is asked for.
    ///
    /// # Errors
    /// [`InspectError`].
    pub fn customer(
        &mut self,
        id: &str,
        definition: &Definition,
        from: Option<From>,
    ) -> Result<CustomerReport, InspectError> {
        let id = CustomerId::parse(id).map_err(InspectError::NoCustomer)?;
        let shard = ShardId(partition_of(id.as_str().as_bytes(), self.partitions));
        let stored = self.stored(shard, id.as_str(), from)?;
        let journey = stored.value.as_deref().map(Journey::decode);
        let journey = journey.transpose();
        let journey = journey.map_err(|error| InspectError::State(error.into()))?;
        Ok(CustomerReport {
            customer: id.as_str().to_owned(),
            place: stored.place,
            journey: journey.map(|journey| JourneyView::of(&journey, definition)),
        })
    }
}

impl JourneyView {
    fn of(journey: &Journey, definition: &Definition) -> Self {
        let mut view = Self {
            due: journey.due,
            erased_at: journey.erased_at,
            profile: profile_of(journey),
            applications: journey
                .applications
                .iter()
                .map(ApplicationView::of)
                .collect(),
            waiting: Vec::new(),
            open_alerts: Vec::new(),
            replies: Vec::new(),
            timeline: Vec::new(),
        };
        view.add_watches(&journey.watches, "the customer", definition);
        for application in &journey.applications {
            let subject = format!("application {}", application.id);
            view.add_watches(&application.watches, &subject, definition);
        }
        for case in &journey.cases {
            view.add_watches(&case.watches, &subject_of(case), definition);
        }
        view.add_replies(journey, definition);
        let timeline = journey.timeline.entries().iter();
        view.timeline = timeline
            .map(|entry| TimelineView {
                at: entry.at,
                kind: entry.kind.name(),
            })
            .collect();
        view.waiting.sort_by_key(|waiting| waiting.due);
        view
    }

    fn add_watches(&mut self, watches: &[Watch], subject: &str, definition: &Definition) {
        for watch in watches {
            let rule = rule_name(watch.rule, definition);
            self.waiting
                .extend(watch.pending.iter().map(|pending| WaitingView {
                    rule: rule.clone(),
                    subject: subject.to_owned(),
                    armed_by: pending.armed.kind.name(),
                    armed_at: pending.armed.at,
                    due: pending.due,
                    warned: pending.warned,
                }));
            let episode = watch.episode.iter();
            self.open_alerts
                .extend(episode.map(|episode| EpisodeView::of(episode, &rule, subject)));
        }
    }

    fn add_replies(&mut self, journey: &Journey, definition: &Definition) {
        let turned = definition.nps.as_ref();
        let turned = turned.and_then(|nps| nps.turned_detractor.as_ref());
        let rule = turned.map_or("", |turned| &*turned.rule);
        for respondent in &journey.respondents {
            let subject = format!("respondent {:?}", &*respondent.respondent);
            let episode = respondent.open_episode().into_iter();
            self.open_alerts
                .extend(episode.map(|episode| EpisodeView::of(episode, rule, &subject)));
            self.replies
                .extend(respondent.replies.last().map(|reply| ReplyView {
                    respondent: respondent.respondent.to_string(),
                    instrument: respondent.instrument,
                    touchpoint: respondent.touchpoint.to_string(),
                    score: reply.score,
                    at: reply.at,
                }));
        }
    }
}

impl EpisodeView {
    fn of(episode: &Episode, rule: &str, subject: &str) -> Self {
        Self {
            rule: rule.to_owned(),
            subject: subject.to_owned(),
            level: episode.level,
            since: episode.since,
            due: episode.due,
            sequence: episode.sequence,
        }
    }
}

impl ApplicationView {
    fn of(application: &Application) -> Self {
        let moment = |moment: waymark_engine::journey::Moment| TimelineView {
            at: moment.at,
            kind: moment.kind.name(),
        };
        Self {
            id: application.id.to_string(),
            submitted_at: application.submitted_at,
            product: application.product.as_deref().map(str::to_owned),
            amount: application.amount,
            stage: application.visits.last().map(|visit| StatedView {
                value: visit.stage.to_string(),
                at: visit.since,
            }),
            decided: application.decided.map(moment),
            ended: application.ended.map(moment),
        }
    }
}

fn profile_of(journey: &Journey) -> BTreeMap<String, StatedView> {
    let profile = &journey.profile;
    let named = [
        ("tier", &profile.tier),
        ("industry", &profile.industry),
        ("region", &profile.region),
        ("branch", &profile.branch),
        ("relationship_manager", &profile.relationship_manager),
    ];
    let named = named
        .into_iter()
        .filter_map(|(name, stated)| Some((name, stated.as_ref()?)));
    let others = profile.dimensions.iter();
    let others = others.map(|(name, stated)| (&**name, stated));
    let view = |(name, stated): (&str, &Stated)| {
        let value = stated.value.to_string();
        (
            name.to_owned(),
            StatedView {
                value,
                at: stated.at,
            },
        )
    };
    named.chain(others).map(view).collect()
}

fn subject_of(case: &Case) -> String {
    let sort = match case.kind {
        CaseKind::Enquiry => "enquiry",
        CaseKind::Complaint => "complaint",
    };
    format!("{sort} {}", case.id)
}

/// Returns the id of a rule; states may remember one that the definition has dropped.
fn rule_name(key: RuleKey, definition: &Definition) -> String {
    let rule = definition.rules.iter().find(|rule| rule.key == key);
    rule.map_or_else(
        || format!("{key:?} (not in this definition)"),
        |rule| rule.id.to_string(),
    )
}
