"""What fetches and applies bundles: a registry, Flux and Argo CD, and the programs that fill the registry.

Each controller runs beside a cluster, as a service account of it, with all rights that a user would give it.
Not here: any bundle.
"""

import base64
import json
import os
import subprocess

from lib.kinds import apply_kinds
from lib.process import Failure, Processes

REGISTRY, REDIS, REPO_SERVER = 5000, 6379, 8081
HOST = f"127.0.0.1:{REGISTRY}"


class Registry(Processes):
    """`with Registry(programs, folder):` - a registry at `HOST`, plain HTTP, no password, empty at first."""

    def __init__(self, programs, folder):
        super().__init__(folder / "registry")
        self.program = programs["registry"] / "bin/registry"

    def __enter__(self):
        (self.folder / "config.json").write_text(json.dumps({
            "version": "0.1", "log": {"level": "warn", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": str(self.folder / "storage")}, "delete": {"enabled": True}},
            "http": {"addr": HOST},
        }))
        self.start("registry", self.program, "serve", "config.json", environment=plain(self.folder, OTEL_TRACES_EXPORTER="none"))
        self.wait_for_port("registry", REGISTRY)
        return self


class Flux(Processes):
    """`with Flux(programs, folder, cluster):` - source-controller and kustomize-controller, and their kinds in the cluster."""

    def __init__(self, programs, folder, cluster):
        super().__init__(folder / "flux")
        self.programs = programs
        self.cluster = cluster

    def __enter__(self):
        for name in ("source-controller", "kustomize-controller"):
            apply_kinds(self.cluster, self.programs[name] / "files/config/crd/bases")
        for folder in ("source", "trust"):
            (self.folder / folder).mkdir()
        storage = "127.0.0.1:9090"
        self.controller("source-controller", 9100, "--storage-path", self.folder / "source",
                        "--storage-addr", storage, "--storage-adv-addr", storage)
        self.controller("kustomize-controller", 9200, "--requeue-dependency", "1s")
        self.wait_for_port("source-controller", 9090)
        self.wait_for_port("source-controller", 9101)
        self.wait_for_port("kustomize-controller", 9201)
        return self

    def controller(self, name, port, *arguments):
        account = self.cluster.account("flux-system", name)
        environment = plain(self.folder, RUNTIME_NAMESPACE="flux-system", KUBECONFIG=account, TUF_ROOT=self.folder / "trust")
        self.start(name, self.programs[name] / "bin" / name, *arguments, "--metrics-addr", f"127.0.0.1:{port}",
                   "--health-addr", f"127.0.0.1:{port + 1}", "--watch-all-namespaces", "--log-level", "info",
                   environment=environment)

    def reconcile(self, kind, name, namespace="flux-system", timeout=60):
        """Asks for a reconciliation now, waits until it was done and returns the object."""
        token = os.urandom(8).hex()
        self.cluster.kubectl("annotate", "--overwrite", kind, name, "-n", namespace, f"reconcile.fluxcd.io/requestedAt={token}")

        def handled():
            thing = json.loads(self.cluster.kubectl("get", kind, name, "-n", namespace, "-o", "json").stdout)
            return thing if thing.get("status", {}).get("lastHandledReconcileAt") == token else None

        return self.wait_for(f"{kind} `{name}` is reconciled", handled, timeout)


class Argo(Processes):
    """`with Argo(programs, folder, cluster):` - Argo CD's repo server and application controller, in the namespace `argocd`."""

    def __init__(self, programs, folder, cluster):
        super().__init__(folder / "argocd")
        self.program = programs["argo-cd"] / "bin/argocd"
        self.files = programs["argo-cd"] / "files"
        self.path = f"{programs['kustomize'] / 'bin'}:{self.files / 'hack'}:{os.environ['PATH']}"
        self.cluster = cluster

    def __enter__(self):
        account = self.cluster.account("argocd", "argocd-application-controller")
        apply_kinds(self.cluster, self.files / "manifests/crds")
        self.cluster.kubectl("apply", "-n", "argocd", "-k", self.files / "manifests/base/config")
        self.cluster.kubectl("config", "set-context", "--current", "--namespace=argocd", f"--kubeconfig={account}")
        folders = {name: self.folder / name for name in ("tls", "ssh", "gpg", "gnupg", "plugins")}
        for folder in folders.values():
            folder.mkdir(mode=0o700)
        self.environment = plain(
            self.folder, KUBECONFIG=account, ARGOCD_FAKE_IN_CLUSTER="true", ARGOCD_TLS_DATA_PATH=folders["tls"],
            ARGOCD_SSH_DATA_PATH=folders["ssh"], ARGOCD_GPG_DATA_PATH=folders["gpg"], ARGOCD_GNUPGHOME=folders["gnupg"],
            ARGOCD_PLUGINSOCKFILEPATH=folders["plugins"], PATH=self.path)
        self.start("redis", "redis-server", "--bind", "127.0.0.1", "--port", REDIS, "--save", "", "--appendonly", "no")
        self.wait_for_port("redis", REDIS)
        self.role("repo-server", "--port", REPO_SERVER, "--address", "127.0.0.1", "--metrics-address", "127.0.0.1",
                  "--metrics-port", 8084, "--disable-tls")
        self.wait_for_port("repo-server", REPO_SERVER)
        self.role("application-controller", "--repo-server", f"127.0.0.1:{REPO_SERVER}", "--repo-server-plaintext",
                  "--app-resync", 5, "--kubeconfig", account, "--namespace", "argocd")
        self.wait_for_port("application-controller", 8082)
        return self

    def role(self, name, *arguments):
        self.start(name, self.program, *arguments, "--redis", f"127.0.0.1:{REDIS}",
                   environment=self.environment | {"ARGOCD_BINARY_NAME": f"argocd-{name}"})

    def refresh(self, name):
        """Asks for a comparison with the source now."""
        self.cluster.kubectl("annotate", "--overwrite", "application", name, "-n", "argocd", "argocd.argoproj.io/refresh=hard")


class Signer:
    """cosign and oras, told to stay offline, in a home of their own."""

    def __init__(self, programs, folder):
        self.programs = programs
        self.folder = folder / "signer"
        self.folder.mkdir()
        self.environment = plain(self.folder, COSIGN_PASSWORD="", TUF_ROOT=self.folder / "trust")

    def key(self, name):
        """Makes a key pair; the private key is `NAME.key`, the public one, which is returned, `NAME.pub`."""
        self.run("cosign", "generate-key-pair", "--output-key-prefix", name)
        return self.folder / f"{name}.pub"

    def sign(self, key, reference, *arguments):
        """Signs what is in the registry as cosign does without a transparency log."""
        return self.run("cosign", "sign", "--key", f"{key}.key", "--yes", "--use-signing-config=false", "--tlog-upload=false",
                        "--allow-http-registry", *arguments, reference)

    def attest(self, key, reference, predicate, kind="slsaprovenance1", *arguments):
        """Attests a predicate, a JSON file, about what is in the registry."""
        return self.run("cosign", "attest", "--key", f"{key}.key", "--yes", "--use-signing-config=false", "--tlog-upload=false",
                        "--allow-http-registry", "--type", kind, "--predicate", predicate, *arguments, reference)

    def verify(self, public, reference, *arguments, what="verify", check=False):
        """Runs `cosign verify` (or `verify-attestation`); `returncode` is 0 when it accepts."""
        return self.run("cosign", what, "--key", public, "--insecure-ignore-tlog", "--allow-http-registry", *arguments, reference,
                        check=check)

    def push(self, reference, *files, arguments=()):
        """Pushes files with oras and returns the digest."""
        done = self.run("oras", "push", "--plain-http", "--format", "json", *arguments, reference, *files)
        return json.loads(done.stdout)["digest"]

    def run(self, program, *arguments, check=True):
        """Runs `cosign` or `oras` in the folder."""
        done = subprocess.run([str(self.programs[program] / "bin" / program), *map(str, arguments)], cwd=self.folder,
                              env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if check and done.returncode != 0:
            raise Failure(f"`{program} {' '.join(map(str, arguments))}` ended with {done.returncode}: {done.stderr.strip()}")
        return done


def secret(name, namespace, data, labels=None):
    """A Secret as JSON text, to be applied."""
    encoded = {key: base64.b64encode(value if isinstance(value, bytes) else value.encode()).decode() for key, value in data.items()}
    return json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace, "labels": labels or {}},
                       "data": encoded})


def plain(home, **more):
    """An environment with nothing of the machine's user in it."""
    return {"HOME": str(home), "PATH": os.environ["PATH"], "TMPDIR": str(home)} | {key: str(value) for key, value in more.items()}
