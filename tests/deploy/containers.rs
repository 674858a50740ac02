//! Dockerfile and compose file: read as their own tools read them, and true of the program. No container is run here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde::Deserialize;
use serde_json::Value;
use waymark_testkit::{Built, built_or_skip, checkers_or_skip};

use crate::files::{deploy, must, text, yaml};
use crate::waymark::{assert_words, setting};

#[test]
fn the_dockerfile_has_good_manners() {
    if let Some(checkers) = checkers_or_skip() {
        must(checkers.hadolint().arg(deploy("Dockerfile")));
    }
}

#[test]
fn the_image_is_built_by_our_toolchain_and_asks_how_we_are() {
    let file = text("Dockerfile");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let toolchain = std::fs::read_to_string(root.join("rust-toolchain.toml")).unwrap();
    let release = toolchain.split('"').nth(1).unwrap();
    assert!(
        file.contains(&format!("FROM rust:{release}-bookworm AS build\n")),
        "{release}"
    );
    assert!(file.contains(&format!("RUSTUP_TOOLCHAIN={release}\n")));
    for instruction in ["HEALTHCHECK", "CMD"] {
        let line = file
            .lines()
            .find(|line| line.starts_with(instruction))
            .unwrap();
        let words: Vec<String> = serde_json::from_str(&line[line.find('[').unwrap()..]).unwrap();
        let words: Vec<_> = words
            .into_iter()
            .filter(|word| !word.ends_with("/waymark"))
            .collect();
        assert_words(&words);
    }
}

/// What the image of the Dockerfile has, and nothing else.
#[test]
fn the_program_links_only_what_the_image_has() {
    let told = must(Command::new("ldd").arg(env!("CARGO_BIN_EXE_waymark")));
    let names = told
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    let names = names.filter_map(|name| name.rsplit('/').next());
    let names: BTreeSet<_> = names.map(|name| name.split('.').next().unwrap()).collect();
    let known = ["libc", "libgcc_s", "libm", "linux-vdso"];
    let known = known
        .into_iter()
        .chain(names.iter().copied().filter(|it| it.starts_with("ld-")));
    assert_eq!(names, known.collect());
}

#[test]
fn the_reference_reader_takes_the_compose_file() {
    let Some(mut reader) = built_or_skip(Built::Compose) else {
        return;
    };
    reader.current_dir(deploy("compose")); // paths are meant as seen from there
    let told = must(reader.args(["-format", "json"]).arg(deploy(COMPOSE)));
    let told: Value = serde_json::from_str(&told).unwrap();
    let services = told["services"].as_object().unwrap();
    assert_eq!(services.len(), compose().services.len());
    for volume in services
        .values()
        .filter_map(|it| it["volumes"].as_array())
        .flatten()
    {
        if volume["type"] == "bind" {
            let source = volume["source"].as_str().unwrap();
            assert!(Path::new(source).exists(), "{source}");
        }
    }
}

#[test]
fn services_begin_when_what_they_need_is_there() {
    let compose = compose();
    for (name, service) in &compose.services {
        for (needed, how) in &service.depends_on {
            let needed = &compose.services[needed];
            let disabled = &serde_json::json!({"disable": true});
            match how.condition.as_str() {
                // The image of Waymark brings its own.
                "service_healthy" => assert!(
                    needed.build.is_some() || needed.healthcheck.is_some(),
                    "{name} waits for the health of one that never tells it"
                ),
                "service_completed_successfully" => {
                    assert_eq!(needed.healthcheck.as_ref(), Some(disabled), "{name}");
                    assert_eq!(needed.restart, None, "{name}");
                }
                other => panic!("{name}: {other}"),
            }
        }
    }
    let needs = |name: &str| compose.services[name].depends_on.keys().collect::<Vec<_>>();
    assert_eq!(
        needs("waymark"),
        ["redis", "registry", "simulate", "topics"]
    );
    assert!(!compose.services["waymark"].depends_on["simulate"].required);
}

#[test]
fn images_are_pinned_and_nothing_is_reached_from_outside() {
    let kit = include_str!("../../testkit/src/servers/kafka.rs");
    for (name, service) in compose().services {
        let (_, tag) = service.image.rsplit_once(':').expect("a tag");
        assert!(tag.chars().any(|it| it.is_ascii_digit()), "{name}: {tag}");
        if name == "kafka" {
            assert!(
                kit.contains(&format!("const VERSION: &str = \"{tag}\"")),
                "tests run another"
            );
        }
        for port in service.ports {
            assert!(port.starts_with("127.0.0.1:"), "{name}: {port}");
        }
    }
}

#[test]
fn waymark_takes_its_commands_and_settings_from_the_compose_file() {
    let compose = compose();
    let ours = compose.services.values().filter(|it| it.build.is_some());
    let commands: Vec<_> = ours.filter_map(|it| it.command.as_ref()).collect();
    assert_eq!(commands.len(), 3);
    for words in commands {
        assert_words(words);
    }

    let file = text("compose/waymark.yaml");
    let of = |path: &str| setting(&file, &[], path);
    let kafka = &compose.services["kafka"].environment["KAFKA_ADVERTISED_LISTENERS"];
    let brokers = of("kafka.bootstrap.servers");
    let listener = format!("INSIDE://{},", brokers.as_str().unwrap());
    assert!(kafka.as_str().unwrap().starts_with(&listener), "{kafka}");
    assert!(
        compose
            .services
            .contains_key(of("redis.host").as_str().unwrap())
    );
    assert_eq!(of("registry.url"), "http://registry:8080/apis/ccompat/v7");
    assert!(of("http").as_str().unwrap().ends_with(":9464"));
}

const COMPOSE: &str = "compose/docker-compose.yml";

fn compose() -> Compose {
    yaml(&text(COMPOSE))
}

#[derive(Deserialize)]
struct Compose {
    services: BTreeMap<String, Service>,
}

#[derive(Deserialize)]
struct Service {
    image: String,
    build: Option<Value>,
    command: Option<Vec<String>>,
    #[serde(default)]
    environment: BTreeMap<String, Value>,
    #[serde(default)]
    ports: Vec<String>,
    #[serde(default)]
    depends_on: BTreeMap<String, Needed>,
    healthcheck: Option<Value>,
    restart: Option<String>,
}

#[derive(Deserialize)]
struct Needed {
    condition: String,
    #[serde(default = "yes")]
    required: bool,
}

fn yes() -> bool {
    true
}
