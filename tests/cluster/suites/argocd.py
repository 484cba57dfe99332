"""Argo CD applies a bundle from a registry and from Git, in order, and nothing that its project does not grant.

Its real repo server and application controller, on a real API server, act as the scenario's delivery identity under the
platform's policies. It reads no signature in a registry; the gate for Git is the commit's signature.
"""

import json
import shutil
import subprocess
import time

from lib.bundles import Workshop, build_karsc, edit
from lib.cluster import Cluster, ready
from lib.delivery import HOST, Argo, Registry, secret
from lib.kinds import apply_kinds
from lib.process import Failure
from lib.repository import REPOSITORY, GitServer
from lib.trees import objects

PROGRAMS = ["kubernetes-1.36", "argo-cd", "argo-cd-3.5", "kustomize", "registry", "cosign", "oras"]
NAME = "exec-brief-hermes"
PREFIX = f"kars-{NAME}--"
AGENTS = {"lead", "analyst", "viz", "writer", "scout"}
IDENTITY = "system:serviceaccount:argocd:kars-delivery"
GROUPS = ("system:serviceaccounts", "system:authenticated")
SERIAL = int(time.time()) - 3600

prepare = build_karsc


def run(score, programs, folder):
    with Cluster(programs, folder) as cluster, Registry(programs, folder), Argo(programs, folder, cluster) as argo:
        with GitServer(folder) as git:
            shop = Workshop(folder)
            Delivery(score, cluster, argo, git, shop).run()
        hydrated(score, cluster, programs["argo-cd"] / "bin/hydrate", shop)
        newer(score, cluster, programs, Workshop(folder / "newer"))


class Delivery:
    """One scenario under Argo CD, first from a registry, then from Git."""

    def __init__(self, score, cluster, argo, git, shop):
        self.score, self.cluster, self.argo, self.git, self.shop = score, cluster, argo, git, shop
        self.serial = SERIAL

    def run(self):
        self.prepare()
        self.from_registry()
        self.heal()
        self.remove_all()
        self.from_git()
        self.commits()
        self.grants()
        self.remove_one()

    def prepare(self):
        """Makes keys, the platform, and an Argo CD that acts as the delivery identity."""
        for name in ("release", "attestation"):
            self.shop.key(name)
        self.scenario = self.shop.scenario(NAME, "engine: none", "argocd")
        edit(self.scenario / "scenario.yaml", "  viz:\n", "  scout: { runtime: { kind: echo } }\n\n  viz:\n")
        self.cluster.kubectl("apply", "--server-side", "-k", self.shop.platform(self.scenario))
        self.cluster.kubectl("patch", "configmap", "argocd-cm", "-n", "argocd", "--type=merge",
                             "-p", json.dumps({"data": {"application.sync.impersonation.enabled": "true"}}))
        registry = {"type": "oci", "name": "bundles", "url": f"oci://{HOST}/bundles/brief", "insecureOCIForceHttp": "true"}
        self.cluster.apply(secret("bundles", "argocd", registry, {"argocd.argoproj.io/secret-type": "repository"}))
        # Argo CD reads a key as soon as its file is there, so it comes whole.
        key = self.argo.folder / self.git.keys["committer"]
        key.write_text(self.git.public("committer"))
        key.rename(self.argo.folder / "gpg" / key.name)

    def deliver_by(self, delivery):
        """Sets how the scenario is delivered."""
        path = self.scenario / "environments/test.yaml"
        lines = [line for line in path.read_text().splitlines() if not line.startswith("delivery:")]
        identities = f"identities: {{ {NAME}: argocd/kars-delivery }}"
        lines.append(f'delivery: {{ engine: argocd, engineVersion: "3.2", serviceAccount: kars-delivery, {identities}, {delivery} }}')
        path.write_text("\n".join(lines) + "\n")

    def build(self, name):
        """Builds and signs a bundle."""
        self.serial += 1
        return self.shop.sign(self.shop.build(self.scenario, name), self.serial)

    def from_registry(self):
        """An artifact, pinned by digest: nothing before the pin, everything after it."""
        self.deliver_by(f'repository: "oci://{HOST}/bundles/brief"')
        bundle = self.build("one")
        self.apply(bundle / "delivery")
        self.argo.wait_for("Argo CD has looked", lambda: self.said("ComparisonError"), 60)
        time.sleep(3)
        self.check("nothing is applied before a digest is pinned", not self.namespaces())
        pinned = self.shop.folder / "pinned"
        shutil.copytree(bundle / "delivery", pinned)
        digest = self.shop.publish(bundle, "bundles/brief", "--pin", pinned / f"10-{NAME}.yaml")
        self.apply(pinned)
        self.arrived("from a registry", digest)
        self.in_order("from a registry")

    def arrived(self, what, revision):
        """Waits until the application is Synced and Healthy at a revision."""
        def there():
            status = self.application().get("status", {})
            sync, health = status.get("sync", {}), status.get("health", {})
            return sync.get("status") == "Synced" and health.get("status") == "Healthy" and sync.get("revision") == revision

        try:
            self.argo.refresh(NAME)
            self.argo.wait_for(f"the bundle is there {what}", there, 150)
        except Failure:
            status = self.application().get("status", {})
            state = {key: status.get(key) for key in ("sync", "health", "conditions", "operationState")}
            self.check(f"the bundle {what} is Synced and Healthy", False, json.dumps(state)[:3000])
            raise
        self.check(f"the bundle {what} is Synced and Healthy", True)

    def in_order(self, what):
        """Each pod is younger than the policies around it, and they are younger than the platform's."""
        self.check(f"each agent has its namespace {what}", self.namespaces() == {PREFIX + name for name in AGENTS | {"mesh"}})
        pods = self.pods()
        self.check(f"every pod is ready {what}", len(pods) == len(AGENTS) + 1 and all(map(ready, pods)))
        platform = [made(one) for one in self.cluster.list("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding")]
        for pod in pods:
            place = pod["metadata"]["namespace"]
            fences = [made(one) for one in self.cluster.list("networking.k8s.io/v1", "NetworkPolicy", place)]
            self.check(f"the fence of `{place}` stood first {what}", len(fences) == 2 and max(fences + platform) < made(pod), str(fences))

    def heal(self):
        """What somebody changes by hand is refused; what the identity itself would change is put back."""
        path = f"/apis/apps/v1/namespaces/{PREFIX}lead/statefulsets/lead"
        patch = {"metadata": {"labels": {"app.kubernetes.io/part-of": "somebody-else"}}}
        kind = "application/merge-patch+json"
        answer = self.cluster.client.request("PATCH", path, patch, kind=kind)
        self.check("an administrator changes nothing by hand", "kars-delivery-only" in answer.message, answer.message)
        answer = self.cluster.client.request("PATCH", path, patch, kind=kind, user=IDENTITY, groups=GROUPS)
        self.check("the delivery identity may", answer.status == 200, answer.message)
        part = lambda: self.cluster.client.get(path).body["metadata"]["labels"]["app.kubernetes.io/part-of"]
        self.argo.wait_for("a change is healed", lambda: part() == NAME)
        self.check("a manual change is healed", True)
        service = f"/api/v1/namespaces/{PREFIX}lead/services/lead"
        before = self.cluster.client.get(service).body["metadata"]["uid"]
        self.cluster.client.request("DELETE", service, user=IDENTITY, groups=GROUPS)
        self.argo.wait_for("a removed object is back", lambda: self.cluster.client.get(service).body["metadata"].get("uid") not in (None, before))
        self.check("a removed object is healed", True)

    def remove_all(self):
        """A scenario is taken away by its delivery identity; Argo CD itself may not, with all its rights."""
        self.cluster.kubectl("delete", "application", NAME, "-n", "argocd", "--timeout=60s")
        chosen = ("delete", "namespace", "-l", f"app.kubernetes.io/part-of={NAME}", "--timeout=120s")
        controller = "system:serviceaccount:argocd:argocd-application-controller"
        done = self.cluster.kubectl(*chosen, "--as", controller, check=False)
        self.check("the account of Argo CD removes no namespace", "kars-delivery-only" in done.stderr, done.stderr)
        self.cluster.kubectl(*chosen, "--as", IDENTITY)
        self.check("the delivery identity removes them", not self.namespaces())

    def from_git(self):
        """The same bundle in a folder of a Git repository, at a signed commit."""
        keys = f'verify: {{ gpg: ["{self.git.keys["committer"]}"] }}'
        self.deliver_by(f'repository: "https://git.example/bundles.git", branch: main, path: bundles/{NAME}, {keys}')
        self.put("two")
        commit = self.git.commit("Deliver the brief", "committer")
        self.apply(self.readable("two"))
        self.arrived("from Git", commit)
        self.in_order("from Git")

    def put(self, name):
        """Builds a bundle into the checkout; what is not published is not committed either."""
        target = self.git.checkout / "bundles" / NAME
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(self.build(name), target, ignore=shutil.ignore_patterns("delivery"))

    def readable(self, name):
        """The delivery objects of a bundle, with the address of the repository of this test."""
        folder = self.shop.folder / f"{name}-delivery"
        shutil.copytree(self.shop.folder / name / "delivery", folder)
        for path in folder.iterdir():
            path.write_text(path.read_text().replace("https://git.example/bundles.git", REPOSITORY))
        return folder

    def commits(self):
        """A commit that nobody or somebody else signed is not applied."""
        before = self.workloads()
        text = self.scenario / "scenario.yaml"
        for signer, what in ((None, "nobody"), ("stranger", "somebody else")):
            edit(text, "      - { preset: pypi }\n", "      - { preset: pypi }\n      - { host: data.example.org, reason: figures }\n")
            self.put(f"signed-by-{signer}")
            commit = self.git.commit("Reach further", signer)
            edit(text, "      - { host: data.example.org, reason: figures }\n", "")
            self.argo.refresh(NAME)
            refused = self.argo.wait_for(f"a commit that {what} signed is refused", lambda: self.said("ComparisonError"), 60)
            self.check(f"a commit that {what} signed is refused", "sign" in refused.lower(), refused)
            applied = self.application()["status"]["history"][-1]["revision"]
            self.check(f"nothing of a commit that {what} signed is applied", applied != commit and self.workloads() == before)
            self.put(f"after-{signer}")
            self.arrived(f"after a commit that {what} signed", self.git.commit("Take it back", "committer"))

    def grants(self):
        """What the project does not grant is not applied, though the commit is signed."""
        place = self.git.checkout / "bundles" / NAME
        for name, extra, what in (
            ("role", {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "wide"},
                      "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]}, "a kind that is not granted"),
            ("elsewhere", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "probe", "namespace": "kube-system"}},
             "an object of another namespace"),
        ):
            (place / "extra.json").write_text(json.dumps(extra))
            listed = (place / "kustomization.yaml").read_text()
            (place / "kustomization.yaml").write_text(listed + "- extra.json\n")
            self.git.commit(f"Add {name}", "committer")
            self.argo.refresh(NAME)
            self.argo.wait_for(f"Argo CD refuses {what}", lambda: "not permitted" in json.dumps(self.application().get("status", {})), 60)
            self.check(f"Argo CD refuses {what}", not self.exists(extra))
            (place / "kustomization.yaml").write_text(listed)
            (place / "extra.json").unlink()
            self.arrived(f"after {what}", self.git.commit(f"Remove {name}", "committer"))

    def remove_one(self):
        """An agent that is no longer in the scenario goes, though the project no longer names its namespace."""
        edit(self.scenario / "scenario.yaml", "  scout: { runtime: { kind: echo } }\n\n", "")
        self.put("three")
        self.apply(self.readable("three"))
        commit = self.git.commit("Remove the scout", "committer")
        unfenced, gone = [], f"{PREFIX}scout"

        def removed():
            pods = self.cluster.list("v1", "Pod", gone)
            fences = self.cluster.list("networking.k8s.io/v1", "NetworkPolicy", gone)
            if pods and self.cluster.list("v1", "Pod", gone) and len(fences) < 2:
                unfenced.append(len(fences))
            return gone not in self.namespaces()

        self.argo.refresh(NAME)
        self.argo.wait_for("the removed agent is gone", removed, 120)
        self.check("a removed agent is pruned", True)
        self.check("no pod of it was ever without its fence", not unfenced, str(unfenced))
        self.arrived("without the removed agent", commit)

    def apply(self, folder):
        self.cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", folder)

    def check(self, what, held, detail=""):
        return self.score.check(what, held, detail)

    def application(self):
        return self.cluster.client.get(f"/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/{NAME}").body

    def said(self, kind):
        """The message of a condition of the application, where it has one."""
        conditions = self.application().get("status", {}).get("conditions") or ()
        return next((one["message"] for one in conditions if one["type"] == kind), None)

    def exists(self, one):
        return self.cluster.client.get(self.cluster.client.path_of(one)).status == 200

    def namespaces(self):
        return {one["metadata"]["name"] for one in self.cluster.list("v1", "Namespace") if one["metadata"]["name"].startswith("kars-exec")}

    def pods(self):
        return [one for one in self.cluster.list("v1", "Pod") if one["metadata"]["namespace"].startswith(PREFIX)]

    def workloads(self):
        return {one["metadata"]["namespace"]: one["metadata"]["generation"] for one in self.cluster.list("apps/v1", "StatefulSet")}


def made(one):
    return one["metadata"]["creationTimestamp"]


def hydrated(score, cluster, hydrate, shop):
    """The layout of a hydrated branch is what Argo CD's own code writes, byte by byte; manifests are compared as objects."""
    commit, place = "3ff41cc5247197a6caf50216c4c76cc29d78a97d", f"bundles/{NAME}"
    shop.karsc("build", "two", "--layout", "argo-hydrator", "--dry-sha", commit, "-o", "branch")
    ours, theirs = shop.folder / "branch", shop.folder / "theirs"
    theirs.mkdir()
    metadata = json.loads((ours / place / "hydrator.metadata").read_text())
    granted(score, objects(cluster, "-f", shop.folder / "two/delivery/00-app-project.yaml")[0], objects(cluster, "-f", ours / place / "manifest.yaml"))
    layout = {"repository": metadata["repoURL"], "commit": commit, "path": place, "commands": metadata["commands"],
              "objects": objects(cluster, "-f", ours / place / "manifest.yaml")}
    subprocess.run([hydrate, theirs], input=json.dumps(layout), text=True, check=True)
    files = [sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()) for folder in (ours, theirs)]
    score.check("a hydrated branch has the files that Argo CD writes", files[0] == files[1] and len(files[0]) == 5, str(files))
    for name in files[0]:
        if name.endswith("manifest.yaml"):
            read = [objects(cluster, "-f", folder / name) for folder in (ours, theirs)]
            score.check("and the same objects", read[0] == read[1] and len(read[0]) > 50)
        else:
            score.check(f"and the same `{name}`", (ours / name).read_bytes() == (theirs / name).read_bytes())


def granted(score, project, everything):
    """The project grants the kinds and namespaces of the bundle, and no others."""
    used = {(one["apiVersion"].rpartition("/")[0].lstrip("/"), one["kind"]) for one in everything if "namespace" in one["metadata"]}
    kinds = {(one["group"], one["kind"]) for one in project["spec"]["namespaceResourceWhitelist"]}
    score.check("the project grants the kinds of the bundle exactly", kinds == used, str(kinds ^ used))
    places = {one["metadata"]["namespace"] for one in everything if "namespace" in one["metadata"]}
    named = {one["namespace"] for one in project["spec"]["destinations"]}
    score.check("the project grants the namespaces of the bundle exactly", named == places, str(named ^ places))
    wide = {one["kind"] for one in project["spec"]["clusterResourceWhitelist"]}
    score.check("of cluster-scoped kinds it grants namespaces alone", wide == {"Namespace"}, str(wide))


def newer(score, cluster, programs, shop):
    """The objects for Argo CD 3.5 fit the schemas of 3.5, strictly: no field is unknown to them."""
    apply_kinds(cluster, programs["argo-cd-3.5"] / "files/manifests/crds")
    shop.key("release")
    scenario = shop.scenario(NAME, 'engine: argocd, engineVersion: "3.5", repository: "https://git.example/bundles.git", path: brief, '
                                   'verify: { gpg: ["00000000000000AA"] }', "argocd")
    delivery = shop.build(scenario, "newer") / "delivery"
    done = cluster.kubectl("apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-o", "json", "-f", delivery, check=False)
    score.check("the objects for 3.5 fit its schemas", done.returncode == 0 and not done.stderr, done.stderr)
    score.check("commits are checked in the form of 3.5", '"sourceIntegrity"' in done.stdout and '"signatureKeys"' not in done.stdout)
