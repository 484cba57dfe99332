"""Deliveries live their whole life under the platform's policies, on real API servers with the controllers that users have.

A bundle is applied, changed, rolled, scaled and deleted by the identity that delivers it; the StatefulSet controller, the
volume binder, the garbage collector, the namespace controller and the kubelet do their part; an administrator in person is
refused at every object. Not here: what single requests look like (`admission.py`).
"""

import json

from lib.cluster import Cluster
from lib.kinds import install_stubs
from lib.trees import GOLDEN, PLATFORM, label, objects, settle

PROGRAMS = ["kubernetes-1.36", "kubernetes-1.34"]
TREE = GOLDEN / "exec-brief-hermes/aks"
DELIVERY = "system:serviceaccount:flux-system:kars-delivery"
MERGE = "application/merge-patch+json"


def run(score, programs, folder):
    for minor in ("1.34", "1.36"):
        with Cluster(programs, folder, minor) as cluster:
            Life(score, cluster, minor).live()


class Life:
    """One delivery in one cluster."""

    def __init__(self, score, cluster, minor):
        self.score = score
        self.cluster = cluster
        self.client = cluster.client
        self.minor = minor

    def expect(self, what, held, detail=""):
        return self.score.check(f"{self.minor}: {what}", held, detail)

    def live(self):
        self.begin()
        self.apply()
        self.change()
        self.refuse()
        self.roll()
        self.end()

    def begin(self):
        """Installs the platform and waits until it is enforced."""
        install_stubs(self.cluster)
        self.cluster.allow_everybody()
        self.cluster.kubectl("apply", "--server-side", "-k", PLATFORM)
        self.everything = objects(self.cluster, "-k", TREE)
        namespace = next(one for one in self.everything if one["kind"] == "Namespace")
        self.cluster.wait_for("the policies are enforced", lambda: self.refused(
            self.client.request("POST", "/api/v1/namespaces", namespace, user="alice", dryRun="All")))

    def apply(self):
        """Namespaces first, then a dry run of everything, then everything; its pods become Ready."""
        namespaces = [one for one in self.everything if one["kind"] == "Namespace"]
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": namespaces})
        self.deliver("the namespaces are created", "-f", "-", text=text)
        self.deliver("a dry run of everything passes", "-k", TREE, "--dry-run=server")
        self.deliver("everything is created", "-k", TREE)
        settle(self.score, self.cluster)
        self.deliver("everything is applied again", "-k", TREE)

    def deliver(self, what, *arguments, text=None):
        done = self.cluster.kubectl("apply", "--server-side", "--as", DELIVERY, *arguments, text=text, check=False)
        self.expect(what, done.returncode == 0 and not done.stderr, done.stderr.strip())

    def change(self):
        """An annotation, a finalizer and its removal: what engines and controllers do to objects that are there."""
        for one in self.everything:
            for what, metadata in (("annotation", {"annotations": {"example.org/seen": "yes"}}),
                                   ("finalizer", {"finalizers": ["example.org/wait"]}), ("removed finalizer", {"finalizers": None})):
                answer = self.patch(one, {"metadata": metadata}, DELIVERY)
                self.expect(f"{label(one)} takes an {what}", answer.status == 200, answer.message)

    def refuse(self):
        """An administrator in person may neither change nor delete anything, and no swapped image slips into a running pod."""
        for one in self.everything:
            for answer in (self.patch(one, {"metadata": {"annotations": {"example.org/mine": "yes"}}}, "alice"),
                           self.client.request("DELETE", self.client.path_of(one), user="alice", groups=["system:masters"])):
                self.expect(f"{label(one)} is not alice's", self.refused(answer), f"{answer.status} {answer.message}")
        for path in sorted({self.client.path_of(one).rpartition("/")[0] for one in self.everything if one["kind"] != "Namespace"}):
            answer = self.client.request("DELETE", path, user="alice", groups=["system:masters"])
            self.expect(f"all of {path} are not alice's", self.refused(answer), f"{answer.status} {answer.message}")
        for pod in self.pods():
            swapped = {"spec": {"containers": [{"name": pod["spec"]["containers"][0]["name"], "image": "example.org/other:latest"}]}}
            answer = self.patch(pod, swapped, DELIVERY, "application/strategic-merge-patch+json")
            self.expect(f"{label(pod)} keeps its image", self.refused(answer, "kars-pod-posture"), f"{answer.status} {answer.message}")

    def roll(self):
        """A changed template replaces the pods, and so does scaling to nothing and back."""
        workloads = [one for one in self.everything if one["kind"] == "StatefulSet"]
        before = {pod["metadata"]["uid"] for pod in self.pods()}
        for one in workloads:
            answer = self.patch(one, {"spec": {"template": {"metadata": {"annotations": {"example.org/roll": "1"}}}}}, DELIVERY)
            self.expect(f"{label(one)} takes a new template", answer.status == 200, answer.message)
        self.cluster.wait_for("no old pod is left", lambda: not before & {pod["metadata"]["uid"] for pod in self.pods()})
        settle(self.score, self.cluster)
        for replicas in (0, 1):
            for one in workloads:
                self.patch(one, {"spec": {"replicas": replicas}}, DELIVERY)
            settle(self.score, self.cluster)
            self.expect(f"scaled to {replicas}", len(self.pods()) == replicas * len(workloads))

    def end(self):
        """A deleted workload takes its pods along, a deleted namespace everything."""
        for one in self.everything:
            if one["kind"] == "StatefulSet":
                answer = self.client.request("DELETE", self.client.path_of(one), user=DELIVERY, propagationPolicy="Background")
                self.expect(f"{label(one)} is deleted", answer.status == 200, answer.message)
        self.cluster.wait_for("the garbage collector deletes the pods", lambda: not self.pods())
        for one in self.everything:
            if one["kind"] == "Namespace":
                answer = self.client.request("DELETE", self.client.path_of(one), user=DELIVERY)
                self.expect(f"{label(one)} is deleted", answer.status == 200, answer.message)
        left = lambda: [one for one in self.cluster.list("v1", "Namespace") if "--" in one["metadata"]["name"]]
        self.cluster.wait_for("the namespaces are gone", lambda: not left())
        self.expect("nothing is left", not left())

    def pods(self):
        return [pod for pod in self.cluster.list("v1", "Pod") if pod["metadata"]["namespace"].startswith("kars-")]

    def patch(self, one, change, user, kind=MERGE):
        return self.client.request("PATCH", self.client.path_of(one), change, user=user, kind=kind)

    def refused(self, answer, policy="kars-delivery-only"):
        return answer.status == 422 and f"ValidatingAdmissionPolicy '{policy}'" in answer.message
