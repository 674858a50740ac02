//! A client that no longer delivers what is there: after an outage a consumer was seen to fetch nothing of a partition, for
//! minutes and without a word, while others read on. It is noticed and mended here.
//!
//! ```text
//! nothing delivered for 15 s though records wait ─► assign anew ─► still nothing after a minute ─► a new client
//! ```
//!
//! Markers and aborted records are never delivered; the client's own position passes them, V does not. So what is left is
//! counted from the client's position where it has one, and a few places prove nothing.

use std::rc::Rc;
use std::time::Duration;

use tracing::warn;

use super::react::Reaction;
use super::{Worker, WorkerError};
use crate::clock::Stopwatch;
use crate::kafka::leave_behind;
use crate::pipeline::stage::Stage;
use crate::protocol::{Offset, ShardId};
use crate::source::KafkaSource;

/// How long a client may deliver nothing although something is there.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long assigning anew may take to help.
const SECOND_PATIENCE: Duration = Duration::from_mins(1);
/// Clients are replaced no more often.
const REPLACE_EVERY: Duration = Duration::from_mins(10);
/// Places that a few transactions without a record for us may leave behind.
const MARKERS: i64 = 50;

/// What a shard has heard lately.
#[derive(Debug, Default)]
pub(super) struct Hearing {
    /// Whether something was delivered since the last look.
    heard: bool,
    /// Where the client stands; it passes what is never delivered.
    position: Option<Offset>,
    /// Where the source ended when the silence began.
    end: Option<Offset>,
    /// Since when something is there that does not come.
    waiting: Option<Stopwatch>,
}

impl Hearing {
    /// Notes whether something was delivered, and where the client stands now.
    pub(super) fn hear(&mut self, delivered: bool, position: Option<Offset>) {
        self.heard |= delivered;
        self.position = position.or(self.position);
    }

    /// Looks at what is there to read; returns for how long it was there and nothing came.
    fn look(&mut self, position: Offset, stable_end: Offset) -> Option<Duration> {
        let left = stable_end.0 - self.position.map_or(position.0, |at| at.0.max(position.0));
        if std::mem::take(&mut self.heard) || left <= 0 {
            (self.end, self.waiting) = (None, None);
            return None;
        }
        let grown = stable_end.0 - self.end.get_or_insert(stable_end).0;
        if left < MARKERS && grown < 2 {
            return None;
        }
        let since = self.waiting.get_or_insert_with(Stopwatch::start);
        Some(since.elapsed())
    }
}

impl<S: Stage> Worker<S> {
    /// Looks at one shard; `stable_end` is where its source ends.
    pub(super) fn listen(&mut self, id: ShardId, stable_end: Offset) {
        if let Some(shard) = self.running.get_mut(&id) {
            let silent = shard.hearing.look(shard.progress.position, stable_end);
            let silent = silent.unwrap_or_default();
            self.deaf = self.deaf.max((silent, id));
        }
    }

    /// Mends a client that delivers nothing.
    pub(super) fn mend_hearing(&mut self) -> Result<(), Reaction> {
        let (silent, shard) = std::mem::replace(&mut self.deaf, (Duration::ZERO, ShardId(0)));
        if silent < PATIENCE {
            return Ok(());
        }
        let may_replace = self
            .replaced
            .is_none_or(|since| since.elapsed() >= REPLACE_EVERY);
        if silent >= SECOND_PATIENCE && may_replace {
            warn!(%shard, ?silent, "the client delivers nothing although records wait: taking a new one");
            self.replaced = Some(Stopwatch::start());
            return self.replace_source().map_err(Reaction::End);
        }
        let lately = |since: Stopwatch| since.elapsed() < SECOND_PATIENCE;
        if self.assigned_anew.is_some_and(lately) {
            return Ok(());
        }
        self.assigned_anew = Some(Stopwatch::start());
        warn!(%shard, ?silent, "the client delivers nothing although records wait: assigning anew");
        self.read_on()
    }

    fn replace_source(&mut self) -> Result<(), WorkerError> {
        self.flush_once();
        self.let_go();
        self.take_new_client()
    }

    /// Joins the group with a new client. The old one may hang in its farewell, so it is left to a thread of its own.
    pub(super) fn take_new_client(&mut self) -> Result<(), WorkerError> {
        let new = Rc::new(self.join_group()?);
        let old = std::mem::replace(&mut self.source, new);
        if let Some(old) = Rc::into_inner(old) {
            leave_behind(old);
        }
        self.undecided.owed();
        Ok(())
    }

    fn join_group(&self) -> Result<KafkaSource, WorkerError> {
        let (shared, slot) = (&self.shared, &self.slot);
        let source = KafkaSource::join(&self.kafka, &shared.source_topic, &shared.group, slot)?;
        Ok(source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looks(hearing: &mut Hearing, position: i64, ends: &[i64]) -> Vec<bool> {
        let look = |end: &i64| hearing.look(Offset(position), Offset(*end)).is_some();
        ends.iter().map(look).collect()
    }

    #[test]
    fn what_is_delivered_breaks_the_silence() {
        let mut hearing = Hearing::default();
        assert_eq!(looks(&mut hearing, 0, &[100]), [true]);
        hearing.hear(true, None);
        assert_eq!(looks(&mut hearing, 0, &[100]), [false], "it has just come");
        assert_eq!(looks(&mut hearing, 0, &[100]), [true]);
    }

    #[test]
    fn a_marker_or_two_prove_nothing_but_what_comes_on_top_does() {
        let mut hearing = Hearing::default();
        assert_eq!(looks(&mut hearing, 10, &[11, 12, 12]), [false; 3]);
        assert_eq!(looks(&mut hearing, 10, &[13, 14]), [true, true]);
    }

    #[test]
    fn where_nothing_is_left_there_is_nothing_to_hear() {
        let mut hearing = Hearing::default();
        assert_eq!(looks(&mut hearing, 10, &[11]), [false]);
        assert_eq!(
            looks(&mut hearing, 13, &[13]),
            [false],
            "a tick has moved V"
        );
        hearing.hear(false, Some(Offset(200)));
        let aborted = "the client has passed what was aborted";
        assert_eq!(looks(&mut hearing, 13, &[200]), [false], "{aborted}");
    }
}
