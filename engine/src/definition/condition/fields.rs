//! What `event` offers to a condition: the fields of each kind, with their types.
//!
//! The table names the fields; their types follow from the body structs. A field that is missing here does not compile.

use std::sync::Arc;

use cel::objects::{Key, Map, Value};

use super::{Values, check::Type, text};
#[allow(
    clippy::wildcard_imports,
    reason = "the table names every body; clippy looks away in test builds"
)]
use crate::event::*;

/// How a condition sees a field.
trait Field {
    const TYPE: Type;
    fn value(&self) -> Value;
}

macro_rules! fields {
    ($($kind:ident { $($field:ident),* })+) => {
        /// Returns the fields of a kind, with their types.
        pub(super) fn of_kind(kind: Kind) -> Vec<(&'static str, Type)> {
            match kind {
                $(Kind::$kind => vec![$((stringify!($field), {
                    fn type_of<F: Field>(_: fn(&$kind) -> &F) -> Type {
                        F::TYPE
                    }
                    type_of(|body| &body.$field)
                })),*]),+
            }
        }

        fn of_body(body: &Body, name: &str) -> Value {
            match body {
                $(Body::$kind(body) => {
                    // Naming each field and no rest makes the compiler find what the table forgot.
                    let $kind { $($field),* } = body;
                    match name {
                        $(stringify!($field) => $field.value(),)*
                        _ => Value::Null,
                    }
                }),+
            }
        }
    };
}

fields! {
    LoggedIn { device }
    PageViewed { page, seconds }
    ContentShown { content_id }
    ContentClicked { content_id }
    FeatureUsed { feature }
    ApplicationSubmitted { product, amount, currency }
    DocumentsRequested { documents }
    DocumentsReceived { documents, complete }
    StageEntered { stage, owner }
    HandedOver { from, to }
    OfferSent { offer_id, expires_at }
    OfferAccepted { offer_id }
    OfferDeclined { offer_id }
    OfferExpired { offer_id }
    ApplicationApproved { amount }
    ApplicationDeclined { reason }
    ApplicationWithdrawn { reason }
    ApplicationCancelled { reason }
    ContractSigned { contract_id }
    FundsDisbursed { amount }
    TimetableAgreed { milestones }
    MilestoneReached { milestone }
    EnquiryOpened { topic }
    EnquiryAnswered {}
    ComplaintRaised { topic, severity }
    ComplaintResolved { outcome }
    ContactMade { form }
    ProgressReported {}
    RiskDisclosed { risk }
    SurveySent { instrument, touchpoint }
    SurveyReplied { instrument, score, scale, dimension, touchpoint, respondent }
    ProfileChanged { tier, industry, region, branch, relationship_manager }
    CreditGradeChanged { grade }
    RiskObserved { risk, severity }
    InterestRateChanged { basis_points }
    RepaymentMade { amount }
    RepaymentMissed { amount }
    RevenueBooked { category, amount }
    ProductOpened { product }
    ProductClosed { product }
    ReviewHeld {}
    IdentityLinked { identity }
    IdentityUnlinked { identity }
    ConsentChanged { purpose, granted }
    CustomerErased {}
    FeedHeartbeat {}
    AlertAcknowledged { alert_id }
    AlertClosed { alert_id, reason }
    Custom { name, values }
}

/// What every event offers, whatever its kind.
pub(super) const COMMON: [(&str, Type); 5] = [
    ("type", Type::Text),
    ("channel", Type::Word(&CHANNELS)),
    ("source", Type::Text),
    ("actor", Type::Word(&PARTIES)),
    ("department", Type::Text),
];

/// The words of an enum as events write them, and the word of one variant.
macro_rules! words {
    ($words:ident, $word:ident, $enum:ident { $($variant:ident = $text:literal),+ }) => {
        const $words: [&str; [$($text),+].len()] = [$($text),+];

        fn $word(variant: $enum) -> &'static str {
            match variant {
                $($enum::$variant => $text),+
            }
        }
    };
}

words!(CHANNELS, channel, Channel {
    Web = "web",
    Mobile = "mobile",
    Branch = "branch",
    Phone = "phone",
    Email = "email",
    RelationshipManager = "relationship_manager",
    Partner = "partner",
    Unknown = "unknown"
});
words!(PARTIES, party, Party {
    Customer = "customer",
    Bank = "bank",
    ThirdParty = "third_party",
    System = "system",
    Unknown = "unknown"
});
words!(INSTRUMENTS, instrument, Instrument {
    Nps = "NPS",
    Csat = "CSAT",
    Ces = "CES"
});

/// Returns a field of an event, null if it is absent.
pub(super) fn value(event: &Event, name: &str) -> Value {
    match name {
        "type" => text(event.kind().name()),
        "channel" => text(channel(event.channel)),
        "source" => text(event.source.as_str()),
        "actor" => text(party(event.actor.party)),
        "department" => event.actor.department.value(),
        _ => of_body(&event.body, name),
    }
}

impl<F: Field> Field for Option<F> {
    const TYPE: Type = F::TYPE;
    fn value(&self) -> Value {
        self.as_ref().map_or(Value::Null, F::value)
    }
}

impl Field for Text {
    const TYPE: Type = Type::Text;
    fn value(&self) -> Value {
        text(self)
    }
}

impl Field for i64 {
    const TYPE: Type = Type::Int;
    fn value(&self) -> Value {
        Value::Int(*self)
    }
}

impl Field for bool {
    const TYPE: Type = Type::Bool;
    fn value(&self) -> Value {
        Value::Bool(*self)
    }
}

impl Field for Vec<Text> {
    const TYPE: Type = Type::Texts;
    fn value(&self) -> Value {
        Value::List(Arc::new(self.iter().map(Field::value).collect()))
    }
}

impl Field for Instrument {
    const TYPE: Type = Type::Word(&INSTRUMENTS);
    fn value(&self) -> Value {
        text(instrument(*self))
    }
}

impl Field for Values {
    const TYPE: Type = Type::Values;
    fn value(&self) -> Value {
        let pairs = self.iter().map(|(name, value)| {
            let value = match value {
                crate::event::Value::Boolean(value) => Value::Bool(*value),
                crate::event::Value::Integer(value) => Value::Int(*value),
                crate::event::Value::Number(value) => Value::Float(*value),
                crate::event::Value::Text(value) => text(value),
            };
            (Key::from(name.to_string()), value)
        });
        Value::Map(Map {
            map: Arc::new(pairs.collect()),
        })
    }
}

/// Times, scales and timetables are for rules, not for conditions.
macro_rules! opaque {
    ($($type:ty),+) => {$(
        impl Field for $type {
            const TYPE: Type = Type::Opaque;
            fn value(&self) -> Value {
                Value::Null
            }
        }
    )+};
}

opaque!(Timestamp, Scale, Vec<Milestone>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_calls_things_as_events_do() {
        for word in CHANNELS {
            let read: Channel = serde_json::from_value(word.into()).expect(word);
            assert_eq!(channel(read), word);
        }
        for word in PARTIES {
            let read: Party = serde_json::from_value(word.into()).expect(word);
            assert_eq!(party(read), word);
        }
        for word in INSTRUMENTS {
            let read: Instrument = serde_json::from_value(word.into()).expect(word);
            assert_eq!(instrument(read), word);
        }
    }
}
