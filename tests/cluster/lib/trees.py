"""Golden trees in a cluster: what is in them, and when everything that controllers make of them is there."""

import json
from pathlib import Path

from lib.process import Failure

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
PLATFORM = GOLDEN / "platform/production"
WATCHED = (("apps/v1", "StatefulSet"), ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy"))


def objects(cluster, *source):
    """What kubectl reads in a folder (`"-k", folder` or `"-f", folder`), as JSON."""
    done = cluster.kubectl("create", "--dry-run=client", "--validate=ignore", "-o", "json", *source)
    text, decoder, found = done.stdout.strip(), json.JSONDecoder(), []
    while text:
        one, end = decoder.raw_decode(text)
        found += one["items"] if one["kind"] == "List" else [one]
        text = text[end:].lstrip()
    return found


def settle(score, cluster):
    """Waits until every StatefulSet has its pods, and these are Ready, so that no controller changes anything any more."""
    def waiting():
        return [one for kind in WATCHED for one in cluster.list(*kind) if not complete(one)]

    try:
        cluster.wait_for("everything is ready", lambda: not waiting(), 120)
    except Failure:
        for one in waiting():
            score.check(f"{label(one)} is ready", False, why(cluster, one))
    for one in cluster.list("apps/v1", "StatefulSet"):
        score.check(f"{label(one)} is ready", complete(one))


def why(cluster, one):
    """What its pods, claims and events say."""
    return cluster.kubectl("get", "pods,persistentvolumeclaims,events", "-n", one["metadata"].get("namespace", "default")).stdout


def complete(one):
    """Whether its controller has nothing left to do."""
    status, due = one.get("status", {}), one["spec"].get("replicas", 0)
    counts = [status.get(key, 0) for key in ("replicas", "readyReplicas", "availableReplicas", "updatedReplicas")]
    return status.get("observedGeneration") == one["metadata"]["generation"] and counts == [due] * 4


def stored(cluster, one):
    """The object as the server holds it."""
    return cluster.client.get(cluster.client.path_of(one)).body


def label(one):
    return f"{one['kind']} {one['metadata'].get('namespace', '')}/{one['metadata']['name']}"
