//! What a running process answers over HTTP: metrics and probes.
//!
//! | path       | says                                                                             |
//! | ---------- | -------------------------------------------------------------------------------- |
//! | `/metrics` | the page that Prometheus reads                                                   |
//! | `/livez`   | 200 while every worker loop turns; it never asks how Kafka or the store is       |
//! | `/readyz`  | 200 when all shards of this process run; `?verbose` lists what each one is doing |
//!
//! What probes may ask, systemd is told (`systemd`).
//!
//! Lives on a thread of its own, so that it answers however busy the workers are. Knows the state of the process only
//! through [`Status`] and [`Metrics`].

mod systemd;

use std::fmt::Write as _;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use serde::Deserialize;
use tokio::runtime;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::telemetry::{Metrics, Report, ShardState, Status};

pub use systemd::Notifier;

/// A loop that gives no sign of life for so long hangs. Every wait of a worker is shorter by far, and it beats in between.
const SILENCE_MAX: Duration = Duration::from_mins(1);

/// How long answers that are on their way may take when the process stops.
const FAREWELL: Duration = Duration::from_secs(1);

/// The server, until it is stopped or dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Clone)]
struct Seen {
    metrics: Metrics,
    status: Status,
}

impl Server {
    /// Listens at an address; port 0 takes any free one.
    ///
    /// # Errors
    /// If the address can't be had, or the system gives no thread.
    pub fn start(address: SocketAddr, metrics: Metrics, status: Status) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let router = router(Seen { metrics, status });
        let work = move || {
            if let Err(error) = runtime.block_on(serve(listener, router, stopped)) {
                tracing::error!(%error, "http server ended");
            }
        };
        let thread = thread::Builder::new().name("http".to_owned()).spawn(work)?;
        Ok(Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Returns where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    /// Finishes the answers that are on their way, for at most a second, and ends the thread.
    fn drop(&mut self) {
        // Whoever is gone already needs no word.
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// Serves until told to stop.
///
/// # Cancellation
/// Dropping the future closes the listener and every connection at once.
async fn serve(
    listener: TcpListener,
    router: Router,
    stopped: oneshot::Receiver<()>,
) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let (leave, leaving) = oneshot::channel::<()>();
    // The sender is never used: dropping it is the word.
    let graceful = axum::serve(listener, router).with_graceful_shutdown(async {
        drop(leaving.await);
    });
    let server = tokio::spawn(async move { graceful.await });
    drop(stopped.await);
    drop(leave);
    match timeout(FAREWELL, server).await {
        Ok(Ok(ended)) => ended,
        // A client that never reads its answer gets no more time.
        Ok(Err(_)) | Err(_) => Ok(()),
    }
}

fn router(seen: Seen) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .with_state(seen)
}

#[derive(Debug, Deserialize)]
struct Wish {
    /// Present, with or without a value, as Kubernetes' own probes have it.
    verbose: Option<String>,
}

async fn metrics(State(seen): State<Seen>) -> impl IntoResponse {
    let format = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, format)], seen.metrics.page())
}

async fn live(State(seen): State<Seen>) -> impl IntoResponse {
    let report = seen.status.report();
    if report.is_live(SILENCE_MAX) {
        return (StatusCode::OK, "ok\n".to_owned());
    }
    let mut text = String::new();
    for worker in &report.workers {
        let seconds = worker.silent_for.as_secs();
        line(
            &mut text,
            worker.silent_for <= SILENCE_MAX,
            &format!("worker {} turned {seconds} s ago", worker.name),
        );
    }
    (StatusCode::SERVICE_UNAVAILABLE, text)
}

async fn ready(State(seen): State<Seen>, Query(wish): Query<Wish>) -> impl IntoResponse {
    let report = seen.status.report();
    let (code, word) = if report.is_ready() {
        (StatusCode::OK, "ok\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    };
    let text = match wish.verbose {
        Some(_) => format!("{}{word}", list(&report)),
        None => word.to_owned(),
    };
    (code, text)
}

/// Lists workers and shards, each marked as the probes of Kubernetes mark theirs.
fn list(report: &Report) -> String {
    let mut text = String::new();
    if let Some(why) = &report.waits_for {
        line(&mut text, false, &format!("waiting: {why}"));
    }
    for worker in &report.workers {
        let word = if worker.joined {
            "joined"
        } else {
            "waits for its shards"
        };
        line(
            &mut text,
            worker.joined,
            &format!("worker {} {word}", worker.name),
        );
    }
    for shard in &report.shards {
        let note = shard.note.as_ref();
        let note = note.map_or(String::new(), |note| format!("; {note}"));
        let told = format!(
            "shard {}/{} {}{note}",
            shard.stage, shard.shard, shard.state
        );
        line(&mut text, shard.state == ShardState::Running, &told);
    }
    text
}

fn line(to: &mut String, good: bool, told: &str) {
    let mark = if good { "[+]" } else { "[-]" };
    writeln!(to, "{mark}{told}").expect("a text takes any text");
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use super::*;

    fn served() -> (Server, Metrics, Status) {
        let metrics = Metrics::new();
        let status = Status::new(&metrics);
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = Server::start(anywhere, metrics.clone(), status.clone()).unwrap();
        (server, metrics, status)
    }

    /// Asks by hand, and returns the status line and the body.
    fn ask(server: &Server, path: &str) -> (String, String) {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.lines().next().unwrap().to_owned(), body.to_owned())
    }

    const OK: &str = "HTTP/1.1 200 OK";
    const NOT_NOW: &str = "HTTP/1.1 503 Service Unavailable";

    #[test]
    fn metrics_are_served_in_the_text_format() {
        let (server, metrics, _) = served();
        metrics.stage("customer").tick();
        let (status, body) = ask(&server, "/metrics");
        assert_eq!(status, OK);
        assert!(
            body.contains("# TYPE waymark_ticks_total counter"),
            "{body}"
        );
        assert!(
            body.contains("waymark_ticks_total{stage=\"customer\"} 1"),
            "{body}"
        );
    }

    #[test]
    fn readiness_is_honest_about_each_shard() {
        let (server, _, status) = served();
        let pulse = status.worker("d.customer-0");
        assert_eq!(
            ask(&server, "/readyz"),
            (NOT_NOW.to_owned(), "not ready\n".to_owned())
        );
        pulse.joined();
        status.set("customer", 0, ShardState::Running);
        assert_eq!(ask(&server, "/readyz"), (OK.to_owned(), "ok\n".to_owned()));
        status.set("customer", 1, ShardState::Recovering);
        let (code, text) = (
            "SOURCE_GAP",
            "position 7 is below the log start 9".to_owned(),
        );
        status.set("customer", 2, ShardState::Halted { code, text });
        let (answer, body) = ask(&server, "/readyz?verbose");
        assert_eq!(answer, NOT_NOW);
        assert_eq!(
            body,
            "[+]worker d.customer-0 joined\n\
             [+]shard customer/0 running\n\
             [-]shard customer/1 recovering\n\
             [-]shard customer/2 halted: SOURCE_GAP: position 7 is below the log start 9\n\
             not ready\n"
        );
        assert_eq!(
            ask(&server, "/livez").0,
            OK,
            "halted or not, the loops turn"
        );
    }

    #[test]
    fn a_stopped_server_gives_its_address_back_even_to_clients_that_stay() {
        let (server, ..) = served();
        let address = server.address();
        let lingering = TcpStream::connect(address).unwrap();
        drop(server);
        assert!(TcpStream::connect(address).is_err());
        drop(lingering);
        TcpListener::bind(address).unwrap();
    }
}
