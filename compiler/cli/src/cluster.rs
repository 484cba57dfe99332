//! A cluster as it is: read, compared with a bundle, and asked what it would do. Nothing here can write to it: requests are
//! made in this file alone, and each of them gets, lists, or is a dry run.

mod compare;
mod expected;
mod fault;
mod held;
mod kinds;
mod pods;
mod state;
mod stuck;
mod unexpected;

use std::time::Duration;

use kube::api::{DynamicObject, GetParams, ListParams, Patch, PatchParams, Request};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config, Resource};
use serde_json::Value;

use crate::args::Access;
pub(crate) use compare::{Difference, difference};
use expected::Expected;
pub(crate) use expected::{World, world};
pub(crate) use fault::Fault;
pub(crate) use held::Held;
use kinds::Kind;
pub(crate) use pods::Running;
pub(crate) use state::{Report, Row};

/// How long a connection, and then an answer, may take.
const SLOWEST: Duration = Duration::from_secs(30);
/// How many objects a list holds before it goes on in another.
const PAGE: u32 = 500;
/// How many requests are under way at a time.
pub(crate) const AT_ONCE: usize = 16;

/// A cluster that can be read.
pub(crate) struct Cluster {
    client: Client,
    server: String,
}

/// What the server would store.
enum DryRun {
    Stored(Value),
    /// It would refuse, for this reason, whoever asks: a field that cannot change, for example.
    Refused(String),
}

/// Runs work that waits for answers.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Fault::Machine(error.to_string()))?.block_on(work)
}

impl Cluster {
    /// The cluster of a kubeconfig. Nothing is asked of it yet.
    pub(crate) async fn open(access: &Access) -> Result<Self, Fault> {
        let options = KubeConfigOptions { context: access.context.clone(), ..KubeConfigOptions::default() };
        let unusable = |error: &dyn std::error::Error| Fault::Kubeconfig(fault::causes(error));
        let mut config = match &access.kubeconfig {
            Some(path) => {
                let read = Kubeconfig::read_from(path).map_err(|error| unusable(&error))?;
                Config::from_custom_kubeconfig(read, &options).await.map_err(|error| unusable(&error))?
            }
            None if access.context.is_some() => {
                Config::from_kubeconfig(&options).await.map_err(|error| unusable(&error))?
            }
            None => Config::infer().await.map_err(|error| unusable(&error))?,
        };
        config.connect_timeout = Some(SLOWEST);
        config.read_timeout = Some(SLOWEST);
        config.reset_reader_on_write = true;
        let server = config.cluster_url.to_string();
        let client = Client::try_from(config).map_err(|error| unusable(&error))?;
        Ok(Self { client, server })
    }

    /// An object, if it is there. Of a Secret only the metadata is read.
    async fn get(&self, kind: &Kind, place: Option<&str>, name: &str) -> Result<Option<Value>, Fault> {
        let (request, parameters) = (request(kind, place), GetParams::default());
        let request =
            if kind.is_secret() { request.get_metadata(name, &parameters) } else { request.get(name, &parameters) };
        let request = request.expect("a name in a path makes an address");
        match self.client.request(request).await {
            Ok(object) => Ok(Some(object)),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
            Err(error) => Err(self.fault("get", kind, place, error)),
        }
    }

    /// All objects of a kind with these labels, of every namespace; none where the server does not know the kind.
    async fn list(&self, kind: &Kind, labels: Option<&str>) -> Result<Vec<Value>, Fault> {
        let mut parameters = ListParams::default().limit(PAGE);
        parameters.label_selector = labels.map(ToOwned::to_owned);
        let mut found = Vec::new();
        loop {
            let asked = request(kind, None).list(&parameters).expect("labels make a query");
            let mut page: Value = match self.client.request(asked).await {
                Ok(page) => page,
                Err(kube::Error::Api(status)) if status.code == 404 => return Ok(found),
                Err(error) => return Err(self.fault("list", kind, None, error)),
            };
            if let Value::Array(items) = page["items"].take() {
                // In a list the server leaves out what all items have in common.
                found.extend(items.into_iter().map(|item| kind.named(item)));
            }
            match page["metadata"]["continue"].as_str().filter(|token| !token.is_empty()) {
                Some(token) => parameters.continue_token = Some(token.to_owned()),
                None => return Ok(found),
            }
        }
    }

    /// What the server would store, were this applied by a manager that wins all conflicts. Always a dry run.
    async fn would_apply(&self, expected: &Expected, object: &Value, manager: &str) -> Result<DryRun, Fault> {
        let place = expected.namespace.as_deref();
        let parameters = PatchParams { dry_run: true, ..PatchParams::apply(manager).force() };
        let request = request(expected.kind, place)
            .patch(&expected.name, &parameters, &Patch::Apply(object))
            .expect("an object can be written as JSON");
        match self.client.request(request).await {
            Ok(stored) => Ok(DryRun::Stored(stored)),
            Err(kube::Error::Api(status)) if fault::is_about_the_object(&status) => Ok(DryRun::Refused(status.message)),
            Err(error) => Err(self.fault("patch", expected.kind, place, error)),
        }
    }

    fn fault(&self, verb: &'static str, kind: &Kind, place: Option<&str>, error: kube::Error) -> Fault {
        Fault::of(error, &self.server, verb, kind, place)
    }
}

fn request(kind: &Kind, place: Option<&str>) -> Request {
    Request::new(DynamicObject::url_path(&kind.resource(), place.filter(|_| kind.namespaced)))
}
