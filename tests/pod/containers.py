"""Containers of a bundle's pod on a machine without Kubernetes: `bwrap` makes the mounts, `setpriv` the user. Not here: what they are asked.

Each has a root of its own that cannot be written, the mounts, the environment, the user and the capabilities of its manifest, no new
privileges, and the network namespace of the pod.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import PurePath

from check import CACHE, restart_with_yaml

# What a container may be given: `setpriv` needs the first two to become another user, the guard the third.
CAPABILITIES = ["CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP", "CAP_NET_ADMIN"]
SYSTEM = ["--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin", "--symlink", "usr/sbin", "/sbin", "--symlink", "usr/lib", "/lib"]
SYSTEM += ["--symlink", "usr/lib64", "/lib64", "--proc", "/proc", "--dev", "/dev", "--dir", "/etc"]
# Seconds that a container may take to start.
STARTING = 120
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Containers:
    """The containers of one pod, in a network namespace."""

    def __init__(self, bundle, network, folder, secrets):
        self.bundle, self.network, self.folder = bundle, network, folder
        self.volumes = folder / "volumes"
        self.running = []
        bundle.write_volumes(self.volumes, secrets)
        resolver = bundle.environment("router")["KARS_RESOLVER"].rsplit(":", 1)[0]
        etc = folder / "etc"
        etc.mkdir()
        search = f"{bundle.namespace}.svc.cluster.local svc.cluster.local cluster.local"
        (etc / "resolv.conf").write_text(f"search {search}\nnameserver {resolver}\noptions ndots:5\n")
        (etc / "hosts").write_text("127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n")
        (etc / "nsswitch.conf").write_text("hosts: files dns\n")
        (etc / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
        (etc / "group").write_text("root:x:0:\n")

    def command(self, name, image, command=None, environment=None):
        """The whole command of a container: its own, or another in its place, as `kubectl exec` would run it.

        `environment` adds to that of the manifest, and takes away what is `None`.
        """
        container = self.bundle.container(name)
        user, group, shared = self.bundle.users(name)
        added = container["securityContext"]["capabilities"].get("add", [])
        arguments = [*limited(container), "ip", "netns", "exec", self.network, "bwrap", *SYSTEM, "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--die-with-parent"]
        arguments += [part for capability in CAPABILITIES for part in ("--cap-add", capability)]
        for file in sorted((self.folder / "etc").iterdir()):
            arguments += ["--ro-bind", str(file), f"/etc/{file.name}"]
        for source, target in image.files.items():
            arguments += mounted("--ro-bind", source, target)
        for mount in container.get("volumeMounts", []):
            source = self.volumes / mount["name"] / mount.get("subPath", "")
            arguments += mounted("--ro-bind" if mount.get("readOnly") else "--bind", source, mount["mountPath"])
        if container["securityContext"]["readOnlyRootFilesystem"]:
            arguments += ["--remount-ro", "/"]
        values = {"PATH": f"{image.path}:{PATH}"} | self.bundle.environment(name) | (environment or {})
        arguments += ["--clearenv"] + [part for key, value in values.items() if value is not None for part in ("--setenv", key, str(value))]
        arguments += ["--chdir", image.folder, "setpriv", f"--reuid={user}", f"--regid={group}", f"--groups={shared}", "--inh-caps=-all"]
        arguments += ["--bounding-set=" + ",".join(["-all", *(f"+{one.lower()}" for one in added)])]
        return arguments + (command or container.get("command") or image.entrypoint)

    def start(self, name, image, **options):
        """Starts a container and lets it run; what it prints is in `NAME.log`."""
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(self.command(name, image, **options), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        self.running.append(process)
        return process

    def run(self, name, image, command=None, timeout=60, **options):
        """Runs a container, or a command in its place, to its end."""
        return subprocess.run(self.command(name, image, command, **options), capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=timeout, check=False)

    def start_router(self, image):
        """Starts the router and waits until its startup probe holds."""
        probe = self.bundle.container("router")["startupProbe"]["exec"]["command"]
        process = self.start("router", image, environment={"SSL_CERT_FILE": "/authority.pem"})
        wait("the router's startup probe", process, lambda: self.run("router", image, probe).returncode == 0)

    def log(self, name):
        """What a container printed."""
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def stop(self):
        """Ends everything that was started, the last first."""
        for process in reversed(self.running):
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def limited(container):
    """One core for a container that may use no more: its programs count as many in their quota."""
    limit = container["resources"]["limits"]["cpu"]
    cores = int(limit.removesuffix("m")) / 1000 if limit.endswith("m") else float(limit)
    return [] if cores > 1 else ["taskset", "--cpu-list", str(min(os.sched_getaffinity(0)))]


def mounted(kind, source, target):
    """A mount, and the folders above it, which everybody may enter."""
    above = [str(folder) for folder in reversed(PurePath(target).parents)][1:]
    return [part for folder in above for part in ("--dir", folder)] + [kind, str(source), str(target)]


class Image:
    """What a container image has beside the system: files of this machine and their places, programs, a folder to start in, what runs."""

    def __init__(self, files, path, folder="/", entrypoint=None):
        self.files, self.path, self.folder, self.entrypoint = files, path, folder, entrypoint


def python_image(environment, folder="/"):
    """An image with a virtual environment of this machine, where it lies here."""
    interpreter = os.path.realpath(environment / "bin/python")
    base = os.path.dirname(os.path.dirname(interpreter))
    files = {environment: environment} if base == "/usr" else {base: base, environment: environment}
    return Image(files, f"{environment}/bin", folder)


def this_python():
    """An image with the Python that runs this."""
    return Image({} if sys.base_prefix == "/usr" else {sys.base_prefix: sys.base_prefix}, f"{sys.base_prefix}/bin")


def router_image(program, folder):
    """The router's image, with the authority of those who are outside."""
    return Image({program: "/programs/kars-router", folder / "authority.pem": "/authority.pem"}, "/programs", entrypoint=["kars-router"])


def prepared(root):
    """The programs of this tree, in a Python that reads YAML; ends where something is missing."""
    pythons = [path / "bin/python" for path in sorted(CACHE.glob("hermes-*")) if (path / "installed").exists()]
    if not pythons:
        sys.exit("error: no Python that reads YAML: run `tests/hermes/setup.sh`")
    restart_with_yaml(pythons[0])
    if lacking := missing():
        sys.exit(f"error: missing here: {lacking}")
    return built(root)


def built(root):
    """The programs of this tree, built together so that they share what they depend on."""
    command = ["cargo", "build", "-q", "--locked", "--message-format=json", "-p", "karsc", "-p", "kars-router"]
    lines = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout.splitlines()
    found = [line["executable"] for line in map(json.loads, lines) if line.get("executable")]
    return {os.path.basename(path): path for path in found}


def wait(what, process, holds):
    """Waits until something holds while a process runs."""
    until = time.monotonic() + STARTING
    while not holds():
        if process.poll() is not None or time.monotonic() > until:
            raise TimeoutError(f"{what}; its process: {process.poll()}")
        time.sleep(0.1)


def missing():
    """What is not here that this needs: programs, or root."""
    found = [tool for tool in ("bwrap", "curl", "ip", "nft", "openssl", "setpriv", "taskset") if not shutil.which(tool)]
    return found + ([] if os.geteuid() == 0 else ["root"])
