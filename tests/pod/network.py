"""Two network namespaces, a pod's and the outside, and what watches them. Not here: who answers outside, and what may be asked.

Sets of `nft` note the first packet of every flow: in the pod who sends it and where it was meant to go, before the guard redirects
or drops anything; outside everything that arrives.
"""

import contextlib
import ctypes
import json
import os
import socket
import subprocess
import urllib.error
import urllib.request

POD4, GATE4, POD6, GATE6 = "192.168.77.2", "192.168.77.1", "2600:bbbb::2", "2600:bbbb::1"
CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)

# Before the guard's own chains, the first of which has -100; after the kernel knows which flow a packet belongs to.
WATCH = """table inet kars_watch {{
    set flows4 {{ type {uid}ipv4_addr . inet_proto . inet_service; flags dynamic; }}
    set flows6 {{ type {uid}ipv6_addr . inet_proto . inet_service; flags dynamic; }}
    set others4 {{ type {uid}ipv4_addr . inet_proto; flags dynamic; }}
    set others6 {{ type {uid}ipv6_addr . inet_proto; flags dynamic; }}
    chain watch {{
        type filter hook {hook} priority -150;
        ct state new meta nfproto ipv4 meta l4proto {{ tcp, udp }} add @flows4 {{ {skuid}ip daddr . meta l4proto . th dport }}
        ct state new meta nfproto ipv6 meta l4proto {{ tcp, udp }} add @flows6 {{ {skuid}ip6 daddr . meta l4proto . th dport }}
        ct state new meta nfproto ipv4 meta l4proto != {{ tcp, udp }} add @others4 {{ {skuid}ip daddr . meta l4proto }}
        ct state new meta nfproto ipv6 meta l4proto != {{ tcp, udp }} add @others6 {{ {skuid}ip6 daddr . meta l4proto }}
    }}
}}
"""


class Network:
    """A pod's namespace and the outside's, joined; `addresses` are those that somebody has outside."""

    def __init__(self, addresses, name):
        self.pod, self.outside = f"kars-{name}-{os.getpid()}", f"kars-{name}-out-{os.getpid()}"
        try:
            self.join(addresses)
        except BaseException:
            self.remove()
            raise

    def join(self, addresses):
        ends = ((self.pod, "pod", POD4, POD6, GATE4, GATE6), (self.outside, "out", GATE4, GATE6, POD4, POD6))
        for namespace, *_ in ends:
            run("ip", "netns", "add", namespace)
            run("ip", "-n", namespace, "link", "set", "lo", "up")
        run("ip", "link", "add", "pod", "netns", self.pod, "type", "veth", "peer", "name", "out", "netns", self.outside)
        for namespace, link, four, six, _, _ in ends:
            run("ip", "-n", namespace, "address", "add", f"{four}/24", "dev", link)
            run("ip", "-n", namespace, "address", "add", f"{six}/64", "dev", link, "nodad")
            run("ip", "-n", namespace, "link", "set", link, "up")
        run("ip", "-n", self.pod, "route", "add", "default", "via", GATE4)
        run("ip", "-n", self.pod, "-6", "route", "add", "default", "via", GATE6)
        for address in addresses:
            options = ["-6"] if ":" in address else []
            run("ip", "-n", self.outside, *options, "address", "add", address, "dev", "lo", *(["nodad"] if options else []))
        self.settle()
        self.watch(self.pod, uid="uid . ", skuid="meta skuid . ", hook="output")
        self.watch(self.outside, uid="", skuid="", hook="prerouting")

    def settle(self):
        """Waits until packets arrive: a new link loses its first ones, and neighbours of version 6 look for each other once a second."""
        for family, gate in ((socket.AF_INET, GATE4), (socket.AF_INET6, GATE6)):
            with inside(self.pod):
                connection = socket.socket(family)
            with connection, contextlib.suppress(ConnectionRefusedError):
                connection.settimeout(30)
                connection.connect((gate, 443))

    def watch(self, namespace, **holes):
        run("ip", "netns", "exec", namespace, "nft", "-f", "-", input=WATCH.format(**holes))

    def flows(self, namespace):
        """The flows that were noted, as tuples of text and numbers; those of neighbours that look for each other are none."""
        listed = json.loads(run("ip", "netns", "exec", namespace, "nft", "-j", "list", "table", "inet", "kars_watch"))
        sets = [one["set"] for one in listed["nftables"] if "set" in one]
        found = {tuple(element["concat"]) for one in sets for element in one.get("elem", [])}
        return {flow for flow in found if flow[-1] != "ipv6-icmp"}

    def forget(self):
        """Empties what was noted."""
        for namespace in (self.pod, self.outside):
            for name in ("flows4", "flows6", "others4", "others6"):
                run("ip", "netns", "exec", namespace, "nft", "flush", "set", "inet", "kars_watch", name)

    def page(self, port, path):
        """Status and text of a page of the pod, asked for from outside; status 0 where nobody answers."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with inside(self.outside), opener.open(f"http://{POD4}:{port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def remove(self):
        for namespace in (self.pod, self.outside):
            subprocess.run(["ip", "netns", "delete", namespace], check=False, capture_output=True)


@contextlib.contextmanager
def inside(namespace):
    """Sockets that this thread makes meanwhile are the namespace's."""
    with open("/proc/thread-self/ns/net", "rb") as own, open(f"/run/netns/{namespace}", "rb") as other:
        enter(other)
        try:
            yield
        finally:
            enter(own)


def enter(file):
    if LIBC.setns(file.fileno(), CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def run(*command, **options):
    return subprocess.run(command, check=True, text=True, capture_output=True, **options).stdout
