//! The client against a real Schema Registry: what is registered comes back, what does not fit is refused by name.

use std::path::Path;
use std::time::Duration;

use waymark::config::{self, OutputForm, Tls};
use waymark::registry::{NoSchema, RegistryError, SchemaId, SchemaRegistry, SchemasById};
use waymark_testkit::registry::{Options, Transport};
use waymark_testkit::{Registry, servers_or_skip};

const FIRST: &str = r#"{"type":"record","name":"A","fields":[{"name":"x","type":"int"}]}"#;
const WIDER: &str = r#"{"type":"record","name":"A","fields":[{"name":"x","type":"int"},
    {"name":"y","type":"string","default":""}]}"#;
const OTHER: &str = r#"{"type":"record","name":"A","fields":[{"name":"x","type":"string"}]}"#;

fn settings(url: &str, ca: Option<&Path>) -> config::Registry {
    config::Registry {
        urls: vec![url.to_owned()],
        credentials: None,
        tls: Tls {
            ca: ca.map(Path::to_owned),
            cert: None,
            key: None,
        },
        outputs: OutputForm::default(),
        connect_timeout: Duration::from_secs(5),
        response_timeout: Duration::from_secs(20), // the first question warms it up
    }
}

fn client(registry: &Registry) -> SchemaRegistry {
    SchemaRegistry::new(&settings(&registry.url(), registry.authority()))
}

#[test]
fn a_registered_schema_has_one_number_and_comes_back_by_it() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let registry = client(Registry::shared(&servers));
    assert!(registry.kinds().unwrap().contains(&"AVRO".to_owned()));
    let number = registry.register("once-value", FIRST).unwrap();
    assert_eq!(registry.register("once-value", FIRST).unwrap(), number);
    let found = registry.schema(SchemaId::Number(number)).unwrap().unwrap();
    assert_eq!((found.kind.as_str(), found.text.as_str()), ("AVRO", FIRST));
    assert!(!found.refers_to_others);
    let schemas = SchemasById::of(registry);
    let schema = schemas.find(SchemaId::Number(number)).unwrap().unwrap();
    assert_eq!(schema.json(), FIRST);
}

#[test]
fn a_schema_that_does_not_fit_is_refused_by_name() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let registry = client(Registry::shared(&servers));
    registry.check("fits-value", OTHER).unwrap(); // nothing is there yet
    let first = registry.register("fits-value", FIRST).unwrap();
    let wider = registry.register("fits-value", WIDER).unwrap();
    assert_ne!(first, wider);
    for refused in [
        registry.register("fits-value", OTHER).map(drop),
        registry.check("fits-value", OTHER),
    ] {
        let Err(RegistryError::Incompatible { subject, why }) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(subject, "fits-value");
        assert!(why.contains("/fields/0/type"), "{why}");
    }
    registry.check("fits-value", WIDER).unwrap();
    let nonsense = registry.register("fits-value", "{").unwrap_err();
    assert!(
        matches!(nonsense, RegistryError::Refused { .. }),
        "{nonsense}"
    );
}

#[test]
fn every_earlier_schema_counts_not_the_last_alone() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let registry = client(Registry::shared(&servers));
    let fields = |fields: &str| format!(r#"{{"type":"record","name":"A","fields":[{fields}]}}"#);
    let y_int = fields(r#"{"name":"y","type":"int","default":0}"#);
    let y_text = fields(r#"{"name":"y","type":"string","default":""}"#);
    registry.register("every-value", &y_int).unwrap();
    registry.register("every-value", &fields("")).unwrap();
    let refused = registry.register("every-value", &y_text).unwrap_err();
    assert!(
        matches!(refused, RegistryError::Incompatible { .. }),
        "{refused}"
    );
}

#[test]
fn an_id_that_nobody_registered_is_unknown_by_number_and_by_guid() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let schemas = SchemasById::of(client(Registry::shared(&servers)));
    for id in [SchemaId::Number(4_000_000), SchemaId::Guid([7; 16])] {
        let none = schemas.find(id).unwrap().unwrap_err();
        assert_eq!(none, NoSchema::Unknown(id));
    }
}

#[test]
fn a_wrong_path_is_no_unknown_id() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let url = Registry::shared(&servers)
        .url()
        .replace("ccompat", "nothing");
    let registry = SchemaRegistry::new(&settings(&url, None));
    let error = registry.schema(SchemaId::Number(1)).unwrap_err();
    assert!(matches!(error, RegistryError::Away(_)), "{error}");
}

#[test]
fn over_tls_only_an_authority_that_we_trust_is_believed() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let options = Options {
        transport: Transport::Tls,
        ..Options::default()
    };
    let server = Registry::start(&servers, &options).unwrap();
    let number = client(&server).register("safe-value", FIRST).unwrap();
    assert!(number > 0);
    let stranger = SchemaRegistry::new(&settings(&server.url(), None));
    let error = stranger.kinds().unwrap_err();
    assert!(matches!(error, RegistryError::Away(_)), "{error}");
    assert!(error.to_string().contains("certificate"), "{error}");
}
