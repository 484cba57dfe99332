//! Sends spans to the collector: OTLP over HTTP, in batches, through the router's own connector. Nothing waits for it. Not here: spans.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request};
use kars_contract::router::Identity;
use kars_kit::clock::now;
use kars_kit::serve::Tasks;
use opentelemetry::KeyValue;
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;
use prost::Message;
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::collector;
use crate::connect::exchange::exchange;
use crate::connect::{Connector, Destination};
use crate::metrics::{Metrics, Spans};
use crate::policy::Current;

/// Spans that are sent at once.
const BATCH: usize = 512;
/// How long the first of them waits for others.
const LINGER: Duration = Duration::from_secs(1);
/// How long the collector may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the last batch may take.
const ENDING: Duration = Duration::from_secs(3);
/// Bytes of an answer that are read.
const LARGEST: usize = 64 * 1024;
/// Where collectors take traces.
const PATH: &str = "/v1/traces";

/// The way to the collector.
#[derive(Debug)]
pub struct Collector {
    /// What is served names it.
    pub current: Current,
    /// Opens connections.
    pub connector: Connector,
    /// Where spans are counted.
    pub metrics: Arc<Metrics>,
}

/// The task that sends.
#[derive(Debug)]
pub struct Export {
    task: JoinHandle<()>,
    ending: CancellationToken,
}

impl Export {
    /// Sends what comes.
    #[must_use]
    pub fn start(collector: Collector, spans: Receiver<SpanData>) -> Self {
        let ending = CancellationToken::new();
        let task = tokio::spawn(collector.run(spans, ending.clone()));
        Self { task, ending }
    }

    /// Sends what is left, as far as there is time.
    pub async fn end(self) {
        self.ending.cancel();
        if timeout(ENDING, self.task).await.is_err() {
            tracing::warn!("the last spans were not sent");
        }
    }
}

impl Collector {
    async fn run(self, mut spans: Receiver<SpanData>, ending: CancellationToken) {
        while !ending.is_cancelled() {
            let mut batch = Vec::new();
            tokio::select! {
                received = spans.recv_many(&mut batch, BATCH) => if received == 0 { return },
                () = ending.cancelled() => (),
            }
            let linger = sleep(LINGER);
            tokio::pin!(linger);
            while batch.len() < BATCH && !ending.is_cancelled() {
                let room = BATCH - batch.len();
                tokio::select! {
                    received = spans.recv_many(&mut batch, room) => if received == 0 { break },
                    () = linger.as_mut() => break,
                    () = ending.cancelled() => (),
                }
            }
            self.send(batch).await;
        }
        spans.close();
        let mut rest = Vec::new();
        while spans.recv_many(&mut rest, BATCH).await > 0 {
            self.send(std::mem::take(&mut rest)).await;
        }
    }

    async fn send(&self, batch: Vec<SpanData>) {
        let count = batch.len();
        if count == 0 {
            return;
        }
        let rejected = match timeout(PATIENCE, self.post(batch)).await {
            Ok(Ok(rejected)) => rejected.min(count),
            Ok(Err(error)) => {
                tracing::warn!(%error, spans = count, "the collector takes no spans");
                count
            }
            Err(_) => {
                tracing::warn!(spans = count, "the collector takes too long");
                count
            }
        };
        self.metrics.traced(Spans::Failed, rejected);
        self.metrics.traced(Spans::Exported, count - rejected);
    }

    /// Sends a batch. Returns how many spans of it were refused.
    async fn post(&self, batch: Vec<SpanData>) -> Result<usize, Box<dyn Error + Send + Sync>> {
        let generation = self.current.in_force(now())?;
        let document = generation.document();
        let (name, port) = collector(document).ok_or("the document names no collector any more")?;
        let destination = Destination::infra(document, name, port).ok_or("the document names no address of it")?;
        let resource = ResourceAttributesWithSchema::from(&resource(&document.identity));
        let body = ExportTraceServiceRequest { resource_spans: group_spans_by_resource_and_scope(batch, &resource) };
        let mut request = Request::new(Full::new(Bytes::from(body.encode_to_vec())));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = hyper::Uri::from_static(PATH);
        request.headers_mut().insert(HOST, HeaderValue::try_from(destination.to_string())?);
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        let stream = self.connector.connect(&destination).await?;
        // The connection ends with its one answer, so nothing has to wait for it when the router ends.
        let answer = exchange(stream, request, &Tasks::default()).await?;
        let status = answer.status();
        let bytes = Limited::new(answer.into_body(), LARGEST).collect().await?.to_bytes();
        if !status.is_success() {
            return Err(format!("it answers {}", status.as_u16()).into());
        }
        let partial = ExportTraceServiceResponse::decode(bytes)?.partial_success;
        Ok(partial.and_then(|partial| usize::try_from(partial.rejected_spans).ok()).unwrap_or(0))
    }
}

/// Whose spans they are.
fn resource(identity: &Identity) -> Resource {
    let attributes = [
        ("service.namespace", identity.scenario.to_string()),
        ("service.version", env!("CARGO_PKG_VERSION").to_owned()),
        ("k8s.cluster.name", identity.cluster.to_string()),
        ("k8s.namespace.name", identity.namespace.to_string()),
        ("deployment.environment.name", identity.environment.to_string()),
        ("gen_ai.agent.name", identity.agent.to_string()),
    ];
    let attributes = attributes.map(|(key, value)| KeyValue::new(key, value));
    Resource::builder_empty().with_service_name("kars-router").with_attributes(attributes).build()
}
