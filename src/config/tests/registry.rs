//! Which Schema Registry is meant, and who we are to it.

use super::*;

#[test]
fn a_registry_is_named_by_its_addresses_and_asked_as_whoever_we_are() {
    assert!(Given::file("deployment: a").config().registry.is_none());
    let given = Given::file(
        "deployment: a\nregistry: { url: 'https://a:8081/, http://b/apis/v7', username: waymark }",
    );
    let given = given.variable("WAYMARK_REGISTRY__PASSWORD", "hush-1");
    let registry = given.config().registry.unwrap();
    assert_eq!(registry.urls, ["https://a:8081", "http://b/apis/v7"]);
    assert!(matches!(
        registry.credentials,
        Some(Credentials::Basic { .. })
    ));
    let given = Given::file("deployment: a\nregistry: { url: 'http://a', token_file: token }");
    given.beside("token", "hush-2\n");
    let registry = given.config().registry.unwrap();
    let Some(Credentials::Bearer(token)) = &registry.credentials else {
        panic!("a token")
    };
    assert_eq!(token.read().unwrap().expose_secret(), "hush-2");
    let printed = format!("{registry:?} {:?}", given.settings());
    assert!(!printed.contains("hush"), "{printed}");
}

#[test]
fn a_registry_that_can_not_be_meant_is_refused() {
    for (registry, said) in [
        (
            "url: registry:8081",
            "registry.url: \"registry:8081\" is no address of a registry: write such as https://registry:8081",
        ),
        (
            "url: 'https://me:hush@registry'",
            "registry.url holds credentials: name them by registry.username and registry.password_file, or by registry.token_file",
        ),
        (
            "outputs: avro",
            "registry.outputs is avro, which needs registry.url",
        ),
        (
            "username: waymark",
            "registry.username needs registry.password_file",
        ),
        (
            "url: 'http://a,http://b', response_timeout: 8s",
            "registry.connect_timeout and registry.response_timeout of all addresses make 18s, at most 15s may pass: a worker that waits for an answer does nothing else",
        ),
        ("key: waymark.yaml", "registry.key needs registry.cert"),
        (
            "token: hush",
            "registry.token stands here in plain text: name a file by registry.token_file, or set WAYMARK_REGISTRY__TOKEN or WAYMARK_REGISTRY__TOKEN_FILE",
        ),
    ] {
        let refused = Given::file(&format!("deployment: a\nregistry: {{ {registry} }}")).refused();
        let (_, told) = refused.split_once(": ").unwrap();
        assert_eq!(told, said);
    }
}
