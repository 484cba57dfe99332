#!/usr/bin/env python3
"""Programs that know no proxy, in a rendered pod: curl as the agent's user, behind the guard and the router as they are shipped.

    tests/hermes/setup.sh && tests/pod/curl.py

The pod is that of an example's agent, with one host more on its list; guard and router are the built binary. Each probe that must not
get out first runs without the guard, and arrives. Hosts are resolved by the router where curl asks for them, and by curl alone where a
name that no resolver gives must be tried all the same. Prints `N passed, N failed`.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests/hermes"))

from check import Results, finish
from containers import Containers, Image, prepared, router_image, this_python
from network import Network, run
from outside import HOST, Outside

SCENARIO, AGENT = "exec-brief-hermes", "analyst"
GOOD, PLAIN, DENIED = "api.github.com", "plain.example.net", "denied.example.net"
BEFORE = "      - { host: api.github.com,"
PROXIES = dict.fromkeys(["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "NO_PROXY", "no_proxy"])
SIX = "2600:aaaa::4"

# What an agent may try beside HTTP and TLS: a flow, and the Python that opens it.
PROBES = {
    ("1.2.3.4", "udp", 443): "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('1.2.3.4', 443))",
    ("1.2.3.4", "tcp", 8443): "socket.create_connection(('1.2.3.4', 8443), 1)",
    ("1.2.3.4", "tcp", 22): "socket.create_connection(('1.2.3.4', 22), 1)",
    ("1.2.3.4", "icmp"): "socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP).sendto(b'\\x08\\0\\0\\0\\0\\x01\\0\\x01', ('1.2.3.4', 0))",
    (SIX, "tcp", 443): f"socket.create_connection(('{SIX}', 443), 1)",
    (SIX, "udp", 53): f"socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b'x', ('{SIX}', 53))",
    ("9.9.9.9", "udp", 53): "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(bytes(12) + b'\\6secret\\7example\\3net\\0\\0\\x01\\0\\x01', ('9.9.9.9', 53))",
    ("9.9.9.9", "tcp", 53): "socket.create_connection(('9.9.9.9', 53), 1)",
    ("10.96.0.10", "tcp", 853): "socket.create_connection(('10.96.0.10', 853), 1)",
}


def main():
    programs, results = prepared(ROOT), Results()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pod = Pod(folder, programs["kars-router"], build(programs["karsc"], folder))
        try:
            pod.probe(results.within("without the guard"))
            pod.guard(results)
            pod.probe(results.within("with the guard"), is_guarded=True)
            pod.allowed(results)
            pod.denied(results)
            pod.end(results)
        finally:
            pod.containers.stop()
            pod.network.remove()
    finish(results)


def build(karsc, folder):
    """The bundle of the example, whose agent may also reach a host that speaks in the clear."""
    source = folder / "scenario"
    shutil.copytree(ROOT / "examples/scenarios" / SCENARIO, source)
    text = (source / "scenario.yaml").read_text()
    line = f"      - {{ host: {PLAIN}, ports: [80], reason: a test of the guard }}\n"
    (source / "scenario.yaml").write_text(text.replace(BEFORE, line + BEFORE, 1))
    subprocess.run([karsc, "build", source, "-o", folder / "bundle"], check=True, capture_output=True, text=True)
    return folder / "bundle"


class Pod:
    """The pod and what is outside of it."""

    def __init__(self, folder, router, bundle):
        from bundle import Bundle

        self.bundle = Bundle(bundle, AGENT)
        self.document = self.bundle.document
        resolver = self.bundle.environment("router")["KARS_RESOLVER"].split(":")[0]
        self.network = Network([HOST, resolver, "9.9.9.9", SIX], "curl")
        try:
            self.furnish(folder, router, resolver)
        except BaseException:
            self.network.remove()
            raise

    def furnish(self, folder, router, resolver):
        # What container runtimes allow by default: to send an echo request without privileges.
        run("ip", "netns", "exec", self.network.pod, "sysctl", "-q", "-w", "net.ipv4.ping_group_range=0 2147483647")
        self.outside = Outside(self.network.outside, resolver, folder, dict.fromkeys((GOOD, PLAIN, DENIED), greet))
        secrets = {one["credential"]["secret"]: "unused" for one in self.document["inference"]["routes"].values()}
        self.containers = Containers(self.bundle, self.network.pod, folder, secrets)
        self.router_image = router_image(router, folder)
        self.curl_image = Image({folder / "authority.pem": "/authority.pem"}, "/")
        self.python_image = this_python()

    def probe(self, results, is_guarded=False):
        """Every probe arrives without the guard, and with it none."""
        for flow, text in PROBES.items():
            self.network.forget()
            self.containers.run("agent", self.python_image, ["python3", "-c", f"import socket; {text}"], environment=PROXIES)
            arrived = self.network.flows(self.network.outside)
            results.equal(f"{flow}", arrived, set() if is_guarded else {flow})
        self.network.forget()

    def guard(self, results):
        done = self.containers.run("guard", self.router_image)
        results.equal(f"the guard ends with: {done.stderr}", done.returncode, 0)
        self.containers.start_router(self.router_image)

    def curl(self, url, *options):
        """The exit code of curl and what it was answered."""
        command = ["curl", "-sS", "--max-time", "10", "--cacert", "/authority.pem", *options, url]
        done = self.containers.run("agent", self.curl_image, command, environment=PROXIES)
        return done.returncode, done.stdout + done.stderr

    def audited(self, results, decision):
        """A decision is in the audit log: kind, what, whether it was allowed, and by which rule."""
        until = time.monotonic() + 5
        while decision not in self.decisions() and time.monotonic() < until:
            time.sleep(0.1)
        results.check(f"{decision} is in the audit log", decision in self.decisions(), self.decisions())

    def decisions(self):
        text = "".join(path.read_text() for path in sorted((self.containers.volumes / "state/audit").glob("*.jsonl")))
        lines = [json.loads(line) for line in text.splitlines()]
        return [(line["kind"], line["what"], line["allowed"], line.get("rule")) for line in lines if "allowed" in line]

    def allowed(self, results):
        for url, kind, host in ((f"https://{GOOD}/x", "transparent-tls", f"{GOOD}:443"), (f"http://{PLAIN}/x", "transparent-http", f"{PLAIN}:80")):
            results.equal(url, self.curl(url), (0, f"hello from {url.split('/')[2]}"))
            self.audited(results, (kind, host, True, f"agents.{AGENT}.egress[{host}]"))
        results.equal("the handshake is between curl and the host", self.outside.handshakes, [GOOD])
        results.equal("both arrive", [(one["host"], one["port"], one["path"]) for one in self.outside.requests], [(GOOD, 443, "/x"), (PLAIN, 80, "/x")])
        results.equal("only their names were asked for", {name for name, _ in self.outside.asked}, {GOOD, PLAIN})
        self.outside.requests.clear()

    def denied(self, results):
        """By the resolver, and by the proxy where a name is tried all the same. 6: no such name, 35: the handshake failed."""
        results.equal("a name that is not listed", self.curl(f"https://{DENIED}/")[0], 6)
        known = [part for name in (DENIED, GOOD, PLAIN) for port in (80, 443) for part in ("--resolve", f"{name}:{port}:1.2.3.4")]
        results.equal("https to a host that is not listed", self.curl(f"https://{DENIED}/", *known)[0], 35)
        results.equal("https to a host listed for another port", self.curl(f"https://{PLAIN}/", *known)[0], 35)
        results.equal("https to an address", self.curl("https://1.2.3.4/", "-k")[0], 35)
        for what, url, named in (("a host that is not listed", f"http://{DENIED}/", DENIED), ("a host listed for another port", f"http://{GOOD}/", GOOD), ("an address", "http://1.2.3.4/", "1.2.3.4")):
            code, text = self.curl(url, *known, "-w", " %{http_code}")
            results.check(f"http to {what} is refused by name", code == 0 and text.endswith(" 403") and named in text and '"help"' in text, text)
        for decision in (
            ("dns", DENIED, False, None),
            ("transparent-tls", f"{DENIED}:443", False, None),
            ("transparent-tls", f"{PLAIN}:443", False, f"agents.{AGENT}.egress[{PLAIN}:80]"),
            ("transparent-http", f"{DENIED}:80", False, None),
            ("transparent-http", f"{GOOD}:80", False, f"agents.{AGENT}.egress[{GOOD}:443]"),
        ):
            self.audited(results, decision)
        results.equal("what is said inside a handshake with an allowed host is between the two", self.curl(f"https://{GOOD}/", "-H", f"host: {DENIED}")[0], 0)

    def end(self, results):
        """What arrived outside over the whole time is what was allowed."""
        requests = [(one["host"], one["port"]) for one in self.outside.requests]
        results.equal("nothing of what was refused was asked", requests, [(DENIED, 443)])
        results.equal("no other name left", {name for name, _ in self.outside.asked}, {GOOD, PLAIN})
        flows = {(self.outside.resolver, "udp", 53), (HOST, "tcp", 443), (HOST, "tcp", 80)}
        results.equal("no other flow left", self.network.flows(self.network.outside), flows)
        agent = self.document["guard"]["agentUid"]
        meant = {flow[1:] for flow in self.network.flows(self.network.pod) if flow[0] == agent}
        results.check("and curl knew of no proxy", ("127.0.0.1", "tcp", 8444) not in meant and (HOST, "tcp", 443) in meant, meant)
        verified = self.containers.run("router", self.router_image, ["kars-router", "audit", "verify"])
        results.equal("the audit log is whole", verified.returncode, 0)


def greet(handler, _):
    handler.whole(200, f"hello from {handler.headers['host']}".encode())


if __name__ == "__main__":
    main()
