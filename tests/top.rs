//! `waymark top` as an operator meets it: against a page that was recorded once, against a demo that is running, and where
//! nobody answers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;

const WAYMARK: &str = env!("CARGO_BIN_EXE_waymark");
/// Recorded from a demo, without the buckets of histograms; one shard was made to halt by hand.
const PAGE: &str = include_str!("top/metrics.txt");
const READINESS: &str = "[+]worker demo.customer-0 joined\n\
    [-]shard customer/3 halted: SOURCE_GAP: position 7 is below the log start 9\n\
    not ready\n";

fn top(arguments: &[&str]) -> Output {
    let mut command = Command::new(WAYMARK);
    command.arg("top").args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Answers as many requests as `top` makes to one process, and says where.
fn serve(page: &'static str, readiness: &'static str) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = String::new();
            BufReader::new(&stream).read_line(&mut request).unwrap();
            let body = match request.split(' ').nth(1) {
                Some("/metrics") => page,
                _ => readiness,
            };
            let length = body.len();
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
            stream.write_all((head + body).as_bytes()).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            stream.read_to_end(&mut Vec::new()).ok();
        }
    });
    address
}

#[test]
fn a_recorded_page_is_told_shard_by_shard_and_what_needs_somebody_is_named() {
    let url = format!("http://{}", serve(PAGE, READINESS));
    let output = top(&["--url", &url]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let told = text(&output.stdout);
    assert!(!told.contains('\u{1b}'), "no colours in a pipe");
    assert!(
        told.contains("waymark 0.1.0 (unknown), not ready"),
        "{told}"
    );
    assert!(
        told.contains("  shard customer/3 halted: SOURCE_GAP: position 7"),
        "{told}"
    );
    let row = |name: &str| {
        let mut lines = told
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>());
        lines.find(|cells| cells.first() == Some(&name)).unwrap()
    };
    assert_eq!(row("customer/3")[1..3], ["halted", "SOURCE_GAP"]);
    assert_eq!(
        row("customer/1"),
        [
            "customer/1",
            "running",
            "1",
            "62995.2",
            "2026-01-09T12:28:10",
            "2"
        ]
    );
    assert_eq!(
        row("application_stalled"),
        ["application_stalled", "10", "5", "6", "0", "0"]
    );
}

#[test]
fn several_processes_make_one_view() {
    let one = serve(PAGE, "ok\n").to_string();
    let two = format!("http://{}/metrics", serve(PAGE, "ok\n"));
    let output = top(&["--url", &one, "--url", &two, "-o", "json"]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["processes"].as_array().unwrap().len(), 2);
    assert_eq!(told["shards"].as_array().unwrap().len(), 32);
    assert_eq!(told["alerts"]["application_stalled"]["raised"], 20);
    assert_eq!(told["shards"][0]["stream_time"], "2026-01-09T12:25:15.000Z");
}

#[test]
fn who_does_not_answer_or_is_none_of_ours_is_named() {
    let output = top(&["--url", "http://localhost:1"]);
    assert_eq!(output.status.code(), Some(69));
    assert!(output.stdout.is_empty());
    let said = text(&output.stderr);
    assert!(
        said.starts_with("waymark: http://localhost:1 can't be asked: "),
        "{said}"
    );

    let stranger = serve("up 1\n", "ok\n").to_string();
    let output = top(&["--url", &stranger]);
    assert_eq!(output.status.code(), Some(69));
    let said = text(&output.stderr);
    assert!(said.contains("without metrics of waymark"), "{said}");
}

/// A demo that somebody else looks at. It ends with its handle.
struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn a_demo_that_is_running_is_seen_as_any_deployment_is() {
    let mut command = Command::new(WAYMARK);
    command
        .args([
            "demo",
            "--customers",
            "200",
            "--speed",
            "10d",
            "--for",
            "60s",
        ])
        .args(["--http", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut demo = Demo(command.spawn().unwrap());
    let mut said = BufReader::new(demo.0.stderr.take().unwrap()).lines();
    let url = said.find_map(|line| {
        line.unwrap()
            .trim()
            .strip_prefix("curl ")
            .map(str::to_owned)
    });
    let url = url.unwrap();
    // Who stops reading ends the demo, so its lines are held until the end.
    let mut lines = BufReader::new(demo.0.stdout.take().unwrap()).lines();
    let alerts = lines.by_ref().map(Result::unwrap);
    let first: Vec<String> = alerts
        .filter(|it| !it.starts_with("-- "))
        .take(20)
        .collect();
    let raised = |line: &String| line.contains(" raised  ");
    assert!(first.iter().any(raised), "{first:#?}");

    // What is published is counted a moment later.
    let told = until(|| {
        let output = top(&["--url", &url, "--output", "json"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        (transitions(&told) >= 20).then_some(told)
    });
    let shards = told["shards"].as_array().unwrap();
    assert_eq!(shards.len(), 16);
    let are_running = shards.iter().all(|shard| shard["state"] == "running");
    assert!(are_running, "{told:#}");
    drop(lines);
}

fn transitions(told: &Value) -> u64 {
    let kinds = told["alerts"].as_object().unwrap().values();
    let counts = kinds.flat_map(|statuses| statuses.as_object().unwrap().values());
    counts.filter_map(Value::as_u64).sum()
}

/// Looks again and again until there is something.
fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..300 {
        if let Some(found) = look() {
            return found;
        }
        thread::sleep(Duration::from_millis(100));
    }
    panic!("nothing came within half a minute");
}
