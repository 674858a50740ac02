//! A Schema Registry as the tests of Waymark ask for it.

mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use waymark_testkit::registry::{Options, Transport};
use waymark_testkit::{Registry, servers_or_skip};

use crate::support::runs;

/// Asks over a plain connection; none if it does not answer within two seconds.
fn ask(registry: &Registry, method: &str, path: &str, body: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", registry.port())).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    let length = body.len();
    write!(
        stream,
        "{method} /apis/ccompat/v7/{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

fn register(registry: &Registry, name: &str) -> Option<String> {
    let body = format!(r#"{{"schema":"{{\"type\":\"fixed\",\"size\":1,\"name\":\"{name}\"}}"}}"#);
    ask(registry, "POST", "subjects/a-value/versions", &body)
}

#[test]
fn a_frozen_registry_answers_later_and_a_killed_one_has_forgotten_everything() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let mut registry = Registry::start(&servers, &Options::default()).unwrap();
    let told = register(&registry, "A").unwrap();
    assert!(told.contains("{\"id\":1}"), "{told}");
    registry.pause();
    assert_eq!(ask(&registry, "GET", "schemas/ids/1", ""), None);
    registry.resume();
    let told = ask(&registry, "GET", "schemas/ids/1", "").unwrap();
    assert!(told.starts_with("HTTP/1.1 200"), "{told}");

    let (url, id) = (registry.url(), registry.process_id().unwrap());
    registry.kill();
    assert!(!runs(id));
    registry.restart().unwrap();
    assert_eq!(registry.url(), url);
    let told = ask(&registry, "GET", "schemas/ids/1", "").unwrap();
    assert!(told.starts_with("HTTP/1.1 404"), "{told}");
    let told = register(&registry, "B").unwrap();
    assert!(told.contains("{\"id\":1}"), "{told}");
}

#[test]
fn a_registry_over_tls_speaks_nothing_else() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let options = Options {
        transport: Transport::Tls,
        ..Options::default()
    };
    let registry = Registry::start(&servers, &options).unwrap();
    assert!(registry.url().starts_with("https://127.0.0.1:"));
    assert!(registry.authority().unwrap().exists());
    let told = ask(&registry, "GET", "schemas/types", "").unwrap_or_default();
    assert!(!told.starts_with("HTTP/1.1 200"), "{told}");
}
