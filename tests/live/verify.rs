//! `waymark verify`: fine where all is well, and everything that is not gets its name and its number.

use rdkafka::Message as _;
use rdkafka::message::OwnedMessage;
use redis::{Commands, Connection};
use serde_json::{Value, json};
use waymark_testkit::{Kafka, servers_or_skip, until};

use crate::client::{Client, Plain};
use crate::deployment::{COHORT_SHARDS, Deployment, LONG, SHARDS, text};
use crate::nervous::nervous_default;
use crate::support::Start;

/// A deployment that has taken a few thousand events and stands still.
fn taken(name: &str) -> Option<Deployment> {
    let servers = servers_or_skip()?;
    let deployment = Deployment::create(&servers, name, &Kafka::shared(&servers).bootstrap());
    take(&deployment);
    Some(deployment)
}

/// The same under a definition by which the scores of cohorts shift.
fn taken_nervously(name: &str) -> Option<Deployment> {
    let servers = servers_or_skip()?;
    let deployment = Deployment::create(&servers, name, &Kafka::shared(&servers).bootstrap());
    deployment.define(&nervous_default());
    take(&deployment);
    let alerts = read(&deployment.client(), &deployment.topic("alerts"));
    let shifts = alerts.iter().filter(|it| json_of(it).contains("nps_shift"));
    assert!(shifts.count() > 0, "no score has shifted");
    Some(deployment)
}

fn take(deployment: &Deployment) {
    deployment.simulate(&["--seed", "7", "--customers", "150", "--events", "6000"]);
    let mut worker = deployment.start(0);
    deployment.wait_until_taken();
    worker.stop();
}

/// Reads a topic as it could be sent again.
fn read(client: &Client, topic: &str) -> Vec<Plain> {
    let again = |record: &OwnedMessage| Plain {
        partition: record.partition(),
        key: record.key().map(Into::into),
        value: record.payload().map(Into::into),
        headers: record.headers().cloned(),
    };
    client.read(topic).iter().map(again).collect()
}

fn forged(partition: i32, key: &str, value: &str) -> Plain {
    Plain {
        partition,
        key: Some(key.into()),
        value: Some(value.into()),
        headers: None,
    }
}

fn json_of(record: &Plain) -> String {
    String::from_utf8(record.value.clone().unwrap()).unwrap()
}

fn wrong(verdict: &Value, sort: &str) -> [u64; 4] {
    let tally = &verdict[sort];
    ["lost", "doubled", "different", "unknown"].map(|of| tally[of].as_u64().expect("a number"))
}

#[test]
fn a_deployment_is_fine_while_it_runs_and_when_it_stands_still() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let deployment = Deployment::create(&servers, "fine", &Kafka::shared(&servers).bootstrap());
    deployment.simulate(&["--seed", "7", "--customers", "150", "--events", "6000"]);
    let workers = [0, 1].map(|ordinal| deployment.start(ordinal));
    deployment.assert_fine(); // whatever they have done by now
    deployment.wait_until_taken();
    let verdict = deployment.assert_fine();
    for sort in [
        "alerts",
        "deltas",
        "scores",
        "dead_letters",
        "states",
        "store",
    ] {
        let expected = verdict[sort]["expected"].as_u64().expect("a number");
        assert!(expected > 0, "no {sort} to compare: {verdict:#}");
    }
    for mut worker in workers {
        worker.stop();
    }
    let verdict = deployment.assert_fine_with_store();
    let shards = verdict["shards"].as_array().expect("shards");
    let records: u64 = shards.iter().filter_map(|it| it["records"].as_u64()).sum();
    assert!(records > 6_000, "duplicates and bad records come on top");
}

#[test]
fn a_deployment_before_its_first_step_is_fine() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let deployment = Deployment::create(&servers, "unborn", &Kafka::shared(&servers).bootstrap());
    assert_eq!(deployment.assert_fine()["total"]["expected"], 0);
}

#[test]
fn forged_records_are_noticed() {
    let Some(deployment) = taken("forged") else {
        return;
    };
    let client = deployment.client();
    let alerts = read(&client, &deployment.topic("alerts"));
    let invented = json_of(&alerts[0]);
    let id = &invented[..invented.find("\",\"sequence").expect("a sequence")];
    let invented = invented.replace(&id[id.len() - 4..], "ffff");
    let records = [
        alerts[0].clone(),
        forged(0, "invented", &invented),
        forged(1, "noise", "hello"),
    ];
    client.send(&deployment.topic("alerts"), &records);
    let deltas = deployment.topic("deltas");
    let mut repeated = read(&client, &deltas);
    repeated.retain(|it| json_of(it).contains(r#""type":"delta""#));
    client.send(&deltas, &repeated[..1]);
    let letters = deployment.topic("dead-letter");
    client.send(&letters, &read(&client, &letters)[..1]);

    let verdict = deployment.judged();
    assert_eq!(wrong(&verdict, "alerts"), [0, 1, 0, 2], "{verdict:#}");
    assert_eq!(wrong(&verdict, "deltas"), [0, 1, 0, 0], "{verdict:#}");
    assert_eq!(wrong(&verdict, "dead_letters"), [0, 1, 0, 0], "{verdict:#}");
    assert_eq!(wrong(&verdict, "states"), [0; 4], "{verdict:#}");
    let told = text(&deployment.asked(&["verify"]).stdout);
    assert!(
        told.contains("0 lost, 3 doubled, 0 different, 2 unknown: not fine"),
        "{told}"
    );
}

#[test]
fn a_lost_alert_and_an_altered_one_are_noticed() {
    let Some(deployment) = taken("lossy") else {
        return;
    };
    let (client, topic) = (deployment.client(), deployment.topic("alerts"));
    let mut alerts = read(&client, &topic);
    alerts.remove(3);
    let altered =
        json_of(&alerts[5]).replace("\"definition_version\":\"", "\"definition_version\":\"x");
    alerts[5].value = Some(altered.into_bytes());
    client.delete(&topic);
    deployment.create_topics();
    client.send(&topic, &alerts);

    let verdict = deployment.judged();
    assert_eq!(wrong(&verdict, "alerts"), [1, 0, 1, 0], "{verdict:#}");
    let told = text(&deployment.asked(&["verify"]).stdout);
    let shown = |words: &str| {
        told.lines()
            .any(|line| line.starts_with(words) && line.contains("definition_version"))
    };
    assert!(shown("  should be") && shown("         is"), "{told}");
}

#[test]
fn scores_that_were_sent_again_invented_lost_or_altered_are_noticed() {
    let Some(deployment) = taken_nervously("scored") else {
        return;
    };
    let (client, topic) = (deployment.client(), deployment.topic("scores"));
    let mut scores = read(&client, &topic);
    let invented = forged(0, "invented", &json_of(&scores[0]));
    client.send(&topic, &[scores[0].clone(), invented]);
    let verdict = deployment.judged();
    assert_eq!(wrong(&verdict, "scores"), [0, 1, 0, 1], "{verdict:#}");
    let told = text(&deployment.asked(&["verify"]).stdout);
    assert!(told.contains("doubled: score [\""), "{told}");
    assert!(told.contains("unknown: score invented"), "{told}");

    scores.remove(3);
    let altered = json_of(&scores[5]).replace("\"promoters\":", "\"promoters\":1");
    scores[5].value = Some(altered.into_bytes());
    client.delete(&topic);
    deployment.create_topics();
    client.send(&topic, &scores);
    let verdict = deployment.judged();
    assert_eq!(wrong(&verdict, "scores"), [1, 0, 1, 0], "{verdict:#}");
    assert_eq!(verdict["total"]["lost"], 1, "and nothing else: {verdict:#}");
}

#[test]
fn altered_cohorts_in_redis_are_noticed_and_mended() {
    let Some(deployment) = taken_nervously("cohorts") else {
        return;
    };
    let mut redis = deployment.redis();
    let keys: Vec<String> = redis.keys("{cohorts.cohort.*}:*:s:*").expect("keys");
    let [altered, deleted, other, ..] = &keys[..] else {
        panic!("there are cohorts: {keys:?}")
    };
    let other: Vec<u8> = redis.get(other).expect("a state");
    let () = redis.set(altered, other).expect("it is set");
    let () = redis.del(deleted).expect("it is deleted");

    // When a cohort falls due stands in its state, so the index may be wrong as well.
    let verdict = deployment.judged();
    let [lost, _, different, _] = wrong(&verdict, "store");
    assert_eq!((lost, different), (1, 1), "{verdict:#}");
    assert_eq!(wrong(&verdict, "states"), [0; 4], "{verdict:#}");

    let marked = deployment.asked(&["verify", "--mark-damaged"]);
    assert_eq!(marked.status.code(), Some(1), "{marked:?}");
    let mut worker = deployment.start(0);
    deployment.wait_until_taken();
    worker.stop();
    deployment.assert_fine_with_store();
}

#[test]
fn a_cohort_that_somebody_else_wrote_is_noticed() {
    let Some(deployment) = taken_nervously("foreign") else {
        return;
    };
    let changelog = deployment.topic("cohort.changelog");
    let foreign = forged(2, "\u{1}branch=nowhere", "hello");
    deployment.client().send(&changelog, &[foreign]);
    let verdict = deployment.judged();
    assert_eq!(wrong(&verdict, "states"), [0, 0, 0, 1], "{verdict:#}");
    let told = text(&deployment.asked(&["verify"]).stdout);
    let which = "unknown: cohort branch=nowhere in the changelog of shard 2";
    assert!(told.contains(which), "{told}");
    let where_it_stands = "shard 2 of cohort: 1 changes stand behind the last progress record";
    assert!(told.contains(where_it_stands), "{told}");
}

/// A clock that is ahead makes cohorts close too early, and what they publish then agrees with it.
#[test]
fn a_forged_clock_is_noticed_before_and_after_the_true_one_came() {
    let Some(deployment) = taken("clocks") else {
        return;
    };
    let (client, deltas) = (deployment.client(), deployment.topic("deltas"));
    let told = read(&client, &deltas);
    let on_the_second = told.iter().filter(|it| it.partition == 1);
    let mut clocks = on_the_second.filter(|it| json_of(it).contains(r#""type":"clock""#));
    let mut forged = clocks.next_back().expect("clocks go everywhere").clone();
    let mut clock: Value = serde_json::from_str(&json_of(&forged)).expect("JSON");
    let number = clock["number"].as_u64().expect("a number") + 1;
    clock["number"] = number.into();
    clock["stream_time"] = "2026-11-11T11:11:11.111Z".into();
    forged.value = Some(clock.to_string().into_bytes());
    client.send(&deltas, &[forged]);
    let verdict = deployment.judged();
    assert_eq!(wrong(&verdict, "deltas"), [0, 0, 0, 1], "{verdict:#}");

    // Time goes on by ticks.
    let mut worker = deployment.start(0);
    let ends = || client.ends(&deltas).into_iter().sum::<i64>();
    let (before, more) = (ends(), i64::from(SHARDS * COHORT_SHARDS) * 5);
    until(LONG, || (ends() > before + more).then_some(())).expect("clocks");
    worker.stop();
    let verdict = deployment.judged();
    assert_eq!(wrong(&verdict, "deltas"), [0, 1, 1, 0], "{verdict:#}");
    let told = text(&deployment.asked(&["verify"]).stdout);
    assert!(told.contains("2026-11-11T11:11:11.111Z"), "{told}");
}

/// Each step fires one timer: between two of them V stands still and time does not.
#[test]
fn a_deployment_that_stopped_in_a_storm_of_timers_is_fine() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let deployment = Deployment::create(&servers, "storm", &Kafka::shared(&servers).bootstrap());
    let submitted = (0..400).map(|number| {
        let customer = format!("C-{number}");
        let event = json!({"event_id": customer, "customer_id": customer, "source": "los", "application_id": "L-1",
            "occurred_at": "2026-01-05T09:00:00Z", "body": {"type": "application.submitted", "product": "term-loan"}});
        forged(-1, &customer, &event.to_string())
    });
    let much_later = json!({"event_id": "h", "source": "los", "occurred_at": "2026-02-05T09:00:00Z",
        "body": {"type": "feed.heartbeat"}});
    let much_later = (0..SHARDS).map(|shard| forged(shard, "los", &much_later.to_string()));
    let (client, alerts) = (deployment.client(), deployment.topic("alerts"));
    client.send(&deployment.topic("events"), &submitted.collect::<Vec<_>>());
    let mut worker = deployment.start(0);
    deployment.wait_until_taken(); // what is not flushed yet fires without a limit
    worker.stop();
    client.send(&deployment.topic("events"), &much_later.collect::<Vec<_>>());

    let start = Start {
        settings: &["workers.step.timers=1"],
        ..Start::default()
    };
    let raised = || client.ends(&alerts).into_iter().sum::<i64>();
    for _ in 0..2 {
        let before = raised();
        let mut worker = deployment.start_as(start);
        let stormed = until(LONG, || (raised() > before + 50).then_some(()));
        assert!(stormed.is_some(), "{}", worker.process.tail());
        worker.stop();
        let lags = |shard: &Value| shard["lag_records"].as_i64() > Some(0);
        let shards = deployment.shards();
        assert!(shards.iter().any(lags), "the storm was over: {shards:#?}");
        deployment.assert_fine_with_store();
    }
    let mut worker = deployment.start(0);
    deployment.wait_until_taken();
    worker.stop();
    let verdict = deployment.assert_fine_with_store();
    assert_eq!(verdict["alerts"]["expected"], 400 * 3, "{verdict:#}");
}

#[test]
fn altered_values_in_redis_are_noticed_and_mended() {
    let Some(deployment) = taken("altered") else {
        return;
    };
    let mut redis = deployment.redis();
    let mut states: Vec<String> = redis.keys("{altered.customer.1}:*:s:*").expect("states");
    states.sort();
    let [altered, deleted, ..] = &states[..] else {
        panic!("shard 1 has customers")
    };
    let other: Vec<u8> = redis.get(&states[2]).expect("a state");
    let () = redis.set(altered, other).expect("it is set");
    let () = redis.del(deleted).expect("it is deleted");
    let invented = altered.replace(":s:", ":s:nobody-");
    let () = redis.set(invented, "x").expect("it is set");

    let verdict = deployment.judged();
    assert_eq!(wrong(&verdict, "store"), [1, 0, 1, 1], "{verdict:#}");
    assert_eq!(wrong(&verdict, "states"), [0; 4], "{verdict:#}");

    let marked = deployment.asked(&["verify", "--mark-damaged"]);
    assert_eq!(
        marked.status.code(),
        Some(1),
        "it was wrong when it was looked at"
    );
    assert_eq!(deployment.shards()[1]["store"]["status"], "damaged");
    let mut worker = deployment.start(0);
    deployment.wait_until_taken();
    worker.stop();
    deployment.assert_fine_with_store();
}

#[test]
fn a_store_that_cannot_be_compared_is_not_passed_over() {
    let Some(deployment) = taken("unlike") else {
        return;
    };
    let mut redis = deployment.redis();
    let () = redis.del("{unlike.customer.1}:cp").expect("it is deleted");
    let verdict = deployment.assert_fine();
    assert_eq!(verdict["whole"], false, "{verdict:#}");
    let verify = deployment.asked(&["verify"]);
    assert_eq!(verify.status.code(), Some(75));
    let told = text(&verify.stdout);
    let why = "shard 1 of customer: the store was not compared: it has no checkpoint of the shard";
    assert!(told.contains(why), "{told}");
    assert!(
        told.ends_with("fine, but for a store that was not compared\n"),
        "{told}"
    );
}

#[test]
fn what_cannot_be_compared_is_refused_by_name() {
    let Some(deployment) = taken("refused") else {
        return;
    };
    let example = "deploy/examples/bpi2012/definition.yaml";
    let refused = |arguments: &[&str], code: i32, name: &str| {
        let output = deployment.asked(arguments);
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert!(told.contains(name), "{told}");
    };
    refused(&["verify", "--definition", example], 78, "OTHER_RULES");
    let client = deployment.client();
    client.cut(&deployment.topic("deltas"), 2, 1);
    refused(&["verify"], 66, "OUTPUT_CUT");
    client.cut(&deployment.topic("events"), 0, 1);
    let told = text(&deployment.asked(&["verify"]).stderr);
    assert!(told.contains("_CUT"), "{told}");
}

/// After the first week of a deployment with topics as they are by default.
#[test]
fn the_store_can_be_compared_when_source_and_outputs_are_gone() {
    let Some(deployment) = taken("alone") else {
        return;
    };
    let client = deployment.client();
    for (topic, shards) in [("events", SHARDS), ("deltas", COHORT_SHARDS)] {
        let topic = deployment.topic(topic);
        for (shard, end) in (0..shards).zip(client.ends(&topic)) {
            client.cut(&topic, shard, end);
        }
    }
    assert_eq!(deployment.asked(&["verify"]).status.code(), Some(66));
    let looked = |more: &[&str]| {
        let (status, verdict, told) = deployment.verdict(&[&["--store"], more].concat());
        assert_eq!(verdict["scope"], "store", "{told}");
        assert_eq!(verdict["whole"], true, "{verdict:#}");
        let shards = verdict["shards"].as_array().map(Vec::len);
        let all = usize::try_from(SHARDS + COHORT_SHARDS).ok();
        assert_eq!(shards, all, "both stages: {verdict:#}");
        let compared = verdict["store"]["expected"].as_u64().expect("a number");
        (status, wrong(&verdict, "store"), compared)
    };
    let fine = looked(&[]);
    assert!(
        fine.0 == Some(0) && fine.1 == [0; 4] && fine.2 > 300,
        "{fine:?}"
    );
    let no_scores = ["--definition", "deploy/examples/bpi2012/definition.yaml"];
    assert_eq!(
        looked(&no_scores),
        fine,
        "it says nothing of cohorts, and they are there"
    );

    let mut redis = deployment.redis();
    let mut states: Vec<String> = redis.keys("{alone.customer.1}:*:s:*").expect("states");
    states.sort();
    let () = redis.set(&states[0], "x").expect("it is set");
    let forget_due = |redis: &mut Connection, stage: &str| {
        let pattern = format!("{{alone.{stage}.2}}:*:due:*");
        let dues: Vec<String> = redis.keys(pattern).expect("an index");
        let first: Vec<(Vec<u8>, f64)> = redis.zrange_withscores(&dues[0], 0, 0).expect("one");
        let () = redis.zrem(&dues[0], &first[0].0).expect("it is removed");
    };
    forget_due(&mut redis, "customer");
    let dues: Vec<String> = redis.keys("{alone.customer.0}:*:due:*").expect("an index");
    let () = redis.zadd(&dues[0], "x", 1.5).expect("it is set");
    let (code, found, _) = looked(&[]);
    assert_eq!((code, found), (Some(1), [1, 0, 2, 0]));
    let statuses = || {
        deployment
            .shards()
            .into_iter()
            .map(|it| it["store"]["status"].clone())
    };
    let complete = |status: Value| status == "complete";
    assert!(statuses().all(complete), "it only looks");
    let told = text(&deployment.asked(&["verify", "--store"]).stdout);
    assert!(told.contains("due time of customer "), "{told}");
    assert!(
        !told.contains("alerts"),
        "nothing else was looked at: {told}"
    );

    assert_eq!(looked(&["--mark-damaged"]).0, Some(1));
    let damaged = |status: Value| status == "damaged";
    assert!(statuses().all(damaged));
    let mut worker = deployment.start(0);
    deployment.wait_until_taken();
    worker.stop();
    let (code, found, compared) = looked(&[]);
    assert_eq!((code, found), (Some(0), [0; 4]));

    forget_due(&mut redis, "cohort"); // takes a definition to notice, says the runbook
    assert_eq!(looked(&[]), (Some(0), [0; 4], compared));
}

#[test]
fn a_copy_of_what_never_was_is_a_problem_and_no_store_is_no_verdict() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let deployment = Deployment::create(&servers, "idle", &Kafka::shared(&servers).bootstrap());
    let (status, verdict, told) = deployment.verdict(&["--store"]);
    assert_eq!(status, Some(0), "{told}");
    assert_eq!(verdict["store"]["expected"], 0, "{verdict:#}");
    let checkpoint = "{idle.customer.2}:cp";
    let () = deployment.redis().set(checkpoint, "x").expect("it is set");
    for look in [&["verify"][..], &["verify", "--store"]] {
        let output = deployment.asked(look);
        let told = text(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{told}");
        let problem = "shard 2 of customer: the store has a copy of a shard that has made no step";
        assert!(told.contains(problem), "{told}");
    }
    let output = deployment.asked(&["verify", "--store", "--set", "store=memory"]);
    assert_eq!(output.status.code(), Some(78), "{}", text(&output.stderr));
}

#[test]
fn the_verdict_has_a_line_for_each_shard() {
    let Some(deployment) = taken("told") else {
        return;
    };
    let told = deployment.must(&["verify"]);
    let customers = (0..SHARDS).map(|number| ("customer", number));
    let cohorts = (0..COHORT_SHARDS).map(|number| ("cohort", number));
    for ((stage, number), line) in customers.chain(cohorts).zip(told.lines().skip(1)) {
        let words: Vec<_> = line.split_whitespace().collect();
        assert_eq!(words[..2], [stage, &number.to_string()], "{told}");
        assert_eq!(words.last(), Some(&"compared"), "{told}");
    }
    assert!(
        told.ends_with("0 lost, 0 doubled, 0 different, 0 unknown: fine\n"),
        "{told}"
    );
    assert_eq!(deployment.judged()["total"]["lost"], json!(0));
}
