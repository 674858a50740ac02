//! The store over TLS: it serves as in plain text, and trusts nobody but whom it was told to.

use std::error::Error;

use waymark::store::{RedisSettings, RedisStore, RedisTls, Store, StoreError};

use crate::kit::SHARD;
use crate::laws;
use crate::server::{Server, store};

#[test]
fn journeys_are_stored_and_loaded_over_tls() {
    let Some(server) = Server::start_tls() else {
        return;
    };
    let settings = server.settings_trusting(&server);
    laws::l1_a_load_shows_what_the_last_flush_has_written(&mut store(settings.clone()));
    let settings = serving("localhost", settings);
    assert!(store(settings).open(SHARD).unwrap().is_some());
}

#[test]
fn a_server_whose_authority_is_not_ours_is_refused() {
    let (Some(server), Some(stranger)) = (Server::start_tls(), Server::start_tls()) else {
        return;
    };
    let trusting_another = server.settings_trusting(&stranger);
    let mut trusting_the_system = server.settings();
    trusting_the_system.tls = Some(RedisTls::default());
    for settings in [trusting_another, trusting_the_system] {
        let told = refused(store(settings));
        assert!(told.starts_with("invalid peer certificate: "), "{told}");
    }
}

#[test]
fn a_client_that_speaks_plain_text_gets_no_answer() {
    let Some(server) = Server::start_tls() else {
        return;
    };
    refused(server.store());
}

fn serving(host: &str, mut settings: RedisSettings) -> RedisSettings {
    host.clone_into(&mut settings.host);
    settings
}

/// Returns why the store does not open. It is asked again later: certificates change under a process that runs.
fn refused(mut store: RedisStore) -> String {
    let error = store.open(SHARD).unwrap_err();
    assert!(matches!(error, StoreError::Stalled(_)), "{error:?}");
    error.source().unwrap().to_string()
}
