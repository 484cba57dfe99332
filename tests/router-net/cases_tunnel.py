"""Tunnels by `CONNECT`: what is allowed, how it is asked for, what passes through, and when it ends."""

import json
import socket
import time

import pod
from pod import of

MALFORMED = [
    "good.kars.example",
    "good.kars.example:",
    "good.kars.example:0",
    "good.kars.example:65536",
    "good.kars.example:-1",
    "good.kars.example:https",
    "good.kars.example:+443",
    "good.kars.example:0443",
    "a@good.kars.example:443",
    "good.kars.example:443/",
    "good.kars.example/x:443",
    "http://good.kars.example:443",
    "good.kars.example:443,other.kars.example:443",
    "good.kars.example#.other.kars.example:443",
    "good.kars.example%00.x:443",
    "good..kars.example:443",
    ":443",
    "[[::1]]:443",
]
# What is written, and why it is refused.
NO_NAMES = [
    ("169.254.169.254:443", "egress.special_use"),
    ("127.0.0.1:443", "egress.special_use"),
    ("[::1]:443", "egress.special_use"),
    ("[::ffff:169.254.169.254]:80", "egress.special_use"),
    ("1.2.3.4:443", "egress.denied"),
    ("2130706433:443", "egress.denied"),
    ("0177.0.0.1:443", "egress.denied"),
    ("0x7f.1:443", "egress.denied"),
    ("127.1:443", "egress.denied"),
    ("localhost:9090", "egress.denied"),
    ("kubernetes.default.svc:443", "egress.denied"),
    ("relay.kars-maf--mesh.svc.cluster.local:8083", "egress.denied"),
    ("host.docker.internal:80", "egress.denied"),
    ("intranet:80", "egress.denied"),
]
DENIED = [
    ("denied.example:443", "host-not-listed"),
    ("sub.good.kars.example:443", "host-not-listed"),
    ("good.kars.example.evil.example:443", "host-not-listed"),
    ("xgood.kars.example:443", "host-not-listed"),
    ("good.kars.example:8080", "port-not-listed"),
    ("good.kars.example:22", "port-not-listed"),
    ("good.kars.example:8443", "port-not-listed"),
    ("wild.example:80", "host-not-listed"),
    ("deep.sub.wild.example:80", "host-not-listed"),
    ("xwild.example:80", "host-not-listed"),
    ("deep.example:80", "host-not-listed"),
    ("ended.kars.example:80", "rule-ended"),
]


def run(world):
    router = world.router("tunnel", world.document(limits={"headerSeconds": 2, "tunnelIdleSeconds": 3, "connectSeconds": 2}))
    allowed(world, router)
    refused(world, router)
    first_flight(world, router)
    bytes_of_a_tunnel(world, router)
    slow(world, router)
    ends(world)
    drained(world)


def allowed(world, router):
    for target in ("good.kars.example:443", "GOOD.kars.example.:443"):
        code, client = pod.tunnel(router, target)
        world.check(f"tunnel to {target}", code, 200)
        with pod.secure(client, world.folder, "good.kars.example") as secure:
            secure.sendall(b"GET / HTTP/1.1\r\nhost: good.kars.example\r\n\r\n")
            world.check(f"TLS through a tunnel to {target}", pod.answer(secure)[-5:], b"hello")
    events = world.log.new()
    world.check("the handshake arrived", [event["name"] for event in of(events, "handshake")], ["good.kars.example"] * 2)
    world.check("one lookup while the answer holds", len(of(events, "dns")), 1)
    for target in ("one.wild.example:80",):
        code, client = pod.tunnel(router, target)
        world.check(f"tunnel to {target}", code, 200)
        client.close()
    world.log.new()


def refused(world, router):
    for target in MALFORMED:
        answer = pod.tunnel(router, target)
        world.check(f"malformed {target!r}", answer[0], 400)
    for text in ("CONNECT  good.kars.example:443 HTTP/1.1", "CONNECT good.kars.example: 443 HTTP/1.1", "CONNECT HTTP/1.1"):
        world.check(f"malformed {text!r}", pod.status(pod.raw(router, f"{text}\r\nhost: a\r\n\r\n".encode())), 400)
    for target, reason in DENIED:
        code, answer = pod.tunnel(router, target)
        head, _, body = answer.partition(b"\r\n\r\n")
        world.check(f"denied {target}", (code, head.startswith(b"HTTP/1.1 403 not allowed: ")), (403, True))
        world.check(f"{target} says why", reason.encode() in head.split(b"\r\n")[0], True)
        detail = json.loads(body)["error"]
        world.check(f"{target} has a code and help", (detail["code"], bool(detail["help"])), ("egress.denied", True))
    for target, reason in NO_NAMES:
        code, answer = pod.tunnel(router, target)
        found = json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] if code == 403 else answer
        world.check(f"no name {target}", (code, found), (403, reason))
    world.quiet("refused tunnels")
    world.check("refusals are audited", "port-not-listed" in router.audit(), True)
    world.check("refusals are counted", router.metric("kars_router_decisions_total", kind="connect", outcome="port-not-listed"), 3)


def first_flight(world, router):
    hello, other = pod.client_hello("good.kars.example"), pod.client_hello("other.kars.example")
    for name, flight in (("another name", other), ("no name", pod.client_hello(None)), ("no handshake", b"\x16\x03\x01\x00\x04\x02\x00\x00\x00")):
        for behind in (False, True):
            code, client = pod.tunnel(router, "good.kars.example:443", flight if behind else b"")
            if not behind:
                client.sendall(flight)
            world.check(f"{name}, with the request {behind}: an alert", (code, pod.read_all(client)[:2]), (200, b"\x15\x03"))
            client.close()
    events = world.log.new(0.3)
    world.check("no byte of a wrong handshake arrives", [event["first"] for event in of(events, "bytes")], [""] * 6)
    for size in (1, 3, 64):
        code, client = pod.tunnel(router, "good.kars.example:443", hello[:1])
        for place in range(1, len(hello), size):
            client.sendall(hello[place : place + size])
            time.sleep(0.0002)
        world.check(f"a handshake in pieces of {size}", (code, client.recv(3)[:1]), (200, b"\x16"))
        client.close()
    fragments = b"".join(b"\x16\x03\x01" + len(part).to_bytes(2, "big") + part for part in (hello[5:60], hello[60:100], hello[100:]))
    code, client = pod.tunnel(router, "good.kars.example:443", fragments)
    world.check("a handshake over several records", (code, client.recv(3)[:1]), (200, b"\x16"))
    client.close()
    code, client = pod.tunnel(router, "good.kars.example:443", hello[:40])
    began = time.monotonic()
    world.check("a handshake that never ends is cut", pod.read_all(client)[:2], b"\x15\x03")
    world.check("after the time for headers", 1.5 < time.monotonic() - began < 4, True)
    client.close()
    world.log.new(0.3)


def bytes_of_a_tunnel(world, router):
    code, client = pod.tunnel(router, "good.kars.example:25", b"first ")
    world.check("a host may speak first", client.recv(100)[:3], b"220")
    client.sendall(b"second")
    pod.soon(lambda: b"second" in client.recv(100))
    client.close()
    told = "".join(event["data"] for event in of(world.log.new(), "told"))
    world.check("what came behind the request arrives first", told, "first second")
    with pod.connect(router.proxy) as client:
        for byte in b"CONNECT good.kars.example:25 HTTP/1.1\r\nhost: good.kars.example:25\r\n\r\n":
            client.sendall(bytes([byte]))
            time.sleep(0.002)
        world.check("a request in single bytes", pod.status(pod.read_head(client)), 200)
    for size in (0, 1, 100_000, 5_000_000):
        code, client = pod.tunnel(router, "good.kars.example:7")
        client.sendall(bytes(size))
        client.shutdown(socket.SHUT_WR)
        world.check(f"half-close returns {size} bytes", len(pod.read_all(client)), size)
        client.close()
    echoed = [event["bytes"] for event in of(world.log.new(), "echo")]
    world.check("all of it arrived", echoed, [0, 1, 100_000, 5_000_000])
    counted = pod.soon(lambda: router.metric("kars_router_egress_bytes_total", direction="up") >= 5_100_000)
    world.check("bytes are counted", counted, True)


def slow(world, router):
    code, client = pod.tunnel(router, "good.kars.example:9")
    client.settimeout(8)
    began = time.monotonic()
    try:
        while True:
            client.send(bytes(1 << 20))
    except (ConnectionError, TimeoutError) as error:
        found = type(error).__name__
    took = time.monotonic() - began
    world.check(f"a host that never reads is cut by the idle timer, after {took:.1f} s", 2.5 < took < 7 and found != "TimeoutError", True)
    client.close()
    waiting = [pod.connect(router.proxy) for _ in range(256)]
    for client in waiting[::2]:
        client.sendall(b"GET http://good")
    began = time.monotonic()
    world.check("another client is served meanwhile", pod.status(pod.forward(router, "http://good.kars.example/")), 200)
    world.check("within a second", time.monotonic() - began < 1, True)
    time.sleep(max(0.0, began + 3.5 - time.monotonic()))
    ended = sum(1 for client in waiting if client.recv(1) == b"")
    world.check("who never finishes a head is cut", ended, 256)
    for client in waiting:
        client.close()
    began = time.monotonic()
    code, answer = pod.tunnel(router, "silent.kars.example:80")
    world.check("a host that is silent", (code, b"egress.connect_timeout" in answer), (504, True))
    world.check("in the time to connect", 1.5 < time.monotonic() - began < 4, True)
    world.check("a host that refuses", pod.tunnel(router, "edge-0.kars.example:81")[0], 200)
    code, client = pod.tunnel(router, "second.kars.example:80")
    world.check("the second address where the first is silent", code, 200)
    client.close()
    world.log.new()


def ends(world):
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 4))
    document = world.document(limits={"connections": 20})
    document["egress"].append(world.rule(999, "soon.kars.example", [25], soon))
    router = world.router("ends", document)
    lasting, ending = pod.tunnel(router, "good.kars.example:25")[1], pod.tunnel(router, "soon.kars.example:25")[1]
    kept = pod.tunnel(router, "other.kars.example:80")[1]
    for client in (lasting, ending):
        client.recv(100)
    ending.settimeout(12)
    began = time.time()
    world.check("a tunnel ends with its rule", ending.recv(1), b"")
    world.check("within five seconds of it", time.time() - began < 9.5, True)
    world.check("and is refused from then on", pod.tunnel(router, "soon.kars.example:25")[0], 403)
    lasting.sendall(b"x")
    world.check("another goes on", lasting.recv(10)[:3], b"250")
    document["egress"] = [rule for rule in document["egress"] if rule["host"] != "good.kars.example"]
    router.write(document)
    began = time.monotonic()
    lasting.settimeout(8)
    world.check("a tunnel that is no longer allowed is closed", lasting.recv(1), b"")
    world.check("within five seconds", time.monotonic() - began < 5, True)
    kept.sendall(b"GET / HTTP/1.1\r\nhost: other.kars.example\r\n\r\n")
    world.check("one that is still allowed stays", pod.status(pod.answer(kept)), 200)
    world.check("no tunnel is left but one", router.metric("kars_router_tunnels"), 1)
    full = [pod.connect(router.proxy) for _ in range(25)]
    answers = [pod.status(client.recv(12)) for client in full[22:]]
    world.check("above the limit of connections", answers, [503] * 3)
    for client in [*full, kept, lasting, ending]:
        client.close()
    world.log.new()


def drained(world):
    router = pod.Router(world.binary, world.folder, world.document(), "drained")
    code, client = pod.tunnel(router, "good.kars.example:25")
    client.recv(100)
    router.process.terminate()
    world.check("a router that ends takes nothing new", pod.soon(lambda: is_closed(router.proxy)), True)
    client.sendall(b"more")
    world.check("a tunnel goes on meanwhile", client.recv(100), b"250 more")
    began = time.monotonic()
    client.settimeout(15)
    world.check("but not for ever", client.recv(1), b"")
    world.check("and the router ends cleanly", (router.process.wait(15), time.monotonic() - began < 12), (0, True))
    world.log.new()


def is_closed(address):
    try:
        pod.connect(address).close()
    except ConnectionRefusedError:
        return True
    return False
