//! One transaction: everything the steps of some shards say, and where they stand afterwards.
//!
//! ```text
//! per shard: alerts, deltas, clocks, dead letters, late records ─► changes ─► progress, last
//! all acknowledged ─► positions (the fence) ─► commit ─► clear, or in doubt
//! ```
//!
//! The numbers in the comments are those of section 5 of `docs/delivery.md`: what happens if the process stops there.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::trace::SpanContext;
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::message::{BorrowedMessage, Message, OwnedHeaders};
use waymark_engine::derived::Alert;
use waymark_engine::stage::Outcome;

use super::collect::Collected;
use super::decide::Decided;
use crate::clock::{self, Stopwatch};
use crate::failpoint;
use crate::kafka::{RETRY_BACKOFF_MS, partition_of};
use crate::protocol::rules::commit_is_clear;
use crate::protocol::{CHANGE_KEY, PROGRESS_KEY, ShardId, What};
use crate::publish::{
    Channels, Forms, Origin, Outgoing, PublishDoubt, Receipt, Transactions, dead_letter, late,
};
use crate::source::KafkaSource;
use crate::telemetry::RecycleCause;
use crate::trace::{Sending, StepSpan, Trail, with_trace};

/// Where a stage publishes to.
pub(crate) struct Outputs {
    pub(crate) alerts: Topic,
    /// None behind the last stage.
    pub(crate) deltas: Option<Topic>,
    /// None before it.
    pub(crate) scores: Option<Topic>,
    pub(crate) dead_letter: Topic,
    pub(crate) late: Topic,
    pub(crate) changelog: String,
    pub(crate) origin: Origin,
    pub(crate) forms: Forms,
}

/// A topic to publish to.
pub(crate) struct Topic {
    pub(crate) name: String,
    pub(crate) partitions: u32,
    /// The largest record that it takes and our clients send, in bytes.
    pub(crate) bytes_max: usize,
}

/// Why it is not known whether a transaction was committed, or that it is known but late.
#[derive(Debug, thiserror::Error)]
pub(super) enum Doubt {
    /// Something failed.
    #[error(transparent)]
    Publish(#[from] PublishDoubt),
    /// It succeeded, but so slowly that a request may have been repeated.
    #[error("the transaction was committed only after {0:?}, a request may have been repeated")]
    Slow(Duration),
    /// The broker did not tell where the progress record stands, or a place that can't be.
    #[error("the progress record of shard {0} was not acknowledged with its place")]
    NoReceipt(ShardId),
}

impl Doubt {
    /// Returns whether a broker has left us without an answer.
    pub(super) fn is_unanswered(&self) -> bool {
        match self {
            Doubt::Publish(doubt) => doubt.is_unanswered(),
            Doubt::Slow(_) | Doubt::NoReceipt(_) => false,
        }
    }

    /// Returns the label of this doubt.
    pub(super) fn cause(&self) -> RecycleCause {
        match self {
            Doubt::Slow(_) => RecycleCause::Slow,
            Doubt::NoReceipt(_) => RecycleCause::Produce,
            Doubt::Publish(doubt) => doubt.cause(),
        }
    }
}

impl Outputs {
    /// Commits the steps of some shards in one transaction; returns where the progress record of each came to stand.
    ///
    /// # Errors
    /// [`Doubt`]: forget all memory and recycle the producer; what is committed is found out by recovery.
    pub(super) fn commit<I>(
        &self,
        transactions: &Transactions,
        source: &KafkaSource,
        membership: &Arc<ConsumerGroupMetadata>,
        steps: &mut [Decided],
        collected: &Collected<'_, I>,
        span: &mut StepSpan,
    ) -> Result<Vec<Receipt>, Doubt> {
        transactions.begin()?; // 5, here and below: stopping aborts it, the steps are done again from V
        for step in &mut *steps {
            let batch = collected.batches.get(&step.progress.shard);
            let records = batch.map_or(&[][..], |batch| &batch.records);
            self.send(transactions, step, records, span)?;
        }
        failpoint::here("step.5");
        transactions.flush()?; // 6: the same
        failpoint::here("step.6");
        let positions: Vec<_> = steps
            .iter()
            .map(|step| (step.progress.shard, step.progress.position))
            .collect();
        let positions = source
            .list(&positions)
            .map_err(|source| PublishDoubt::Request("listing the positions", source))?;
        let fence = Stopwatch::start();
        transactions.send_offsets(positions, membership)?; // 7: a new owner waits until it ends
        let fence = fence.elapsed();
        failpoint::here("step.7");
        let commit = Stopwatch::start();
        transactions.commit()?; // 8: committed or not, the next owner sees which
        let commit = commit.elapsed();
        failpoint::here("step.8");
        if !commit_is_clear(fence, commit, Duration::from_millis(RETRY_BACKOFF_MS)) {
            return Err(Doubt::Slow(fence + commit));
        }
        receipts_of(steps, transactions) // 9: committed; the store is behind, recovery copies
    }

    fn send(
        &self,
        transactions: &Transactions,
        step: &mut Decided,
        records: &[BorrowedMessage<'_>],
        span: &mut StepSpan,
    ) -> Result<(), PublishDoubt> {
        self.send_alerts(transactions, step, records, span)?;
        self.send_deltas(transactions, step, records, span)?;
        self.send_scores(transactions, step)?;
        self.send_set_aside(transactions, step, records)?;
        self.send_changes(transactions, step)?;
        let progress = step.progress.encode();
        transactions.send(Outgoing {
            topic: &self.changelog,
            partition: step.progress.shard.0,
            key: Some(PROGRESS_KEY),
            value: Some(&progress),
            headers: None,
            progress_of: Some(step.progress.shard),
        })
    }

    fn send_alerts(
        &self,
        to: &Transactions,
        step: &Decided,
        records: &[BorrowedMessage<'_>],
        span: &mut StepSpan,
    ) -> Result<(), PublishDoubt> {
        let (now, form, mut value) = (clock::now(), self.forms.alerts, Vec::new());
        for (place, alert) in step.alerts.iter().enumerate() {
            let key = alert.alert_id.to_string();
            form.write(alert, &mut value);
            let partition = partition_of(home_of(alert).as_bytes(), self.alerts.partitions);
            let sending = Sending {
                topic: &self.alerts.name,
                partition,
                kind: &alert.kind,
            };
            let cause = trail(records, step.causes.of_alert(place));
            let hop = span.send(&sending, cause.as_ref().map(|cause| &cause.hop));
            let headers = self.origin.headers(alert, form, now);
            let began = cause.as_ref().map(|cause| &cause.began);
            to.send(Outgoing {
                topic: &self.alerts.name,
                partition,
                key: Some(key.as_bytes()),
                value: Some(&value),
                headers: Some(with_trace(headers, hop.as_ref(), began)),
                progress_of: None,
            })?;
        }
        Ok(())
    }

    /// Deltas, each to the partition of its cohort, then clock records to all of them; every record is numbered.
    fn send_deltas(
        &self,
        to: &Transactions,
        step: &mut Decided,
        records: &[BorrowedMessage<'_>],
        span: &StepSpan,
    ) -> Result<(), PublishDoubt> {
        let Some(topic) = &self.deltas else {
            return Ok(());
        };
        let shard = step.progress.shard;
        let numbers = std::mem::take(&mut step.progress.channels);
        let form = self.forms.deltas;
        let mut channels = Channels::new(to, &topic.name, topic.partitions, shard, numbers, form);
        for (place, delta) in step.deltas.iter().enumerate() {
            let cause = trail(records, step.causes.of_delta(place));
            let key = delta.cohort.key();
            let partition = partition_of(key.as_bytes(), topic.partitions);
            let headers = headers_of(cause.as_ref().map(|cause| &cause.hop));
            channels.tell(partition, key, What::Delta(Cow::Borrowed(delta)), headers)?;
        }
        if let (true, Some(stream_time)) = (step.clock_told, step.progress.stream_time) {
            let key = format!("clock={shard}");
            for partition in 0..topic.partitions {
                let clock = What::Clock {
                    position: step.progress.position,
                    stream_time,
                    tick: step.tick,
                };
                channels.tell(
                    partition.cast_signed(),
                    &key,
                    clock,
                    headers_of(span.context()),
                )?;
            }
        }
        step.progress.channels = channels.into_numbers();
        Ok(())
    }

    /// Scores, each to the partition of its cohort; the last word on each day of a cohort stays.
    fn send_scores(&self, to: &Transactions, step: &Decided) -> Result<(), PublishDoubt> {
        let Some(topic) = &self.scores else {
            return Ok(());
        };
        let mut value = Vec::new();
        for score in &step.scores {
            let home = score.cohort.key();
            self.forms.scores.write(score, &mut value);
            to.send(Outgoing {
                topic: &topic.name,
                partition: partition_of(home.as_bytes(), topic.partitions),
                key: Some(&score.key()),
                value: Some(&value),
                headers: None,
                progress_of: None,
            })?;
        }
        Ok(())
    }

    fn send_set_aside(
        &self,
        to: &Transactions,
        step: &Decided,
        records: &[BorrowedMessage<'_>],
    ) -> Result<(), PublishDoubt> {
        let room = |topic: &Topic| to.room(step.progress.shard, topic.bytes_max);
        for (place, outcome) in &step.set_aside {
            let record = &records[*place];
            let (topic, set_aside) = match outcome {
                Outcome::DeadLettered(rejection) => {
                    let topic = &self.dead_letter;
                    (topic, dead_letter(record, rejection, room(topic)))
                }
                Outcome::Late | Outcome::Applied | Outcome::Duplicate | Outcome::Ignored => {
                    (&self.late, late(record, room(&self.late)))
                }
            };
            to.send(Outgoing {
                topic: &topic.name,
                partition: record.partition() % i32::try_from(topic.partitions).unwrap_or(i32::MAX),
                key: set_aside.key,
                value: set_aside.value,
                headers: Some(set_aside.headers),
                progress_of: None,
            })?;
        }
        Ok(())
    }

    fn send_changes(&self, to: &Transactions, step: &Decided) -> Result<(), PublishDoubt> {
        let mut key = vec![CHANGE_KEY];
        for change in &step.changes {
            key.truncate(1);
            key.extend_from_slice(change.key.as_bytes());
            to.send(Outgoing {
                topic: &self.changelog,
                partition: step.progress.shard.0,
                key: Some(&key),
                value: change.value.as_deref(),
                headers: None,
                progress_of: None,
            })?;
        }
        Ok(())
    }
}

/// The traces of the record at a place.
fn trail(records: &[BorrowedMessage<'_>], place: Option<usize>) -> Option<Trail> {
    Trail::of(&records[place?])
}

/// The headers of a record between the stages: none unless it stands in a trace.
fn headers_of(hop: Option<&SpanContext>) -> Option<OwnedHeaders> {
    hop.map(|_| with_trace(OwnedHeaders::new(), hop, None))
}

fn receipts_of(steps: &[Decided], transactions: &Transactions) -> Result<Vec<Receipt>, Doubt> {
    let receipts = transactions.receipts();
    let of = |step: &Decided| {
        let shard = step.progress.shard;
        receipts.get(&shard).copied().ok_or(Doubt::NoReceipt(shard))
    };
    steps.iter().map(of).collect()
}

/// The customer or the cohort whose alerts stay in order.
fn home_of(alert: &Alert) -> Cow<'_, str> {
    match (&alert.customer_id, &alert.cohort) {
        (Some(customer), _) => customer.as_str().into(),
        (None, Some(cohort)) => (&**cohort.key()).into(),
        (None, None) => "".into(),
    }
}
