//! Expectations: which events, how long, and what to raise.

use std::time::Duration;

use super::{Reading, severity, text};
use crate::definition::names;
use crate::definition::placed::At;
use crate::definition::raw::{
    RawCase, RawDuration, RawNarrow, RawParty, RawPercent, RawRule, RawSelector, RawSubject,
    RawUntil, RawWithin,
};
use crate::definition::{
    Condition, FeedClass, Feeds, KindSet, PartySet, Raise, Rule, RuleKey, Selector, SubjectKind,
    Until, Within, WithinCase,
};
use crate::derived::Severity;
use crate::event::{Party, Text};

const GRACE: Duration = Duration::from_mins(10);
/// A call noted in the evening or a form typed in the next day must not come too late to count.
const GRACE_OFFLINE: Duration = Duration::from_hours(48);

impl Reading {
    pub(super) fn rule(&mut self, raw: &RawRule, feeds: Option<&Feeds>) -> Option<Rule> {
        let id = self.name("rule id", &raw.id);
        let after = self.selector(&raw.after);
        let expect = self.selector(&raw.expect);
        let clear_on = raw.clear_on.as_ref().map(|typed| self.selector(typed));
        let within = self.within(&raw.within);
        let warn_percent = raw.warn.as_ref().map(|typed| self.percent(typed));
        let named = raw.feeds.iter().map(|feed| self.feed(feed));
        let named = named.collect::<Option<Vec<_>>>();
        let offline = named
            .iter()
            .flatten()
            .any(|feed| feeds.is_some_and(|feeds| feeds.class(feed) == FeedClass::Offline));
        let default_grace = if offline { GRACE_OFFLINE } else { GRACE };
        let grace = self.optional_duration(raw.grace.as_ref(), default_grace);
        let kind = self.name("kind", &raw.raise.kind);
        let output = self.output(raw.output.as_ref());
        let (id, expect) = (id?, expect?);
        Some(Rule {
            key: RuleKey::of(&id),
            id,
            subject: subject(raw.subject.value),
            after: after?,
            clear_on: match clear_on {
                Some(selector) => selector?,
                None => expect.clone(),
            },
            expect,
            within: within?,
            warn_percent: match warn_percent {
                Some(percent) => Some(percent?),
                None => None,
            },
            grace: grace?,
            until: match raw.until.as_ref().map(|until| until.value) {
                Some(RawUntil::Decided) => Until::Decided,
                Some(RawUntil::Ended) | None => Until::Ended,
            },
            raise: Raise {
                kind: kind?,
                severity: severity(raw.raise.severity, Severity::Warning),
                warn_severity: severity(raw.raise.warn_severity, Severity::Info),
            },
            feeds: named?,
            output: output?,
        })
    }

    fn selector(&mut self, raw: &RawSelector) -> Option<Selector> {
        match raw {
            RawSelector::Text(kind) => self
                .kind_set(std::slice::from_ref(kind))
                .map(Selector::kinds),
            RawSelector::List(kinds) => self.kind_set(kinds).map(Selector::kinds),
            RawSelector::Keys(narrow) => self.narrow(narrow),
        }
    }

    fn narrow(&mut self, raw: &RawNarrow) -> Option<Selector> {
        let kinds = match &raw.kinds {
            Some(kinds) => self.kinds(kinds)?,
            None => KindSet::ALL,
        };
        let by = match raw.by.as_slice() {
            [] => PartySet::ALL,
            parties => parties.iter().map(|typed| party(typed.value)).collect(),
        };
        let condition = match &raw.condition {
            Some(typed) => Some(self.condition(typed, kinds)?),
            None => None,
        };
        Some(Selector {
            kinds,
            by,
            condition,
        })
    }

    fn condition(&mut self, typed: &At<String>, kinds: KindSet) -> Option<Condition> {
        Condition::compile(typed, kinds)
            .map_err(|error| self.tell(typed.place, error.message, error.help))
            .ok()
    }

    fn within(&mut self, raw: &RawWithin) -> Option<Within> {
        let cases = match raw {
            RawWithin::Text(limit) => vec![WithinCase {
                when: Vec::new(),
                limit: self.limit(limit)?,
            }],
            RawWithin::List(cases) => {
                let cases = cases.iter().filter_map(|case| case.0.as_ref());
                let cases = cases.map(|case| self.case(case)).collect::<Vec<_>>();
                cases.into_iter().collect::<Option<Vec<_>>>()?
            }
        };
        Some(Within { cases })
    }

    fn case(&mut self, raw: &RawCase) -> Option<WithinCase> {
        let mut when = Vec::new();
        for (dimension, value) in &raw.when.0 {
            let value = match dimension.value.as_str() {
                "stage" => self.known_stage(value)?,
                _ => text(value),
            };
            when.push((text(dimension), value));
        }
        let limit = self.limit(&raw.limit)?;
        Some(WithinCase { when, limit })
    }

    /// Reads a limit; `none` is none.
    #[expect(
        clippy::option_option,
        reason = "the outer says whether it could be read"
    )]
    fn limit(&mut self, typed: &At<RawDuration>) -> Option<Option<Duration>> {
        match typed.value.0.as_str() {
            "none" => Some(None),
            _ => self.duration(typed).map(Some),
        }
    }

    fn percent(&mut self, typed: &At<RawPercent>) -> Option<u8> {
        let number = typed.value.0.trim_end_matches('%').trim().parse::<u8>();
        let percent = number.ok().filter(|percent| (1..=99).contains(percent));
        if percent.is_none() {
            let message = format!("{:?} is not a share of the time", typed.value.0);
            self.tell(
                typed.place,
                message,
                "write a whole percentage from 1% to 99%, such as 80%",
            );
        }
        percent
    }

    fn output(&mut self, typed: Option<&At<String>>) -> Option<Text> {
        let Some(typed) = typed else {
            return self.outputs.first().cloned();
        };
        let known = self.outputs.iter().find(|name| ***name == *typed.value);
        if known.is_none() {
            let message = format!("output {:?} is not declared", typed.value);
            let help = names::suggestion(typed, self.outputs.iter().map(|name| &**name));
            self.tell(
                typed.place,
                message,
                format!("{help}; or declare it under outputs"),
            );
            return None;
        }
        known.cloned()
    }
}

fn subject(raw: RawSubject) -> SubjectKind {
    match raw {
        RawSubject::Customer => SubjectKind::Customer,
        RawSubject::Application => SubjectKind::Application,
        RawSubject::Enquiry => SubjectKind::Enquiry,
        RawSubject::Complaint => SubjectKind::Complaint,
    }
}

fn party(raw: RawParty) -> Party {
    match raw {
        RawParty::Unknown => Party::Unknown,
        RawParty::Customer => Party::Customer,
        RawParty::Bank => Party::Bank,
        RawParty::ThirdParty => Party::ThirdParty,
        RawParty::System => Party::System,
    }
}
