//! Kafka over TLS, with a login by SASL: the whole path, and what a wrong password looks like.

use std::fs;

use waymark_testkit::{Kafka, kafka, servers_or_skip};

use crate::deployment::Deployment;

const USER: &str = "waymark";
const PASSWORD: &str = "an-open-secret";

#[test]
fn everything_works_over_tls_and_sasl_and_a_wrong_password_is_told() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let options = kafka::Options {
        login: Some(kafka::Login {
            user: USER.to_owned(),
            password: PASSWORD.to_owned(),
        }),
        ..kafka::Options::default()
    };
    let kafka = Kafka::start(&servers, &options).unwrap();
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
