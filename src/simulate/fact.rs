//! What a customer's life adds to an event: which feed tells it, who acted, what it is about.

use waymark_engine::event::{
    Actor, ApplicationId, Body, CaseId, Channel, CustomerId, Dimensions, Event, EventHash, EventId,
    FeedName, Party, Timestamp,
};

/// An event without its identity, its customer and its time.
#[derive(Debug)]
pub(super) struct Fact {
    source: Feed,
    channel: Channel,
    actor: Actor,
    application: Option<u16>,
    case: Option<Case>,
    body: Body,
}

/// The feeds of the bank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Feed {
    Web,
    Mobile,
    Core,
    Crm,
    Survey,
    BranchNotes,
}

/// The only feed that is late by nature: paper, typed in by evening or by the end of the week.
pub(super) const OFFLINE_FEED: &str = Feed::BranchNotes.name();

impl Feed {
    const fn name(self) -> &'static str {
        match self {
            Feed::Web => "web",
            Feed::Mobile => "mobile",
            Feed::Core => "core",
            Feed::Crm => "crm",
            Feed::Survey => "survey",
            Feed::BranchNotes => "branch-notes",
        }
    }
}

/// One enquiry, complaint, survey or round of documents of a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Case {
    pub(super) sort: Sort,
    pub(super) number: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sort {
    Enquiry,
    Complaint,
    Survey,
    Documents,
}

impl Case {
    fn id(self) -> CaseId {
        let sort = match self.sort {
            Sort::Enquiry => "enquiry",
            Sort::Complaint => "complaint",
            Sort::Survey => "survey",
            Sort::Documents => "documents",
        };
        CaseId::parse(format!("{sort}-{}", self.number)).expect("a word and a number")
    }
}

impl Fact {
    /// Something the customer did.
    pub(super) fn of_customer(source: Feed, channel: Channel, body: Body) -> Self {
        Self::new(source, channel, Party::Customer, None, body)
    }

    /// Something a department of the bank did.
    pub(super) fn of_bank(source: Feed, channel: Channel, department: &str, body: Body) -> Self {
        Self::new(source, channel, Party::Bank, Some(department), body)
    }

    /// Something that a machine of the bank did.
    pub(super) fn of_system(source: Feed, channel: Channel, body: Body) -> Self {
        Self::new(source, channel, Party::System, None, body)
    }

    fn new(
        source: Feed,
        channel: Channel,
        party: Party,
        department: Option<&str>,
        body: Body,
    ) -> Self {
        let actor = Actor {
            party,
            id: None,
            department: department.map(Into::into),
        };
        Self {
            source,
            channel,
            actor,
            application: None,
            case: None,
            body,
        }
    }

    pub(super) fn about(mut self, application: Option<u16>) -> Self {
        self.application = application;
        self
    }

    pub(super) fn in_case(mut self, case: Case) -> Self {
        self.case = Some(case);
        self
    }

    /// Makes an event of it, with an id that says whose it is and of which history: two of them may go to one deployment.
    pub(super) fn into_event(
        self,
        customer: &CustomerId,
        seed: u64,
        number: u32,
        at: Timestamp,
    ) -> Event {
        let id = format!("{customer}-{seed}-e{number:03}");
        let application = self.application.map(|number| {
            ApplicationId::parse(format!("loan-{number}")).expect("a word and a number")
        });
        Event {
            hash: EventHash::of(&id),
            id: EventId::parse(id).expect("a customer and two numbers"),
            customer: Some(customer.clone()),
            occurred_at: at,
            source: FeedName::parse(self.source.name()).expect("not empty"),
            channel: self.channel,
            actor: self.actor,
            application,
            case: self.case.map(Case::id),
            dimensions: Dimensions::new(),
            body: self.body,
        }
    }
}
