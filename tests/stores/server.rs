//! A Redis of a test's own, and stores and commands that speak to it.

use std::fs;

use redis::{Client, Connection};
use waymark::store::{RedisSettings, RedisStore, RedisTls};
use waymark_testkit::redis::{Options, Transport};
use waymark_testkit::{Redis, servers_or_skip};

pub(crate) const GROUP: &str = "lending.customer";

pub(crate) struct Server {
    redis: Redis,
}

impl Server {
    /// Starts a server with these settings of `redis.conf`, each `name value`; `None` where there are no servers.
    pub(crate) fn start(settings: &[&str]) -> Option<Self> {
        Self::over(Transport::Plain, settings)
    }

    /// Starts a server that speaks TLS only, with an authority of its own.
    pub(crate) fn start_tls() -> Option<Self> {
        Self::over(Transport::Tls, &[])
    }

    fn over(transport: Transport, settings: &[&str]) -> Option<Self> {
        let lines = ["enable-debug-command yes"].iter().chain(settings);
        let lines = lines.map(|line| line.split_once(' ').expect("name and value"));
        let settings = lines.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let options = Options {
            transport,
            settings: settings.collect(),
            ..Options::default()
        };
        let redis = Redis::start(&servers_or_skip()?, &options).expect("a Redis");
        Some(Self { redis })
    }

    /// Kills it as `kill -9` does, and starts it anew over the same folder.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.redis.restart().expect("it starts again");
    }

    pub(crate) fn kill(&mut self) {
        self.redis.kill();
    }

    pub(crate) fn settings(&self) -> RedisSettings {
        RedisSettings::plain("127.0.0.1", self.redis.port())
    }

    /// Settings of a client over TLS that trusts the authority of `whose`.
    pub(crate) fn settings_trusting(&self, whose: &Server) -> RedisSettings {
        let authority = whose.redis.authority().expect("it speaks TLS");
        let mut settings = self.settings();
        settings.tls = Some(RedisTls {
            authorities: Some(fs::read_to_string(authority).expect("a file in PEM")),
            client: None,
        });
        settings
    }

    pub(crate) fn store(&self) -> RedisStore {
        store(self.settings())
    }

    /// A connection behind the store's back.
    pub(crate) fn connection(&self) -> Connection {
        let client = Client::open(self.redis.url());
        let connection = client.and_then(|client| client.get_connection());
        connection.expect("it takes connections")
    }

    /// Does something behind the store's back: `server.tell("SET key value")`.
    pub(crate) fn tell(&self, command: &str) {
        let words: Vec<_> = command.split(' ').collect();
        self.redis.ask(&words).expect("it does as told");
    }
}

pub(crate) fn store(settings: RedisSettings) -> RedisStore {
    RedisStore::new(GROUP, Box::new(move || Ok(settings.clone())))
}
