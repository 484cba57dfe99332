#!/usr/bin/env python3
"""Runs the built router in a network namespace and tries to get past it.

Two namespaces: a pod with the router, and the outside, which has public-looking addresses, forbidden ones, a resolver and hosts.
What is refused must not have reached the outside: the cases read the log of the outside, not only the client's error. Needs
`unshare`, `mount`, `ip`, `ss`, `nft`, `openssl` and nothing but the standard library; KARS_ROUTER names the binary, which is built otherwise.
Without root it makes a user namespace of its own. Arguments name groups of cases. Prints `N passed, N failed`.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

import cases_bulk
import cases_crowd
import cases_dark
import cases_disk
import cases_fetch
import cases_files
import cases_handover
import cases_http
import cases_names
import cases_reload
import cases_tokens
import cases_transparent
import cases_tunnel
import outside
import pod

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
# After this folder, which has files of the same names.
sys.path.append(os.path.join(ROOT, "tests", "pod"))

from certificates import certificates

EXAMPLE = "tests/golden/maf/kind/documents/scribe.router.json"
# Connections to these are redirected to the proxy, as the guard redirects those of the agent.
REDIRECTED = "5.6.7.0/24"
# The routers of the last two ask for tokens again and again, which disturbs whoever counts what arrives outside.
GROUPS = [
    cases_tunnel,
    cases_names,
    cases_http,
    cases_fetch,
    cases_transparent,
    cases_handover,
    cases_crowd,
    cases_bulk,
    cases_files,
    cases_reload,
    cases_disk,
    cases_tokens,
    cases_dark,
]


def run(*command, **options):
    return subprocess.run(command, check=True, text=True, capture_output=True, **options).stdout


def rule(place, host, ports, until=None):
    fields = {"id": f"egress[{place}]", "host": host, "ports": ports, "reason": "a test", "labels": []}
    return fields | ({"until": until} if until else {})


def document(**changes):
    """A dev document whose egress is what the cases know."""
    with open(os.path.join(ROOT, EXAMPLE), encoding="utf-8") as file:
        base = json.load(file)
    rules = [
        ("good.kars.example", [7, 9, 25, 80, 443]),
        ("other.kars.example", [80, 443]),
        ("*.wild.example", [80]),
        ("**.deep.example", [80]),
    ]
    named = ["alias", "rebind", "mixed-first", "mixed-last", "self", "silent", "second", "many", "mute", "six", "gone"]
    named += [f"special-{place}" for place in range(len(outside.SPECIAL))]
    named += [f"special6-{place}" for place in range(len(outside.SPECIAL6))]
    named += [f"edge-{place}" for place in range(len(outside.EDGES))]
    rules += [(f"{name}.kars.example", [80, 81, 443]) for name in named]
    base["egress"] = [rule(place, host, ports) for place, (host, ports) in enumerate(rules)]
    base["egress"].append(rule(len(rules), "ended.kars.example", [80], "2020-01-01T00:00:00Z"))
    for key, value in changes.items():
        base[key] = base.get(key, {}) | value if isinstance(value, dict) else value
    return base


class World:
    """What a case sees: routers, the outside's log, and a place for what it finds."""

    def __init__(self, binary, folder):
        self.binary, self.folder = binary, folder
        self.passed = self.failed = 0
        self.log = pod.Log(folder)
        self.routers = []
        self.document = document
        self.rule = rule
        self.redirected = REDIRECTED
        self.command = run

    def check(self, name, found, expected):
        if found == expected:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED {name}: expected {expected!r}, found {found!r}", flush=True)

    def quiet(self, name):
        """Nothing has reached the outside, not even a question."""
        self.check(f"{name}: nothing left", self.log.new(), [])

    def router(self, name, document, **settings):
        router = pod.Router(self.binary, self.folder, document, name, **settings)
        self.routers.append(router)
        self.log.new(0)
        return router


def inside(folder, binary, groups):
    """Runs in the pod's namespace."""
    run("ip", "link", "set", "lo", "up")
    world_outside = subprocess.Popen(
        ["unshare", "-n", sys.executable, __file__, "outside", folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        world_outside.stdout.readline()
        run("ip", "link", "add", "pod", "type", "veth", "peer", "name", "out", "netns", str(world_outside.pid))
        for command in (
            "address add 192.168.77.2/24 dev pod",
            "address add 1.2.9.1/32 dev lo",
            "link set pod up",
            "route add default via 192.168.77.1",
        ):
            run("ip", *command.split(" "))
        run("ip", "-6", "address", "add", "2600:bbbb::2/64", "dev", "pod", "nodad")
        run("ip", "-6", "route", "add", "default", "via", "2600:bbbb::1")
        world_outside.stdin.write("linked\n")
        world_outside.stdin.flush()
        if world_outside.stdout.readline().strip() != "ready":
            raise SystemExit("the outside did not start")
        world = World(binary, folder)
        chosen = [group for group in GROUPS if not groups or group.__name__.removeprefix("cases_") in groups]
        for group in chosen:
            # What takes long begins before all others, and is looked at in its turn.
            if hasattr(group, "begin"):
                group.begin(world)
        for group in chosen:
            began = time.monotonic()
            group.run(world)
            print(f"{group.__name__.removeprefix('cases_'):12} {time.monotonic() - began:5.1f} s", flush=True)
        for router in world.routers:
            world.check("every router ends cleanly", router.stop(), 0)
            verified = subprocess.run([binary, "audit", "verify", f"{router.folder}/state/audit"], capture_output=True, text=True, check=False)
            world.check(f"the audit log is whole: {verified.stderr}", verified.returncode, 0)
            panics = [line for line in router.lines if "panic" in line]
            world.check("no router panics", panics, [])
        print(json.dumps([world.passed, world.failed]))
    finally:
        for router in pod.RUNNING:
            router.kill()
        world_outside.stdin.close()
        world_outside.wait(10)


def far_side(folder):
    """Runs in the outside's namespace."""
    print("here", flush=True)
    sys.stdin.readline()
    run("ip", "link", "set", "lo", "up")
    run("ip", "address", "add", "192.168.77.1/24", "dev", "out")
    run("ip", "link", "set", "out", "up")
    run("ip", "-6", "address", "add", "2600:bbbb::1/64", "dev", "out", "nodad")
    four = [outside.RESOLVER, outside.PUBLIC, outside.OTHER, outside.REBOUND, outside.SILENT, *outside.SPECIAL, *outside.EDGES]
    for address in four:
        # The kernel refuses some of them as addresses of a machine; nobody can be there, then.
        subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=False, capture_output=True)
    for address in (outside.PUBLIC6, *outside.SPECIAL6):
        subprocess.run(["ip", "-6", "address", "add", f"{address}/128", "dev", "lo", "nodad"], check=False, capture_output=True)
    drop = f"table ip silent {{\nchain input {{\ntype filter hook input priority 0;\nip daddr {outside.SILENT} drop;\n}}\n}}\n"
    run("nft", "-f", "-", input=drop)
    outside.main(folder)


def built():
    if binary := os.environ.get("KARS_ROUTER"):
        return os.path.abspath(binary)
    command = ["cargo", "build", "--quiet", "--locked", "-p", "kars-router", "--message-format=json"]
    found = re.findall(r'"executable":"([^"]+kars-router)"', run(*command, cwd=ROOT))
    return found[-1]


def main(groups):
    missing = [tool for tool in ("ip", "mount", "nft", "openssl", "ss", "unshare") if not shutil.which(tool)]
    if missing:
        raise SystemExit(f"missing programs: {missing}")
    binary = built()
    with tempfile.TemporaryDirectory() as folder:
        certificates(folder, outside.CERTIFIED)
        alone = ["unshare", "-nm"] if os.geteuid() == 0 else ["unshare", "-rnm"]
        command = [*alone, sys.executable, __file__, "inside", folder, binary, *groups]
        lines = []
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout:
                lines.append(line)
                if not line.startswith("["):
                    print(line, end="", flush=True)
        if process.returncode != 0 or not lines:
            raise SystemExit(f"the cases ended with {process.returncode}")
    passed, failed = json.loads(lines[-1])
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["inside", folder, binary, *groups]:
            inside(folder, binary, groups)
        case ["outside", folder]:
            far_side(folder)
        case groups:
            sys.exit(main(groups))
