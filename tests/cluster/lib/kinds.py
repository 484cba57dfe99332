"""Kinds of other projects that our objects and our cases name, without their schemas. Not here: kinds whose program runs."""

import json

# Group, version, kind, plural.
STUBS = [
    ("external-secrets.io", "v1", "ExternalSecret", "externalsecrets"),
    ("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes"),
]


def install_stubs(cluster):
    """Makes the server know the kinds."""
    items = [definition(*stub) for stub in STUBS]
    cluster.apply(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    names = [f"customresourcedefinition/{plural}.{group}" for group, _, _, plural in STUBS]
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=60s", *names)


def definition(group, version, kind, plural):
    """A CustomResourceDefinition that admits any field."""
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}", "annotations": {"api-approved.kubernetes.io": "unapproved, for tests"}},
        "spec": {"group": group, "scope": "Namespaced", "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
                 "versions": [{"name": version, "served": True, "storage": True, "schema": schema}]},
    }
