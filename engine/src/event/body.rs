//! What each kind says: one struct a kind, in the order of the table in `kind`.
//!
//! Field names are those of `schemas/interaction_event.avsc`, in JSON and Avro alike. Optional fields may be left out
//! in JSON. Amounts are whole currency units: a threshold in a rule reads as people say it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

use super::{Text, Timestamp};

// digital behaviour

/// The customer signed in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoggedIn {
    /// Device or browser family, where known.
    #[serde(default)]
    pub device: Option<Text>,
}

/// The customer looked at a page or screen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PageViewed {
    /// Path or screen name.
    pub page: Text,
    /// How long it was in view, in seconds.
    #[serde(default)]
    pub seconds: Option<i64>,
}

/// A piece of content was shown to the customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContentShown {
    /// Which content.
    pub content_id: Text,
}

/// The customer acted on a piece of content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContentClicked {
    /// Which content.
    pub content_id: Text,
}

/// The customer used a feature, such as a repayment calculator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeatureUsed {
    /// Which feature.
    pub feature: Text,
}

// application

/// The customer submitted an application.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApplicationSubmitted {
    /// Product applied for.
    pub product: Text,
    /// Amount asked for, in whole units of `currency`.
    #[serde(default)]
    pub amount: Option<i64>,
    /// ISO 4217 code.
    #[serde(default)]
    pub currency: Option<Text>,
}

/// The bank asked for documents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DocumentsRequested {
    /// What was asked for; may be empty.
    #[serde(default)]
    pub documents: Vec<Text>,
}

/// Documents arrived.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DocumentsReceived {
    /// What arrived; may be empty.
    #[serde(default)]
    pub documents: Vec<Text>,
    /// Whether nothing is missing any more, where known.
    #[serde(default)]
    pub complete: Option<bool>,
}

/// The application entered a stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageEntered {
    /// The stage, as named in the definition.
    pub stage: Text,
    /// Department that owns the stage from now on.
    #[serde(default)]
    pub owner: Option<Text>,
}

/// The application passed from one department or person to another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HandedOver {
    /// Who gave it away.
    #[serde(default)]
    pub from: Option<Text>,
    /// Who has it now.
    pub to: Text,
}

/// An offer went out to the customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OfferSent {
    /// Which offer, where several run.
    #[serde(default)]
    pub offer_id: Option<Text>,
    /// Until when it stands.
    #[serde(default, serialize_with = "optional_millis")]
    pub expires_at: Option<Timestamp>,
}

/// The customer accepted an offer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OfferAccepted {
    /// Which offer, where several run.
    #[serde(default)]
    pub offer_id: Option<Text>,
}

/// The customer declined an offer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OfferDeclined {
    /// Which offer, where several run.
    #[serde(default)]
    pub offer_id: Option<Text>,
}

/// An offer ran out unanswered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OfferExpired {
    /// Which offer, where several run.
    #[serde(default)]
    pub offer_id: Option<Text>,
}

/// The bank said yes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApplicationApproved {
    /// Amount approved, in whole units of the application's currency.
    #[serde(default)]
    pub amount: Option<i64>,
}

/// The bank said no.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApplicationDeclined {
    /// Why, as a code.
    #[serde(default)]
    pub reason: Option<Text>,
}

/// The customer took the application back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApplicationWithdrawn {
    /// Why, as a code.
    #[serde(default)]
    pub reason: Option<Text>,
}

/// The application was closed without a decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApplicationCancelled {
    /// Why, as a code.
    #[serde(default)]
    pub reason: Option<Text>,
}

/// The contract was signed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContractSigned {
    /// Which contract.
    #[serde(default)]
    pub contract_id: Option<Text>,
}

/// Money was paid out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FundsDisbursed {
    /// Amount paid out, in whole units of the application's currency.
    #[serde(default)]
    pub amount: Option<i64>,
}

/// Bank and customer agreed on milestones with dates; replaces any earlier timetable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimetableAgreed {
    /// The milestones, at most 64.
    pub milestones: Vec<Milestone>,
}

/// An agreed milestone was reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MilestoneReached {
    /// Its name in the timetable.
    pub milestone: Text,
}

// service

/// The customer asked something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EnquiryOpened {
    /// About what.
    #[serde(default)]
    pub topic: Option<Text>,
}

/// The bank answered an enquiry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EnquiryAnswered {}

/// The customer complained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ComplaintRaised {
    /// About what.
    #[serde(default)]
    pub topic: Option<Text>,
    /// How grave, as a code.
    #[serde(default)]
    pub severity: Option<Text>,
}

/// A complaint was settled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ComplaintResolved {
    /// How, as a code.
    #[serde(default)]
    pub outcome: Option<Text>,
}

/// The bank and the customer spoke.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContactMade {
    /// Meeting, call or visit.
    #[serde(default)]
    pub form: Option<Text>,
}

/// The bank told the customer where the application stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProgressReported {}

/// The bank explained a risk to the customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RiskDisclosed {
    /// Which risk.
    #[serde(default)]
    pub risk: Option<Text>,
}

// survey

/// A survey went out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SurveySent {
    /// Which question.
    pub instrument: Instrument,
    /// After what.
    #[serde(default)]
    pub touchpoint: Option<Text>,
}

/// A survey came back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SurveyReplied {
    /// Which question.
    pub instrument: Instrument,
    /// The answer; none if the question was left open, which never counts.
    #[serde(default)]
    pub score: Option<i64>,
    /// The scale of the answer; NPS is always 0 to 10.
    #[serde(default)]
    pub scale: Option<Scale>,
    /// Speed, efficiency or attitude, where the question was about one.
    #[serde(default)]
    pub dimension: Option<Text>,
    /// After what.
    #[serde(default)]
    pub touchpoint: Option<Text>,
    /// Who answered: a company has several people.
    #[serde(default)]
    pub respondent: Option<Text>,
}

// relationship

/// Master data of the customer changed; absent fields stay as they were.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProfileChanged {
    /// Service tier.
    #[serde(default)]
    pub tier: Option<Text>,
    /// Industry.
    #[serde(default)]
    pub industry: Option<Text>,
    /// Region.
    #[serde(default)]
    pub region: Option<Text>,
    /// Branch.
    #[serde(default)]
    pub branch: Option<Text>,
    /// Relationship manager.
    #[serde(default)]
    pub relationship_manager: Option<Text>,
}

/// The customer's credit grade changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CreditGradeChanged {
    /// The new grade.
    pub grade: Text,
}

/// A risk was observed at the customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RiskObserved {
    /// Which risk.
    pub risk: Text,
    /// How grave, as a code.
    #[serde(default)]
    pub severity: Option<Text>,
}

/// An interest rate of the customer changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InterestRateChanged {
    /// The new rate, in hundredths of a percent a year.
    pub basis_points: i64,
}

/// The customer paid an instalment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RepaymentMade {
    /// Amount, in whole units of the loan's currency.
    pub amount: i64,
}

/// The customer missed an instalment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RepaymentMissed {
    /// Amount, in whole units of the loan's currency.
    pub amount: i64,
}

/// Income from the customer was booked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RevenueBooked {
    /// Interest, fees or another name.
    pub category: Text,
    /// Amount, in whole units of the bank's currency.
    pub amount: i64,
}

/// The customer took up a product.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProductOpened {
    /// Which product.
    pub product: Text,
}

/// The customer gave up a product.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProductClosed {
    /// Which product.
    pub product: Text,
}

/// A periodic review of the customer was held.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReviewHeld {}

// control

/// Another identity was found to be this customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IdentityLinked {
    /// The other identity.
    pub identity: Text,
}

/// An identity was found not to be this customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IdentityUnlinked {
    /// The other identity.
    pub identity: Text,
}

/// The customer gave or took back a consent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConsentChanged {
    /// For what.
    pub purpose: Text,
    /// Whether it is given now.
    pub granted: bool,
}

/// The customer must be forgotten.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CustomerErased {}

/// A feed says that it is alive; concerns no customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeedHeartbeat {}

/// Somebody took notice of an alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertAcknowledged {
    /// Which alert.
    pub alert_id: Text,
}

/// Somebody closed an alert by hand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertClosed {
    /// Which alert.
    pub alert_id: Text,
    /// Why.
    #[serde(default)]
    pub reason: Option<Text>,
}

// custom

/// What a bank adds itself and names in its rules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Custom {
    /// Its name, chosen by the bank.
    pub name: Text,
    /// Flat values, at most 64.
    #[serde(default)]
    pub values: BTreeMap<Text, Value>,
}

// the parts they are made of

/// A date agreed with the customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Milestone {
    /// Its name, unique in the timetable.
    pub name: Text,
    /// When it shall be reached.
    #[serde(serialize_with = "millis")]
    pub due: Timestamp,
}

/// A survey question with a standard way to count its answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Instrument {
    /// Net promoter score: would you recommend us, 0 to 10 (Reichheld, 2003).
    #[serde(rename = "NPS")]
    Nps,
    /// Customer satisfaction.
    #[serde(rename = "CSAT")]
    Csat,
    /// Customer effort score.
    #[serde(rename = "CES")]
    Ces,
}

/// The lowest and the highest possible answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scale {
    /// Lowest answer.
    pub low: i64,
    /// Highest answer.
    pub high: i64,
}

/// A value in a [`Custom`] event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "not a boolean, a number or a text")]
pub enum Value {
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Number(f64),
    /// A text.
    Text(Text),
}

/// Event times travel as integer milliseconds, in JSON and Avro alike.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
pub(super) fn millis<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_i64(at.as_millis())
}

#[expect(clippy::ref_option, reason = "serde passes fields by reference")]
fn optional_millis<S: Serializer>(
    at: &Option<Timestamp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    at.map(Timestamp::as_millis).serialize(serializer)
}
