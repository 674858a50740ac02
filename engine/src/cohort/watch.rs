//! The life of a monitored series: learn a reference, watch for a shift, raise the alarm, learn anew.
//!
//! ```text
//!              baseline complete                      evidence ≥ A
//!   Learning ───────────────────► Watching ──────────────────────────► Learning, with an open episode
//!      ▲      (closes the episode)     ▲                                            │
//!      └── no target stated            └── target stated           500 replies ─────┘
//! ```
//!
//! An episode is open exactly while the baseline after its alarm is being learnt: so there is at most one. It says that
//! the score has moved, and ends when the new level is known. A learnt reference is a bound, not an estimate, for an
//! estimate would void the promise of the detector; replies that teach it are not bet on.

use crate::derived::Category;
use crate::event::{EventHash, Timestamp};

use super::detector::typical_shares;
use super::tally::Adjusted;
use super::{Detector, Direction, Interval, Tally};

/// One reply as a detector reads it; their order is the order of detection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Reply {
    pub(super) occurred_at: Timestamp,
    pub(super) event_hash: EventHash,
    pub(super) category: Category,
}

/// What the definition asks of one cohort's watch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    /// The NPS to hold, if stated.
    pub(super) target: Option<f64>,
    /// A: the evidence at which to raise the alarm.
    pub(super) threshold: f64,
    /// Replies from which to learn a reference.
    pub(super) baseline_replies: u32,
    /// Points by which to relax a learnt reference.
    pub(super) tolerance: f64,
}

/// Where one series stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Watch {
    /// The target it was begun with.
    pub(super) target: Option<f64>,
    pub(super) phase: Phase,
}

/// What a watch is doing.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Phase {
    /// It collects a baseline.
    Learning {
        /// Replies collected.
        seen: Tally,
        /// The alarm that made it necessary; none at the beginning.
        episode: Option<Episode>,
    },
    /// It bets against the reference.
    Watching {
        /// Where the reference is from.
        origin: Origin,
        fall: Detector,
        rise: Detector,
        /// Replies since the reference stands.
        seen: Tally,
    },
}

/// Where a reference is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// Stated in the definition.
    Target,
    /// Learnt from replies.
    Estimated,
}

impl Origin {
    /// Returns the name used in alerts and states.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Origin::Target => "target",
            Origin::Estimated => "estimated",
        }
    }
}

/// An alarm that still stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Episode {
    pub(super) opened_by: Reply,
    pub(super) direction: Direction,
}

/// A reply that changed what a watch is doing, as far as the world should know.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Turn {
    /// The score has shifted.
    Shifted {
        episode: Episode,
        origin: Origin,
        /// The NPS it shifted from.
        reference: f64,
        evidence: f64,
        /// Replies since the reference stood.
        seen: Tally,
    },
    /// The new level is known.
    Settled {
        episode: Episode,
        by: Reply,
        /// The replies that tell it.
        baseline: Tally,
    },
}

impl Watch {
    /// Begins with the stated target, or by learning.
    pub(super) fn begin(target: Option<f64>) -> Self {
        let phase = match target {
            Some(points) => Phase::watching(Origin::Target, points, points),
            None => Phase::learning(None),
        };
        Self { target, phase }
    }

    /// Takes the next reply of a closed hour into account.
    pub(super) fn observe(&mut self, reply: &Reply, terms: &Terms) -> Option<Turn> {
        // A changed target takes effect at once, unless an alarm still waits for its end.
        if self.target != terms.target && !self.phase.is_alarmed() {
            *self = Self::begin(terms.target);
        }
        let (phase, turn) = self.phase.after(reply, terms)?;
        self.phase = phase;
        turn
    }
}

impl Phase {
    fn learning(episode: Option<Episode>) -> Self {
        Phase::Learning {
            seen: Tally::default(),
            episode,
        }
    }

    /// Watches for falls from one score and for rises from another.
    fn watching(origin: Origin, fall_from: f64, rise_from: f64) -> Self {
        Phase::Watching {
            origin,
            fall: Detector::new(Direction::Fall, fall_from),
            rise: Detector::new(Direction::Rise, rise_from),
            seen: Tally::default(),
        }
    }

    fn is_alarmed(&self) -> bool {
        matches!(
            self,
            Phase::Learning {
                episode: Some(_),
                ..
            }
        )
    }

    /// Counts a reply; returns the next phase, if this one is over, and what to tell of it.
    fn after(&mut self, reply: &Reply, terms: &Terms) -> Option<(Phase, Option<Turn>)> {
        match self {
            Phase::Learning { seen, episode } => {
                seen.add(reply.category);
                let next = learnt(seen, terms)?;
                let settled = |episode| Turn::Settled {
                    episode,
                    by: *reply,
                    baseline: *seen,
                };
                Some((next, episode.map(settled)))
            }
            Phase::Watching {
                origin,
                fall,
                rise,
                seen,
            } => {
                seen.add(reply.category);
                fall.observe(reply.category);
                rise.observe(reply.category);
                let alarmed = [fall, rise]
                    .into_iter()
                    .find(|detector| detector.evidence() >= terms.threshold)?;
                let episode = Episode {
                    opened_by: *reply,
                    direction: alarmed.direction,
                };
                let shifted = Turn::Shifted {
                    episode,
                    origin: *origin,
                    reference: alarmed.reference,
                    evidence: alarmed.evidence(),
                    seen: *seen,
                };
                Some((Phase::learning(Some(episode)), Some(shifted)))
            }
        }
    }
}

/// Returns the phase that a complete baseline leads to.
fn learnt(seen: &Tally, terms: &Terms) -> Option<Phase> {
    let complete = seen.replies() >= u64::from(terms.baseline_replies);
    let bounds = seen.interval().filter(|_| complete)?;
    let [fall_from, rise_from] = references(&bounds, terms.tolerance);
    Some(Phase::watching(Origin::Estimated, fall_from, rise_from))
}

/// Returns the references for falls and for rises: the bounds of a baseline, relaxed.
fn references(bounds: &Interval, tolerance: f64) -> [f64; 2] {
    [bounds.low - tolerance, bounds.high + tolerance]
}

/// Returns the references, for falls and for rises, to expect from a baseline of so many replies around a score.
///
/// All in points. They lie apart: a score can move that far without ever being noticed. A share of 30 % passive replies
/// is assumed.
pub fn expected_references(score: f64, baseline_replies: u32, tolerance: f64) -> [f64; 2] {
    let replies = f64::from(baseline_replies.max(1));
    let [promoters, passives, detractors] =
        typical_shares(score / 100.0).map(|share| share * replies);
    let bounds = Adjusted::of(promoters, passives, detractors).interval();
    references(&bounds, tolerance)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cohort::expected_delay;

    #[test]
    fn a_score_that_was_learnt_can_fall_by_ten_points_unnoticed_and_not_by_thirty() {
        let [fall_from, rise_from] = expected_references(30.0, 500, 5.0);
        assert!((fall_from - 18.0).abs() < 0.1, "{fall_from}");
        assert!((rise_from - 41.6).abs() < 0.1, "{rise_from}");
        assert_eq!(
            expected_delay(Direction::Fall, fall_from, 20.0, 10_000.0),
            None
        );
        assert!(expected_delay(Direction::Fall, fall_from, 0.0, 10_000.0).is_some());
    }
}
