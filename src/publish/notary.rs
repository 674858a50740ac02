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

use std::cell::Cell;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Something to do with a producer, which answers when done.
type Act<P> = Box<dyn FnOnce(&P) + Send>;

/// A thread that makes calls with a producer.
pub(super) struct Notary<P> {
    producer: Arc<P>,
    acts: SyncSender<Act<P>>,
    thread: JoinHandle<()>,
    /// Whether the thread is in a call that was given up.
    is_stuck: Cell<bool>,
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
        let thread = thread::Builder::new()
            .name("notary".to_owned())
            .spawn(work)?;
        Ok(Self {
            producer,
            acts,
            thread,
            is_stuck: Cell::new(false),
        })
    }

    /// Makes a call and waits for its answer, for at most `limit`.
    ///
    /// # Errors
    /// [`Overdue`] if it has not returned by then: dismiss the notary.
    pub(super) fn call<T: Send + 'static>(
        &self,
        limit: Duration,
        call: impl FnOnce(&P) -> T + Send + 'static,
    ) -> Result<T, Overdue> {
        let (answer, answered) = sync_channel(1);
        let act = move |producer: &P| {
            answer.try_send(call(producer)).ok(); // nobody waits any more
        };
        let asked = self.acts.try_send(Box::new(act)).map_err(|_| Overdue);
        let answer = asked.and_then(|()| answered.recv_timeout(limit).map_err(|_| Overdue));
        self.is_stuck.set(answer.is_err());
        answer
    }

    /// Drops the producer and waits until it is gone: nothing of it may be on its way any more when a new one takes its
    /// place. One that is stuck in a call can't be waited for, and is returned.
    pub(super) fn dismiss(self) -> Option<Weak<P>> {
        let Self {
            producer,
            acts,
            thread,
            is_stuck,
        } = self;
        let stuck = is_stuck.get().then(|| Arc::downgrade(&producer));
        drop(acts);
        if stuck.is_none() {
            thread.join().ok(); // it has panicked: then it is gone as well
        }
        drop(producer);
        stuck
    }

    /// The producer, for calls that return.
    pub(super) fn producer(&self) -> &P {
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
    fn a_producer_that_is_dismissed_is_gone() {
        let producer = Arc::new(());
        let notary = Notary::employ(Arc::clone(&producer)).unwrap();
        assert_eq!(notary.call(SOON, |_| 1), Ok(1));
        assert!(notary.dismiss().is_none());
        assert_eq!(Arc::strong_count(&producer), 1);
    }

    #[test]
    fn a_call_that_does_not_return_is_given_up_and_keeps_the_producer_until_it_does() {
        let (end, ended) = sync_channel::<()>(0);
        let notary = Notary::employ(Mutex::new(ended)).unwrap();
        let wait = |ended: &Mutex<Receiver<()>>| ended.lock().unwrap().recv().is_ok();
        assert_eq!(notary.call(SHORT, wait), Err(Overdue));
        let producer = notary.dismiss().expect("it is stuck");
        assert_eq!(producer.strong_count(), 1, "the call still uses it");
        end.send(()).unwrap();
        while producer.strong_count() > 0 {
            thread::yield_now();
        }
    }
}
