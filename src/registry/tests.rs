//! What a registry's answers are taken for, with a server that answers as it is told; and who we say we are.
//!
//! What a real registry answers is tested with one, in `tests/registry`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::*;
use crate::config::{Credentials, OutputForm, Registry, Secret, Tls};

const NUMBER_7: SchemaId = SchemaId::Number(7);
const INT: &str = r#"{"schema":"\"int\""}"#;
const UNKNOWN: &str = r#"{"error_code":40403,"message":"Schema 7 not found"}"#;
const NO_ROUTE: &str = r#"{"error_code":404,"message":"HTTP 404 Not Found"}"#;

/// What a path is answered with: a status and a body.
type Answers = fn(&str) -> (u16, String);

/// A server that answers as it is told, until the test ends. It keeps what it was asked.
struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            asked: Arc::default(),
        };
        let asked = Arc::clone(&server.asked);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let request = request(&stream);
                // Whoever has the answer may look at once for what was asked.
                asked.lock().unwrap().push(request.clone());
                answer(&mut stream, &request, answers);
            }
        });
        server
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn registry(&self) -> SchemaRegistry {
        SchemaRegistry::new(&settings(&[&self.url()]))
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// Returns who asked last, as they said.
    fn authorization(&self) -> String {
        let asked = self.asked();
        let lines = asked.last().unwrap().lines();
        let mut headers = lines.filter_map(|line| line.split_once(": "));
        let found = headers.find(|(name, _)| *name == "authorization");
        found.unwrap().1.to_owned()
    }
}

/// Reads one request, its head and its body.
fn request(stream: &TcpStream) -> String {
    let mut from = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if from.read_line(&mut line).unwrap_or_default() <= 2 {
            break;
        }
        if let Some(text) = line.strip_prefix("content-length: ") {
            length = text.trim().parse().unwrap();
        }
        head += &line;
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).unwrap();
    head + &String::from_utf8(body).unwrap()
}

fn answer(stream: &mut TcpStream, request: &str, answers: Answers) {
    let path = request.split(' ').nth(1).unwrap_or_default();
    let (status, text) = answers(path);
    let length = text.len();
    // Whoever asked may have had enough of a long answer.
    write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nLocation: /elsewhere\r\nConnection: close\r\n\r\n{text}"
    )
    .ok();
}

fn settings(urls: &[&str]) -> Registry {
    Registry {
        urls: urls.iter().map(|url| (*url).to_owned()).collect(),
        credentials: None,
        tls: Tls {
            ca: None,
            cert: None,
            key: None,
        },
        outputs: OutputForm::default(),
        connect_timeout: Duration::from_millis(500),
        response_timeout: Duration::from_millis(500),
    }
}

/// An address where nobody listens.
fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn away(asked: Result<Option<Registered>, RegistryError>) -> String {
    match asked.unwrap_err() {
        RegistryError::Away(why) => why,
        other => panic!("{other}"),
    }
}

#[test]
fn an_unknown_id_is_told_from_every_fault() {
    let unknown = Server::start(|_| (404, UNKNOWN.to_owned()));
    assert_eq!(unknown.registry().schema(NUMBER_7).unwrap(), None);

    // A registry that does not know the question: an older one knows no GUIDs.
    let older = Server::start(|path| match path {
        "/schemas/types" => (200, r#"["AVRO"]"#.to_owned()),
        _ => (404, NO_ROUTE.to_owned()),
    });
    let guid = SchemaId::Guid([7; 16]);
    assert_eq!(older.registry().schema(guid).unwrap(), None);
    let asked = &older.asked()[0];
    let path = "/schemas/guids/07070707-0707-0707-0707-070707070707";
    assert!(asked.starts_with(&format!("GET {path} ")), "{asked}");

    let faults: [(Answers, &str); 6] = [
        (|_| (404, NO_ROUTE.to_owned()), "404"),
        (|_| (404, "<html>nothing here</html>".to_owned()), "404"),
        (|_| (500, "oops".to_owned()), "500"),
        (|_| (302, String::new()), "302"),
        (|_| (200, "<html>sign in</html>".to_owned()), "no sense"),
        (|_| (200, " ".repeat(2 << 20)), "limit"),
    ];
    for (answers, said) in faults {
        let server = Server::start(answers);
        let why = away(server.registry().schema(NUMBER_7));
        assert!(why.contains(said), "{why} lacks {said}");
    }
}

#[test]
fn an_address_that_does_not_answer_is_passed_over() {
    let (dead, server) = (nowhere(), Server::start(|_| (200, INT.to_owned())));
    let registry = SchemaRegistry::new(&settings(&[&dead, &server.url()]));
    let found = registry.schema(NUMBER_7).unwrap().unwrap();
    assert_eq!(
        (found.kind.as_str(), found.text.as_str()),
        ("AVRO", "\"int\"")
    );

    let ill = Server::start(|_| (503, String::new()));
    let registry = SchemaRegistry::new(&settings(&[&dead, &ill.url()]));
    let why = away(registry.schema(NUMBER_7));
    assert!(why.contains(&dead) && why.contains(&ill.url()), "{why}");
}

#[test]
fn a_schema_that_one_address_does_not_have_yet_is_looked_for_at_the_next() {
    let behind = Server::start(|_| (404, UNKNOWN.to_owned()));
    let leader = Server::start(|_| (200, INT.to_owned()));
    let registry = SchemaRegistry::new(&settings(&[&behind.url(), &leader.url()]));
    assert!(registry.schema(NUMBER_7).unwrap().is_some());
}

#[test]
fn a_registry_that_hangs_is_waited_for_no_longer_than_the_settings_say() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap(); // takes connections and never answers
    let url = format!("http://{}", listener.local_addr().unwrap());
    let registry = SchemaRegistry::new(&settings(&[&url]));
    let since = crate::clock::Stopwatch::start();
    away(registry.schema(NUMBER_7));
    assert!(since.elapsed() < Duration::from_secs(5));
}

#[test]
fn we_say_who_we_are_with_the_secret_as_it_is_now() {
    let server = Server::start(|_| (200, INT.to_owned()));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "first\n").unwrap();
    let registry = |credentials| {
        SchemaRegistry::new(&Registry {
            credentials: Some(credentials),
            ..settings(&[&server.url()])
        })
    };
    let said = |registry: &SchemaRegistry| {
        registry.schema(NUMBER_7).unwrap();
        let shown = format!("{registry:?}");
        assert!(
            !shown.contains("hush") && !shown.contains("first"),
            "{shown}"
        );
        server.authorization()
    };
    let basic = registry(Credentials::Basic {
        username: "waymark".to_owned(),
        password: Secret::given("hush".to_owned()),
    });
    assert_eq!(said(&basic), "Basic d2F5bWFyazpodXNo");
    let bearer = registry(Credentials::Bearer(Secret::in_file(file.clone())));
    assert_eq!(said(&bearer), "Bearer first");
    std::fs::write(&file, "second").unwrap();
    assert_eq!(said(&bearer), "Bearer second");
}

#[test]
fn a_registry_that_does_not_let_us_in_is_told_apart() {
    for status in [401, 403] {
        let answers: Answers = match status {
            401 => |_| {
                (
                    401,
                    r#"{"error_code":401,"message":"who are you"}"#.to_owned(),
                )
            },
            _ => |_| (403, r#"{"error_code":403,"message":"not you"}"#.to_owned()),
        };
        let server = Server::start(answers);
        let error = server.registry().schema(NUMBER_7).unwrap_err();
        assert!(matches!(error, RegistryError::Denied(_)), "{error}");
        assert!(error.to_string().contains("you"), "{error}");
    }
}

#[test]
fn a_known_schema_is_known_for_ever_and_asked_for_once() {
    let server = Server::start(|_| (200, INT.to_owned()));
    let dead = nowhere();
    let schemas = SchemasById::of(SchemaRegistry::new(&settings(&[&server.url()])));
    for _ in 0..3 {
        schemas.find(NUMBER_7).unwrap().unwrap();
    }
    assert_eq!(server.asked().len(), 1);

    let schemas = SchemasById::of(SchemaRegistry::new(&settings(&[&dead])));
    assert!(schemas.find(NUMBER_7).is_err());
    assert!(
        schemas.find(NUMBER_7).is_err(),
        "being away is never remembered"
    );
}

#[test]
fn a_subject_is_held_before_its_schema_is_registered() {
    let server = Server::start(|path| match path {
        "/subjects/a-value" => (404, UNKNOWN.to_owned()),
        _ => (200, r#"{"id":7}"#.to_owned()),
    });
    assert_eq!(server.registry().register("a-value", "\"int\"").unwrap(), 7);
    let asked = server.asked();
    assert!(asked[0].starts_with("POST /subjects/a-value "), "{asked:?}");
    assert!(asked[1].starts_with("PUT /config/a-value "), "{asked:?}");
    assert!(asked[1].ends_with(r#"{"compatibility":"FULL_TRANSITIVE"}"#));
    assert!(asked[2].starts_with("POST /subjects/a-value/versions "));
    assert!(asked[2].ends_with(r#"{"schema":"\"int\""}"#), "{asked:?}");
}

#[test]
fn a_schema_that_is_registered_needs_nobody_who_may_write() {
    let server = Server::start(|path| match path {
        "/subjects/a-value" => (
            200,
            r#"{"subject":"a-value","version":1,"id":7}"#.to_owned(),
        ),
        _ => (403, String::new()),
    });
    assert_eq!(server.registry().register("a-value", "\"int\"").unwrap(), 7);
    assert_eq!(server.asked().len(), 1);
}
