//! Spans on their way to a collector: OTLP over HTTP, in batches, from a thread of their own.
//!
//! ```text
//! worker: span ends ─► gate ─► queue ─► thread: batch ─► POST …/v1/traces ─► sent
//!                       └─ full: dropped                      └─ away, refused: dropped
//! ```
//!
//! Nobody waits for a collector, and nothing is sent twice: spans that it can't take now are counted and gone. At worst
//! 1,024 spans wait, each with 128 links of some 100 bytes: 13 MB.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{Context, KeyValue};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::resource::TelemetryResourceDetector;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler as SdkSampler, SdkTracerProvider, Span,
    SpanData, SpanExporter, SpanProcessor,
};
use prost::Message as _;
use tracing::{info, warn};
use ureq::Agent;

use super::spans::{LINKS_MAX, Tracer};
use crate::config::{Sampler, Share, Tracing};
use crate::http;
use crate::telemetry::{SpanLoss, SpanMetrics, VERSION};

/// Spans that may wait to be sent.
const QUEUE: usize = 1_024;
/// Spans of one request.
const BATCH: usize = 256;
/// How long a span waits for others.
const DELAY: Duration = Duration::from_secs(1);
/// How long a connection, and then an answer may take: what OTLP says, ten seconds, together.
const CONNECT: Duration = Duration::from_secs(2);
const ANSWER: Duration = Duration::from_secs(8);
/// How long the end of the process waits for the last spans: workers may have taken eight of its ten seconds.
const FAREWELL: Duration = Duration::from_secs(1);
/// Bytes of an answer that we read.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// Sends spans until it is dropped; then, within a second, the last of them.
#[derive(Debug)]
pub struct Exporter(Option<SdkTracerProvider>);

/// Spans can't be sent, now or ever.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A certificate can't be used.
    #[error("spans can't be sent: {0}")]
    Tls(String),
}

impl Exporter {
    /// Starts sending spans if the settings say where to. `instance` tells this process from its equals.
    ///
    /// # Errors
    /// [`ExportError`].
    pub fn start(
        settings: Option<&Tracing>,
        instance: &str,
        metrics: SpanMetrics,
    ) -> Result<Self, ExportError> {
        let Some(settings) = settings else {
            return Ok(Self(None));
        };
        let resource = resource(settings, instance);
        let waiting = Arc::new(AtomicUsize::new(0));
        let collector = Collector {
            agent: http::agent(CONNECT, ANSWER, Some(&settings.tls)).map_err(ExportError::Tls)?,
            settings: settings.clone(),
            resource: (&resource).into(),
            metrics: metrics.clone(),
            waiting: Arc::clone(&waiting),
            is_ill: AtomicBool::new(false),
        };
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(QUEUE)
            .with_max_export_batch_size(BATCH)
            .with_scheduled_delay(DELAY)
            .build();
        let gate = Gate {
            queue: BatchSpanProcessor::new(collector, batches),
            waiting,
            metrics,
        };
        let provider = SdkTracerProvider::builder()
            .with_resource(resource)
            .with_sampler(sampler(settings.sampler))
            .with_max_links_per_span(u32::try_from(LINKS_MAX).expect("a small number"))
            .with_span_processor(gate)
            .build();
        Ok(Self(Some(provider)))
    }

    /// Returns what makes spans for this exporter; none are made if there is no collector.
    pub fn tracer(&self) -> Tracer {
        match &self.0 {
            Some(provider) => Tracer::new(provider.tracer("waymark")),
            None => Tracer::default(),
        }
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        if let Some(provider) = &self.0
            && let Err(error) = provider.shutdown_with_timeout(FAREWELL)
        {
            warn!(%error, "the last spans may not have been sent");
        }
    }
}

fn resource(settings: &Tracing, instance: &str) -> Resource {
    let given = settings.resource.iter();
    let given = given.map(|(name, value)| KeyValue::new(name.clone(), value.clone()));
    Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attribute(KeyValue::new("service.version", VERSION))
        .with_attribute(KeyValue::new("service.instance.id", instance.to_owned()))
        .with_attributes(given)
        .build()
}

fn sampler(wanted: Sampler) -> SdkSampler {
    let of = |share| match share {
        Share::All => SdkSampler::AlwaysOn,
        Share::None => SdkSampler::AlwaysOff,
        Share::Ratio(ratio) => SdkSampler::TraceIdRatioBased(ratio),
    };
    match wanted {
        Sampler::Own(share) => of(share),
        Sampler::ParentBased(share) => SdkSampler::ParentBased(Box::new(of(share))),
    }
}

/// Lets in as many spans as the queue behind it holds, and counts the others, which the queue would not.
#[derive(Debug)]
struct Gate {
    queue: BatchSpanProcessor,
    /// Spans let in, and not yet sent or given up.
    waiting: Arc<AtomicUsize>,
    metrics: SpanMetrics,
}

impl SpanProcessor for Gate {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if self.waiting.fetch_add(1, Ordering::Relaxed) < QUEUE {
            self.queue.on_end(span);
        } else {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            self.metrics.dropped(SpanLoss::QueueFull, 1);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.queue.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.queue.shutdown_with_timeout(timeout)
    }
}

/// Where spans go.
struct Collector {
    agent: Agent,
    settings: Tracing,
    resource: ResourceAttributesWithSchema,
    metrics: SpanMetrics,
    waiting: Arc<AtomicUsize>,
    /// Whether the last batch was lost, and the log has said so.
    is_ill: AtomicBool,
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Collector");
        shown
            .field("url", &self.settings.url)
            .finish_non_exhaustive()
    }
}

impl SpanExporter for Collector {
    /// Blocks: the queue has a thread for it.
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let answer = self.post(batch);
        self.waiting.fetch_sub(spans, Ordering::Relaxed);
        self.tell(spans as u64, &answer);
        answer.map(drop).map_err(OTelSdkError::InternalFailure)
    }
}

impl Collector {
    /// Sends a batch and returns how many of its spans were refused.
    fn post(&self, batch: Vec<SpanData>) -> Result<u64, String> {
        let request = ExportTraceServiceRequest {
            resource_spans: group_spans_by_resource_and_scope(batch, &self.resource),
        };
        let mut post = self
            .agent
            .post(&self.settings.url)
            .header("content-type", "application/x-protobuf");
        for (name, value) in self.settings.headers().map_err(|it| it.to_string())? {
            post = post.header(name, value);
        }
        let answer = post.send(request.encode_to_vec());
        let mut answer = answer.map_err(|error| error.to_string())?;
        if !answer.status().is_success() {
            return Err(format!("the collector answers {}", answer.status()));
        }
        let body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX);
        let told = body.read_to_vec().unwrap_or_default();
        let told = ExportTraceServiceResponse::decode(&*told).unwrap_or_default();
        let refused = told.partial_success.map_or(0, |part| part.rejected_spans);
        Ok(u64::try_from(refused).unwrap_or_default())
    }

    /// Counts what became of a batch; the log hears of the first one lost, and of the first one sent behind it.
    fn tell(&self, spans: u64, answer: &Result<u64, String>) {
        let was_ill = self.is_ill.swap(answer.is_err(), Ordering::Relaxed);
        match answer {
            Ok(refused) => {
                let refused = (*refused).min(spans);
                self.metrics.sent(spans - refused);
                self.metrics.dropped(SpanLoss::Rejected, refused);
                if was_ill {
                    info!("spans are sent again");
                }
            }
            Err(cause) => {
                self.metrics.dropped(SpanLoss::Unsent, spans);
                if !was_ill {
                    warn!(cause, "spans can't be sent, they are dropped and counted");
                }
            }
        }
    }
}
