//! The alert on a respondent who promoted and now detracts.
//!
//! It opens with the detracting reply, if the one before it promoted; it is resolved by the next reply that does not
//! detract, and corrected by a late reply in between that shows that the one before did not promote. Should a still later
//! one show that it did, the same alert is raised again, under the next number.

use super::emit::{Emitted, evidence_of};
use super::{Arrival, Rules};
use crate::definition::TurnedDetractor;
use crate::derived::{Alert, AlertId, Category, Status};
use crate::event::{Kind, Text, Timestamp};
use crate::journey::{Episode, Journey, Moment, Reply, Respondent};

/// A change in the life of such an alert.
struct Turn {
    status: Status,
    sequence: u32,
    at: Timestamp,
    armed: Moment,
    /// The reply before, or the event that closes.
    other: Moment,
}

impl Rules {
    /// Takes in the reply at a place among those of its respondent.
    pub(super) fn watch_respondent(
        &self,
        turned: &TurnedDetractor,
        of: &mut Respondent,
        place: usize,
        at: Timestamp,
        emitted: &mut Emitted<'_>,
    ) {
        of.forget_what_was_taken_back();
        let Some(turn) = turn(of, place) else { return };
        self.emit_turn(turned, of, &turn, at, emitted);
        let may_go_on = matches!(turn.status, Status::Raised | Status::Corrected);
        of.episode = may_go_on.then_some(Episode {
            armed: turn.armed,
            overdue: turn.armed,
            due: None,
            level: None,
            since: turn.at,
            sequence: turn.sequence,
        });
    }

    /// Ends the open alerts of respondents of a customer who must be forgotten.
    pub(super) fn expire_respondents(
        &self,
        journey: &Journey,
        by: &Arrival<'_>,
        emitted: &mut Emitted<'_>,
    ) {
        for respondent in &journey.respondents {
            self.expire_respondent(respondent, by, emitted);
        }
    }

    /// Makes room for another respondent: whoever has been silent longest is forgotten.
    pub(super) fn let_go(
        &self,
        journey: &mut Journey,
        by: &Arrival<'_>,
        emitted: &mut Emitted<'_>,
    ) {
        let latest = |of: &Respondent| of.replies.last().map(|reply| reply.at);
        let all = journey.respondents.iter().enumerate();
        if let Some((place, _)) = all.min_by_key(|(_, of)| latest(of)) {
            let forgotten = journey.respondents.remove(place);
            self.expire_respondent(&forgotten, by, emitted);
        }
    }

    fn expire_respondent(&self, of: &Respondent, by: &Arrival<'_>, emitted: &mut Emitted<'_>) {
        let nps = self.definition.nps.as_ref();
        if let (Some(turned), Some(episode)) = (
            nps.and_then(|nps| nps.turned_detractor.as_ref()),
            of.open_episode(),
        ) {
            let turn = closing(episode, Status::Expired, by.moment);
            self.emit_turn(turned, of, &turn, by.at, emitted);
        }
    }

    fn emit_turn(
        &self,
        turned: &TurnedDetractor,
        of: &Respondent,
        turn: &Turn,
        decided_at: Timestamp,
        emitted: &mut Emitted<'_>,
    ) {
        let customer = emitted.customer_id();
        let subject = [
            "respondent",
            customer.as_str(),
            &of.respondent,
            &of.touchpoint,
            &of.score_dimension,
        ];
        let details = [
            ("respondent", of.respondent.clone()),
            ("scores", scores(of)),
            ("touchpoint", of.touchpoint.clone()),
        ];
        let alert = Alert {
            alert_id: AlertId::derive(&turned.rule, &subject, turn.armed.by),
            sequence: turn.sequence,
            kind: TurnedDetractor::KIND.into(),
            level: None,
            status: turn.status,
            severity: turned.severity,
            customer_id: Some(customer),
            application_id: None,
            case_id: None,
            cohort: None,
            occurred_at: turn.at,
            due: None,
            rule: turned.rule.clone(),
            definition_version: self.definition.edition.version.clone(),
            evidence: [turn.armed, turn.other].map(evidence_of).into(),
            details: details
                .into_iter()
                .filter(|(_, value)| !value.is_empty())
                .map(|(name, value)| (name.into(), value))
                .collect(),
        };
        // Behind the alerts of all rules, which stand before it in the file.
        emitted.push(decided_at, usize::MAX, alert);
    }
}

/// Decides what the reply at a place means.
fn turn(of: &Respondent, place: usize) -> Option<Turn> {
    let category = |reply: &Reply| Category::of(reply.score);
    let newest = of.replies.len() - 1;
    let reply = &of.replies[place];
    if let Some(episode) = of.open_episode() {
        let opener = of.replies.iter().position(|it| it.by == episode.armed.by);
        let clears = place == newest && category(reply) != Some(Category::Detractor);
        let disproves = opener == Some(place + 1) && category(reply) != Some(Category::Promoter);
        return match (clears, disproves) {
            (true, _) => Some(closing(episode, Status::Resolved, moment(reply))),
            (false, true) => Some(closing(episode, Status::Corrected, moment(reply))),
            (false, false) => None,
        };
    }
    let before = newest.checked_sub(1)?;
    let turned = category(&of.replies[before]) == Some(Category::Promoter)
        && category(&of.replies[newest]) == Some(Category::Detractor);
    let armed = moment(&of.replies[newest]);
    let taken_back = of
        .episode
        .as_ref()
        .filter(|episode| episode.armed.by == armed.by);
    (turned && place >= before).then(|| Turn {
        status: Status::Raised,
        sequence: taken_back.map_or(0, |episode| episode.sequence) + 1,
        at: armed.at,
        armed,
        other: moment(&of.replies[before]),
    })
}

fn closing(episode: &Episode, status: Status, by: Moment) -> Turn {
    Turn {
        status,
        sequence: episode.sequence + 1,
        at: by.at,
        armed: episode.armed,
        other: by,
    }
}

fn moment(reply: &Reply) -> Moment {
    Moment {
        at: reply.at,
        kind: Kind::SurveyReplied,
        by: reply.by,
    }
}

/// Writes the last replies for people: `9, 3`.
fn scores(of: &Respondent) -> Text {
    let latest = of.replies[of.replies.len().saturating_sub(2)..].iter();
    let scores: Vec<String> = latest.map(|reply| reply.score.to_string()).collect();
    scores.join(", ").into()
}

#[cfg(test)]
mod tests;
