//! What a cluster holds of a scenario, as a few lists say it. Not here: whether that is what it should hold.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde_json::Value;

use super::expected::title;
use super::{AT_ONCE, Cluster, Expected, Fault, World, kinds};

/// Kind, namespace and name.
type Key = (&'static str, Option<String>, String);

/// What a cluster holds.
pub(crate) struct Held {
    objects: BTreeMap<Key, Value>,
    pub(super) pods: Vec<Value>,
}

/// An object of a scenario's namespaces that its bundle does not have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Further<'h> {
    pub(crate) kind: &'static str,
    pub(crate) object: &'h Value,
}

impl Held {
    /// Reads what carries the labels of the scenario, each network policy beside it, and what a bundle names.
    pub(crate) async fn read(cluster: &Cluster, world: &World) -> Result<Self, Fault> {
        let labels = world.labels();
        let namespaces: BTreeSet<&str> = world.objects.iter().filter_map(|one| one.namespace.as_deref()).collect();
        let mut objects = BTreeMap::new();
        for kind in kinds::listed() {
            // A policy of anybody can widen what a pod reaches.
            let of_anybody = kind == kinds::NETWORK_POLICY;
            for object in cluster.list(kind, (!of_anybody).then_some(labels.as_str())).await? {
                let key = key(kind.name, &object);
                if !of_anybody || key.1.as_deref().is_some_and(|namespace| namespaces.contains(namespace)) {
                    objects.insert(key, object);
                }
            }
        }
        let missing = world.objects.iter().filter(|expected| !objects.contains_key(&expected.key()));
        let looked_for = stream::iter(missing).map(|expected| async {
            let object = cluster.get(expected.kind, expected.namespace.as_deref(), &expected.name).await?;
            Ok::<_, Fault>(object.map(|object| (expected.key(), object)))
        });
        let found: Vec<_> = looked_for.buffered(AT_ONCE).try_collect().await?;
        objects.extend(found.into_iter().flatten());
        Ok(Self { objects, pods: cluster.list(&kinds::POD, Some(&labels)).await? })
    }

    /// The object that the cluster holds in the place of one of the bundle.
    pub(crate) fn get(&self, expected: &Expected) -> Option<&Value> {
        self.objects.get(&expected.key())
    }

    /// What the bundle does not have.
    pub(crate) fn further(&self, world: &World) -> Vec<Further<'_>> {
        let expected: BTreeSet<Key> = world.objects.iter().map(Expected::key).collect();
        let further = self.objects.iter().filter(|(key, _)| !expected.contains(key));
        further.map(|((kind, ..), object)| Further { kind, object }).collect()
    }
}

impl Further<'_> {
    /// As people name it.
    pub(crate) fn title(&self) -> String {
        let (kind, namespace, name) = key(self.kind, self.object);
        title(kind, namespace.as_deref(), &name)
    }
}

impl Expected {
    fn key(&self) -> Key {
        (self.kind.name, self.namespace.clone(), self.name.clone())
    }
}

fn key(kind: &'static str, object: &Value) -> Key {
    let metadata = &object["metadata"];
    let namespace = metadata["namespace"].as_str().map(ToOwned::to_owned);
    (kind, namespace, metadata["name"].as_str().unwrap_or_default().to_owned())
}
