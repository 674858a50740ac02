//! The log: one line an event on standard error, for people or for programs.
//!
//! A constant phrase and facts in fields. As JSON the names are those of OpenTelemetry's log data model, and the facts
//! stand beside them, so that `jq .partition` finds one; those of a span too, with its `name`.

use std::io::{self, IsTerminal};

use json_subscriber::JsonLayer;
use serde_json::Value;
use tracing::Subscriber;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{EnvFilter, Registry};

use super::VERSION;
use crate::config::{Log, LogFormat};

/// The log can't be started.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The filter makes no sense.
    #[error("the log filter can't be read")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Somebody else writes the log of this process already.
    #[error("the log has been started before")]
    Started(#[from] tracing::subscriber::SetGlobalDefaultError),
}

/// Starts the log of this process. `instance` tells this process from its equals: the name of its host, say.
///
/// # Errors
/// [`LoggingError`].
pub fn start_logging(log: &Log, instance: &str) -> Result<(), LoggingError> {
    let filter = EnvFilter::try_new(&log.filter)?;
    match log.format {
        LogFormat::Text => {
            let colours = io::stderr().is_terminal();
            let layer = tracing_subscriber::fmt::layer()
                .with_ansi(colours)
                .with_writer(io::stderr);
            let log = Registry::default().with(filter).with(layer);
            tracing::subscriber::set_global_default(log)?;
        }
        LogFormat::Json => {
            let log = json(io::stderr, filter, SystemTime, instance);
            tracing::subscriber::set_global_default(log)?;
        }
    }
    Ok(())
}

fn json<W, T>(to: W, filter: EnvFilter, timer: T, instance: &str) -> impl Subscriber + use<W, T>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
    T: FormatTime + Send + Sync + 'static,
{
    let mut layer = JsonLayer::new(to);
    layer.with_timer("timestamp", timer);
    layer.with_level("severity_text");
    layer.with_target("target");
    for (name, value) in [
        ("service.name", "waymark"),
        ("service.version", VERSION),
        ("service.instance.id", instance),
    ] {
        layer.add_static_field(name, Value::String(value.to_owned()));
    }
    layer.with_flattened_event_with_renames(renamed, ());
    layer.with_top_level_flattened_span_list();
    Registry::default().with(filter).with(layer)
}

/// The phrase is the body of a record; tracing calls it the message.
fn renamed<'a>(name: &'a str, (): &'a ()) -> &'a str {
    if name == "message" { "body" } else { name }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt::format::Writer;

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Noon;

    impl FormatTime for Noon {
        fn format_time(&self, to: &mut Writer<'_>) -> std::fmt::Result {
            to.write_str("2026-05-02T12:00:00Z")
        }
    }

    #[test]
    fn a_line_of_json_has_the_names_of_opentelemetry_and_facts_beside_them() {
        let page = Page::default();
        let to = page.clone();
        let filter = EnvFilter::new("info");
        let log = json(move || to.clone(), filter, Noon, "waymark-2");
        tracing::subscriber::with_default(log, || {
            let _span = tracing::info_span!("worker", slot = 4).entered();
            tracing::debug!("nobody wants to know");
            tracing::warn!(partition = 3, halt = "SOURCE_GAP", "shard halted");
        });
        let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
        let line: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            line,
            serde_json::json!({
                "timestamp": "2026-05-02T12:00:00Z",
                "severity_text": "WARN",
                "body": "shard halted",
                "partition": 3,
                "halt": "SOURCE_GAP",
                "name": "worker",
                "slot": 4,
                "target": "waymark::telemetry::logging::tests",
                "service.name": "waymark",
                "service.version": VERSION,
                "service.instance.id": "waymark-2",
            })
        );
    }
}
