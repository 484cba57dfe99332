"""A thousand agents under the real Flux: in shards, all pods Ready, and a change of one agent that applies its shard alone.

The platform's policies judge every object. How long it took is printed. Not here: signatures (`flux.py`).
"""

import time

from lib.bundles import Workshop, build_karsc, edit
from lib.cluster import Cluster, condition, ready
from lib.delivery import HOST, Flux, Registry
from lib.process import Failure

PROGRAMS = ["kubernetes-1.36", "source-controller", "kustomize-controller", "registry"]
NAME = "mesh-roundtrip-hermes"
AGENTS, SHARDS = 1000, 10
SERIAL = int(time.time()) - 3600

prepare = build_karsc


def run(score, programs, folder):
    with Cluster(programs, folder) as cluster, Registry(programs, folder), Flux(programs, folder, cluster) as flux:
        Crowd(score, cluster, flux, Workshop(folder)).run()


class Crowd:
    """One large scenario."""

    def __init__(self, score, cluster, flux, shop):
        self.score, self.cluster, self.flux, self.shop = score, cluster, flux, shop

    def run(self):
        for name in ("release", "attestation"):
            self.shop.key(name)
        self.scenario = self.shop.scenario(NAME, f'engine: flux, repository: "oci://{HOST}/bundles/crowd", verify: {{ key: release.pub }}')
        agents = "".join(f"  e{number:04}: {{ runtime: {{ kind: echo }}, respond: {{ mode: auto, timeout: 1m }} }}\n" for number in range(AGENTS - 2))
        edit(self.scenario / "scenario.yaml", "\nagents:\n", f"\nagents:\n{agents}")
        self.cluster.kubectl("apply", "--server-side", "-k", self.shop.platform(self.scenario))
        first, took = self.released("one", SERIAL, 1200)
        pods = self.pods()
        self.check("every pod is ready", len(pods) == AGENTS + 1 and all(ready(one) for one in pods.values()), str(len(pods)))
        print(f"scale: {AGENTS} agents Ready in {took:.0f} s", flush=True)
        edit(self.scenario / "scenario.yaml", "  e0600: { runtime: { kind: echo }, respond: { mode: auto, timeout: 1m } }\n",
             "  e0600: { runtime: { kind: echo }, respond: { mode: auto, timeout: 1m }, resources: { requests: { memory: 96Mi } } }\n")
        applied = self.applied()
        _, took = self.released("two", SERIAL + 60, 1200, "--keep", first)
        changed = {place for place, version in self.applied().items() if applied.get(place) != version}
        self.check("and applies its objects, and no other", {namespace for _, namespace, _ in changed} == {f"kars-{NAME}--e0600"}, str(sorted(changed)[:5]))
        after = self.pods()
        rolled = {place for place, one in pods.items() if uid(after.get(place)) != uid(one)}
        self.check("a change of one agent rolls its pod, and no other", rolled == {f"kars-{NAME}--e0600"}, str(sorted(rolled)[:5]))
        print(f"scale: a change of one agent there in {took:.0f} s", flush=True)

    def released(self, name, serial, limit, *options):
        """Builds, signs, publishes and applies a release; returns it, and the seconds until every part of it was Ready."""
        bundle = self.shop.sign(self.shop.build(self.scenario, name), serial, "release", "--attestation-key", "attestation.key", *options)
        source = bundle / "delivery/00-oci-repository.yaml"
        digest = self.shop.publish(bundle, "bundles/crowd", "--attestation-key", "attestation.key", "--pin", source)
        edit(source, "spec:\n", "spec:\n  insecure: true\n")
        began = time.monotonic()
        self.cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", bundle / "delivery")

        def there():
            parts = self.parts()
            return len(parts) == 2 * SHARDS and all(ready(one) and digest in one["status"].get("lastAppliedRevision", "") for one in parts)

        try:
            self.flux.wait_for(f"release `{name}` is there", there, limit)
        except Failure:
            self.check(f"release `{name}` is there", False, str([condition(one, "Ready").get("message", "")[:300] for one in self.parts()]))
            raise
        self.check(f"release `{name}` is there, in {SHARDS} shards", True)
        return bundle, time.monotonic() - began

    def parts(self):
        return self.cluster.list("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "flux-system")

    def applied(self):
        """What tells one version of each object from the next: what others write, such as a pod's state, does not count."""
        kinds = [("v1", "ConfigMap", "resourceVersion"), ("networking.k8s.io/v1", "NetworkPolicy", "resourceVersion"), ("apps/v1", "StatefulSet", "generation")]
        return {
            (kind, one["metadata"]["namespace"], one["metadata"]["name"]): one["metadata"][version]
            for group, kind, version in kinds
            for one in self.cluster.list(group, kind)
            if NAME in one["metadata"]["namespace"]
        }

    def pods(self):
        return {one["metadata"]["namespace"]: one for one in self.cluster.list("v1", "Pod") if NAME in one["metadata"]["namespace"]}

    def check(self, what, held, detail=""):
        return self.score.check(what, held, detail)


def uid(one):
    return one and one["metadata"]["uid"]
