//! Redis servers of every kind the tests of Waymark ask for.

mod support;

use waymark_testkit::redis::{Login, Options, Transport};
use waymark_testkit::{Redis, servers_or_skip};

use crate::support::runs;

#[test]
fn a_redis_answers_and_is_gone_when_dropped() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let redis = Redis::start(&servers, &Options::default()).unwrap();
    assert_eq!(redis.ask(&["PING"]).unwrap(), "PONG");
    let id = redis.process_id().unwrap();
    assert!(runs(id));
    drop(redis);
    assert!(!runs(id));
}

#[test]
fn a_redis_with_a_password_refuses_strangers() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let login = Login::Password("open-sesame".to_owned());
    let redis = Redis::start(
        &servers,
        &Options {
            login,
            ..Options::default()
        },
    )
    .unwrap();
    assert!(
        redis
            .url()
            .starts_with("redis://default:open-sesame@127.0.0.1:")
    );
    assert_eq!(redis.ask(&["PING"]).unwrap(), "PONG");
    let stranger = format!("redis://127.0.0.1:{}", redis.port());
    assert!(
        redis
            .ask_at(&stranger, &["PING"])
            .unwrap_err()
            .to_string()
            .contains("NOAUTH")
    );
}

#[test]
fn a_redis_with_a_user_knows_nobody_else() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let login = Login::User {
        name: "waymark".to_owned(),
        password: "open-sesame".to_owned(),
    };
    let redis = Redis::start(
        &servers,
        &Options {
            login,
            ..Options::default()
        },
    )
    .unwrap();
    assert_eq!(redis.ask(&["ACL", "WHOAMI"]).unwrap(), "waymark");
    let stranger = format!("redis://127.0.0.1:{}", redis.port());
    assert!(redis.ask_at(&stranger, &["PING"]).is_err());
}

#[test]
fn a_redis_over_tls_speaks_nothing_else() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let options = Options {
        transport: Transport::Tls,
        login: Login::Password("open-sesame".to_owned()),
        ..Options::default()
    };
    let redis = Redis::start(&servers, &options).unwrap();
    assert!(redis.url().starts_with("rediss://"));
    assert_eq!(redis.ask(&["PING"]).unwrap(), "PONG");
    let plain = redis.url().replace("rediss://", "redis://");
    assert!(redis.ask_at(&plain, &["PING"]).is_err());
}

#[test]
fn a_killed_redis_comes_back_with_what_it_was_told_to_keep() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    for (append_only, kept) in [(true, "7"), (false, "")] {
        let options = Options {
            append_only,
            ..Options::default()
        };
        let mut redis = Redis::start(&servers, &options).unwrap();
        let url = redis.url();
        redis.ask(&["SET", "key", "7"]).unwrap();
        redis.kill();
        assert!(redis.ask(&["PING"]).is_err());
        redis.restart().unwrap();
        assert_eq!(redis.url(), url);
        assert_eq!(redis.ask(&["GET", "key"]).unwrap(), kept);
    }
}

#[test]
fn a_redis_can_lose_everything_it_kept() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let options = Options {
        append_only: true,
        ..Options::default()
    };
    let mut redis = Redis::start(&servers, &options).unwrap();
    redis.ask(&["SET", "key", "7"]).unwrap();
    redis.restart_empty().unwrap();
    assert_eq!(redis.ask(&["EXISTS", "key"]).unwrap(), "0");
}

#[test]
fn a_full_redis_refuses_to_write() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let options = Options {
        memory_bytes_max: Some(1),
        ..Options::default()
    };
    let redis = Redis::start(&servers, &options).unwrap();
    assert!(
        redis
            .ask(&["SET", "key", "7"])
            .unwrap_err()
            .to_string()
            .contains("OOM")
    );
}

#[test]
fn a_setting_of_the_test_reaches_the_server() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let settings = vec![("save".to_owned(), "60 5".to_owned())];
    let redis = Redis::start(
        &servers,
        &Options {
            settings,
            ..Options::default()
        },
    )
    .unwrap();
    assert_eq!(redis.ask(&["CONFIG", "GET", "save"]).unwrap(), "save\n60 5");
}

#[test]
fn a_redis_that_can_not_start_shows_its_log() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let settings = vec![("no-such-setting".to_owned(), "1".to_owned())];
    let told = Redis::start(
        &servers,
        &Options {
            settings,
            ..Options::default()
        },
    )
    .unwrap_err();
    assert!(told.to_string().contains("no-such-setting"), "{told}");
}

#[test]
fn many_at_once_do_not_collide() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    std::thread::scope(|scope| {
        for name in 0..8 {
            let servers = &servers;
            scope.spawn(move || {
                let redis = Redis::start(servers, &Options::default()).unwrap();
                let name = name.to_string();
                assert_eq!(redis.ask(&["SET", "name", &name, "NX"]).unwrap(), "OK");
                assert_eq!(redis.ask(&["GET", "name"]).unwrap(), name);
            });
        }
    });
}
