//! Kafka over TLS, with a login by SASL: the whole path, what a wrong password looks like, and which permissions it takes.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use waymark_testkit::{Clients, Kafka, clients_or_skip, kafka, servers_or_skip};

use crate::deployment::{Deployment, text};

const USER: &str = "waymark";
const PASSWORD: &str = "an-open-secret";

#[test]
fn everything_works_over_tls_and_sasl_and_a_wrong_password_is_told() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let kafka = Kafka::start(&servers, &secured(&[])).unwrap();
    let deployment = Deployment::create(&servers, "secured", &kafka.bootstrap());
    log_in(&deployment, &kafka, PASSWORD);

    deployment.simulate(&["--seed", "8", "--customers", "80", "--events", "3000"]);
    let mut worker = deployment.start(0);
    deployment.wait_until_taken();
    worker.stop();
    deployment.assert_fine();
    let said = worker.process.stdout() + &worker.process.stderr();
    assert!(!said.contains(PASSWORD), "{said}");

    fs::write(deployment.folder().join("password"), "another").unwrap();
    let refused = deployment.asked(&["doctor"]);
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stdout) + String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("uthentication failed"), "{said}");
}

/// Over TLS comes a user who may do nothing at first, over plain text one who may do everything.
#[test]
fn the_printed_permissions_are_enough_and_a_missing_one_is_told() {
    let Some((servers, clients)) = clients_or_skip() else {
        return;
    };
    let authorizer = "org.apache.kafka.metadata.authorizer.StandardAuthorizer";
    let guarded = [
        ("authorizer.class.name", authorizer),
        ("super.users", "User:ANONYMOUS"),
    ];
    let kafka = Kafka::start(&servers, &secured(&guarded)).unwrap();
    let deployment = Deployment::create(&servers, "guarded", &kafka.bootstrap());
    deployment.simulate(&["--seed", "8", "--customers", "80", "--events", "3000"]);
    let printed = deployment.must(&["acls", "print"]);
    log_in(&deployment, &kafka, PASSWORD);
    let acls = |what: &str, commands: &str| acls(&clients, &kafka, what, commands);
    let doctor = || {
        let output = deployment.asked(&["doctor"]);
        (output.status.code(), text(&output.stdout))
    };
    assert_eq!(doctor().0, Some(1), "nobody has granted anything");

    assert!(acls("grant", &printed) > 30, "{printed}");
    let (code, told) = doctor();
    assert_eq!(code, Some(0), "{told}");
    let mut worker = deployment.start(0);
    deployment.wait_until_taken();
    worker.stop();
    deployment.assert_fine();

    let late = format!("--topic {}", deployment.topic("late"));
    let of_late = printed.lines().find(|line| line.ends_with(&late));
    let describe = ["Read", "Write", "Describe"].iter();
    let describe = describe.fold(of_late.unwrap().to_owned(), |line, operation| {
        line.replace(&format!("--operation {operation} "), "")
    });
    assert_eq!(acls("revoke", &describe), 1);
    let untold = "topics: settings is unknown, wanted readable: the broker tells none: allow DescribeConfigs, or list \
                  topic-settings under assume (guarded.late)";
    let (code, told) = doctor();
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains(&format!("\n✘ {untold}\n")), "{told}");
    let file = deployment.folder().join("waymark.yaml");
    let mut settings = OpenOptions::new().append(true).open(file).unwrap();
    writeln!(settings, "assume: [topic-settings]").unwrap();
    let (code, told) = doctor();
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains(&format!("\n! {untold}\n")), "{told}");
}

/// A broker that the user may come to over TLS.
fn secured(settings: &[(&str, &str)]) -> kafka::Options {
    let settings = settings.iter();
    kafka::Options {
        login: Some(kafka::Login {
            user: USER.to_owned(),
            password: PASSWORD.to_owned(),
        }),
        settings: settings
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        ..kafka::Options::default()
    }
}

/// Grants or revokes what these commands would; returns how many permissions that were.
fn acls(clients: &Clients, kafka: &Kafka, what: &str, commands: &str) -> usize {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/live/clients/acls.py");
    let mut python: Command = clients.python(&script);
    python.args([&kafka.bootstrap(), what]);
    let mut python = python
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = python.stdin.take().unwrap();
    stdin.write_all(commands.as_bytes()).unwrap();
    drop(stdin);
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    text(&output.stdout).trim().parse().unwrap()
}

/// From now on the deployment comes over TLS.
fn log_in(deployment: &Deployment, kafka: &Kafka, password: &str) {
    let password_file = deployment.folder().join("password");
    fs::write(&password_file, password).unwrap();
    let secured = format!(
        "\
bootstrap.servers: {}
  security.protocol: SASL_SSL
  sasl.mechanism: SCRAM-SHA-512
  sasl.username: {USER}
  sasl.password_file: {}
  ssl.ca.location: {}
",
        kafka.secure_bootstrap(),
        password_file.display(),
        kafka.authority().display(),
    );
    let plain = format!("bootstrap.servers: {}\n", kafka.bootstrap());
    let file = deployment.folder().join("waymark.yaml");
    let settings = fs::read_to_string(&file).unwrap();
    assert!(settings.contains(&plain), "{settings}");
    fs::write(&file, settings.replace(&plain, &secured)).unwrap();
}
