//! Who the customers are, how they feel, and what they have open.

use waymark_engine::event::{Body, Channel, CustomerId, ProfileChanged, Timestamp};

use super::chance::Chance;
use super::fact::{Case, Fact, Feed, Sort};
use super::lending::Application;

/// Branches with their regions. The first is the one whose service gets worse half way through.
const BRANCHES: [(&str, &str); 12] = [
    ("harbour", "north"),
    ("old-town", "north"),
    ("lighthouse", "north"),
    ("market-square", "east"),
    ("station", "east"),
    ("mill-lane", "east"),
    ("hillside", "south"),
    ("vineyard", "south"),
    ("university", "south"),
    ("riverside", "west"),
    ("airport", "west"),
    ("west-end", "west"),
];

const INDUSTRIES: [&str; 8] = [
    "manufacturing",
    "construction",
    "wholesale",
    "logistics",
    "hospitality",
    "health",
    "agriculture",
    "software",
];

/// The people of a company who answer surveys.
const RESPONDENTS: [&str; 3] = ["owner", "finance", "operations"];

/// One customer: a company.
#[derive(Debug)]
pub(super) struct Customer {
    pub(super) id: CustomerId,
    pub(super) tier: Tier,
    pub(super) branch: usize,
    industry: &'static str,
    manager: u64,
    /// How each respondent is by nature, 0 to 99: the higher, the kinder.
    temper: [u8; RESPONDENTS.len()],
    /// What recent experience adds to that, −60 to 30; fades with every new experience.
    mood: i16,
    pub(super) open: Vec<Application>,
    /// The monthly instalment, once there is a loan.
    pub(super) instalment: Option<i64>,
    pub(super) surveyed_at: Option<Timestamp>,
    pub(super) events: u32,
    pub(super) applications: u16,
    cases: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tier {
    A,
    B,
    C,
}

impl Customer {
    pub(super) fn new(number: u32, chance: &mut Chance) -> Self {
        let tier = match chance.below(10) {
            0..2 => Tier::A,
            2..6 => Tier::B,
            _ => Tier::C,
        };
        Self {
            id: CustomerId::parse(format!("C{number:04}")).expect("a letter and a number"),
            tier,
            branch: chance.index(BRANCHES.len()),
            industry: chance.pick(&INDUSTRIES),
            manager: 1 + chance.below(2),
            temper: std::array::from_fn(|_| u8::try_from(chance.below(100)).expect("below 100")),
            mood: 0,
            open: Vec::new(),
            instalment: None,
            surveyed_at: None,
            events: 0,
            applications: 0,
            cases: 0,
        }
    }

    /// What the bank's master data say.
    pub(super) fn profile(&self) -> Fact {
        let (branch, region) = BRANCHES[self.branch];
        let tier = match self.tier {
            Tier::A => "A",
            Tier::B => "B",
            Tier::C => "C",
        };
        let profile = ProfileChanged {
            tier: Some(tier.into()),
            industry: Some(self.industry.into()),
            region: Some(region.into()),
            branch: Some(branch.into()),
            relationship_manager: Some(format!("rm-{branch}-{}", self.manager).into()),
        };
        Fact::of_system(Feed::Core, Channel::Unknown, Body::ProfileChanged(profile))
    }

    pub(super) fn open_case(&mut self, sort: Sort) -> Case {
        self.cases += 1;
        Case {
            sort,
            number: self.cases,
        }
    }

    pub(super) fn application(&mut self, number: u16) -> Option<&mut Application> {
        self.open.iter_mut().find(|open| open.number == number)
    }

    pub(super) fn close_application(&mut self, number: u16) {
        self.open.retain(|open| open.number != number);
    }

    /// Lives through something good or bad.
    pub(super) fn feel(&mut self, change: i16) {
        self.mood = (self.mood * 3 / 4 + change).clamp(-60, 30);
    }

    /// Returns how kindly a respondent would answer right now: 0 to 99, and beyond after strong experiences.
    pub(super) fn kindness(&self, respondent: usize, chance: &mut Chance) -> i16 {
        let noise = i16::try_from(chance.below(37)).expect("below 37") - 18;
        i16::from(self.temper[respondent]) + self.mood + noise
    }

    pub(super) fn respondent_id(&self, respondent: usize) -> String {
        format!("{}-{}", self.id, RESPONDENTS[respondent])
    }

    /// Whether this customer belongs to the branch whose service gets worse.
    pub(super) fn is_of_shifting_branch(&self) -> bool {
        self.branch == 0
    }
}
