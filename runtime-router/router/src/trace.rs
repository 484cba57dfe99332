//! Traces: one span for each request to a model, call of a tool and way out, for the collector that the document names.
//!
//! A span holds who was asked, how long it took, what it cost and how it ended; never a word of a prompt or an answer. What an agent
//! sends as `traceparent` names the parent of a span and decides nothing: whether something is traced is the document's to say. Not
//! here: sending spans (`export`).

mod export;

use std::borrow::Cow;
use std::sync::Arc;

use hyper::header::{HeaderMap, HeaderValue};
use kars_contract::router::RouterDocument;
use kars_contract::{Endpoint, Name, Port};
use kars_kit::clock::now;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{
    Span as _, SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt, TraceFlags, Tracer as _, TracerProvider,
};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider, SpanData, SpanLimits, SpanProcessor};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::connect::is_inside;
use crate::gate::Passage;
use crate::metrics::{Kind, Metrics, Spans};
use crate::policy::Current;
pub use export::{Collector, Export};

/// The header of a span's context.
pub const TRACEPARENT: &str = "traceparent";
/// Spans that wait to be sent; above, they are dropped and counted.
const WAITING: usize = 2048;
/// How the document calls the collector.
const TELEMETRY: &str = "telemetry";

/// Begins spans. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Tracer {
    tracer: SdkTracer,
    current: Current,
}

/// A span that lasts until it is dropped; nothing where nobody collects, which then takes no room.
#[derive(Debug, Default)]
pub struct Span(Option<Box<opentelemetry_sdk::trace::Span>>);

/// Takes spans that have ended, if there is room.
#[derive(Debug)]
struct Queue {
    waiting: Sender<SpanData>,
    metrics: Arc<Metrics>,
}

impl Tracer {
    /// A tracer, and what its spans wait in.
    #[must_use]
    pub fn new(current: Current, metrics: Arc<Metrics>) -> (Self, Receiver<SpanData>) {
        let (waiting, spans) = channel(WAITING);
        // The sampler, the limits and the resource are set, so that no variable of the environment is read for them.
        let provider = SdkTracerProvider::builder()
            .with_sampler(Sampler::AlwaysOn)
            .with_span_limits(SpanLimits::default())
            .with_resource(Resource::builder_empty().build())
            .with_span_processor(Queue { waiting, metrics })
            .build();
        (Self { tracer: provider.tracer("kars-router"), current }, spans)
    }

    /// Begins the span of a way out that the gate has let through.
    #[must_use]
    pub fn egress(&self, kind: Kind, passage: &Passage, parent: &SpanContext) -> Span {
        let mut span = self.begin("egress", parent);
        span.describe(|span| {
            span.rename(format!("egress {}", kind.as_str()));
            span.set("kars.kind", kind.as_str());
            span.server(passage.host().as_str(), passage.port());
            if let Some(rule) = &passage.name().permit().decision().rule {
                span.set("kars.rule", rule.to_string());
            }
        });
        span
    }

    /// Begins a span, where the document that is in force names a collector.
    #[must_use]
    pub fn begin(&self, name: impl Into<Cow<'static, str>>, parent: &SpanContext) -> Span {
        let generation = self.current.in_force(now());
        if !generation.is_ok_and(|generation| collector(generation.document()).is_some()) {
            return Span::default();
        }
        let parent = Context::new().with_remote_span_context(parent.clone());
        let builder = SpanBuilder::from_name(name).with_kind(SpanKind::Client);
        Span(Some(Box::new(self.tracer.build_with_context(builder, &parent))))
    }
}

/// How the document calls its collector, and the port.
fn collector(document: &RouterDocument) -> Option<(&Name, Port)> {
    let (name, infra) = document.infra.iter().find(|(name, _)| name.as_str() == TELEMETRY)?;
    Some((name, *infra.ports.first()?))
}

impl Span {
    /// Calls the span otherwise, once it is known what it is about.
    pub fn rename(&mut self, name: String) {
        if let Some(span) = &mut self.0 {
            span.update_name(name);
        }
    }

    /// Says what takes time to put into words, where somebody collects.
    pub fn describe(&mut self, say: impl FnOnce(&mut Self)) {
        if self.0.is_some() {
            say(self);
        }
    }

    /// Says something about what the span is about.
    pub fn set(&mut self, key: &'static str, value: impl Into<Value>) {
        if let Some(span) = &mut self.0 {
            span.set_attribute(KeyValue::new(key, value));
        }
    }

    /// The same of a count.
    pub fn count(&mut self, key: &'static str, count: u64) {
        self.set(key, i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Says whom it is about.
    pub fn server(&mut self, host: &str, port: Port) {
        self.set("server.address", host.to_owned());
        self.set("server.port", i64::from(port.get()));
    }

    /// Says that it did not succeed, by a stable code.
    pub fn failed(&mut self, code: &'static str) {
        self.set("error.type", code);
        if let Some(span) = &mut self.0 {
            span.set_status(Status::error(""));
        }
    }

    /// What children are begun with.
    #[must_use]
    pub fn context(&self) -> SpanContext {
        self.0.as_ref().map_or(SpanContext::NONE, |span| span.span_context().clone())
    }

    /// What a server is told, where it lies inside. The outside is told nothing: a trace is nobody's business there, and its number
    /// would join requests that have nothing else in common.
    #[must_use]
    pub fn told(&self, document: &RouterDocument, server: &Endpoint) -> Option<HeaderValue> {
        let context = self.0.as_ref().filter(|_| is_inside(document, server))?.span_context();
        let text = format!("00-{}-{}-{:02x}", context.trace_id(), context.span_id(), TraceFlags::SAMPLED.to_u8());
        HeaderValue::try_from(text).ok()
    }
}

/// The parent that a client names; none where it names none. Its state and its wish not to be traced are passed over.
#[must_use]
pub fn parent(headers: &HeaderMap) -> SpanContext {
    struct Parent<'a>(&'a HeaderMap);
    impl Extractor for Parent<'_> {
        fn get(&self, key: &str) -> Option<&str> {
            let mut named = self.0.get_all(TRACEPARENT).iter().filter(|_| key == TRACEPARENT);
            // Two parents are none.
            named.next().filter(|_| named.next().is_none())?.to_str().ok()
        }

        fn keys(&self) -> Vec<&str> {
            vec![TRACEPARENT]
        }
    }
    if !headers.contains_key(TRACEPARENT) {
        return SpanContext::NONE;
    }
    let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &Parent(headers));
    context.span().span_context().clone()
}

impl SpanProcessor for Queue {
    fn on_start(&self, _: &mut opentelemetry_sdk::trace::Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if self.waiting.try_send(span).is_err() {
            self.metrics.traced(Spans::Dropped, 1);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: std::time::Duration) -> OTelSdkResult {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIVEN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

    #[test]
    fn spans_beyond_the_room_are_dropped_and_counted() {
        let metrics = Arc::new(Metrics::default());
        let (waiting, mut spans) = channel(2);
        let queue = Queue { waiting, metrics: Arc::clone(&metrics) };
        let provider = SdkTracerProvider::builder().with_span_processor(queue).build();
        let tracer = provider.tracer("test");
        for _ in 0..5 {
            drop(tracer.build(SpanBuilder::from_name("x")));
        }
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, metrics.registry()).unwrap();
        assert!(text.contains("kars_router_trace_spans_total{outcome=\"dropped\"} 3\n"), "{text}");
        assert!(spans.try_recv().is_ok() && spans.try_recv().is_ok() && spans.try_recv().is_err());
    }

    #[test]
    fn a_parent_is_a_number_and_nothing_else() {
        let headers = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            headers.insert("tracestate", HeaderValue::from_static("a=b"));
            for value in values {
                headers.append(TRACEPARENT, HeaderValue::from_static(value));
            }
            headers
        };
        let found = parent(&headers(&[GIVEN]));
        assert_eq!(found.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(
            (found.span_id().to_string().as_str(), found.trace_state().header()),
            ("b7ad6b7169203331", String::new())
        );
        for values in [
            &[][..],
            &[GIVEN, GIVEN],
            &["x"],
            &["00-00000000000000000000000000000000-b7ad6b7169203331-01"],
            &["00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01"],
            &["ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"],
        ] {
            assert!(!parent(&headers(values)).is_valid(), "{values:?}");
        }
    }
}
