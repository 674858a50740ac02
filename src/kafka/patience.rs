//! Asking more than once: leaders move, coordinators load, and a new topic has nobody to answer for it for a moment.

use std::thread;
use std::time::Duration;

use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode as Code;

use crate::clock::Stopwatch;

/// How long brokers may fail to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two questions.
const PAUSE: Duration = Duration::from_millis(50);

/// Asks until there is an answer, or the patience of a person who waits for a command has come to its end.
///
/// # Errors
/// The last [`KafkaError`].
pub(crate) fn patiently<T>(
    mut ask: impl FnMut() -> Result<T, KafkaError>,
) -> Result<T, KafkaError> {
    let waited = Stopwatch::start();
    loop {
        match ask() {
            Err(error) if !is_denied(&error) && waited.elapsed() < PATIENCE => {
                thread::sleep(PAUSE);
            }
            answer => return answer,
        }
    }
}

/// Whether somebody has to hand out a permission first.
fn is_denied(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::TopicAuthorizationFailed
                | Code::GroupAuthorizationFailed
                | Code::ClusterAuthorizationFailed
        )
    )
}
