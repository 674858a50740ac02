//! Where spans are sent, which of them, and who we say we are.
//!
//! Everybody's variables `OTEL_…` set the same keys. They are often set for a whole cluster, whoever may need them: so
//! nothing is judged unless an address is given.

use std::collections::BTreeMap;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use secrecy::ExposeSecret;
use ureq::http::{HeaderName, HeaderValue};

use super::layers::Layers;
use super::mean::secret;
use super::raw::RawTracing;
use super::scalars::{Text, web_address};
use super::{ConfigError, Environment, Secret, SecretError, Tls};
use crate::names::unknown;

/// What OTLP appends to the address of a collector for spans.
const PATH: &str = "/v1/traces";

/// How spans are sent to a collector.
#[derive(Debug, Clone)]
pub struct Tracing {
    /// The whole address: OTLP over HTTP.
    pub url: String,
    /// Headers of each request, `name=value`, separated by commas. Read them anew for each, by [`Tracing::headers`].
    headers: Option<Secret>,
    /// Files of a connection to an `https` address.
    pub tls: Tls,
    /// Which spans are told.
    pub sampler: Sampler,
    /// What every span says of its sender: `service.name` and whatever else was given.
    pub resource: BTreeMap<String, String>,
}

/// Which spans are told, as OpenTelemetry's SDKs name it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sampler {
    /// Those that a decision made by ourselves picks.
    Own(Share),
    /// The same for traces that begin here; of others, those whose beginner has said so.
    ParentBased(Share),
}

/// How many traces.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Share {
    /// Every one.
    All,
    /// None.
    None,
    /// This share, from 0 to 1, picked by the trace's id.
    Ratio(f64),
}

/// The headers of a request can't be had.
#[derive(Debug, thiserror::Error)]
pub enum HeadersError {
    /// They stand in a file that can't be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// They are no headers. What they are is not repeated.
    #[error("headers of requests are written as name=value, separated by commas")]
    Form,
}

impl Tracing {
    /// Reads the headers of a request as they are now.
    ///
    /// # Errors
    /// [`HeadersError`].
    pub fn headers(&self) -> Result<Vec<(HeaderName, HeaderValue)>, HeadersError> {
        let Some(headers) = &self.headers else {
            return Ok(Vec::new());
        };
        let pairs = pairs(headers.read()?.expose_secret()).ok_or(HeadersError::Form)?;
        let header = |(name, value): (String, String)| {
            let mut value = HeaderValue::from_str(&value).ok()?;
            value.set_sensitive(true);
            Some((HeaderName::from_str(&name).ok()?, value))
        };
        let headers: Option<Vec<_>> = pairs.into_iter().map(header).collect();
        headers.ok_or(HeadersError::Form)
    }

    /// Finds the collector that is meant, if one is.
    pub(super) fn check(
        raw: RawTracing,
        layers: &Layers,
        environment: &Environment,
    ) -> Result<Option<Self>, ConfigError> {
        let endpoint = match raw.endpoint {
            Some(Text(text)) if text != "off" && text != "false" => text,
            _ => return Ok(None),
        };
        let path = "tracing.headers";
        let headers = raw.headers.map(|text| text.0);
        let tracing = Self {
            url: url(&endpoint).map_err(|message| layers.wrong("tracing.endpoint", message))?,
            headers: secret(path, headers, raw.headers_file, layers, environment)?,
            tls: Tls::check("tracing", raw.ca, raw.cert, raw.key, layers)?,
            sampler: sampler(&raw.sampler.0, &raw.sampler_arg.0, layers)?,
            resource: resource(raw.service_name, raw.resource_attributes, layers)?,
        };
        let headers = tracing.headers();
        headers.map_err(|error| layers.wrong(path, format!("{path}: {error}")))?;
        Ok(Some(tracing))
    }
}

/// Checks an address. What may hold a password is not repeated.
fn url(text: &str) -> Result<String, String> {
    if text.contains('@') {
        return Err(
            "tracing.endpoint holds credentials: name them by tracing.headers_file".to_owned(),
        );
    }
    let address = web_address(text).ok_or_else(|| {
        format!(
            "tracing.endpoint: {text:?} is no address of a collector: write such as http://collector:4318, or off"
        )
    })?;
    Ok(address + PATH)
}

/// Names of OpenTelemetry's specification.
const SAMPLERS: [&str; 6] = [
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
];

fn sampler(name: &str, argument: &str, layers: &Layers) -> Result<Sampler, ConfigError> {
    let (sampler, share): (fn(Share) -> Sampler, _) = match name.strip_prefix("parentbased_") {
        Some(share) => (Sampler::ParentBased, share),
        None => (Sampler::Own, name),
    };
    let share = match share {
        "always_on" => Share::All,
        "always_off" => Share::None,
        "traceidratio" => Share::Ratio(ratio(argument, layers)?),
        _ => {
            let said = unknown("sampler", name, &SAMPLERS);
            return Err(layers.wrong("tracing.sampler", format!("tracing.sampler: {said}")));
        }
    };
    Ok(sampler(share))
}

fn ratio(text: &str, layers: &Layers) -> Result<f64, ConfigError> {
    let ratio = text.parse().ok();
    ratio
        .filter(|ratio| (0.0..=1.0).contains(ratio))
        .ok_or_else(|| {
            let said = format!("tracing.sampler_arg: {text:?} is no share from 0 to 1");
            layers.wrong("tracing.sampler_arg", said)
        })
}

/// A name given by itself is stronger than one among the attributes, as OpenTelemetry wants it.
fn resource(
    name: Option<Text>,
    attributes: Option<Text>,
    layers: &Layers,
) -> Result<BTreeMap<String, String>, ConfigError> {
    let path = "tracing.resource_attributes";
    let text = attributes.map(|text| text.0).unwrap_or_default();
    let pairs = pairs(&text).ok_or_else(|| {
        let said =
            format!("{path}: {text:?} are no attributes: write name=value, separated by commas");
        layers.wrong(path, said)
    })?;
    let mut resource: BTreeMap<_, _> = pairs.into_iter().collect();
    let entry = resource.entry("service.name".to_owned());
    match name {
        Some(Text(name)) => drop(entry.insert_entry(name)),
        None => drop(entry.or_insert_with(|| "waymark".to_owned())),
    }
    Ok(resource)
}

/// Reads `name=value,name=value`; what would mean something else is written as in addresses: `%2C`.
fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let pairs = text.split(',').map(str::trim).filter(|it| !it.is_empty());
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        let (name, value) = (name.trim(), value.trim());
        let value = percent_decode_str(value).decode_utf8().ok()?;
        (!name.is_empty()).then(|| (name.to_owned(), value.into_owned()))
    };
    pairs.map(pair).collect()
}
