//! Random definitions and random histories of one customer.

use std::time::Duration;

use proptest::prelude::*;
use waymark_engine::definition::{
    Definition, Edition, FeedClass, Feeds, KindSet, Raise, Rule, RuleKey, Selector, Stage,
    SubjectKind, Until, Within, WithinCase,
};
use waymark_engine::derived::Severity;
use waymark_engine::event::{
    Actor, ApplicationId, ApplicationSubmitted, Body, CaseId, Channel, ContactMade, CustomerId,
    Dimensions, DocumentsReceived, EnquiryAnswered, EnquiryOpened, Event, EventHash, EventId,
    FeedName, Kind, LoggedIn, Party, StageEntered, Timestamp,
};

use crate::minutes;

pub(crate) const CUSTOMER: &str = "ACME";

/// A definition and what happened under it, in order.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    pub(crate) definition: Definition,
    pub(crate) history: Vec<Event>,
}

pub(crate) fn setting() -> impl Strategy<Value = Setting> {
    (
        definition(),
        prop::collection::vec((happening(), gap()), 1..40),
    )
        .prop_map(|(definition, happenings)| {
            let mut at = Timestamp::parse("2026-03-02T09:00:00Z").expect("a literal");
            let history = happenings
                .into_iter()
                .enumerate()
                .map(|(number, (happening, gap))| {
                    at = at + gap;
                    happening.at(number, at)
                });
            Setting {
                history: history.collect(),
                definition,
            }
        })
}

/// Returns the events in an order of arrival that delays each by less than `grace`.
pub(crate) fn arrivals(history: &[Event], jitter: &[f64], grace: Duration) -> Vec<Event> {
    let mut arriving: Vec<(Timestamp, Event)> = history
        .iter()
        .zip(jitter)
        .map(|(event, share)| (event.occurred_at + grace.mul_f64(*share), event.clone()))
        .collect();
    arriving.sort_by_key(|(arrival, _)| *arrival);
    // Events of the same time keep their order: they count in the order of arrival.
    let mut events: Vec<Event> = arriving.into_iter().map(|(_, event)| event).collect();
    for event in history {
        let same_time: Vec<usize> = (0..events.len())
            .filter(|place| events[*place].occurred_at == event.occurred_at)
            .collect();
        let in_order: Vec<Event> = history
            .iter()
            .filter(|it| it.occurred_at == event.occurred_at)
            .cloned()
            .collect();
        for (place, event) in same_time.into_iter().zip(in_order) {
            events[place] = event;
        }
    }
    events
}

fn definition() -> impl Strategy<Value = Definition> {
    let any = KindSet::ALL;
    let moves: KindSet = [
        Kind::ApplicationSubmitted,
        Kind::StageEntered,
        Kind::ApplicationApproved,
    ]
    .into_iter()
    .collect();
    let one = |kind: Kind| [kind].into_iter().collect::<KindSet>();
    (
        rule(
            "quiet",
            SubjectKind::Application,
            any,
            any,
            KindSet::NONE,
            Until::Decided,
        ),
        rule(
            "stalled",
            SubjectKind::Application,
            moves,
            moves,
            KindSet::NONE,
            Until::Ended,
        ),
        rule(
            "enquiry",
            SubjectKind::Enquiry,
            one(Kind::EnquiryOpened),
            one(Kind::EnquiryAnswered),
            one(Kind::ContactMade),
            Until::Ended,
        ),
        rule(
            "absent",
            SubjectKind::Customer,
            one(Kind::LoggedIn),
            one(Kind::LoggedIn),
            KindSet::NONE,
            Until::Ended,
        ),
        rule(
            "papers",
            SubjectKind::Application,
            one(Kind::StageEntered),
            one(Kind::DocumentsReceived),
            KindSet::NONE,
            Until::Ended,
        ),
        // One grace for all rules, shorter than the way to any mark: the order of arrival is stirred by as much.
        prop_oneof![1 => Just(0_u64), 2 => Just(3), 4 => Just(7)],
    )
        .prop_map(
            move |(quiet, stalled, enquiry, absent, papers, grace)| Definition {
                name: "random".into(),
                edition: Edition {
                    version: "1".into(),
                    fingerprint: "".into(),
                },
                feeds: Feeds {
                    digital: minutes(60),
                    offline: minutes(60),
                    classes: std::collections::BTreeMap::new(),
                    otherwise: FeedClass::Digital,
                },
                zone: jiff::tz::TimeZone::UTC,
                decided_by: [Kind::ApplicationApproved, Kind::ApplicationWithdrawn]
                    .into_iter()
                    .collect(),
                ended_by: one(Kind::ApplicationWithdrawn),
                stages: vec![
                    stage("submitted", one(Kind::ApplicationSubmitted)),
                    stage("offer", one(Kind::ApplicationApproved)),
                ],
                rules: [quiet, stalled, enquiry, absent, papers]
                    .map(|rule| Rule {
                        grace: minutes(grace),
                        ..rule
                    })
                    .into(),
                nps: None,
                outputs: vec!["alerts".into()],
            },
        )
}

fn rule(
    id: &'static str,
    subject: SubjectKind,
    after: KindSet,
    expect: KindSet,
    clear_on: KindSet,
    until: Until,
) -> impl Strategy<Value = Rule> {
    let limit = prop_oneof![Just(15_u64), Just(60), Just(240), Just(1_440)];
    // Limits by stage only where each arming event enters a stage: else they depend on which stage is known on arrival.
    let by_stage = (limit.clone(), limit.clone(), limit).prop_map(move |(a, b, other)| {
        let stages = vec![case(Some("a"), a), case(Some("b"), b), case(None, other)];
        Within {
            cases: if id == "stalled" || id == "papers" {
                stages
            } else {
                vec![case(None, other)]
            },
        }
    });
    let warn = prop_oneof![Just(None), Just(Some(50_u8)), Just(Some(80))];
    (by_stage, warn).prop_map(move |(within, warn_percent)| Rule {
        id: id.into(),
        key: RuleKey::of(id),
        subject,
        after: Selector::kinds(after),
        expect: Selector::kinds(expect),
        clear_on: Selector::kinds(clear_on),
        within,
        warn_percent,
        grace: Duration::ZERO,
        until,
        raise: Raise {
            kind: id.into(),
            severity: Severity::Warning,
            warn_severity: Severity::Info,
        },
        feeds: Vec::new(),
        output: "alerts".into(),
    })
}

fn stage(name: &str, entered_by: KindSet) -> Stage {
    Stage {
        name: name.into(),
        entered_by,
        next: Vec::new(),
    }
}

fn case(stage: Option<&str>, limit: u64) -> WithinCase {
    let when = stage
        .map(|stage| ("stage".into(), stage.into()))
        .into_iter()
        .collect();
    WithinCase {
        when,
        limit: Some(minutes(limit)),
    }
}

fn gap() -> impl Strategy<Value = Duration> {
    prop_oneof![
        1 => Just(0_u64),
        4 => 1..10_u64,
        3 => 10..60_u64,
        2 => prop_oneof![Just(15_u64), Just(60), Just(48), Just(12)],
        2 => 60..400_u64,
        1 => 400..4_000_u64,
    ]
    .prop_map(minutes)
}

/// Something that happens to one of two applications, one of two enquiries or the customer.
#[derive(Debug, Clone)]
struct Happening {
    body: Body,
    application: Option<&'static str>,
    case: Option<&'static str>,
}

fn happening() -> impl Strategy<Value = Happening> {
    let application = prop_oneof![3 => Just("A-1"), 1 => Just("A-2")];
    let enquiry = prop_oneof![3 => Just("E-1"), 1 => Just("E-2")];
    let stage = prop_oneof![Just("a"), Just("b"), Just("c")];
    let entered = |stage: &str| {
        Body::StageEntered(StageEntered {
            stage: stage.into(),
            owner: None,
        })
    };
    let of_application = prop_oneof![
        2 => Just(Body::ApplicationSubmitted(ApplicationSubmitted { product: "loan".into(), amount: None, currency: None })),
        6 => stage.prop_map(entered),
        3 => Just(Body::DocumentsReceived(DocumentsReceived { documents: Vec::new(), complete: None })),
        1 => Just(Body::ApplicationApproved(waymark_engine::event::ApplicationApproved { amount: None })),
        1 => Just(Body::ApplicationWithdrawn(waymark_engine::event::ApplicationWithdrawn { reason: None })),
    ];
    let of_enquiry = prop_oneof![
        2 => Just(Body::EnquiryOpened(EnquiryOpened { topic: None })),
        2 => Just(Body::EnquiryAnswered(EnquiryAnswered {})),
        1 => Just(Body::ContactMade(ContactMade { form: None })),
    ];
    prop_oneof![
        5 => (of_application, application)
            .prop_map(|(body, id)| Happening { body, application: Some(id), case: None }),
        3 => (of_enquiry, enquiry).prop_map(|(body, id)| Happening { body, application: None, case: Some(id) }),
        1 => Just(Happening { body: Body::LoggedIn(LoggedIn { device: None }), application: None, case: None }),
    ]
}

impl Happening {
    fn at(self, number: usize, occurred_at: Timestamp) -> Event {
        let id = format!("e{number}");
        Event {
            hash: EventHash::of(&id),
            id: EventId::parse(id).expect("not empty"),
            customer: Some(CustomerId::parse(CUSTOMER).expect("not empty")),
            occurred_at,
            source: FeedName::parse("core").expect("not empty"),
            channel: Channel::Web,
            actor: Actor {
                party: Party::Customer,
                id: None,
                department: None,
            },
            application: self
                .application
                .map(|id| ApplicationId::parse(id).expect("not empty")),
            case: self.case.map(|id| CaseId::parse(id).expect("not empty")),
            dimensions: Dimensions::new(),
            body: self.body,
        }
    }
}
