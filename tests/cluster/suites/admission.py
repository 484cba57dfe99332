"""Real API servers enforce policies/admission: the table of tests/admission, each row refused by the policies meant for it.

Every policy is bound twice: as the platform bundle binds it, which refuses, and once more with warnings, which name every
policy that objects and not only the first. Then real deliveries live through their whole life under the policies.
Not here: the table itself.
"""

import json
import re
import subprocess
from pathlib import Path

from lib.cluster import Cluster
from lib.kinds import install_stubs

PROGRAMS = ["kubernetes-1.36", "kubernetes-1.34"]
REPOSITORY = Path(__file__).resolve().parents[3]
TABLE = REPOSITORY / "tests/admission"
PLATFORM = REPOSITORY / "tests/golden/platform/production"
REGISTRATION = "admissionregistration.k8s.io/v1"
DENIED = re.compile(r"ValidatingAdmissionPolicy '([^']*)' with binding '([^']*)' denied request: (.*)", re.DOTALL)
WARNED = re.compile(r"Validation failed for ValidatingAdmissionPolicy '([^']*)' with binding '([^']*)': (.*)", re.DOTALL)
IDENTITY = "system:serviceaccount:flux-system:kars-delivery"
PARAMETERS = "/api/v1/namespaces/kars-platform/configmaps/kars-admission"

# Rows that the server refuses before it asks any policy, and its words: it knows by itself that they cannot be.
EARLIER = {
    "kars-workload-posture-5.yaml": "may not be set for init containers without restartPolicy=Always",
    "kars-workload-posture-5.yaml (pod)": "may not be set for init containers without restartPolicy=Always",
    "kars-workload-posture-12.yaml": "cannot set `allowPrivilegeEscalation` to false and `privileged` to true",
    "kars-workload-posture-12.yaml (pod)": "cannot set `allowPrivilegeEscalation` to false and `privileged` to true",
    "kars-workload-posture-53.yaml (pod)": "violates PodSecurity",
    "kars-workload-posture-55.yaml (pod)": "violates PodSecurity",
    "a pod's host network is joined while it runs": "pod updates may not change fields",
}
# What else the rows take for granted.
WORLD = """
apiVersion: node.k8s.io/v1
kind: RuntimeClass
metadata: { name: kata-vm-isolation }
handler: kata
---
apiVersion: v1
kind: Pod
metadata: { name: web-0, namespace: default }
spec: { containers: [{ name: web, image: web }] }
"""
# Says which version of the parameters the policies see, to whoever would create the ConfigMap `which-parameters`.
PROBE = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: { name: which-parameters }
spec:
  failurePolicy: Ignore
  paramKind: { apiVersion: v1, kind: ConfigMap }
  matchConstraints:
    resourceRules: [{ apiGroups: [""], apiVersions: [v1], resources: [configmaps], operations: [CREATE], resourceNames: [which-parameters] }]
  validations: [{ expression: "false", messageExpression: "string(params.metadata.resourceVersion)" }]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: { name: which-parameters }
spec:
  policyName: which-parameters
  paramRef: { name: kars-admission, namespace: kars-platform, parameterNotFoundAction: Deny }
  validationActions: [Warn]
"""


def prepare(folder):
    """Has the table written out by the program that reads it for the API server's plug-in."""
    subprocess.run(["go", "run", ".", "-write-requests", folder / "requests.json"], cwd=TABLE, check=True)


def run(score, programs, folder):
    for minor in ("1.34", "1.36"):
        rows = json.loads((folder / "requests.json").read_text())
        with Cluster(programs, folder, minor) as cluster:
            bench = Bench(score, cluster, minor)
            bench.populate(rows)
            bench.install()
            bench.types()
            for platform in sorted({row["platform"] for row in rows}):
                bench.choose(platform)
                for row in rows:
                    if row["platform"] == platform:
                        bench.judge(row)
            bench.bounds()
            score.check(f"{minor}: at least 40 mutants were refused", bench.refused >= 40, bench.refused)


class Bench:
    """One cluster with the policies, and what is asked of it."""

    def __init__(self, score, cluster, minor):
        self.score = score
        self.cluster = cluster
        self.client = cluster.client
        self.minor = minor
        self.refused = 0

    def expect(self, what, held, detail=""):
        return self.score.check(f"{self.minor}: {what}", held, detail)

    def populate(self, rows):
        """Makes what the rows take for granted, before there are policies: namespaces, accounts, and objects to change."""
        install_stubs(self.cluster)
        self.cluster.allow_everybody()
        self.cluster.apply(WORLD)
        self.cluster.apply((TABLE / "namespaces.yaml").read_text().replace("- metadata", "- apiVersion: v1\n    kind: Namespace\n    metadata"))
        for row in rows:
            if row["resource"] == "namespaces" and row["platform"] == "golden" and not row["refusedBy"]:
                self.create(row["object"])
        for namespace in self.cluster.list("v1", "Namespace"):
            place = namespace["metadata"]["name"]
            for name in ("sandbox", "relay") if place.startswith("kars-") else ():
                self.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": place}})
        for name in ("agent-pod.yaml", "agent.yaml"):
            self.create(next(row["object"] for row in rows if row["name"] == name))
        for number, row in enumerate(rows):
            if row["operation"] in ("UPDATE", "DELETE") and row["fromFile"]:
                self.precede(row, number)

    def precede(self, row, number):
        """Makes the object that a row changes, under a name of its own where the name does not matter."""
        thing = row["object"]
        if thing["kind"] != "Namespace" and thing["metadata"]["name"] != "router-trust":
            row["objectName"] = thing["metadata"]["name"] = f"{thing['metadata']['name']}-{number}"
        dying = (row["patch"] or {}).get("metadata", {}).pop("deletionTimestamp", None)
        if dying:
            thing["metadata"]["finalizers"] = ["example.org/wait"]
        self.create(thing)
        if dying:
            self.client.request("DELETE", self.client.path_of(thing))

    def create(self, thing):
        """Creates an object; one that exists already is as good."""
        metadata = thing["metadata"]
        path = self.client.path(thing["apiVersion"], thing["kind"], metadata.get("namespace"))
        answer = self.client.request("POST", path, thing)
        self.expect(f"{thing['kind']} `{metadata['name']}` exists", answer.status in (201, 409), answer.message)

    def install(self):
        """Applies the platform bundle, each of its bindings once more with warnings, and the probe."""
        bundle = self.cluster.kubectl("kustomize", PLATFORM).stdout
        # The rows are of a scenario `brief`, which the golden platform does not have.
        first = "'kars-exec-brief-hermes--'"
        self.expect("the bounds of delivery name its scenarios once", bundle.count(first) == 1, bundle.count(first))
        self.cluster.apply(bundle.replace(first, f"'kars-brief--', {first}"))
        for binding in self.cluster.list(REGISTRATION, "ValidatingAdmissionPolicyBinding"):
            spec = binding["spec"] | {"validationActions": ["Warn"]}
            self.create({"apiVersion": REGISTRATION, "kind": "ValidatingAdmissionPolicyBinding",
                         "metadata": {"name": f"{binding['metadata']['name']}-all"}, "spec": spec})
        self.cluster.apply(PROBE)
        self.parameters = {"golden": self.client.get(PARAMETERS).body["data"]}
        for file in sorted((TABLE / "platforms").glob("*.yaml")):
            told = self.cluster.kubectl("create", "--dry-run=client", "-o", "json", "-f", file).stdout
            self.parameters[file.stem] = json.loads(told).get("data", {})

    def choose(self, platform):
        """Gives the policies the parameters of a platform and waits until they have them."""
        parameters = self.client.get(PARAMETERS).body
        parameters["data"] = self.parameters[platform]
        version = self.client.request("PUT", PARAMETERS, parameters).body["metadata"]["resourceVersion"]
        thing = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "which-parameters", "namespace": "default"}}

        def seen():
            answer = self.client.request("POST", "/api/v1/namespaces/default/configmaps", thing, dryRun="All")
            return any(warning.endswith(f": {version}") for warning in answer.warnings)

        self.cluster.wait_for(f"the policies see `{platform}`", seen)

    def types(self):
        """Every policy was checked against the types of this server."""
        policies = [one["metadata"]["name"] for one in self.cluster.list(REGISTRATION, "ValidatingAdmissionPolicy")]
        self.expect("there are nine policies of the table, the bounds of delivery and a probe", len(policies) == 11, policies)
        for name in policies:
            path = self.client.path(REGISTRATION, "ValidatingAdmissionPolicy", name=name)
            status = self.cluster.wait_for(f"`{name}` is type-checked", lambda: self.checked(path))
            self.expect(f"{name} has no type errors", not status["typeChecking"].get("expressionWarnings"), status["typeChecking"])

    def checked(self, path):
        policy = self.client.get(path).body
        status = policy.get("status", {})
        return status if status.get("observedGeneration") == policy["metadata"]["generation"] and "typeChecking" in status else None

    def bounds(self):
        """The policy that the compiler makes for each platform, of which the table has no rows: who delivers writes in its own namespaces."""
        def attempt(place, **who):
            thing = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "bounds", "namespace": place}}
            return self.client.request("POST", f"/api/v1/namespaces/{place}/configmaps", thing, dryRun="All", **who)

        delivery = {"user": IDENTITY, "groups": ["system:serviceaccounts"]}
        for place, who, refused in [
            ("kars-brief--lead", delivery, False), ("default", delivery, True), ("kube-system", delivery, True),
            ("kars-platform", delivery, True), ("default", {"user": "alice", "groups": []}, False),
        ]:
            answer = attempt(place, **who)
            objecting = {found[1] for found in map(WARNED.fullmatch, answer.warnings) if found}
            self.expect(f"`{who['user']}` writes in `{place}`: {'refused' if refused else 'within bounds'}",
                        ("kars-delivery-bounds" in objecting) == refused and (answer.status == 422 or not refused),
                        f"{sorted(objecting)}: {answer.status} {answer.message}")

    def judge(self, row):
        """Sends a row and compares who refused it."""
        answer = self.send(row)
        warned = [WARNED.fullmatch(text) for text in answer.warnings]
        objecting = {found[1] for found in warned if found and found[2].endswith("-all")}
        due = set(row["refusedBy"] or [])
        name = f"{row['name']} ({row['resource']})"
        if row["name"] in EARLIER:
            self.expect(f"{name}: refused before admission", EARLIER[row["name"]] in answer.message, answer.message)
            return
        right = objecting >= due if row["others"] else objecting == due
        self.expect(f"{name}: refused by {sorted(due)}", right, f"{sorted(objecting)}: {answer.status} {answer.message}")
        broken = [text for text in [*answer.warnings, answer.message] if "resulted in error" in text or "failed to configure" in text]
        self.expect(f"{name}: every policy decides", not broken, broken)
        denied = DENIED.search(answer.message)
        if due:
            self.refused += 1
            self.expect(f"{name}: the request fails, and says why", answer.status == 422 and denied and denied[1] in objecting,
                        f"{answer.status} {answer.message}")
        else:
            self.expect(f"{name}: admitted", not denied and self.accepted(row, answer), f"{answer.status} {answer.message}")

    def accepted(self, row, answer):
        """Whether a request came past admission: its object exists already, or there is no kubelet to talk to."""
        return answer.status in ((400, 500, 502, 503) if row["operation"] == "CONNECT" else (200, 201, 409))

    def send(self, row):
        """Sends the request of a row as its user, as a dry run."""
        root = f"/apis/{row['version']}" if "/" in row["version"] else f"/api/{row['version']}"
        place = f"/namespaces/{row['namespace']}" if row["namespace"] and row["resource"] != "namespaces" else ""
        path = f"{root}{place}/{row['resource']}"
        who = {"user": row["user"], "groups": row["groups"] or []}
        if row["operation"] != "CREATE" or row["subresource"]:
            path += f"/{row['objectName']}" + (f"/{row['subresource']}" if row["subresource"] else "")
        if row["operation"] == "CONNECT":
            return self.client.request("POST", path, **who, **options(row["object"]))
        if row["operation"] == "CREATE":
            return self.client.request("POST", path, row["object"], **who, dryRun="All")
        if row["operation"] == "DELETE":
            return self.client.request("DELETE", path, **who, dryRun="All")
        change = row["patch"] or row["object"]
        return self.client.request("PATCH", path, change, kind="application/merge-patch+json", **who, dryRun="All")


def options(thing):
    """The query of a CONNECT, of which there is no body."""
    return {key: str(value).lower() if isinstance(value, bool) else value
            for key, value in thing.items() if key not in ("apiVersion", "kind", "path")}
