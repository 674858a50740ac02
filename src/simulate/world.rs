//! The agenda: who acts next, and when.
//!
//! Every act happens at its time, tells at most one fact and plans the acts that follow from it, always later. So facts
//! come in the order of their times, and all that is kept is what the customers still mean to do.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use waymark_engine::event::{Event, Timestamp};

use super::chance::Chance;
use super::customer::Customer;
use super::fact::{Case, Fact};
use super::hours::{DAY, in_office};
use super::lending::Move;
use super::survey::Reply;
use super::{Options, lending, routine, service, survey};

/// The customers and what they mean to do.
#[derive(Debug)]
pub(super) struct World {
    customers: Vec<Customer>,
    agenda: BinaryHeap<Reverse<Entry>>,
    seed: u64,
    planned: u64,
    chance: Chance,
    /// From when on one branch serves worse: half way through.
    shift_at: Timestamp,
}

/// Equal times keep the order in which they were planned.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    at: Timestamp,
    number: u64,
    customer: usize,
    act: Act,
}

/// What a customer, or the bank for that customer, is about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Act {
    Join,
    LogIn,
    Browse { pages_left: u8 },
    Repay,
    Meet,
    Enquire { habit: Habit },
    Answer(Case),
    Complain,
    Resolve(Case),
    Submit,
    Lend(u16, Move),
    SurveyYearly,
    SurveyAfterStep(u16),
    SurveyAfterAnswer,
    Reply(Case, Reply),
}

/// Whether an act plans its own next time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Habit {
    Regular,
    Once,
}

/// One act under way: what it may look at and where it puts its plans.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    pub(super) at: Timestamp,
    pub(super) customer: &'a mut Customer,
    pub(super) chance: &'a mut Chance,
    pub(super) has_shifted: bool,
    plans: Vec<(Timestamp, Act)>,
}

impl World {
    pub(super) fn new(options: &Options) -> Self {
        let mut chance = Chance::new(options.seed, 0);
        let customers: Vec<_> = (1..=options.customers)
            .map(|number| Customer::new(number, &mut chance))
            .collect();
        let mut world = Self {
            customers,
            agenda: BinaryHeap::new(),
            planned: 0,
            seed: options.seed,
            chance,
            shift_at: options.start + options.span() / 2,
        };
        for customer in 0..world.customers.len() {
            let joined = options.start + world.chance.time(Duration::ZERO..5 * DAY);
            let joined = in_office(joined, &mut world.chance);
            world.plan(joined, customer, Act::Join);
        }
        world
    }

    /// Lets the customers act until one does something worth telling.
    pub(super) fn next_event(&mut self) -> Option<Event> {
        loop {
            let Reverse(entry) = self.agenda.pop()?;
            let customer = &mut self.customers[entry.customer];
            let mut turn = Turn {
                at: entry.at,
                customer: &mut *customer,
                chance: &mut self.chance,
                has_shifted: entry.at >= self.shift_at,
                plans: Vec::new(),
            };
            let fact = perform(entry.act, &mut turn);
            let plans = turn.plans;
            let event = fact.map(|fact| {
                customer.events += 1;
                fact.into_event(&customer.id, self.seed, customer.events, entry.at)
            });
            for (at, act) in plans {
                self.plan(at, entry.customer, act);
            }
            if event.is_some() {
                return event;
            }
        }
    }

    fn plan(&mut self, at: Timestamp, customer: usize, act: Act) {
        self.planned += 1;
        self.agenda.push(Reverse(Entry {
            at,
            number: self.planned,
            customer,
            act,
        }));
    }
}

impl Turn<'_> {
    /// Plans an act; one that would lie in the past happens right after this one.
    pub(super) fn plan(&mut self, at: Timestamp, act: Act) {
        self.plans.push((at.max(self.at), act));
    }

    /// Plans an act for the first time in the office after a while.
    pub(super) fn plan_in_office(&mut self, after: Duration, act: Act) {
        let at = in_office(self.at + after, self.chance);
        self.plan(at, act);
    }
}

fn perform(act: Act, turn: &mut Turn<'_>) -> Option<Fact> {
    match act {
        Act::Join => Some(join(turn)),
        Act::LogIn => Some(routine::log_in(turn)),
        Act::Browse { pages_left } => Some(routine::browse(turn, pages_left)),
        Act::Repay => routine::repay(turn),
        Act::Meet => Some(service::meet(turn)),
        Act::Enquire { habit } => Some(service::enquire(turn, habit)),
        Act::Answer(case) => Some(service::answer(turn, case)),
        Act::Complain => Some(service::complain(turn)),
        Act::Resolve(case) => Some(service::resolve(turn, case)),
        Act::Submit => lending::submit(turn),
        Act::Lend(application, step) => lending::proceed(turn, application, step),
        Act::SurveyYearly => survey::send_yearly(turn),
        Act::SurveyAfterStep(application) => survey::send_after_step(turn, application),
        Act::SurveyAfterAnswer => Some(survey::send_after_answer(turn)),
        Act::Reply(case, reply) => Some(survey::reply(turn, case, reply)),
    }
}

/// The bank enters the customer's profile; from now on there is a life.
fn join(turn: &mut Turn<'_>) -> Fact {
    routine::begin(turn);
    service::begin(turn);
    lending::begin(turn);
    survey::begin(turn);
    turn.customer.profile()
}
