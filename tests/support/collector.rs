//! A collector of traces: takes OTLP over HTTP, as everybody's do, and keeps what it was sent.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tokio::net::TcpListener;
use tokio::runtime;

/// How a collector answers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Manners {
    /// It takes everything.
    Good,
    /// It takes all spans of a request but one.
    Choosy,
    /// It refuses everything.
    Bad,
    /// It never answers.
    Silent,
}

/// A collector. Its thread ends with the process.
pub(crate) struct Collector {
    pub(crate) address: SocketAddr,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Default)]
struct Taken {
    requests: Vec<ExportTraceServiceRequest>,
    headers: Vec<HeaderMap>,
    bytes: Vec<u8>,
}

impl Collector {
    pub(crate) fn start(manners: Manners) -> Self {
        let taken = Arc::<Mutex<Taken>>::default();
        let keep = Arc::clone(&taken);
        let take = move |headers: HeaderMap, body: Bytes| async move {
            let spans = keep.lock().unwrap().take(headers, &body);
            match manners {
                Manners::Good => (StatusCode::OK, answer(0)),
                Manners::Choosy => (StatusCode::OK, answer(1.min(spans))),
                Manners::Bad => (StatusCode::SERVICE_UNAVAILABLE, Vec::new()),
                Manners::Silent => std::future::pending().await,
            }
        };
        let app = Router::new().route("/v1/traces", post(take));
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || runtime.block_on(async { axum::serve(listener, app).await }));
        Self { address, taken }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the spans of a name, as they came.
    pub(crate) fn spans(&self, name: &str) -> Vec<Span> {
        let taken = self.taken.lock().unwrap();
        let resources = taken.requests.iter().flat_map(|it| &it.resource_spans);
        let spans = resources.flat_map(|it| &it.scope_spans);
        let spans = spans.flat_map(|it| &it.spans);
        spans.filter(|span| span.name == name).cloned().collect()
    }

    /// Returns who has sent the first of them.
    pub(crate) fn sender(&self) -> Option<Resource> {
        let taken = self.taken.lock().unwrap();
        let request = taken.requests.first()?;
        request.resource_spans.first()?.resource.clone()
    }

    /// Returns a header of the first request.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let taken = self.taken.lock().unwrap();
        let value = taken.headers.first()?.get(name)?;
        Some(value.to_str().unwrap().to_owned())
    }

    /// Returns whether a text stood anywhere in what was sent.
    pub(crate) fn has_seen(&self, text: &str) -> bool {
        let taken = self.taken.lock().unwrap();
        let mut windows = taken.bytes.windows(text.len());
        windows.any(|window| window == text.as_bytes())
    }
}

impl Taken {
    fn take(&mut self, headers: HeaderMap, body: &[u8]) -> i64 {
        let request = ExportTraceServiceRequest::decode(body).unwrap();
        let resources = request.resource_spans.iter();
        let scopes = resources.flat_map(|it| &it.scope_spans);
        let spans = scopes.map(|it| it.spans.len()).sum::<usize>();
        self.requests.push(request);
        self.headers.push(headers);
        self.bytes.extend_from_slice(body);
        i64::try_from(spans).unwrap()
    }
}

fn answer(rejected_spans: i64) -> Vec<u8> {
    let part = ExportTracePartialSuccess {
        rejected_spans,
        error_message: String::new(),
    };
    let partial_success = (rejected_spans > 0).then_some(part);
    ExportTraceServiceResponse { partial_success }.encode_to_vec()
}

/// Returns an attribute as text.
pub(crate) fn attribute(of: &[KeyValue], key: &str) -> Option<String> {
    let found = of.iter().find(|it| it.key == key)?;
    let AnyValue { value } = found.value.clone()?;
    match value? {
        Value::StringValue(text) => Some(text),
        Value::IntValue(number) => Some(number.to_string()),
        other => panic!("{key} is {other:?}"),
    }
}
