//! The table of all kinds: one line each, from which the names, the body type and the order in schemas follow.
//!
//! To add a kind: a struct in `body`, a line here, a record in `schemas/interaction_event.avsc`, an example. The tests
//! name whatever is missing.

use std::fmt;

use serde::{Deserialize, Serialize};

#[allow(
    clippy::wildcard_imports,
    reason = "every body has its line in the table below"
)]
use super::body::*;

macro_rules! kinds {
    ($($name:ident = $text:literal),+ $(,)?) => {
        /// What sort of fact an event states. The order is that of the Avro union and of stored states: append only.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[expect(missing_docs, reason = "each is documented at the body struct of the same name")]
        pub enum Kind {
            $($name),+
        }

        impl Kind {
            /// Every kind, in order.
            pub const ALL: &'static [Kind] = &[$(Kind::$name),+];

            /// Returns the name used in JSON and in definitions, such as `application.submitted`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Kind::$name => $text),+
                }
            }

            /// Finds a kind by that name.
            pub fn from_name(name: &str) -> Option<Kind> {
                match name {
                    $($text => Some(Kind::$name),)+
                    _ => None,
                }
            }
        }

        /// What happened, with its particulars. In Avro a union of records, named as the variants.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[expect(missing_docs, reason = "each is documented at the body struct of the same name")]
        pub enum Body {
            $($name($name)),+
        }

        impl Body {
            /// Returns the kind of this body.
            pub const fn kind(&self) -> Kind {
                match self {
                    $(Body::$name(_) => Kind::$name),+
                }
            }

            /// Reads the fields of a body whose kind is known from any serde format.
            ///
            /// # Errors
            /// Whatever the format says of missing or mistyped fields.
            pub fn deserialize_as<'de, D: serde::Deserializer<'de>>(kind: Kind, from: D) -> Result<Body, D::Error> {
                match kind {
                    $(Kind::$name => $name::deserialize(from).map(Body::$name)),+
                }
            }

            /// Writes the fields of this body, without its kind.
            ///
            /// # Errors
            /// Whatever the format says.
            pub fn serialize_fields<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(Body::$name(body) => body.serialize(to)),+
                }
            }
        }
    };
}

kinds! {
    // digital behaviour
    LoggedIn = "digital.logged_in",
    PageViewed = "digital.page_viewed",
    ContentShown = "digital.content_shown",
    ContentClicked = "digital.content_clicked",
    FeatureUsed = "digital.feature_used",
    // application
    ApplicationSubmitted = "application.submitted",
    DocumentsRequested = "documents.requested",
    DocumentsReceived = "documents.received",
    StageEntered = "stage.entered",
    HandedOver = "application.handed_over",
    OfferSent = "offer.sent",
    OfferAccepted = "offer.accepted",
    OfferDeclined = "offer.declined",
    OfferExpired = "offer.expired",
    ApplicationApproved = "application.approved",
    ApplicationDeclined = "application.declined",
    ApplicationWithdrawn = "application.withdrawn",
    ApplicationCancelled = "application.cancelled",
    ContractSigned = "contract.signed",
    FundsDisbursed = "funds.disbursed",
    TimetableAgreed = "timetable.agreed",
    MilestoneReached = "milestone.reached",
    // service
    EnquiryOpened = "enquiry.opened",
    EnquiryAnswered = "enquiry.answered",
    ComplaintRaised = "complaint.raised",
    ComplaintResolved = "complaint.resolved",
    ContactMade = "contact.made",
    ProgressReported = "progress.reported",
    RiskDisclosed = "risk.disclosed",
    // survey
    SurveySent = "survey.sent",
    SurveyReplied = "survey.replied",
    // relationship
    ProfileChanged = "profile.changed",
    CreditGradeChanged = "credit_grade.changed",
    RiskObserved = "risk.observed",
    InterestRateChanged = "interest_rate.changed",
    RepaymentMade = "repayment.made",
    RepaymentMissed = "repayment.missed",
    RevenueBooked = "revenue.booked",
    ProductOpened = "product.opened",
    ProductClosed = "product.closed",
    ReviewHeld = "review.held",
    // control
    IdentityLinked = "identity.linked",
    IdentityUnlinked = "identity.unlinked",
    ConsentChanged = "consent.changed",
    CustomerErased = "customer.erased",
    FeedHeartbeat = "feed.heartbeat",
    AlertAcknowledged = "alert.acknowledged",
    AlertClosed = "alert.closed",
    // what a bank adds itself
    Custom = "custom",
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
