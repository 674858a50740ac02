//! Calls into the client that may never return, made on a thread of their own.
//!
//! librdkafka does not keep the time limit of `send_offsets_to_transaction`: when the coordinator of the group dies, the
//! call may wait until some broker comes or goes, hours later (its issue 5456). A worker must not wait with it: it gives
//! the call up and takes a new producer, whose higher epoch fences whatever the old one still has on its way.
//!
//! ```text
//! worker ── act ──► notary's thread ──► client
//!    ◄── answer ──┘        └── overdue: given up; thread and producer stay until the call returns, then go
//! ```

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// Something to do with a producer, which answers when done.
type Act<P> = Box<dyn FnOnce(&P) + Send>;

/// A thread that makes calls with a producer.
pub(super) struct Notary<P> {
    producer: Arc<P>,
    acts: SyncSender<Act<P>>,
}

/// A call has not returned in time. Its producer is of no use any more.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Overdue;

impl<P: Send + Sync + 'static> Notary<P> {
    /// Starts the thread; it ends when the notary is dropped and its last call has returned.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(super) fn employ(producer: P) -> std::io::Result<Self> {
        let producer = Arc::new(producer);
        let (acts, orders): (_, Receiver<Act<P>>) = sync_channel(1);
        let of_thread = Arc::clone(&producer);
        let work = move || {
            for act in orders {
                act(&of_thread);
            }
        };
        thread::Builder::new()
            .name("notary".to_owned())
            .spawn(work)?;
        Ok(Self { producer, acts })
    }

    /// Makes a call and waits for its answer, for at most `limit`.
    ///
    /// # Errors
    /// [`Overdue`] if it has not returned by then: drop the notary and everything that waits for its producer.
    pub(super) fn call<T: Send + 'static>(
        &self,
        limit: Duration,
        call: impl FnOnce(&P) -> T + Send + 'static,
    ) -> Result<T, Overdue> {
        let (answer, answered) = sync_channel(1);
        let act = move |producer: &P| {
            answer.try_send(call(producer)).ok(); // nobody waits any more
        };
        self.acts.try_send(Box::new(act)).map_err(|_| Overdue)?;
        answered.recv_timeout(limit).map_err(|_| Overdue)
    }

    /// The producer, for calls that return.
    pub(super) fn producer(&self) -> &P {
        &self.producer
    }

    /// The producer, for whoever wants to know whether it is gone.
    pub(super) fn shared(&self) -> &Arc<P> {
        &self.producer
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    const SOON: Duration = Duration::from_secs(20);
    const SHORT: Duration = Duration::from_millis(20);

    #[test]
    fn a_call_that_returns_is_answered_with_what_it_returned() {
        let notary = Notary::employ(41).unwrap();
        assert_eq!(notary.call(SOON, |number| number + 1), Ok(42));
        assert_eq!(notary.call(SOON, |number| number + 2), Ok(43));
    }

    #[test]
    fn a_call_that_does_not_return_is_given_up_and_keeps_the_producer_until_it_does() {
        let (end, ended) = sync_channel::<()>(0);
        let notary = Notary::employ(Mutex::new(ended)).unwrap();
        let wait = |ended: &Mutex<Receiver<()>>| ended.lock().unwrap().recv().is_ok();
        assert_eq!(notary.call(SHORT, wait), Err(Overdue));
        let producer = Arc::downgrade(notary.shared());
        drop(notary);
        assert_eq!(producer.strong_count(), 1, "the call still uses it");
        end.send(()).unwrap();
        while producer.strong_count() > 0 {
            thread::yield_now();
        }
    }
}
