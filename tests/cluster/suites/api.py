"""The API servers of two minors take every golden tree as it is: no warning, nothing dropped, nothing changed by a second apply.

Every tree is dry-run, applied, read back field by field and, once its pods are Ready, applied again. Not here: who may
apply it (`admission.py`); so the platform's policies are applied like any tree, and then unbound.
"""

import json

from lib.cluster import Cluster
from lib.kinds import apply_kinds, install_stubs
from lib.trees import GOLDEN, PLATFORM, label, objects, settle, stored

PROGRAMS = ["kubernetes-1.36", "kubernetes-1.34", "source-controller", "kustomize-controller", "argo-cd"]
# One environment at a time: they have the same namespaces.
ENVIRONMENTS = sorted({path.name for path in GOLDEN.glob("*/*") if path.is_dir() and path != PLATFORM})


def run(score, programs, folder):
    for minor in ("1.34", "1.36"):
        with Cluster(programs, folder, minor) as cluster:
            judge(score, cluster, programs)


def judge(score, cluster, programs):
    """Applies what there is to one cluster."""
    for program, kinds in (("source-controller", "config/crd/bases"), ("kustomize-controller", "config/crd/bases"),
                           ("argo-cd", "manifests/crds")):
        apply_kinds(cluster, programs[program] / "files" / kinds)
    install_stubs(cluster)
    for name in ("flux-system", "argocd"):
        cluster.kubectl("create", "namespace", name)
    take(score, cluster, [PLATFORM])
    unbind(cluster)
    for environment in ENVIRONMENTS:
        trees = sorted(GOLDEN.glob(f"*/{environment}"))
        take(score, cluster, trees)
        remove_namespaces(cluster)


def unbind(cluster):
    """Takes the policies out of force, and waits until the server has noticed."""
    cluster.kubectl("delete", "validatingadmissionpolicybinding", "--all")

    def free():
        asked = [cluster.kubectl("create", "namespace", "kars-nobody--delivers", "--dry-run=server", check=False) for _ in range(5)]
        return all(one.returncode == 0 for one in asked)

    cluster.wait_for("the policies are out of force", free)


def take(score, cluster, trees):
    """Applies trees that do not overlap, and everything in them."""
    parts = [part for tree in trees for part in (("-k", tree), ("-f", tree / "delivery")) if part[1].is_dir()]
    sent = {part: objects(cluster, *part) for part in parts}
    everything = [one for many in sent.values() for one in many]
    namespaces = [one for one in everything if one["kind"] == "Namespace"]
    cluster.apply(json.dumps({"apiVersion": "v1", "kind": "List", "items": namespaces}))
    for how in ("--dry-run=server", "--dry-run=none"):
        for part in parts:
            applied(score, cluster, part, how)
    for one in everything:
        missing = list(differences(one, stored(cluster, one)))
        score.check(f"{label(one)} is stored as it was sent", not missing, "; ".join(missing))
    settle(score, cluster)
    before = [stored(cluster, one)["metadata"] for one in everything]
    # The first time the server may sort the managers of a field anew, when two of them wrote within one second.
    again(score, cluster, parts)
    between = [stored(cluster, one)["metadata"] for one in everything]
    again(score, cluster, parts)
    for one, old, new in zip(everything, before, between):
        same = old.get("generation") == new.get("generation") and owned(old) == owned(new)
        score.check(f"{label(one)} has the same content and owners after a second apply", same,
                    f"generation {old.get('generation')}, {new.get('generation')}; {owned(old)}, {owned(new)}")
        # The controller that checks the types of a policy writes it anew after each apply, with the same content.
        if one["kind"] != "ValidatingAdmissionPolicy":
            score.check(f"{label(one)} is not written by a further apply", stored(cluster, one)["metadata"] == new)


def again(score, cluster, parts):
    for part in parts:
        applied(score, cluster, part, "--dry-run=none")


def owned(metadata):
    """Which manager owns which fields, whenever it wrote them; what controllers say of the status is theirs."""
    return sorted(json.dumps([one["manager"], one["operation"], one["fieldsV1"]], sort_keys=True)
                  for one in metadata["managedFields"] if one.get("subresource") != "status")


def applied(score, cluster, part, how):
    """Applies a folder; warnings and errors count as failures."""
    done = cluster.kubectl("apply", "--server-side", how, *part, check=False)
    name = part[1].relative_to(GOLDEN)
    score.check(f"{name} is applied ({how}) without a warning", done.returncode == 0 and not done.stderr, done.stderr.strip())


def remove_namespaces(cluster):
    """Deletes what the scenarios made, which is all in namespaces of theirs."""
    names = [one["metadata"]["name"] for one in cluster.list("v1", "Namespace") if "--" in one["metadata"]["name"]]
    cluster.kubectl("delete", "namespace", *names, "--wait=true", "--timeout=120s")


def differences(sent, held, path=""):
    """Each place where what is held is not what was sent; fields that the server added do not count."""
    if isinstance(sent, dict) and isinstance(held, dict):
        for key, value in sent.items():
            if key not in held:
                yield f"{path}.{key} is missing"
            else:
                yield from differences(value, held[key], f"{path}.{key}")
    elif isinstance(sent, list) and isinstance(held, list) and len(sent) == len(held):
        for index, (ours, theirs) in enumerate(zip(sent, held)):
            yield from differences(ours, theirs, f"{path}[{index}]")
    elif sent != held:
        yield f"{path} is {held!r} and was {sent!r}"
