//! What conditions may say, what they see, and how wrong ones are told.

use super::*;
use crate::event::{
    Actor, ApplicationSubmitted, Body, Channel, CustomerId, DocumentsReceived, Event, EventHash,
    EventId, FeedName, Kind, Party, Timestamp,
};

fn event(body: Body) -> Event {
    Event {
        id: EventId::parse("e1").expect("valid"),
        customer: Some(CustomerId::parse("c1").expect("valid")),
        occurred_at: Timestamp::MIN,
        source: FeedName::parse("core").expect("valid"),
        channel: Channel::Web,
        actor: Actor {
            party: Party::Customer,
            id: None,
            department: None,
        },
        application: None,
        case: None,
        dimensions: BTreeMap::new(),
        body,
        hash: EventHash::of("e1"),
    }
}

fn submitted(amount: Option<i64>) -> Event {
    event(Body::ApplicationSubmitted(ApplicationSubmitted {
        product: "term_loan".into(),
        amount,
        currency: None,
    }))
}

fn custom(values: &[(&str, crate::event::Value)]) -> Event {
    let values = values
        .iter()
        .map(|(name, value)| ((*name).into(), value.clone()));
    event(Body::Custom(crate::event::Custom {
        name: "site_visit".into(),
        values: values.collect(),
    }))
}

/// Compiles for the kind of the event and asks.
fn holds(source: &str, event: &Event) -> bool {
    let condition = Condition::compile(source, [event.kind()].into_iter().collect())
        .unwrap_or_else(|error| panic!("{source}: {error} ({})", error.help));
    let tier = |name: &str| (name == "tier").then_some("A");
    condition.holds(&Facts {
        event,
        application: Some(ApplicationFacts {
            product: Some("leasing"),
            amount: None,
            stage: Some("approval"),
        }),
        dimension: &tier,
    })
}

fn refused(source: &str, kinds: &[Kind]) -> ConditionError {
    Condition::compile(source, kinds.iter().copied().collect()).expect_err(source)
}

#[test]
fn a_condition_sees_the_event_its_application_and_dimensions() {
    let event = submitted(Some(2_000_000));
    for source in [
        "event.amount >= 1000000",
        "event.product == 'term_loan' && event.channel == \"web\"",
        "event.type == 'application.submitted' && event.actor == 'customer'",
        "event.source.startsWith('co') && event.department == null",
        "application.stage == 'approval' && application.amount == null",
        "dimensions.tier == 'A' && dimensions[\"cost-centre\"] == 'unknown'",
        "event.amount / 2 > 500000 ? true : false",
        "application.product in ['leasing', 'factoring']",
        "size(event.product) == 9 && !event.product.contains('x')",
        "-event.amount < 0 && event.amount % 7 != 1.5",
    ] {
        assert!(holds(source, &event), "{source}");
    }
}

#[test]
fn an_absent_field_is_null_and_comparing_it_by_size_counts_as_no() {
    let event = submitted(None);
    assert!(holds("event.amount == null", &event));
    assert!(!holds("event.amount > 5", &event));
    assert!(!holds("!(event.amount > 5)", &event));
    assert!(holds(
        "event.amount != null && event.amount > 5 || true",
        &event
    ));
}

#[test]
fn an_evaluation_error_counts_as_no() {
    assert!(!holds("1 / (event.amount - 5) == 0", &submitted(Some(5))));
    assert!(!holds(
        "event.amount * 9223372036854775807 > 0",
        &submitted(Some(5))
    ));
    let none = event(Body::DocumentsReceived(DocumentsReceived {
        documents: Vec::new(),
        complete: None,
    }));
    assert!(!holds("event.documents[0] == 'passport'", &none));
    assert!(!holds("event.complete", &none));
}

#[test]
fn values_of_a_custom_event_take_any_type() {
    use crate::event::Value;
    let event = custom(&[
        ("rooms", Value::Integer(3)),
        ("note", Value::Text("ok".into())),
    ]);
    assert!(holds(
        "event.name == 'site_visit' && event.values.rooms > 2",
        &event
    ));
    assert!(holds(
        "event.values['note'] == 'ok' && 'rooms' in event.values",
        &event
    ));
    assert!(!holds("event.values.rooms == 'three'", &event));
    assert!(!holds("event.values.missing > 2", &event));
}

#[test]
fn what_can_never_work_is_refused_when_the_file_is_read() {
    let submitted = [Kind::ApplicationSubmitted];
    for (source, message, help) in [
        (
            "event.amont > 5",
            "no event selected here has a field \"amont\"",
            "did you mean event.amount?",
        ),
        (
            "event.grade == 'A'",
            "no event selected here has a field \"grade\"",
            "credit_grade.changed has it",
        ),
        (
            "event.amount == '5'",
            "a whole number is never equal to a text",
            "stand without quotes",
        ),
        (
            "event.product > 5",
            "a text and a whole number have no order",
            "compare numbers with numbers",
        ),
        (
            "event.amount",
            "the condition is a whole number, not a yes or no",
            "compare it",
        ),
        (
            "event.amount && true",
            "&& and || does not work on a whole number",
            "compare before",
        ),
        ("event", "event has no value of its own", "event.channel"),
        (
            "evnt.amount > 5",
            "unknown name \"evnt\"",
            "did you mean \"event\"?",
        ),
        (
            "application.stag == 'x'",
            "application has no field \"stag\"",
            "did you mean \"stage\"?",
        ),
        (
            "event.channel == 'wbe'",
            "no event says \"wbe\" here",
            "did you mean \"web\"?",
        ),
        (
            "event.actor in ['customer', 'banc']",
            "no event says \"banc\" here",
            "did you mean \"bank\"?",
        ),
        (
            "event.product.matches('(a+)+$')",
            "function \"matches\" is not supported",
            "startsWith",
        ),
        (
            "event.product.startswith('x')",
            "function \"startswith\" is not supported",
            "did you mean \"startsWith\"?",
        ),
        ("has(event.amount)", "has(...) is not supported", "!= null"),
        (
            "[1, 2].all(x, x > 0)",
            "all, exists, filter and map are not supported",
            "in event.documents",
        ),
        (
            "event.amount * 1.5 > 2.0",
            "* can't mix whole numbers",
            "without decimals",
        ),
        (
            "event.amount > 5u",
            "unsigned numbers and bytes are not supported",
            "without u",
        ),
        (
            "event.amount >",
            "the condition is not CEL at character",
            "write for example",
        ),
        ("", "the condition is not CEL", "write for example"),
        (
            "dimensions.tier > 5",
            "a text and a whole number have no order",
            "compare numbers",
        ),
    ] {
        let error = refused(source, &submitted);
        assert!(
            error.message.starts_with(message),
            "{source}: {}",
            error.message
        );
        assert!(error.help.contains(help), "{source}: {}", error.help);
    }
}

#[test]
fn the_fields_are_those_of_all_kinds_selected() {
    let both = [Kind::EnquiryOpened, Kind::ApplicationSubmitted];
    assert!(Condition::compile("event.amount > 5", both.into_iter().collect()).is_ok());
    assert!(Condition::compile("event.topic == 'fees'", KindSet::ALL).is_ok());
    assert!(
        refused("event.expires_at != null", &[Kind::OfferSent])
            .message
            .contains("can't be compared")
    );
}

#[test]
fn size_and_depth_are_bounded_and_what_is_within_the_bounds_is_answered() {
    let bomb = |open: &str, close: &str| format!("{}true{}", open.repeat(400), close.repeat(400));
    for source in [
        bomb("[", "]"),
        bomb("size(", ")"),
        "true ? ".repeat(140) + "true",
        "true ? true : ".repeat(70) + "true",
        "1+".repeat(490) + "1 == 491",
        "event".to_owned() + &".a".repeat(490),
        "event".to_owned() + &"[0]".repeat(300),
        "x".repeat(1_001),
    ] {
        Condition::compile(&source, KindSet::ALL).expect_err(&source);
    }
    for source in [
        bomb("(", ")"),
        bomb("!", ""),
        "1+".repeat(20) + "1 == 21",
        vec!["event.channel == 'web'"; 35].join(" || "),
    ] {
        assert!(holds(&source, &submitted(None)), "{source}");
    }
}

#[test]
fn conditions_can_be_asked_from_any_thread() {
    fn shared<T: Send + Sync>() {}
    shared::<Condition>();
}

#[test]
fn any_text_is_compiled_or_refused_without_panic() {
    let parts = [
        "event", ".", "amount", "(", ")", "[", "\"", "'", "5", " ", "&&", "==", "?", ":", "-",
        "in", "\\", "é", "{", "}",
    ];
    let mut seed = 7u64;
    for _ in 0..2_000 {
        let mut source = String::new();
        for _ in 0..12 {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            source.push_str(parts[usize::try_from(seed >> 33).expect("valid") % parts.len()]);
        }
        let _answer = Condition::compile(&source, KindSet::ALL);
    }
}
