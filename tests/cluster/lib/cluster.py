"""A Kubernetes cluster: etcd, API server, controller manager, scheduler, and kwok in place of kubelets.

Pods are scheduled and become Ready, but nothing of them runs. Not here: what is installed into it.
"""

import json
import subprocess
from pathlib import Path

from lib.client import Client
from lib.process import Failure, Processes

PORT, ETCD, ETCD_PEER, KWOK = 6443, 2379, 2380, 10247
SERVER = f"https://127.0.0.1:{PORT}"
NODES = ("node-1", "node-2")
# Token, user name and groups of everybody who has a kubeconfig. All but the delivery of a test are the cluster's own.
USERS = {
    "admin": ("kubernetes-admin", "system:masters"),
    "controller-manager": ("system:kube-controller-manager", ""),
    "scheduler": ("system:kube-scheduler", ""),
    "kwok": ("system:node:kwok", "system:nodes"),
}
OBJECTS = """
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: kwok }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin }
subjects: [{ apiGroup: rbac.authorization.k8s.io, kind: User, name: "system:node:kwok" }]
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: { name: managed-csi, annotations: { storageclass.kubernetes.io/is-default-class: "true" } }
provisioner: kubernetes.io/host-path
"""
NODE = """
---
apiVersion: v1
kind: Node
metadata: { name: NAME, labels: { kubernetes.io/hostname: NAME, kubernetes.io/os: linux, kubernetes.io/arch: amd64 } }
status:
  allocatable: { cpu: "10000", memory: 10000Gi, pods: "10000" }
  capacity: { cpu: "10000", memory: 10000Gi, pods: "10000" }
"""

ACCOUNT = """
apiVersion: v1
kind: Namespace
metadata: { name: NAMESPACE }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: NAME, namespace: NAMESPACE }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: NAMESPACE-NAME }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin }
subjects: [{ kind: ServiceAccount, name: NAME, namespace: NAMESPACE }]
"""

EVERYBODY = """
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: everybody }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin }
subjects: [{ apiGroup: rbac.authorization.k8s.io, kind: Group, name: "system:authenticated" }]
"""


class Cluster(Processes):
    """`with Cluster(programs, folder, "1.34") as cluster:` - two nodes are Ready when the block begins."""

    def __init__(self, programs, folder, minor="1.36"):
        super().__init__(folder / f"cluster-{minor}")
        self.programs = programs[f"kubernetes-{minor}"] / "bin"
        self.kwok = programs["kubernetes-1.36"]
        self.kubeconfig = self.folder / "admin.json"

    def __enter__(self):
        try:
            self.start_server()
            self.start_controllers()
            self.start_nodes()
        except BaseException:
            self.__exit__()
            raise
        return self

    def start_server(self):
        """Starts etcd and the API server; `client` speaks for the administrator."""
        key = self.folder / "service-account.key"
        subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key], check=True)
        (self.folder / "tokens.csv").write_text("".join(
            f'{name},{user},{name},"{groups}"\n' for name, (user, groups) in USERS.items()))
        etcd, peer = f"http://127.0.0.1:{ETCD}", f"http://127.0.0.1:{ETCD_PEER}"
        self.start("etcd", self.programs / "etcd", "--data-dir", self.folder / "etcd", "--unsafe-no-fsync",
                   "--listen-client-urls", etcd, "--advertise-client-urls", etcd, "--listen-peer-urls", peer,
                   "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}", "--log-level", "warn")
        self.start("kube-apiserver", self.programs / "kube-apiserver", "--etcd-servers", etcd,
                   "--bind-address", "127.0.0.1", "--advertise-address", "127.0.0.1", "--secure-port", PORT,
                   "--endpoint-reconciler-type", "none", "--cert-dir", self.folder, "--token-auth-file", self.folder / "tokens.csv",
                   "--authorization-mode", "Node,RBAC", "--allow-privileged", "--service-cluster-ip-range", "10.96.0.0/16",
                   "--service-account-issuer", SERVER, "--service-account-jwks-uri", f"{SERVER}/openid/v1/jwks",
                   "--service-account-key-file", key, "--service-account-signing-key-file", key)
        self.wait_for_port("kube-apiserver", PORT)
        for name in USERS:
            (self.folder / f"{name}.json").write_text(json.dumps(self.credentials(name)))
        self.client = Client(PORT, self.folder / "apiserver.crt", "admin")
        self.wait_for("the API server is ready", self.answers)

    def answers(self):
        try:
            return self.client.get("/readyz").message == "ok"
        except OSError:
            return False

    def start_controllers(self):
        """Starts the controller manager and the scheduler."""
        self.start("controller-manager", self.programs / "kube-controller-manager", "--kubeconfig", self.folder / "controller-manager.json",
                   "--leader-elect=false", "--secure-port", "0", "--use-service-account-credentials",
                   "--node-monitor-grace-period", "1h",  # Nodes of kwok do not say every few seconds that they are there.
                   "--service-account-private-key-file", self.folder / "service-account.key",
                   "--root-ca-file", self.folder / "apiserver.crt", "--enable-hostpath-provisioner")
        self.start("scheduler", self.programs / "kube-scheduler", "--kubeconfig", self.folder / "scheduler.json",
                   "--leader-elect=false", "--secure-port", "0")

    def start_nodes(self):
        """Starts kwok, which plays the kubelets of the nodes, and waits for these."""
        self.apply(OBJECTS + "".join(NODE.replace("NAME", name) for name in NODES))
        stages = sorted((self.kwok / "files/kustomize/stage").glob("*/*/*.yaml"))
        config = self.folder / "stages.yaml"
        config.write_text("\n---\n".join(path.read_text() for path in stages if path.name != "kustomization.yaml"))
        # Its controllers share a map that they fill as they begin, which ends it now and then.
        self.start("kwok", self.kwok / "bin/kwok", "--kubeconfig", self.folder / "kwok.json", "--config", config,
                   "--manage-all-nodes", "--server-address", f"127.0.0.1:{KWOK}", "--node-port", KWOK, "--node-ip", "127.0.0.1", again=3)
        self.wait_for("two nodes are ready", lambda: sum(map(ready, self.list("v1", "Node"))) == len(NODES))
        self.wait_for("the default service account exists",
                      lambda: self.client.get("/api/v1/namespaces/default/serviceaccounts/default").status == 200)

    def credentials(self, token):
        """A kubeconfig for a token."""
        return {
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": SERVER, "certificate-authority": str(self.folder / "apiserver.crt")}}],
            "users": [{"name": "test", "user": {"token": token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        }

    def account(self, namespace, name):
        """A service account with all rights, in a namespace that is made when it is missing; returns its kubeconfig."""
        self.apply(ACCOUNT.replace("NAMESPACE", namespace).replace("NAME", name))
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 36000}}
        token = self.client.request("POST", path, asked).body["status"]["token"]
        file = self.folder / f"{namespace}-{name}.json"
        file.write_text(json.dumps(self.credentials(token)))
        return file

    def allow_everybody(self):
        """Gives everybody every right that RBAC can give, so that a refusal can only come from an admission policy."""
        self.apply(EVERYBODY)

    def kubectl(self, *arguments, text=None, check=True):
        """Runs kubectl as administrator; what it printed is in `stdout` and `stderr`. `text` is its standard input."""
        command = [str(self.programs / "kubectl"), "--kubeconfig", str(self.kubeconfig), *map(str, arguments)]
        done = subprocess.run(command, input=text, text=True, capture_output=True, cwd=self.folder)
        if check and done.returncode != 0:
            raise Failure(f"`kubectl {' '.join(map(str, arguments))}`: {done.stderr.strip()}")
        return done

    def apply(self, what, *arguments):
        """Applies a file or folder (a `Path`) or text, server-side."""
        source, text = (what, None) if isinstance(what, Path) else ("-", what)
        return self.kubectl("apply", "--server-side", "-f", source, *arguments, text=text)

    def list(self, version, kind, namespace=None):
        """All objects of a kind, of one namespace or of all."""
        path = self.client.path(version, kind, namespace)
        items = self.client.get(path).body.get("items", []) if path else []
        return [{"apiVersion": version, "kind": kind} | item for item in items]


def ready(thing):
    """Whether an object has the condition `Ready`."""
    return condition(thing, "Ready").get("status") == "True"


def condition(thing, kind):
    """One condition of an object's status, or nothing."""
    return next((one for one in thing.get("status", {}).get("conditions") or () if one["type"] == kind), {})
