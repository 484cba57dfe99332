"""Flux applies what was reviewed and signed, and nothing else: its real controllers, on a real API server.

A scenario is built, signed and published with karsc; Flux fetches it by the pinned digest, as the scenario's delivery
identity and under the platform's policies. Then everything that is not what was signed is put in its way.
"""

import gzip
import json
import shutil
import time

from lib.artifacts import Repository
from lib.bundles import Workshop, build_karsc, edit
from lib.cluster import Cluster, condition, ready
from lib.delivery import HOST, Flux, Registry, Signer
from lib.process import Failure

PROGRAMS = ["kubernetes-1.36", "source-controller", "kustomize-controller", "registry", "cosign", "oras"]
NAME = "exec-brief-hermes"
PREFIX = f"kars-{NAME}--"
AGENTS = {"lead", "analyst", "viz", "writer", "scout"}
IDENTITY = "system:serviceaccount:flux-system:kars-delivery"
GROUPS = ("system:serviceaccounts", "system:authenticated")
# A first serial, in the past; each release counts on.
SERIAL = int(time.time()) - 3600

prepare = build_karsc


def run(score, programs, folder):
    with Cluster(programs, folder) as cluster, Registry(programs, folder) as registry, Flux(programs, folder, cluster) as flux:
        Delivery(score, cluster, registry, flux, Workshop(folder), Signer(programs, folder)).run()


class Delivery:
    """One scenario under Flux."""

    def __init__(self, score, cluster, registry, flux, shop, signer):
        self.score, self.cluster, self.registry, self.flux, self.shop, self.signer = score, cluster, registry, flux, shop, signer
        self.repository = Repository("bundles/brief")
        self.serial = SERIAL

    def run(self):
        self.prepare()
        first = self.arrive()
        self.bounds()
        self.refuse(first)
        self.change(first)
        self.remove()
        self.legacy()
        self.roll_back(first)

    def prepare(self):
        """Makes keys, a scenario with one agent more than the example, and the platform."""
        for name in ("release", "attestation", "foreign"):
            self.shop.key(name)
        delivery = f'engine: flux, engineVersion: "2.9", repository: "oci://{HOST}/bundles/brief", verify: {{ key: release.pub }}'
        self.scenario = self.shop.scenario(NAME, delivery)
        edit(self.scenario / "scenario.yaml", "  viz:\n", "  scout: { runtime: { kind: echo } }\n\n  viz:\n")
        self.cluster.kubectl("apply", "--server-side", "-k", self.shop.platform(self.scenario))

    def release(self, name, *arguments):
        """Builds, signs, publishes and pins one release; returns the digest."""
        self.serial += 1
        bundle = self.shop.sign(self.shop.build(self.scenario, name), self.serial, "release", "--attestation-key", "attestation.key")
        self.pinned = self.shop.folder / f"{name}-delivery"
        shutil.copytree(bundle / "delivery", self.pinned)
        source = self.pinned / "00-oci-repository.yaml"
        digest = self.shop.publish(bundle, "bundles/brief", "--attestation-key", "attestation.key", "--pin", source, *arguments)
        edit(source, "spec:\n", "spec:\n  insecure: true\n")  # The registry of a test speaks plain HTTP.
        return digest

    def apply(self):
        self.cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", self.pinned)

    def arrive(self):
        """The first release: nothing happens before the pin, everything after it."""
        digest = self.release("one")
        unpinned = self.shop.folder / "one/delivery"
        self.cluster.kubectl("apply", "--server-side", "-f", unpinned)
        time.sleep(3)
        self.check("nothing is fetched before a digest is pinned", "artifact" not in self.source().get("status", {}))
        self.check("nothing is applied before a digest is pinned", not self.namespaces())
        self.apply()
        self.arrived(digest, "the first release")
        self.check("Flux says that it verified the source", condition(self.source(), "SourceVerified").get("status") == "True")
        self.check("each agent has its namespace", self.namespaces() == {PREFIX + name for name in AGENTS | {"mesh"}})
        self.check("every pod is ready", self.pods() and all(map(ready, self.pods())), str(self.pods())[:300])
        for pod in self.pods():
            fences = self.cluster.list("networking.k8s.io/v1", "NetworkPolicy", pod["metadata"]["namespace"])
            older = [one for one in fences if one["metadata"]["creationTimestamp"] <= pod["metadata"]["creationTimestamp"]]
            self.check(f"the fence of `{pod['metadata']['namespace']}` stood first", len(older) == 2, str(len(older)))
        return digest

    def arrived(self, digest, what):
        """Waits until both steps have applied an artifact."""
        def applied():
            return all(ready(one) and digest in one["status"].get("lastAppliedRevision", "") for one in self.steps())

        try:
            self.flux.wait_for(f"{what} is applied", applied, 60)
            self.check(f"{what} is applied", True)
        except Failure:
            messages = [condition(one, "Ready").get("message", "") for one in [self.source(), *self.steps()]]
            self.check(f"{what} is applied", False, str(messages))
            raise

    def bounds(self):
        """The delivery identity writes in its own namespaces, and nowhere else, whatever its role says."""
        config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "probe"}}
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kars-other--agent", "labels": {
            "kars.azure.com/isolated": "true", "kars.azure.com/role": "sandbox", "pod-security.kubernetes.io/enforce": "privileged"}}}

        def attempt(path, body):
            return self.cluster.client.request("POST", path, body, user=IDENTITY, groups=GROUPS, dryRun="All")

        own = attempt(f"/api/v1/namespaces/{PREFIX}lead/configmaps", config)
        self.check("the identity writes in its own namespaces", own.status == 201, own.message)
        for place in ("kube-system", "default", "flux-system", "kars-platform"):
            answer = attempt(f"/api/v1/namespaces/{place}/configmaps", config)
            self.check(f"the identity does not write in `{place}`", "kars-delivery-bounds" in answer.message, answer.message)
        answer = attempt("/api/v1/namespaces", namespace)
        # Two policies refuse it; the server names one of them.
        self.check("the identity makes no other scenario's namespace", "Policy 'kars-delivery" in answer.message, answer.message)
        answer = self.cluster.client.request("GET", "/api/v1/secrets", user=IDENTITY, groups=GROUPS)
        self.check("the identity reads no Secrets", answer.status == 403, str(answer.status))

    def refuse(self, good):
        """Everything that is not what was signed is refused, and what was there stays."""
        content = self.repository.blob(json.loads(self.repository.manifest(good))["layers"][0]["digest"])
        signatures = self.repository.signatures(good)
        release = next(text for kind, text in signatures.items() if kind.startswith("https://sigstore.dev/cosign/sign/"))
        self.check("attestations lie beside the signature", len(signatures) > 1, str(list(signatures)))
        cases = {
            "unsigned": "an unsigned artifact", "foreign": "an artifact that another key signed",
            "copied": "an artifact beside a signature of another", "attested": "an artifact with an attestation alone",
        }
        for name, what in cases.items():
            layer = gzip.compress(gzip.decompress(content) + name.encode().ljust(512, b"\0"), mtime=0)
            digest = self.repository.changed(good, layer, name)
            if name == "foreign":
                self.by_cosign("foreign", lambda: self.signer.sign("foreign", f"{HOST}/bundles/brief@{digest}"))
            if name == "copied":
                self.repository.attach(digest, release)
            if name == "attested":
                self.by_cosign("attestation", lambda: self.attest(digest))
            source = self.refused(digest, what, good)
            verified = condition(source, "SourceVerified")
            self.check(f"{what} is not verified", verified.get("status") == "False", str(verified))

    def by_cosign(self, key, act):
        """Lets cosign act with a key of ours."""
        shutil.copy(self.shop.folder / f"{key}.key", self.signer.folder)
        act()

    def attest(self, digest):
        """Attests an artifact with the second key."""
        predicate = self.signer.folder / "predicate.json"
        predicate.write_text(json.dumps({"buildDefinition": {}, "runDetails": {}}))
        self.signer.attest("attestation", f"{HOST}/bundles/brief@{digest}", predicate)

    def spoil(self, digest, good):
        """Bytes that were changed in the registry itself do not arrive, though the signature is right."""
        layer = json.loads(self.repository.manifest(digest))["layers"][0]["digest"].split(":")[1]
        blob = next(self.registry.folder.glob(f"storage/**/sha256/{layer[:2]}/{layer}/data"))
        content = blob.read_bytes()
        archive = gzip.decompress(content)
        other = archive.replace(b"figures of this year", b"figures of that year")
        self.check("the changed bytes are an archive of other files", other != archive)
        blob.write_bytes(gzip.compress(other, mtime=0))
        try:
            self.refused(digest, "an artifact whose bytes were changed in the registry", good)
        finally:
            blob.write_bytes(content)
        self.flux.reconcile("ocirepository", NAME)

    def refused(self, digest, what, good):
        """Points Flux at an artifact, and looks at what it does not do; returns the source."""
        before = self.workloads()
        self.point(digest)
        source = self.flux.wait_for(f"Flux has refused {what}", self.failed)
        held = [one["status"].get("lastAppliedRevision", "") for one in self.steps()]
        self.check(f"the old state stays after {what}", all(good in one for one in held) and self.workloads() == before, str(held))
        return source

    def failed(self):
        source = self.source()
        state = condition(source, "Ready")
        current = state.get("observedGeneration") == source["metadata"]["generation"]
        return source if current and state["status"] == "False" else None

    def point(self, digest):
        self.cluster.kubectl("patch", "ocirepository", NAME, "-n", "flux-system", "--type=merge",
                             "-p", json.dumps({"spec": {"ref": {"digest": digest}}}))

    def change(self, good):
        """A change of one agent rolls its pod, and no other."""
        before = {one["metadata"]["namespace"]: one["metadata"]["uid"] for one in self.pods()}
        edit(self.scenario / "scenario.yaml", "      - { preset: pypi }\n",
             "      - { preset: pypi }\n      - { host: data.example.org, reason: figures of this year }\n")
        digest = self.release("two")
        self.spoil(digest, good)
        self.apply()
        self.arrived(digest, "a changed release")
        self.flux.wait_for("all pods are ready", lambda: len(self.pods()) == len(before) and all(map(ready, self.pods())))
        after = {one["metadata"]["namespace"]: one["metadata"]["uid"] for one in self.pods()}
        rolled = {name for name in before if after.get(name) != before[name]}
        self.check("a change rolls the pods of the changed agent only", rolled == {f"{PREFIX}analyst"}, str(rolled))
        documents = [one["metadata"]["name"] for one in self.cluster.list("v1", "ConfigMap", f"{PREFIX}analyst")
                     if one["metadata"]["name"].startswith("router-document")]
        self.check("the document that nobody mounts is gone", len(documents) == 1, str(documents))
        return digest

    def remove(self):
        """An agent that is no longer in the scenario goes, its pod before its fence."""
        edit(self.scenario / "scenario.yaml", "  scout: { runtime: { kind: echo } }\n\n", "")
        digest = self.release("three")
        self.apply()
        unfenced, gone = [], f"{PREFIX}scout"

        def removed():
            pods = self.cluster.list("v1", "Pod", gone)
            fences = self.cluster.list("networking.k8s.io/v1", "NetworkPolicy", gone)
            pods_after = self.cluster.list("v1", "Pod", gone)
            if pods and pods_after and len(fences) < 2:
                unfenced.append(len(fences))
            return gone not in self.namespaces()

        self.flux.wait_for("the removed agent is gone", removed, 90)
        self.check("a removed agent is pruned", True)
        self.check("no pod of it was ever without its fence", not unfenced, str(unfenced))
        self.arrived(digest, "the release without it")

    def legacy(self):
        """The `.sig` tag is there when it is asked for, and Flux accepts it alone."""
        edit(self.scenario / "scenario.yaml", "figures of this year", "figures of the year")
        digest = self.release("four", "--legacy-signature")
        self.repository.untag(digest.replace(":", "-"))
        self.apply()
        self.arrived(digest, "a release with the older form of signature alone")

    def roll_back(self, first):
        """Flux accepts an older release that was signed rightly; `karsc verify` does not."""
        state = self.shop.folder / "state.json"
        reference = f"oci://{HOST}/bundles/brief:test"
        verify = ("verify", reference, "--key", "release.pub", "--audience", "test", "--state", state)
        edit(self.scenario / "scenario.yaml", "figures of the year", "figures of a year")
        latest = self.release("five")
        self.apply()
        self.arrived(latest, "the latest release")
        done = self.shop.karsc(*verify, check=False)
        self.check("`karsc verify` accepts the latest release", done.returncode == 0 and latest in done.stdout + done.stderr, done.stderr)
        self.repository.tag("test", self.repository.manifest(first))
        self.point(first)
        self.arrived(first, "an older release, which Flux accepts")
        done = self.shop.karsc(*verify, check=False)
        self.check("`karsc verify` refuses the older release", done.returncode == 15, f"{done.returncode}: {done.stderr}")

    def check(self, what, held, detail=""):
        return self.score.check(what, held, detail)

    def source(self):
        return self.cluster.client.get(f"/apis/source.toolkit.fluxcd.io/v1/namespaces/flux-system/ocirepositories/{NAME}").body

    def steps(self):
        return self.cluster.list("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "flux-system")

    def namespaces(self):
        return {one["metadata"]["name"] for one in self.cluster.list("v1", "Namespace") if one["metadata"]["name"].startswith("kars-exec")}

    def pods(self):
        return [one for one in self.cluster.list("v1", "Pod") if one["metadata"]["namespace"].startswith(PREFIX)]

    def workloads(self):
        """What runs, and as of which change."""
        return {one["metadata"]["namespace"]: one["metadata"]["generation"] for one in self.cluster.list("apps/v1", "StatefulSet")}
