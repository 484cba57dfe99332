"""Kinds that a cluster learns: those of the programs that run beside it, and of other projects without their schemas."""

import json

from lib.cluster import condition

# Group, version, kind and plural of what our objects, guides and cases name though no program here serves it.
STUBS = [
    ("external-secrets.io", "v1", "ExternalSecret", "externalsecrets"),
    ("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes"),
    ("monitoring.coreos.com", "v1", "PrometheusRule", "prometheusrules"),
]


def apply_kinds(cluster, folder):
    """Applies the CustomResourceDefinitions of a folder and waits until the server serves them."""
    files = sorted(path for path in folder.glob("*.yaml") if path.name != "kustomization.yaml")
    cluster.kubectl("apply", "--server-side", *[word for path in files for word in ("-f", path)])
    wait_until_served(cluster)


def install_stubs(cluster):
    """Makes the server know the kinds of other projects, with any field."""
    items = [definition(*stub) for stub in STUBS]
    cluster.apply(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    wait_until_served(cluster)


def wait_until_served(cluster):
    cluster.wait_for("the server serves all kinds", lambda: all(
        condition(one, "Established").get("status") == "True"
        for one in cluster.list("apiextensions.k8s.io/v1", "CustomResourceDefinition")))


def definition(group, version, kind, plural):
    """A CustomResourceDefinition that admits any field."""
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}", "annotations": {"api-approved.kubernetes.io": "unapproved, for tests"}},
        "spec": {"group": group, "scope": "Namespaced", "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
                 "versions": [{"name": version, "served": True, "storage": True, "schema": schema}]},
    }
