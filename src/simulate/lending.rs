//! An application from submission to disbursement, as it goes in a bank: mostly in time, sometimes not.
//!
//! ```text
//! submitted → documents_check → credit_review → risk_review → approval → offer → offer_sent → contract → disbursement
//!             (stage.entered, with the department that owns it)        approved  sent       accepted    signed
//! ```
//!
//! While a stage moves, something is heard every few days; a stage that stalls is silent, runs over its limit and moves
//! the customer to ask, to complain or to walk away.

use std::time::Duration;

use waymark_engine::event::{
    ApplicationApproved, ApplicationCancelled, ApplicationDeclined, ApplicationSubmitted,
    ApplicationWithdrawn, Body, Channel, ContractSigned, DocumentsReceived, DocumentsRequested,
    FundsDisbursed, HandedOver, OfferAccepted, OfferDeclined, OfferExpired, OfferSent,
    ProductOpened, ProgressReported, RiskDisclosed, StageEntered, Timestamp,
};

use super::customer::Tier;
use super::fact::{Case, Fact, Feed, Sort};
use super::hours::{DAY, HOUR, MINUTE, in_office, in_office_between};
use super::routine;
use super::world::{Act, Habit, Turn};

const SUBMIT_MEAN: Duration = Duration::from_hours(150 * 24);
const OFFER_STANDS: Duration = Duration::from_hours(14 * 24);

/// Time limits, as in the shipped default definition.
const FIRST_STAGE_LIMIT: Duration = Duration::from_hours(2 * 24);
const OFFER_LIMIT: Duration = Duration::from_hours(3 * 24);
const CONTRACT_LIMIT: Duration = Duration::from_hours(10 * 24);
const DISBURSEMENT_LIMIT: Duration = Duration::from_hours(5 * 24);

/// The stages of the review: name, owner, limit in days, how many in a hundred are declined at its end.
const REVIEW: [(&str, &str, u32, u64); 4] = [
    ("documents_check", "document desk", 5, 0),
    ("credit_review", "credit analysis", 10, 5),
    ("risk_review", "risk management", 5, 4),
    ("approval", "credit committee", 5, 8),
];

/// What a customer has applied for and not yet got.
#[derive(Debug)]
pub(super) struct Application {
    pub(super) number: u16,
    product: &'static str,
    thousands: i64,
}

/// The next thing to happen to an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Move {
    Enter(usize),
    HandOver(usize),
    RequestDocuments { until: Timestamp },
    ReceiveDocuments(Case),
    Report,
    DiscloseRisk,
    Approve,
    Decline,
    Withdraw,
    SendOffer,
    AcceptOffer,
    DeclineOffer,
    ExpireOffer,
    Cancel,
    Sign,
    Disburse,
    OpenProduct,
}

pub(super) fn begin(turn: &mut Turn<'_>) {
    let first = turn.chance.time(DAY..SUBMIT_MEAN);
    turn.plan_in_office(first, Act::Submit);
}

/// A customer applies for a loan, unless two are open already.
pub(super) fn submit(turn: &mut Turn<'_>) -> Option<Fact> {
    let next = turn.chance.gap(SUBMIT_MEAN);
    turn.plan_in_office(next, Act::Submit);
    if turn.customer.open.len() >= 2 {
        return None;
    }
    turn.customer.applications += 1;
    let application = Application {
        number: turn.customer.applications,
        product: turn.chance.pick(&[
            "investment-loan",
            "working-capital",
            "equipment-leasing",
            "project-finance",
        ]),
        thousands: i64::try_from(10 * turn.chance.between(3..90)).unwrap_or(30),
    };
    let number = application.number;
    let body = Body::ApplicationSubmitted(ApplicationSubmitted {
        product: application.product.into(),
        amount: Some(application.thousands * 1_000),
        currency: Some("EUR".into()),
    });
    turn.customer.open.push(application);
    let course = Course::draw(turn, FIRST_STAGE_LIMIT);
    turn.plan(course.end, Act::Lend(number, Move::Enter(0)));
    let (feed, channel) = turn.chance.pick(&[
        (Feed::Web, Channel::Web),
        (Feed::Core, Channel::RelationshipManager),
    ]);
    Some(Fact::of_customer(feed, channel, body).about(Some(number)))
}

/// Takes one move of an application, unless that has ended meanwhile.
pub(super) fn proceed(turn: &mut Turn<'_>, number: u16, step: Move) -> Option<Fact> {
    let application = turn.customer.application(number)?;
    let (product, thousands) = (application.product, application.thousands);
    let mut desk = Desk { turn, number };
    let fact = match step {
        Move::Enter(stage) => desk.enter(stage),
        Move::HandOver(stage) => hand_over(stage),
        Move::RequestDocuments { until } => desk.request_documents(until),
        Move::ReceiveDocuments(case) => receive_documents(case),
        Move::Report => by_bank(
            "relationship management",
            Body::ProgressReported(ProgressReported {}),
        ),
        Move::DiscloseRisk => desk.disclose_risk(),
        Move::Approve => desk.approve(thousands),
        Move::Decline => desk.decline(),
        Move::Withdraw => desk.withdraw(),
        Move::SendOffer => desk.send_offer(),
        Move::AcceptOffer => desk.accept_offer(),
        Move::DeclineOffer => desk.decline_offer(),
        Move::ExpireOffer => desk.expire_offer(),
        Move::Cancel => desk.cancel(),
        Move::Sign => desk.sign(),
        Move::Disburse => desk.disburse(thousands),
        Move::OpenProduct => desk.open_product(product),
    };
    Some(fact.about(Some(number)))
}

/// How a part of the way with a time limit goes.
struct Course {
    end: Timestamp,
    pace: Pace,
}

#[derive(PartialEq, Eq)]
enum Pace {
    InTime,
    Stalled,
}

impl Course {
    /// Few parts stall, the fewer the higher the tier; one in seven uses up most of its time.
    fn draw(turn: &mut Turn<'_>, limit: Duration) -> Self {
        let stall_percent = match turn.customer.tier {
            Tier::A => 3,
            Tier::B => 5,
            Tier::C => 8,
        };
        let after = turn.at;
        if turn.chance.percent(stall_percent) {
            let taken = turn.chance.time(limit * 11 / 10..limit * 5 / 2);
            return Self {
                end: in_office(after + taken, turn.chance),
                pace: Pace::Stalled,
            };
        }
        let percent = if turn.chance.percent(14) {
            75..95
        } else {
            8..65
        };
        let share = u32::try_from(turn.chance.between(percent)).unwrap_or(8);
        let near = after + limit * share / 100;
        Self {
            end: in_office_between(after, near, after + limit, turn.chance),
            pace: Pace::InTime,
        }
    }
}

/// One application on somebody's desk.
struct Desk<'a, 'b> {
    turn: &'a mut Turn<'b>,
    number: u16,
}

impl Desk<'_, '_> {
    fn enter(&mut self, stage: usize) -> Fact {
        let (name, owner, limit_days, declined_percent) = REVIEW[stage];
        let course = Course::draw(self.turn, limit_days * DAY);
        let next = match stage {
            _ if self.turn.chance.percent(declined_percent) => Move::Decline,
            3 => Move::Approve,
            _ => Move::Enter(stage + 1),
        };
        match course.pace {
            Pace::InTime => {
                self.attend_to(stage, course.end);
                self.plan(course.end, next);
            }
            Pace::Stalled => self.stall(limit_days * DAY, course.end, next),
        }
        let body = StageEntered {
            stage: name.into(),
            owner: Some(owner.into()),
        };
        by_bank(owner, Body::StageEntered(body))
    }

    /// What is heard of an application while its stage moves.
    fn attend_to(&mut self, stage: usize, end: Timestamp) {
        let start = self.turn.at;
        if stage > 0 && self.turn.chance.percent(50) {
            let soon = self.turn.chance.time(5 * MINUTE..40 * MINUTE);
            self.plan((start + soon).min(end), Move::HandOver(stage));
        }
        if stage == 0 && self.turn.chance.percent(60) {
            let soon = self.turn.chance.time(HOUR..4 * HOUR);
            self.plan(
                (start + soon).min(end),
                Move::RequestDocuments { until: end },
            );
        }
        self.report_until(end);
    }

    fn report_until(&mut self, end: Timestamp) {
        let mut told = self.turn.at;
        loop {
            let near = told + self.turn.chance.time(2 * DAY..4 * DAY);
            if near + DAY >= end {
                return;
            }
            told = in_office_between(told, near, end, self.turn.chance);
            self.plan(told, Move::Report);
        }
    }

    /// Nobody touches the application; the customer notices.
    fn stall(&mut self, limit: Duration, end: Timestamp, next: Move) {
        let turn = &mut *self.turn;
        turn.customer.feel(-28);
        if turn.chance.percent(45) {
            let habit = Habit::Once;
            turn.plan_in_office(limit, Act::Enquire { habit });
        }
        if turn.chance.percent(35) {
            turn.plan_in_office(limit + DAY, Act::Complain);
        }
        if turn.chance.percent(14) {
            self.plan(end, Move::Withdraw);
        } else {
            self.plan(end, next);
        }
    }

    fn request_documents(&mut self, until: Timestamp) -> Fact {
        let case = self.turn.customer.open_case(Sort::Documents);
        let left = until.since(self.turn.at);
        let at = self.turn.at + self.turn.chance.time(left / 5..left * 7 / 10);
        self.plan(at, Move::ReceiveDocuments(case));
        let documents = self
            .turn
            .chance
            .pick(&["balance sheet", "tax return", "land register"]);
        let documents = vec![documents.into()];
        let body = Body::DocumentsRequested(DocumentsRequested { documents });
        by_bank(REVIEW[0].1, body).in_case(case)
    }

    fn disclose_risk(&mut self) -> Fact {
        let risk = self
            .turn
            .chance
            .pick(&["interest-rate", "collateral", "currency"]);
        let risk = Some(risk.into());
        let body = Body::RiskDisclosed(RiskDisclosed { risk });
        Fact::of_bank(
            Feed::BranchNotes,
            Channel::RelationshipManager,
            "relationship management",
            body,
        )
    }

    fn approve(&mut self, thousands: i64) -> Fact {
        self.turn.customer.feel(10);
        self.survey();
        let course = Course::draw(self.turn, OFFER_LIMIT);
        if self.turn.chance.percent(85) {
            let soon = self.turn.chance.time(10 * MINUTE..HOUR);
            self.plan((self.turn.at + soon).min(course.end), Move::DiscloseRisk);
        }
        self.plan(course.end, Move::SendOffer);
        let amount = Some(thousands * 1_000);
        let body = Body::ApplicationApproved(ApplicationApproved { amount });
        by_bank(REVIEW[3].1, body)
    }

    fn decline(&mut self) -> Fact {
        self.turn.customer.feel(-34);
        self.survey();
        self.turn.customer.close_application(self.number);
        let reason = self
            .turn
            .chance
            .pick(&["rating", "collateral", "cash-flow"]);
        let reason = Some(reason.into());
        by_bank(
            REVIEW[3].1,
            Body::ApplicationDeclined(ApplicationDeclined { reason }),
        )
    }

    fn withdraw(&mut self) -> Fact {
        self.turn.customer.close_application(self.number);
        let reason = Some(self.turn.chance.pick(&["too-slow", "other-bank"]).into());
        by_customer(Body::ApplicationWithdrawn(ApplicationWithdrawn { reason }))
    }

    /// Most customers accept within days, some decline, some let the offer run out.
    fn send_offer(&mut self) -> Fact {
        let expires_at = self.turn.at + OFFER_STANDS;
        let answered = self.turn.at + self.turn.chance.time(DAY..9 * DAY);
        let answered = in_office(answered, self.turn.chance);
        match self.turn.chance.below(100) {
            0..85 => self.plan(answered, Move::AcceptOffer),
            85..93 => self.plan(answered, Move::DeclineOffer),
            _ => self.plan(expires_at, Move::ExpireOffer),
        }
        let body = OfferSent {
            offer_id: Some(self.offer_id().into()),
            expires_at: Some(expires_at),
        };
        by_bank("relationship management", Body::OfferSent(body))
    }

    fn accept_offer(&mut self) -> Fact {
        let course = Course::draw(self.turn, CONTRACT_LIMIT);
        if course.pace == Pace::InTime {
            self.report_until(course.end);
        }
        self.plan(course.end, Move::Sign);
        let offer_id = Some(self.offer_id().into());
        by_customer(Body::OfferAccepted(OfferAccepted { offer_id }))
    }

    fn decline_offer(&mut self) -> Fact {
        let soon = self.turn.chance.time(10 * MINUTE..3 * HOUR);
        self.plan(self.turn.at + soon, Move::Withdraw);
        let offer_id = Some(self.offer_id().into());
        by_customer(Body::OfferDeclined(OfferDeclined { offer_id }))
    }

    fn expire_offer(&mut self) -> Fact {
        self.plan(self.turn.at + HOUR, Move::Cancel);
        let offer_id = Some(self.offer_id().into());
        let body = Body::OfferExpired(OfferExpired { offer_id });
        Fact::of_system(Feed::Core, Channel::Unknown, body)
    }

    fn cancel(&mut self) -> Fact {
        self.turn.customer.close_application(self.number);
        let reason = Some("offer-expired".into());
        let body = Body::ApplicationCancelled(ApplicationCancelled { reason });
        Fact::of_system(Feed::Core, Channel::Unknown, body)
    }

    fn sign(&mut self) -> Fact {
        let course = Course::draw(self.turn, DISBURSEMENT_LIMIT);
        self.plan(course.end, Move::Disburse);
        let contract_id = Some(format!("contract-{}", self.number).into());
        by_customer(Body::ContractSigned(ContractSigned { contract_id }))
    }

    fn disburse(&mut self, thousands: i64) -> Fact {
        self.turn.customer.feel(8);
        self.survey();
        routine::take_loan(self.turn, routine::instalment_of(thousands));
        self.plan(self.turn.at + 2 * MINUTE, Move::OpenProduct);
        let amount = Some(thousands * 1_000);
        let body = Body::FundsDisbursed(FundsDisbursed { amount });
        by_bank("loan operations", body)
    }

    fn open_product(&mut self, product: &str) -> Fact {
        self.turn.customer.close_application(self.number);
        let product = product.into();
        by_bank(
            "loan operations",
            Body::ProductOpened(ProductOpened { product }),
        )
    }

    /// Asks how it went, when there is something to say: after a decision and after the money.
    fn survey(&mut self) {
        self.turn
            .plan_in_office(DAY, Act::SurveyAfterStep(self.number));
    }

    fn offer_id(&self) -> String {
        format!("offer-{}", self.number)
    }

    fn plan(&mut self, at: Timestamp, step: Move) {
        self.turn.plan(at, Act::Lend(self.number, step));
    }
}

fn hand_over(stage: usize) -> Fact {
    let body = HandedOver {
        from: Some(REVIEW[stage - 1].1.into()),
        to: REVIEW[stage].1.into(),
    };
    by_bank(REVIEW[stage].1, Body::HandedOver(body))
}

fn receive_documents(case: Case) -> Fact {
    let body = DocumentsReceived {
        documents: Vec::new(),
        complete: Some(true),
    };
    by_customer(Body::DocumentsReceived(body)).in_case(case)
}

fn by_bank(department: &str, body: Body) -> Fact {
    Fact::of_bank(Feed::Core, Channel::Unknown, department, body)
}

fn by_customer(body: Body) -> Fact {
    Fact::of_customer(Feed::Web, Channel::Web, body)
}
