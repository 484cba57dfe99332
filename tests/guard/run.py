#!/usr/bin/env python3
"""Runs the guard's rules in a network namespace and tries to get around them.

Two namespaces: a pod, with the router's listeners as user 1001 and the agent's as 1000, and the outside, which answers
on addresses of its own. Every probe runs without the guard (its positive control) and with it, loaded once by `nft` and
once by `kars-router guard`, which must come to the same.
Needs root, `ip`, `nft`, `setpriv`, `cargo` and nothing but the standard library. Prints `N passed, N failed`.
"""

import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

import loading
import refused
from loading import listing, run

POD, OUT = f"kars-pod-{os.getpid()}", f"kars-out-{os.getpid()}"
POD4, POD6, GATE4, GATE6 = "10.99.0.2", "fd99::2", "10.99.0.1", "fd99::1"
HOST4, RESOLVER4, HOST6 = "203.0.113.7", "198.51.100.53", "2001:db8::7"
AGENT, ROUTER, STRANGER = 1000, 1001, 1234
WAIT = 0.6
MANY = 8 << 20
# Sockets load this codec when first used, and the users of the probes may not read the folder it lies in.
"".encode("idna")

# user, protocol, address, port, answer without the guard, answer with it; an empty answer is a drop.
PROBES = [
    # The agent reaches the router's ports, and only those.
    (AGENT, "tcp", "127.0.0.1", 8443, "router 8443", "router 8443"),
    (AGENT, "tcp", "127.0.0.1", 8444, "router 8444", "router 8444"),
    (AGENT, "tcp", "127.0.0.1", 8453, "router 8453", "router 8453"),
    (AGENT, "udp", "127.0.0.1", 8453, "router 8453", "router 8453"),
    (AGENT, "tcp", "127.0.0.1", 9090, "router 9090", ""),
    (AGENT, "tcp", "127.0.0.2", 9090, "router 9090", ""),
    (AGENT, "tcp", POD4, 9090, "router 9090", ""),
    (AGENT, "tcp", "::1", 9090, "router 9090", ""),
    (AGENT, "tcp", "127.0.0.1", 18790, "agent 18790", ""),
    # Its 80 and 443 arrive at the proxy with their original destination.
    (AGENT, "tcp", HOST4, 443, "outside 443", f"router 8444 {HOST4}:443"),
    (AGENT, "tcp", HOST4, 80, "outside 80", f"router 8444 {HOST4}:80"),
    (AGENT, "tcp", POD4, 443, "", f"router 8444 {POD4}:443"),
    # Its names arrive at the responder, whichever resolver it asks.
    (AGENT, "udp", HOST4, 53, "outside 53", "router 8453"),
    (AGENT, "udp", RESOLVER4, 53, "outside 53", "router 8453"),
    (AGENT, "tcp", HOST4, 53, "outside 53", f"router 8453 {HOST4}:53"),
    (AGENT, "tcp", RESOLVER4, 53, "outside 53", f"router 8453 {RESOLVER4}:53"),
    # Everything else of it is dropped: foreign ports, datagrams, IPv6.
    (AGENT, "tcp", HOST4, 5432, "outside 5432", ""),
    (AGENT, "tcp", HOST4, 8443, "outside 8443", ""),
    (AGENT, "udp", HOST4, 443, "outside 443", ""),
    (AGENT, "udp", HOST4, 8453, "outside 8453", ""),
    (AGENT, "tcp", HOST6, 443, "outside 443", ""),
    (AGENT, "udp", HOST6, 53, "outside 53", ""),
    # Any other user is dropped wherever it goes, root included.
    (STRANGER, "tcp", HOST4, 443, "outside 443", ""),
    (STRANGER, "udp", HOST4, 53, "outside 53", ""),
    (STRANGER, "tcp", "127.0.0.1", 8443, "router 8443", ""),
    (STRANGER, "tcp", "127.0.0.1", 9090, "router 9090", ""),
    (0, "tcp", HOST4, 443, "outside 443", ""),
    # The router passes, over IPv4.
    (ROUTER, "tcp", HOST4, 443, "outside 443", "outside 443"),
    (ROUTER, "tcp", HOST4, 80, "outside 80", "outside 80"),
    (ROUTER, "tcp", HOST4, 5432, "outside 5432", "outside 5432"),
    (ROUTER, "udp", RESOLVER4, 53, "outside 53", "outside 53"),
    (ROUTER, "tcp", "127.0.0.1", 18790, "agent 18790", "agent 18790"),
    (ROUTER, "tcp", "127.0.0.1", 9090, "router 9090", "router 9090"),
    (ROUTER, "tcp", "::1", 9090, "router 9090", "router 9090"),
    (ROUTER, "tcp", HOST6, 443, "outside 443", ""),
    (ROUTER, "udp", HOST6, 53, "outside 53", ""),
]

# The same with `--dual-stack --loopback-port 18789`: only the router gains IPv6, only the agent's own port opens.
DUAL_PROBES = [
    (ROUTER, "tcp", HOST6, 443, "outside 443", "outside 443"),
    (ROUTER, "udp", HOST6, 53, "outside 53", "outside 53"),
    (AGENT, "tcp", HOST6, 443, "outside 443", ""),
    (AGENT, "tcp", "::1", 9090, "router 9090", ""),
    (STRANGER, "tcp", HOST6, 443, "outside 443", ""),
    (AGENT, "tcp", "127.0.0.1", 18789, "agent 18789", "agent 18789"),
    (AGENT, "tcp", "127.0.0.1", 18790, "agent 18790", ""),
    (STRANGER, "tcp", "127.0.0.1", 18789, "agent 18789", ""),
]

# From outside into the pod: user, protocol, address, port, answer. The guard filters nothing that comes in.
INBOUND = [
    (0, "tcp", POD4, 9090, "router 9090"),
    (0, "tcp", POD4, 18789, "agent 18789"),
]


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def original_destination(connection):
    try:
        raw = connection.getsockopt(socket.SOL_IP, 80, 16)
    except OSError:
        return ""
    port, address = struct.unpack("!2xH4s8x", raw)
    original = (socket.inet_ntoa(address), port)
    # A connection that was not redirected was meant for where it arrived.
    address, port = connection.getsockname()[:2]
    arrived = (address.removeprefix("::ffff:"), port)
    return "" if original == arrived else f" {original[0]}:{original[1]}"


def bound(protocol, address, port):
    if protocol == "tcp":
        return socket.create_server((address, port), family=family(address), dualstack_ipv6=address == "::", backlog=64)
    server = socket.socket(family(address), socket.SOCK_DGRAM)
    server.bind((address, port))
    return server


def answer_tcp(who, port, listener):
    while True:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(f"{who} {port}{original_destination(connection)}".encode())


def answer_udp(who, port, server):
    while True:
        question, peer = server.recvfrom(2048)
        if question == b"count":
            server.sendto(str(answer_udp.others).encode(), peer)
            continue
        answer_udp.others += question == b"stale"
        server.sendto(f"{who} {port}".encode(), peer)


answer_udp.others = 0


def sink(listener, teller):
    """Takes a connection, waits until its sender has closed it, then counts what still comes."""
    total = [0]

    def tell():
        while True:
            connection, _ = teller.accept()
            with connection:
                connection.sendall(str(total[0]).encode())

    threading.Thread(target=tell, daemon=True).start()
    while True:
        connection, _ = listener.accept()
        time.sleep(0.5)
        with connection:
            while chunk := connection.recv(1 << 16):
                total[0] += len(chunk)


SERVERS = {
    "outside": [("tcp", a, p) for a in ("0.0.0.0",) for p in (80, 443, 53, 5432, 8443)]
    + [("udp", HOST4, p) for p in (53, 443, 8453)]
    + [("udp", RESOLVER4, 53), ("tcp", HOST6, 443), ("udp", HOST6, 53)],
    "router": [("tcp", "127.0.0.1", p) for p in (8443, 8444, 8453)] + [("tcp", "::", 9090), ("udp", "127.0.0.1", 8453)],
    "agent": [("tcp", "0.0.0.0", 18789), ("tcp", "127.0.0.1", 18790)],
}


def serve(who, user):
    os.setgid(user)
    os.setuid(user)
    answers = {"tcp": answer_tcp, "udp": answer_udp}
    # All sockets are there before anybody is told so.
    servers = [(answers[protocol], (who, port, bound(protocol, address, port))) for protocol, address, port in SERVERS[who]]
    if who == "outside":
        servers.append((sink, [bound("tcp", HOST4, port) for port in (7000, 7001)]))
    threads = [threading.Thread(target=target, args=arguments) for target, arguments in servers]
    for thread in threads:
        thread.start()
    print("ready", flush=True)
    for thread in threads:
        thread.join()


def as_user(user, act):
    """Runs `act` in a child with another user and gives what it returned, or nothing on an error of the network."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        result = ""
        try:
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)
            result = act()
        except OSError:
            pass
        finally:
            os.write(writer, str(result).encode())
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as pipe:
        return pipe.read()


def ask(protocol, address, port):
    if protocol == "tcp":
        with socket.create_connection((address, port), timeout=WAIT) as connection:
            return connection.recv(100).decode()
    with socket.socket(family(address), socket.SOCK_DGRAM) as client:
        client.settimeout(WAIT)
        client.connect((address, port))
        client.send(b"x")
        return client.recv(100).decode()


def from_port(source, question, address, port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(WAIT)
        client.bind((POD4, source))
        client.sendto(question, (address, port))
        return client.recvfrom(100)[0].decode()


def send_and_close():
    with socket.create_connection((HOST4, 7000), timeout=5) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUFFORCE if os.geteuid() == 0 else socket.SO_SNDBUF, MANY)
        connection.setblocking(False)
        sent, block = 0, bytes(1 << 16)
        try:
            while sent < MANY:
                sent += connection.send(block)
        except BlockingIOError:
            pass
    return sent


class Tests:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, name, found, expected):
        if found == expected:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED {name}: expected {expected!r}, found {found!r}", flush=True)

    def probes(self, phase, probes):
        for user, protocol, address, port, without, with_guard in probes:
            expected = without if phase == "control" else with_guard
            found = as_user(user, lambda: ask(protocol, address, port))
            self.check(f"{phase}: user {user} to {protocol} {address} {port}", found, expected)


def inside(folder, program):
    """Runs in the pod's namespace."""
    tests = Tests()
    wait_for_ipv6()
    tests.probes("control", PROBES + DUAL_PROBES)
    stale(tests, "control", 40001, arrives="1")

    script, router = loading.Script(folder), loading.Router(folder, program)
    listed = [guarded(tests, way, 40002 + index) for index, way in enumerate((script, router))]
    tests.check("both ways come to the same", listed[1], listed[0])
    refused.check(tests, router, script)
    print(json.dumps([tests.passed, tests.failed]))


def guarded(tests, way, source):
    """Everything with the rules that one way has loaded; gives what the kernel lists of them."""
    run("nft", "flush", "ruleset")
    way.load("default")
    once = listing()
    way.load("default")
    tests.check(f"{way.name}: loading twice is loading once", listing(), once)
    tests.probes(way.name, PROBES)
    stale(tests, way.name, source, arrives="1")
    closed_socket(tests)
    inbound(tests)

    way.load("dual")
    dual = listing()
    tests.probes(way.name, DUAL_PROBES)
    way.load("default")
    tests.check(f"{way.name}: the table is replaced, not added to", listing(), once)
    return once, dual


def wait_for_ipv6():
    """Addresses of version 6 answer only once the link has found that nobody else has them."""
    for _ in range(10):
        if as_user(0, lambda: ask("tcp", HOST6, 443)):
            return
        time.sleep(0.3)


def stale(tests, phase, source, arrives):
    """The agent sends from the port of a request that the router made and got answered: it must not ride along."""
    tests.check(f"{phase}: the router's own request", as_user(ROUTER, lambda: from_port(source, b"x", HOST4, 53)), "outside 53")
    as_user(AGENT, lambda: from_port(source, b"stale", HOST4, 53))
    count = as_user(ROUTER, lambda: from_port(source + 1000, b"count", HOST4, 53))
    tests.check(f"{phase}: datagrams of the agent that arrived on the router's port", count, arrives)


def closed_socket(tests):
    """What the router wrote before it closed a socket still arrives, though no user owns the packets any more."""
    before = arrived_so_far()
    sent = int(as_user(ROUTER, send_and_close) or 0)
    arrived = 0
    for _ in range(20):
        arrived = arrived_so_far() - before
        if arrived == sent:
            break
        time.sleep(0.25)
    tests.check("more than a window was sent before closing", sent > 1 << 20, True)
    tests.check("what was sent before closing arrives", arrived, sent)


def arrived_so_far():
    return int(as_user(ROUTER, lambda: ask("tcp", HOST4, 7001)) or 0)


def inbound(tests):
    for user, protocol, address, port, expected in INBOUND:
        arguments = ["probe", str(user), protocol, address, str(port)]
        found = run("ip", "netns", "exec", os.environ["KARS_TEST_OUT"], sys.executable, __file__, *arguments).strip()
        tests.check(f"inbound {protocol} {port}", found, expected)


def connect_namespaces():
    for name in (POD, OUT):
        run("ip", "netns", "add", name)
        run("ip", "-n", name, "link", "set", "lo", "up")
    run("ip", "link", "add", "kars-pod", "netns", POD, "type", "veth", "peer", "name", "kars-out", "netns", OUT)
    ends = ((POD, "kars-pod", POD4, POD6), (OUT, "kars-out", GATE4, GATE6))
    for name, link, four, six in ends:
        run("ip", "-n", name, "address", "add", f"{four}/24", "dev", link)
        run("ip", "-n", name, "address", "add", f"{six}/64", "dev", link, "nodad")
        run("ip", "-n", name, "link", "set", link, "up")
    run("ip", "-n", POD, "route", "add", "default", "via", GATE4)
    run("ip", "-n", POD, "-6", "route", "add", "default", "via", GATE6)
    for address in (f"{HOST4}/32", f"{RESOLVER4}/32"):
        run("ip", "-n", OUT, "address", "add", address, "dev", "lo")
    run("ip", "-n", OUT, "address", "add", f"{HOST6}/128", "dev", "lo", "nodad")


def start_server(namespace, who, user):
    command = ["ip", "netns", "exec", namespace, sys.executable, __file__, "serve", who, str(user)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    if server.stdout.readline().strip() != "ready":
        raise SystemExit(f"the {who} did not start")
    return server


def main():
    missing = [tool for tool in ("ip", "nft", "setpriv", "cargo") if not shutil.which(tool)]
    if os.geteuid() != 0 or missing:
        raise SystemExit(f"needs root and the programs ip, nft, setpriv, cargo; missing: {missing or 'root'}")
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    servers = []
    with tempfile.TemporaryDirectory() as folder:
        program = loading.prepare(root, folder)
        try:
            connect_namespaces()
            servers.append(start_server(OUT, "outside", 0))
            servers.append(start_server(POD, "router", ROUTER))
            servers.append(start_server(POD, "agent", AGENT))
            environment = os.environ | {"KARS_TEST_OUT": OUT}
            command = ["ip", "netns", "exec", POD, sys.executable, __file__, "inside", folder, program]
            lines = subprocess.run(command, env=environment, check=True, text=True, stdout=subprocess.PIPE).stdout.splitlines()
        finally:
            for server in servers:
                server.kill()
                server.wait()
            for name in (POD, OUT):
                subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)
    print("\n".join(lines[:-1]), end="\n" if lines[:-1] else "")
    passed, failed = json.loads(lines[-1])
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", who, user]:
            serve(who, int(user))
        case ["probe", user, protocol, address, port]:
            print(as_user(int(user), lambda: ask(protocol, address, int(port))))
        case ["inside", folder, program]:
            inside(folder, program)
        case []:
            sys.exit(main())
        case _:
            raise SystemExit("takes no arguments")
