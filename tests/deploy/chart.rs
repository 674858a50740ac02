//! The Helm chart: it renders what stands in `deploy/kubernetes`, refuses what makes no sense, and bends where it should.
//!
//! Skipped, loudly, where there is neither Helm nor a Go to build it; `manifests` is not.

use std::fs;
use std::process::{Command, Output};

use waymark_testkit::{Built, built_or_skip, checkers_or_skip};

use crate::files::{deploy, must, text};
use crate::manifests::{Manifest, manifests};

/// Helm, and the release that is rendered.
struct Chart {
    helm: Command,
}

impl Chart {
    fn or_skip() -> Option<Self> {
        let helm = built_or_skip(Built::Helm)?;
        Some(Self { helm })
    }

    fn render(&self, release: &str, more: &[&str]) -> Output {
        let mut helm = Command::new(self.helm.get_program());
        helm.args(["template", release]).arg(deploy("helm/waymark"));
        helm.args(["--namespace", "lending", "--kube-version", "1.30.0"]);
        helm.args(more).output().unwrap()
    }

    fn rendered(&self, release: &str, more: &[&str]) -> String {
        let Output {
            status,
            stdout,
            stderr,
        } = self.render(release, more);
        assert!(
            status.success(),
            "{more:?}: {}",
            String::from_utf8_lossy(&stderr)
        );
        String::from_utf8(stdout).unwrap()
    }
}

#[test]
fn the_manifests_are_what_the_chart_renders() {
    let Some(chart) = Chart::or_skip() else {
        return;
    };
    let mut render = Command::new(deploy("kubernetes/render"));
    render.arg("--print").env("HELM", chart.helm.get_program());
    let told = must(&mut render);
    assert!(
        told == text("kubernetes/waymark.yaml"),
        "run deploy/kubernetes/render"
    );
}

#[test]
fn the_chart_is_taken_by_its_own_lint() {
    let Some(chart) = Chart::or_skip() else {
        return;
    };
    let mut lint = Command::new(chart.helm.get_program());
    must(
        lint.args(["lint", "--strict", "--quiet"])
            .arg(deploy("helm/waymark")),
    );
}

#[test]
fn values_that_make_no_sense_are_refused() {
    let Some(chart) = Chart::or_skip() else {
        return;
    };
    for wrong in [
        "replicas=many",
        "podDisruptionBudget.maxUnavailabel=1",
        "terminationGracePeriodSeconds=5",
        "customConfig.deployment=",
        "customConfig.redis.password=hush",
        "persistence.enabled=true",
    ] {
        let output = chart.render("lending", &["--set", wrong]);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success() && told.contains("values don't meet"),
            "{wrong}: {told}"
        );
    }
}

#[test]
fn rules_and_dashboards_are_those_of_their_files() {
    let Some(chart) = Chart::or_skip() else {
        return;
    };
    let set = [
        "--set",
        "dashboards.enabled=true,prometheusRule.enabled=true",
    ];
    let told = chart.rendered("lending", &set);
    let all = manifests(&told);
    let boards = all
        .iter()
        .find(|it| it.name() == "lending-waymark-dashboards")
        .unwrap();
    for file in crate::panels::dashboards() {
        let name = file.file_name().unwrap().to_str().unwrap();
        assert_eq!(boards.0["data"][name], fs::read_to_string(&file).unwrap());
    }
    let rule = Manifest::of_kind(&all, "PrometheusRule");
    assert_eq!(
        rule.0["spec"],
        crate::files::yaml::<serde_json::Value>(&text("prometheus/waymark.rules.yaml"))
    );
}

#[test]
fn whatever_is_asked_for_is_what_kubernetes_takes() {
    let (Some(chart), Some(checkers)) = (Chart::or_skip(), checkers_or_skip()) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let definition = folder.path().join("bank.yaml");
    fs::write(&definition, "definition: bank\nversion: '1'\n").unwrap();
    let definition = format!("definition={}", definition.display());
    let values = folder.path().join("values.yaml");
    fs::write(&values, ALL_VALUES).unwrap();
    let values = values.to_str().unwrap();
    for (number, more) in [
        &["--set-file", &definition][..],
        &["--values", values],
        &[
            "--set",
            "existingConfigMaps={mine,yours},serviceAccount.create=false",
        ],
        &[
            "--set",
            "podDisruptionBudget.enabled=false,rollWorkload=false",
        ],
    ]
    .into_iter()
    .enumerate()
    {
        let file = folder.path().join(format!("{number}.yaml"));
        fs::write(&file, chart.rendered("lending", more)).unwrap();
        must(
            checkers
                .kubernetes_validate()
                .args(["--strict", "--no-warn"])
                .arg(file),
        );
    }
}

#[test]
fn a_long_name_of_a_release_is_cut_where_kubernetes_would_refuse_it() {
    let Some(chart) = Chart::or_skip() else {
        return;
    };
    let told = chart.rendered(&"a".repeat(53), &[]);
    let all = manifests(&told);
    let name = Manifest::of_kind(&all, "StatefulSet").name();
    assert!(name.len() <= 52, "{name}");
}

const ALL_VALUES: &str = "\
commonLabels: { team: lending }
image: { tag: 'sha256:0123', pullSecrets: [{ name: registry }] }
podPriorityClassName: important
existingSecret: secrets
env:
  - { name: WAYMARK_REDIS__PASSWORD, valueFrom: { secretKeyRef: { name: redis, key: password } } }
envFrom: [{ secretRef: { name: more } }]
extraVolumes: [{ name: schemas, configMap: { name: schemas } }]
extraVolumeMounts: [{ name: schemas, mountPath: /schemas }]
initContainers: [{ name: wait, image: 'busybox:1.36' }]
extraContainers: [{ name: beside, image: 'busybox:1.36' }]
serviceAccount: { annotations: { a: b } }
podAnnotations: { a: b }
podLabels: { a: b }
nodeSelector: { disk: fast }
tolerations: [{ key: lending, operator: Exists }]
affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [] } }
topologySpreadConstraints:
  - { maxSkew: 2, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, labelSelector: { matchLabels: { a: b } } }
networkPolicy: { enabled: true, extraEgress: [{ ports: [{ port: 443 }] }] }
";
