"""What karsc says of a real cluster is so: the same, different, missing, stuck, enforced; and it never writes to one.

Everything that karsc asks is in the API server's audit log, where each request gets, lists, or is a dry run. The bundle is
applied by kubectl, as an engine would, and changed as people do. Not here: the stuck pods of every kind, which the tests of
the command have.
"""

import json
import os
import re
import subprocess
import time
from pathlib import Path

from lib.cluster import SERVER, Cluster
from lib.kinds import install_stubs
from lib.trees import PLATFORM, objects, settle

PROGRAMS = ["kubernetes-1.36", "kubernetes-1.34"]
ROOT = Path(__file__).resolve().parents[3]
KARSC = ROOT / "target/debug/karsc"
SCENARIO = ROOT / "examples/scenarios/exec-brief-hermes"
NAMESPACE = "kars-exec-brief-hermes--analyst"
LABELS = {"app.kubernetes.io/managed-by": "karsc", "app.kubernetes.io/part-of": "exec-brief-hermes"}
DELIVERY = "system:serviceaccount:flux-system:kars-delivery"
MERGE = "application/strategic-merge-patch+json"
READER = """
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: reader }
rules: [{ apiGroups: ["*"], resources: ["*"], verbs: [get, list] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: live-reader }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: reader }
subjects: [{ kind: ServiceAccount, name: reader, namespace: live }]
"""
STATEFUL_SET = "/apis/apps/v1/namespaces/NS/statefulsets/analyst"
# Where somebody edits, what, what takes it back, and the field that must be named.
EDITS = [
    ("/api/v1/namespaces/NS/configmaps/router-origins", {"data": {"more.json": "{}"}}, {"data": {"more.json": None}}, "data[more.json]"),
    ("/api/v1/namespaces/NS", {"metadata": {"labels": {"pod-security.kubernetes.io/audit": "privileged"}}},
     {"metadata": {"labels": {"pod-security.kubernetes.io/audit": "restricted"}}}, "metadata.labels[pod-security.kubernetes.io/audit]"),
    ("/apis/networking.k8s.io/v1/namespaces/NS/networkpolicies/default-deny", {"spec": {"egress": [{}]}}, {"spec": {"egress": None}}, "spec.egress"),
    (STATEFUL_SET, {"spec": {"replicas": 0}}, {"spec": {"replicas": 1}}, "spec.replicas"),
    (STATEFUL_SET, {"spec": {"template": {"spec": {"hostPID": True}}}}, {"spec": {"template": {"spec": {"hostPID": None}}}},
     "spec.template.spec.hostPID"),
    (STATEFUL_SET, {"spec": {"template": {"spec": {"containers": [{"name": "more", "image": "example.org/more:1"}]}}}},
     {"spec": {"template": {"spec": {"containers": [{"name": "more", "$patch": "delete"}]}}}}, "spec.template.spec.containers"),
]

def prepare(folder):
    subprocess.run(["cargo", "build", "--quiet", "-p", "karsc"], cwd=ROOT, check=True)


def run(score, programs, folder):
    for minor in ("1.34", "1.36"):
        with Audited(programs, folder, minor) as cluster:
            Live(score, cluster, minor).judge()


class Audited(Cluster):
    """A cluster whose server writes down every request."""

    def start(self, name, *command, **rest):
        if name == "kube-apiserver":
            policy = self.folder / "audit-policy.json"
            policy.write_text(json.dumps({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"],
                                          "rules": [{"level": "Metadata"}]}))
            command += ("--audit-policy-file", policy, "--audit-log-path", self.folder / "audit.jsonl", "--audit-log-mode", "blocking")
        super().start(name, *command, **rest)

    def requests(self, prefix):
        """What was asked by everybody whose name begins so."""
        lines = (self.folder / "audit.jsonl").read_text().splitlines()
        return [one for one in map(json.loads, lines) if one["user"]["username"].startswith(prefix)]


class Live:
    """One scenario in one cluster."""

    def __init__(self, score, cluster, minor):
        self.score = score
        self.cluster = cluster
        self.minor = minor
        self.out = cluster.folder / "out"

    def expect(self, what, held, detail=""):
        return self.score.check(f"{self.minor}: {what}", held, detail)

    def karsc(self, what, code, *arguments, says=(), account=None, cluster=True):
        """Runs karsc, which must end with a code and say something; returns what it printed."""
        access = ("--kubeconfig", account or self.account) if cluster else ()
        done = subprocess.run([str(word) for word in (KARSC, *arguments, *access)], capture_output=True, text=True)
        missing = [text for text in says if text not in done.stdout + done.stderr]
        held = done.returncode == code and not missing
        self.expect(what, held, f"code {done.returncode}, without {missing}: {done.stdout[-1500:]}{done.stderr[-1500:]}")
        return done.stdout

    def judge(self):
        self.begin()
        self.missing()
        self.apply()
        self.guide()
        self.engine()
        self.edit()
        self.widen()
        self.sign()
        self.stick()
        self.rights()
        self.fence()
        self.audit()

    def begin(self):
        self.account = self.cluster.account("live", "karsc")
        self.reader = self.cluster.account("live", "reader")
        self.cluster.kubectl("delete", "clusterrolebinding", "live-reader")
        self.cluster.apply(READER)
        install_stubs(self.cluster)
        self.karsc("the bundle is built", 0, "build", SCENARIO, "-e", "aks", "-o", self.out, cluster=False)
        self.everything = objects(self.cluster, "-k", self.out)

    def missing(self):
        """Before anything is there, everything is missing, and that is no fault."""
        title = f"StatefulSet {NAMESPACE}/analyst"
        self.karsc("a diff with an empty cluster names everything", 1, "diff", SCENARIO, "-e", "aks", "--against", "cluster",
                   says=(f"+++ scenario/agents/analyst/50-statefulset.yaml", f"{len(self.everything)} objects not the same"))
        self.karsc("the status of an empty cluster is bad", 1, "status", SCENARIO, "-e", "aks", says=(f"no       no     no     {title}",))
        began = time.monotonic()
        self.karsc("a wait for an empty cluster ends with its time", 1, "wait", self.out, "--timeout", "3s", says=("not so within 3s",))
        self.expect("it ends in time", time.monotonic() - began < 15)

    def apply(self):
        """Applied in the background, the bundle is waited for; then nothing differs, from the scenario and from its folder."""
        namespaces = [one for one in self.everything if one["kind"] == "Namespace"]
        self.cluster.apply(json.dumps({"apiVersion": "v1", "kind": "List", "items": namespaces}))
        self.deliver()
        self.karsc("the wait ends when all pods enforce the bundle", 0, "wait", self.out, "--timeout", "1m")
        settle(self.score, self.cluster)
        self.same("after it was applied")
        report = json.loads(self.karsc("the status is good", 0, "status", self.out, "-o", "json"))
        digests = {pod["namespace"]: pod["document"] for pod in report["pods"]}
        files = json.loads((self.out / "bundle.json").read_text())["files"]
        self.expect("each pod mounts the document of the bundle", digests.get(NAMESPACE) == files["documents/analyst.router.json"], str(digests))
        self.expect("each pod is enforced", len(report["pods"]) == 5 and all(pod["enforced"] for pod in report["pods"]))

    def deliver(self):
        self.cluster.kubectl("apply", "--server-side", "--force-conflicts", "-k", self.out)

    def same(self, when):
        for source in ((SCENARIO, "-e", "aks"), (self.out,)):
            text = self.karsc(f"nothing differs {when}, by {source[0].name}", 0, "diff", *source, "--against", "cluster")
            self.expect(f"and nothing is printed {when}, by {source[0].name}", not text, text)

    def guide(self):
        """Every command of the guide does what it says, from a checkout and with the cluster that the environment names."""
        text = (ROOT / "docs/guides/operating.md").read_text()
        blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
        self.expect("the guide has commands", len(blocks) >= 3)
        environment = os.environ | {"KUBECONFIG": str(self.account), "PATH": f"{KARSC.parent}:{os.environ['PATH']}"}
        (self.cluster.folder / "docs").symlink_to(ROOT / "docs")
        for block in blocks:
            done = subprocess.run(["sh", "-e", "-c", block], cwd=self.cluster.folder, env=environment, capture_output=True, text=True)
            self.expect(f"the guide's `{block.strip()}`", done.returncode == 0, done.stdout[-500:] + done.stderr)
        self.cluster.kubectl("create", "namespace", "monitoring")
        self.cluster.kubectl("apply", "-f", self.cluster.folder / "kars-routers.yaml")
        rules = self.cluster.list("monitoring.coreos.com/v1", "PrometheusRule")
        self.expect("the guide's rules are rules", "alert" in rules[0]["spec"]["groups"][0]["rules"][0], str(rules))

    def engine(self):
        """What an engine applies, with its marks, is the same; what it applied before and the bundle lacks now is not."""
        marks = {"kustomize.toolkit.fluxcd.io/name": "brief", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
        for one in self.everything:
            self.engine_applies(one, marks)
        self.same("after an engine applied it")
        origins = next(one for one in self.everything if one["metadata"]["name"] == "router-origins")
        self.engine_applies(origins, marks | {"example.org/old": "yes"})
        for command in (("diff", self.out, "--against", "cluster"), ("status", self.out)):
            self.karsc(f"{command[0]} finds what an earlier bundle had", 1, *command, says=("metadata.labels[example.org/old]",))
        self.engine_applies(origins, marks)
        self.same("after the engine applied it again")

    def engine_applies(self, one, labels):
        metadata = one["metadata"] | {"labels": one["metadata"].get("labels", {}) | labels}
        answer = self.cluster.client.request("PATCH", self.cluster.client.path_of(one), one | {"metadata": metadata},
                                             kind="application/apply-patch+yaml", fieldManager="kustomize-controller", force="true")
        self.expect("an engine may apply", answer.status == 200, answer.message)

    def edit(self):
        """Each edit by hand is named, by object and field, by both commands; without it all is well again."""
        for path, change, back, field in EDITS:
            path = path.replace("NS", NAMESPACE)
            held = self.cluster.client.get(path).body
            self.change(path, change)
            for command in (("diff", self.out, "--against", "cluster"), ("status", self.out)):
                self.karsc(f"{command[0]} names the edit of {field}", 1, *command, says=(field, f"{held['kind']} "))
            self.change(path, back)
            self.deliver()
            self.karsc(f"all is well after the edit of {field} is taken back", 0, "wait", self.out, "--timeout", "1m")
            self.karsc(f"nothing differs after the edit of {field} is taken back", 0, "diff", self.out, "--against", "cluster")
        self.cluster.kubectl("delete", "service", "analyst", "-n", NAMESPACE)
        self.karsc("a deleted object is missing", 1, "diff", self.out, "--against", "cluster",
                   says=("+++ scenario/agents/analyst/40-service.yaml", "1 object not the same"))
        self.deliver()

    def change(self, path, change):
        answer = self.cluster.client.request("PATCH", path, change, kind=MERGE, fieldManager="kubectl-edit")
        self.expect(f"{path} can be edited", answer.status == 200, answer.message)

    def widen(self):
        """What the bundle does not have is found: a policy of anybody, objects with the scenario's labels."""
        policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "open", "namespace": NAMESPACE},
                  "spec": {"podSelector": {}, "egress": [{}], "policyTypes": ["Egress"]}}
        self.cluster.apply(json.dumps(policy))
        for command in (("diff", self.out, "--against", "cluster"), ("status", self.out)):
            self.karsc(f"{command[0]} finds a policy beside ours", 1, *command, says=(f"NetworkPolicy {NAMESPACE}/open",))
        self.cluster.kubectl("delete", "networkpolicy", "open", "-n", NAMESPACE)
        old = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "old", "namespace": NAMESPACE, "labels": LABELS}}
        self.cluster.apply(json.dumps(old))
        self.karsc("diff finds what an earlier build left", 1, "diff", self.out, "--against", "cluster", says=(f"ConfigMap {NAMESPACE}/old",))
        self.karsc("which does not trouble the status", 0, "status", self.out)
        self.cluster.kubectl("delete", "configmap", "old", "-n", NAMESPACE)
        self.same("after what was beside it is gone")

    def sign(self):
        """Filled slots are no difference from a build, whose slots are empty; empty ones are from a signed bundle."""
        key = self.cluster.folder / "release"
        self.karsc("keys are made", 0, "keygen", "-o", key, "--plain", cluster=False)
        self.karsc("the bundle is signed", 0, "sign", self.out, "--key", f"{key}.key", "--serial", "1795478400", cluster=False)
        self.karsc("a signed bundle is not what a cluster without signatures has", 1, "diff", self.out, "--against", "cluster",
                   says=(f"ConfigMap {NAMESPACE}/router-signature", "4 objects not the same"))
        self.deliver()
        self.same("after the signed bundle is applied")

    def stick(self):
        """What the kubelet would say of a pod that does not come up ends the wait at once."""
        self.cluster.stop("kwok")
        pod = f"/api/v1/namespaces/{NAMESPACE}/pods/analyst-0"
        spec = self.cluster.client.get(pod).body
        annotation = "karsc.dev/document-digest"
        self.change(pod, {"metadata": {"annotations": {annotation: "sha256:" + "0" * 64}}})
        self.karsc("a pod of another document enforces nothing", 1, "status", self.out, says=("0 of 1 pods ready", "0" * 64))
        self.change(pod, {"metadata": {"annotations": {annotation: spec["metadata"]["annotations"][annotation]}}})
        waiting = {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}
        containers = [one | {"ready": False, "state": {"waiting": waiting}} for one in spec["status"]["containerStatuses"]]
        conditions = [one | {"status": "False"} if one["type"] == "Ready" else one for one in spec["status"]["conditions"]]
        status = {"status": {"containerStatuses": containers, "conditions": conditions}}
        answer = self.cluster.client.request("PATCH", f"{pod}/status", status, kind=MERGE)
        self.expect("the pod is stuck", answer.status == 200, answer.message)
        says = ("ImagePullBackOff: Back-off pulling image", f"next: kubectl -n {NAMESPACE} describe pod analyst-0")
        self.karsc("the status says why a pod is stuck", 1, "status", self.out, says=says)
        began = time.monotonic()
        self.karsc("the wait ends with it", 1, "wait", self.out, "--timeout", "5m", says=(*says, "stuck for good"))
        self.expect("at once", time.monotonic() - began < 15)

    def rights(self):
        """Who may read sees the status; a diff takes one more right, which is named; a cluster that is not there is not a difference."""
        self.karsc("a reader sees the status", 1, "status", self.out, account=self.reader, says=("ImagePullBackOff",))
        self.karsc("a reader may not ask for dry runs", 3, "diff", self.out, "--against", "cluster", account=self.reader,
                   says=("the right to patch `", "cannot patch resource"))
        gone = self.cluster.folder / "gone.json"
        gone.write_text(Path(self.account).read_text().replace(SERVER, "https://127.0.0.1:1"))
        for command in (("diff", self.out, "--against", "cluster"), ("status", self.out), ("wait", self.out)):
            self.karsc(f"{command[0]} fails where no cluster is", 3, *command, account=gone, says=("cannot be reached",))
        self.karsc("a context that is not there is named", 3, "status", self.out, "--context", "nowhere", says=("nowhere",))

    def fence(self):
        """Under the platform's policies only the delivery may ask, even for dry runs; for it nothing differs."""
        self.cluster.kubectl("apply", "--server-side", "-k", PLATFORM)
        self.cluster.allow_everybody()
        delivery = self.cluster.folder / "delivery.json"
        credentials = json.loads(Path(self.cluster.kubeconfig).read_text())
        credentials["users"][0]["user"]["as"] = DELIVERY
        delivery.write_text(json.dumps(credentials))
        namespace = next(one for one in self.everything if one["kind"] == "Namespace")
        self.cluster.wait_for("the policies are enforced", lambda: self.cluster.client.request(
            "POST", "/api/v1/namespaces", namespace | {"metadata": namespace["metadata"] | {"name": "kars-exec-brief-hermes--new"}},
            user="alice", dryRun="All").status == 422)
        self.karsc("admission refuses a dry run of others", 3, "diff", self.out, "--against", "cluster",
                   says=("admission refuses even a dry run", "kars-delivery-only"))
        self.karsc("but not the status", 1, "status", self.out, says=("ImagePullBackOff",))
        self.karsc("for the delivery nothing differs", 0, "diff", self.out, "--against", "cluster", account=delivery)

    def audit(self):
        """Every request of karsc got, listed, or was a dry run."""
        asked = self.cluster.requests("system:serviceaccount:live:")
        written = [one for one in asked if one["verb"] not in ("get", "list") and "dryRun=All" not in one["requestURI"]]
        self.expect("no request wrote anything", not written, str(written[:1]))
        self.expect("the audit log has what was asked", {one["verb"] for one in asked} == {"get", "list", "patch"} and len(asked) > 500,
                    f"{len(asked)}: {sorted({one['verb'] for one in asked})}")
        self.expect("no secret was read", not [one for one in asked if one.get("objectRef", {}).get("resource") == "secrets"])
