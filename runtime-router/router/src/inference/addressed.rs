//! What every request to a route says of where it goes, put into words once for each document. Not here: what it asks.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use hyper::Uri;
use hyper::header::HeaderValue;
use kars_contract::Name;
use kars_contract::router::{Provider, Route, RouterDocument};

use super::api::Api;
use super::provider::ways;
use crate::metrics::{Metrics, ModelMetrics};

/// The words of one route.
#[derive(Debug)]
pub struct Addressed {
    /// The value of `host`.
    pub host: HeaderValue,
    /// The deployment, as JSON.
    pub deployment: String,
    /// The path of every API that the provider serves there.
    paths: Vec<(Api, Uri)>,
    provider: Provider,
    metrics: OnceLock<Arc<ModelMetrics>>,
}

impl Addressed {
    /// The words of all routes of a document.
    #[must_use]
    pub fn all(document: &RouterDocument) -> HashMap<Name, Self> {
        let routes = document.inference.iter().flat_map(|inference| &inference.routes);
        routes.map(|(name, route)| (name.clone(), Self::of(route))).collect()
    }

    /// The words of one route.
    #[must_use]
    pub fn of(route: &Route) -> Self {
        let (ways, base) = (ways(route.provider), route.endpoint.path());
        let plain = |path: String| path.parse().expect("the path of an endpoint is plain");
        Self {
            host: HeaderValue::from_str(&route.endpoint.authority()).expect("the host of an endpoint is plain"),
            deployment: serde_json::Value::from(route.deployment.as_str()).to_string(),
            provider: route.provider,
            metrics: OnceLock::new(),
            paths: Api::ALL.iter().filter_map(|api| Some((*api, plain((ways.path)(base, *api)?)))).collect(),
        }
    }

    /// Where requests to the route, of this name, are counted.
    #[must_use]
    pub fn metrics(&self, name: &Name, all: &Metrics) -> Arc<ModelMetrics> {
        Arc::clone(self.metrics.get_or_init(|| Arc::new(all.model(name, self.provider))))
    }

    /// The path of an API, where the provider serves it.
    #[must_use]
    pub fn path(&self, api: Api) -> Option<&Uri> {
        self.paths.iter().find(|(served, _)| *served == api).map(|(_, path)| path)
    }
}
