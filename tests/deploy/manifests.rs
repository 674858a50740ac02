//! The plain manifests: what Kubernetes takes, true of the program, and fit for a cluster with strict manners.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use waymark_testkit::checkers_or_skip;

use waymark::serve::Server;
use waymark::telemetry::{Metrics, Status};

use crate::files::{deploy, must, text, yaml};
use crate::waymark::{assert_words, setting};

/// One manifest of many in a file.
pub(crate) struct Manifest(pub(crate) Value);

/// Reads the manifests in a text.
pub(crate) fn manifests(text: &str) -> Vec<Manifest> {
    let documents = text.split("\n---\n").skip(1);
    documents.map(|document| Manifest(yaml(document))).collect()
}

impl Manifest {
    pub(crate) fn of_kind<'a>(all: &'a [Self], kind: &str) -> &'a Self {
        let found = all.iter().find(|it| it.0["kind"] == kind);
        found.unwrap_or_else(|| panic!("no {kind}"))
    }

    pub(crate) fn name(&self) -> &str {
        self.0["metadata"]["name"].as_str().unwrap()
    }

    fn spec(&self) -> &Value {
        &self.0["spec"]
    }

    /// What a `StatefulSet` makes pods of.
    fn pod(&self) -> &Value {
        &self.spec()["template"]["spec"]
    }

    fn container(&self) -> &Value {
        &self.pod()["containers"][0]
    }
}

fn shipped() -> Vec<Manifest> {
    manifests(&text("kubernetes/waymark.yaml"))
}

#[test]
fn kubernetes_takes_the_manifests_old_and_new() {
    let Some(checkers) = checkers_or_skip() else {
        return;
    };
    for version in ["1.30", "1.37"] {
        let mut check = checkers.kubernetes_validate();
        check.args(["--strict", "--quiet", "--no-warn", "-k", version]);
        must(check.arg(deploy("kubernetes/waymark.yaml")));
    }
}

#[test]
fn everything_that_selects_pods_selects_these() {
    let all = shipped();
    let set = Manifest::of_kind(&all, "StatefulSet");
    let labels = set.spec()["template"]["metadata"]["labels"]
        .as_object()
        .unwrap();
    let selectors = [
        &set.spec()["selector"]["matchLabels"],
        &Manifest::of_kind(&all, "Service").spec()["selector"],
        &Manifest::of_kind(&all, "PodDisruptionBudget").spec()["selector"]["matchLabels"],
        &Manifest::of_kind(&all, "PodMonitor").spec()["selector"]["matchLabels"],
        &Manifest::of_kind(&all, "NetworkPolicy").spec()["podSelector"]["matchLabels"],
        &set.pod()["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"],
        &set.pod()["topologySpreadConstraints"][1]["labelSelector"]["matchLabels"],
    ];
    for selector in selectors {
        let selector = selector.as_object().unwrap();
        assert_eq!(selector.len(), 2, "{selector:?}");
        for (name, value) in selector {
            assert_eq!(labels.get(name), Some(value), "{name}");
        }
    }
    assert_eq!(
        set.spec()["serviceName"],
        Manifest::of_kind(&all, "Service").name()
    );
    let account = Manifest::of_kind(&all, "ServiceAccount");
    assert_eq!(set.pod()["serviceAccountName"], account.name());
}

#[test]
fn probes_and_prometheus_ask_where_the_program_answers() {
    let all = shipped();
    let container = Manifest::of_kind(&all, "StatefulSet").container();
    let port = &container["ports"][0];
    let listening = setting(&settings(&all), &[], "http");
    assert_eq!(listening, format!("0.0.0.0:{}", port["containerPort"]));
    assert_eq!(
        listening,
        setting("deployment: d", &[], "http"),
        "the default"
    );
    let endpoint = &Manifest::of_kind(&all, "PodMonitor").spec()["podMetricsEndpoints"][0];
    assert_eq!(endpoint["port"], port["name"]);
    let policy = Manifest::of_kind(&all, "NetworkPolicy");
    assert_eq!(
        policy.spec()["ingress"][0]["ports"][0]["port"],
        port["name"]
    );

    let metrics = Metrics::new();
    let status = Status::new(&metrics);
    let anywhere = "127.0.0.1:0".parse().unwrap();
    let server = Server::start(anywhere, metrics, status).unwrap();
    let mut paths = vec![&endpoint["path"]];
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        let asked = &container[probe]["httpGet"];
        assert_eq!(asked["port"], port["name"]);
        paths.push(&asked["path"]);
    }
    for path in paths {
        let url = format!("http://{}{}", server.address(), path.as_str().unwrap());
        let request = ureq::get(&url).config().http_status_as_error(false).build();
        assert_ne!(request.call().unwrap().status(), 404, "{url}");
    }
}

#[test]
fn the_program_takes_its_arguments_settings_and_variables() {
    let all = shipped();
    let container = Manifest::of_kind(&all, "StatefulSet").container();
    let words: Vec<String> = serde_json::from_value(container["args"].clone()).unwrap();
    assert_words(&words);
    let variables = container["env"].as_array().unwrap().iter();
    let variables =
        variables.map(|it| [&it["name"], &it["value"]].map(|it| it.as_str().unwrap().to_owned()));
    let variables: Vec<_> = variables.map(|[name, value]| (name, value)).collect();
    // A flag is stronger, and stands for the file that is not here.
    setting(&settings(&all), &variables, "deployment");
    // Variables that values.yaml gives as examples.
    let examples = [("WAYMARK_REDIS__PASSWORD".to_owned(), "hush".to_owned())];
    assert!(text("helm/waymark/values.yaml").contains(&examples[0].0));
    assert_eq!(setting("deployment: d", &examples, "redis.password"), "***");
}

#[test]
fn files_that_settings_name_are_mounted() {
    let all = shipped();
    let set = Manifest::of_kind(&all, "StatefulSet");
    let mounts = set.container()["volumeMounts"].as_array().unwrap();
    let folders: Vec<_> = mounts
        .iter()
        .map(|it| it["mountPath"].as_str().unwrap())
        .collect();
    let settings = settings(&all);
    let named: BTreeSet<_> = settings
        .split_whitespace()
        .filter(|it| it.starts_with('/'))
        .collect();
    assert_eq!(named.len(), 3, "{named:?}");
    for file in named {
        assert!(
            folders.iter().any(|folder| file.starts_with(folder)),
            "{file}"
        );
    }
    let volumes = set.pod()["volumes"].as_array().unwrap();
    assert_eq!(volumes.len(), mounts.len());
    assert!(mounts.iter().all(|mount| mount["readOnly"] == true));
}

#[test]
fn pods_may_do_nothing_that_they_need_not() {
    let all = shipped();
    let set = Manifest::of_kind(&all, "StatefulSet");
    let (pod, container) = (set.pod(), set.container());
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(
        pod["securityContext"]["seccompProfile"]["type"],
        "RuntimeDefault"
    );
    let user = format!("USER {0}:{0}\n", pod["securityContext"]["runAsUser"]);
    assert!(text("Dockerfile").contains(&user), "{user}");
    let wanted = json!({
        "allowPrivilegeEscalation": false,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": true,
    });
    assert_eq!(container["securityContext"], wanted);
    assert_eq!(pod["automountServiceAccountToken"], false);
    assert_eq!(pod["enableServiceLinks"], false);
    assert_eq!(
        Manifest::of_kind(&all, "ServiceAccount").0["automountServiceAccountToken"],
        false
    );
    assert!(container["resources"]["limits"]["memory"].is_string());
    assert!(container["resources"]["limits"]["cpu"].is_null());
}

#[test]
fn processes_begin_at_once_know_their_number_and_have_the_time_they_need() {
    let all = shipped();
    let set = Manifest::of_kind(&all, "StatefulSet");
    assert_eq!(set.spec()["podManagementPolicy"], "Parallel");
    let grace = set.pod()["terminationGracePeriodSeconds"].as_u64().unwrap();
    assert!(grace > 10, "it stops within ten seconds");
    let replicas = set.spec()["replicas"].as_u64().unwrap();
    let threads = setting(&settings(&all), &[], "workers.threads");
    let threads: u64 = threads.as_str().unwrap().parse().unwrap();
    assert!(
        replicas * threads <= 12,
        "more workers than partitions by default"
    );
    assert!(set.pod()["hostNetwork"].is_null(), "its name is the pod's");
    let budget = Manifest::of_kind(&all, "PodDisruptionBudget");
    assert_eq!(budget.spec()["maxUnavailable"], 1);
    assert_eq!(budget.spec()["unhealthyPodEvictionPolicy"], "AlwaysAllow");
}

/// The settings that the pods are given.
fn settings(all: &[Manifest]) -> String {
    let map = Manifest::of_kind(all, "ConfigMap");
    map.0["data"]["waymark.yaml"].as_str().unwrap().to_owned()
}
