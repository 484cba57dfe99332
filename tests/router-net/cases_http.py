"""Plain HTTP to the proxy: every request is decided and sent by itself, and framed in one way only."""

import time

import pod
from pod import of

GOOD = "http://good.kars.example/"

# Headers of a request with a body, any of which makes its end doubtful.
FRAMING = [
    "content-length: 5\r\ntransfer-encoding: chunked\r\n",
    "transfer-encoding: chunked\r\ncontent-length: 5\r\n",
    "content-length: 5\r\ncontent-length: 5\r\n",
    "content-length: 5\r\ncontent-length: 6\r\n",
    "content-length: +5\r\n",
    "content-length: 5,5\r\n",
    "content-length: 0x5\r\n",
    "content-length: -1\r\n",
    "content-length: 18446744073709551616\r\n",
    "transfer-encoding: chunked, identity\r\n",
    "transfer-encoding: xchunked\r\n",
    "transfer-encoding: chunked;\r\n",
    "transfer-encoding: Chunked\r\n",
    "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
    "transfer-encoding : chunked\r\n",
    "transfer-encoding:\x0bchunked\r\n",
    "content-length: 5\r\n folded: 1\r\n",
    "x: 1\0\r\ncontent-length: 5\r\n",
    "x: 1\rcontent-length: 5\r\n",
    "x: 1\ncontent-length: 5\r\n",
    "content-length : 5\r\n",
    ": 5\r\n",
    "content-l\xe9ngth: 5\r\n",
]
HEADS = [
    ("no host", "GET http://good.kars.example/ HTTP/1.1\r\n\r\n"),
    ("two hosts", "GET http://good.kars.example/ HTTP/1.1\r\nhost: good.kars.example\r\nhost: good.kars.example\r\n\r\n"),
    ("its host by address of a user", "GET http://a@good.kars.example/ HTTP/1.1\r\nhost: good.kars.example\r\n\r\n"),
    ("only a path", "GET / HTTP/1.1\r\nhost: good.kars.example\r\n\r\n"),
    ("a star", "OPTIONS * HTTP/1.1\r\nhost: good.kars.example\r\n\r\n"),
    ("an authority", "GET good.kars.example:80 HTTP/1.1\r\nhost: good.kars.example\r\n\r\n"),
    ("https", "GET https://good.kars.example/ HTTP/1.1\r\nhost: good.kars.example\r\n\r\n"),
    ("ftp", "GET ftp://good.kars.example/ HTTP/1.1\r\nhost: good.kars.example\r\n\r\n"),
    ("a port in words", "GET http://good.kars.example:http/ HTTP/1.1\r\nhost: good.kars.example\r\n\r\n"),
    ("two spaces", "GET  http://good.kars.example/ HTTP/1.1\r\nhost: good.kars.example\r\n\r\n"),
    ("no version", "GET http://good.kars.example/\r\nhost: good.kars.example\r\n\r\n"),
    ("version 2", "GET http://good.kars.example/ HTTP/2.0\r\nhost: good.kars.example\r\n\r\n"),
    ("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ("a blank first", "\r\n" * 1000 + "GET http://good.kars.example/ HTTP/1.1\r\nhost: good.kars.example\r\n\r\n"),
    ("lines without return", "GET http://good.kars.example/ HTTP/1.1\nhost: good.kars.example\n\n"),
    ("HTTP/1.0 and chunks", "POST http://good.kars.example/ HTTP/1.0\r\nhost: good.kars.example\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
]


def run(world):
    router = world.router("http", world.document(limits={"headerSeconds": 3, "tunnelIdleSeconds": 3}))
    allowed(world, router)
    each_for_itself(world, router)
    framing(world, router)
    sizes(world, router)
    lasting(world)


def allowed(world, router):
    answer = pod.forward(router, f"{GOOD}x?y=1", headers="proxy-authorization: Basic x\r\nx-mine: 1\r\nx-hop: 1\r\nconnection: x-hop, host\r\nte: trailers\r\nupgrade: h2c\r\nexpect: 100-continue\r\n")
    world.check("a request is served", (pod.status(answer), answer[-5:]), (200, b"hello"))
    world.check("headers of the host's connection stay there", b"x-hop" in answer.lower(), False)
    head = of(world.log.new(), "request")[0]["head"].lower()
    world.check("its path alone is sent", head.split("\r\n")[0], "get /x?y=1 http/1.1")
    for name, there in [("proxy-", False), ("x-hop", False), ("upgrade", False), ("te:", False), ("expect", False), ("x-mine: 1", True), ("host: good.kars.example\r\n", True)]:
        world.check(f"`{name}` is sent", name in head, there)
    for method, body in [("POST", b"hello"), ("PUT", b""), ("PATCH", b"x" * 200_000), ("DELETE", b"")]:
        answer = pod.forward(router, GOOD, method=method, headers=f"content-length: {len(body)}\r\n", body=body)
        world.check(f"{method} with {len(body)} bytes", pod.status(answer), 200)
    head = pod.forward(router, GOOD, method="HEAD")
    world.check("HEAD has a length and no body", (pod.status(head), b"content-length: 5" in head.lower(), head[-4:]), (200, True, b"\r\n\r\n"))
    chunks = b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
    world.check("chunks", pod.status(pod.forward(router, GOOD, method="POST", headers="transfer-encoding: chunked\r\n", body=chunks)), 200)
    bodies = [event["body"] for event in of(world.log.new(), "request")]
    world.check("bodies arrive whole", [len(body) for body in bodies], [5, 0, 200_000, 0, 0, 11])
    text = "GET http://good.kars.example/ HTTP/1.1\r\nhost: denied.example\r\nconnection: close\r\n\r\n"
    world.check("the URL wins over the header", pod.status(pod.raw(router, text.encode())), 200)
    world.check("which is written anew", "host: good.kars.example\r\n" in of(world.log.new(), "request")[0]["head"], True)
    big = pod.forward(router, f"{GOOD}big")
    world.check("64 MiB are passed on", len(big) > 64 << 20, True)
    world.check("without keeping them", router.memory() < 60, True)
    world.log.new()


def each_for_itself(world, router):
    client = pod.connect(router.proxy)
    hosts = ["good.kars.example", "other.kars.example", "good.kars.example"]
    for host in hosts:
        world.check(f"{host} on a connection that is kept", pod.status(pod.forward(router, f"http://{host}/", client)), 200)
    arrived = [event["to"] for event in of(world.log.new(), "request")]
    world.check("each goes to its own host", arrived, ["1.2.3.4", "1.2.3.5", "1.2.3.4"])
    empty = pod.forward(router, GOOD, client, method="POST", headers="content-length: 0\r\n")
    again = pod.forward(router, GOOD, client)
    world.check("a body of no bytes ends at once", (pod.status(empty), pod.status(again)), (200, 200))
    world.log.new()
    world.check("another host after them is refused", pod.status(pod.forward(router, "http://denied.example/", client)), 403)
    world.check("and the connection closed", client.recv(1), b"")
    client = pod.connect(router.proxy)
    one = "GET http://{}/ HTTP/1.1\r\nhost: {}\r\n\r\n"
    client.sendall("".join(one.format(host, host) for host in ("good.kars.example", "denied.example", "other.kars.example")).encode())
    answers = pod.read_all(client)
    world.check("of three at once the first is served, the second refused", [answers.count(b"200 OK"), answers.count(b"403 ")], [1, 1])
    world.check("and the third not read", [event["to"] for event in of(world.log.new(), "request")], ["1.2.3.4"])
    client = pod.connect(router.proxy)
    pod.forward(router, GOOD, client)
    client.sendall(b"CONNECT good.kars.example:80 HTTP/1.1\r\nhost: good.kars.example:80\r\n\r\n")
    world.check("a tunnel takes a connection of its own", pod.status(pod.answer(client)), 400)
    client = pod.connect(router.proxy)
    client.sendall(b"CONNECT denied.example:443 HTTP/1.1\r\nhost: a\r\n\r\nGET http://good.kars.example/ HTTP/1.1\r\nhost: good.kars.example\r\n\r\n")
    world.check("nothing is served behind a refused tunnel", pod.read_all(client).count(b"HTTP/1.1"), 1)
    client = pod.connect(router.proxy)
    pod.forward(router, GOOD, client)
    for headers in FRAMING[:2]:
        second = pod.connect(router.proxy)
        pod.forward(router, GOOD, second)
        world.log.new()
        second.sendall(f"POST {GOOD} HTTP/1.1\r\nhost: good.kars.example\r\n{headers}\r\n0\r\n\r\n".encode())
        world.check(f"doubtful framing in a second request: {headers!r}", pod.status(pod.answer(second)), 400)
        world.check("does not arrive", of(world.log.new(), "request"), [])
    world.log.new()


def framing(world, router):
    for headers in FRAMING:
        text = f"POST {GOOD} HTTP/1.1\r\nhost: good.kars.example\r\n{headers}\r\n0\r\n\r\n".encode("latin-1")
        world.check(f"doubtful framing: {headers!r}", pod.status(pod.raw(router, text)), 400)
    for name, text in HEADS:
        world.check(f"a head with {name}", pod.status(pod.raw(router, text.encode())), 400)
    for text, code in [("GET http://169.254.169.254/latest HTTP/1.1", 403), ("GET http://2130706433/ HTTP/1.1", 403), ("GET http://[::1]:9090/ HTTP/1.1", 403)]:
        world.check(f"{text}", pod.status(pod.raw(router, f"{text}\r\nhost: a\r\n\r\n".encode())), code)
    for data in (b"\x05\x01\x00", b"\x04\x01\x00\x50\x01\x02\x03\x04\0", b"\x80\x2e\x01\x03\x01", b"\0" * 50, b"USER a\r\n\r\n"):
        world.check(f"another protocol {data[:5]!r}", pod.status(pod.raw(router, data)), 400)
    world.quiet("doubtful requests")
    for chunk in ("0x5\r\nhello\r\n0\r\n\r\n", "ffffffffffffffffff\r\n", "-5\r\nhello\r\n", "5\nhello\n0\n\n", "5 hello\r\n", "5\r\nhello!!\r\n0\r\n\r\n"):
        answer = pod.raw(router, f"POST {GOOD} HTTP/1.1\r\nhost: good.kars.example\r\ntransfer-encoding: chunked\r\n\r\n{chunk}".encode())
        world.check(f"wrong chunk {chunk[:8]!r}", pod.status(answer) in (0, 400, 502), True)
    world.check("no request with a wrong chunk arrives whole", of(world.log.new(0.4), "request"), [])
    world.check("the next one is served", pod.status(pod.forward(router, GOOD)), 200)
    world.log.new()


def sizes(world, router):
    request = f"GET {GOOD} HTTP/1.1\r\nhost: good.kars.example\r\n"
    for name, text, code in [
        ("8 KiB of headers", request + f"x: {'a' * 8192}\r\n\r\n", 200),
        ("17 KiB of headers", request + f"x: {'a' * 17000}\r\n\r\n", 431),
        ("64 KiB of headers", request + f"x: {'a' * 65536}\r\n\r\n", 431),
        ("1,000 headers", request + "x: 1\r\n" * 1000 + "\r\n", 431),
        ("a line of 64 KiB", f"GET {GOOD}{'a' * 65536} HTTP/1.1\r\nhost: a\r\n\r\n", 431),
        ("a tunnel's head of 9 KiB", f"CONNECT good.kars.example:80 HTTP/1.1\r\nhost: a\r\nx: {'a' * 9000}\r\n\r\n", 400),
    ]:
        last = "connection: close\r\n\r\n" if code == 200 else "\r\n"
        world.check(name, pod.status(pod.raw(router, text.removesuffix("\r\n").encode() + last.encode())), code)
    world.log.new()


def lasting(world):
    document = world.document(limits={"tunnelIdleSeconds": 3})
    router = world.router("lasting", document)
    client = pod.connect(router.proxy, 20)
    client.sendall(b"GET http://other.kars.example/slow HTTP/1.1\r\nhost: other.kars.example\r\n\r\n")
    client.recv(300)
    document["egress"] = [rule for rule in document["egress"] if rule["host"] != "other.kars.example"]
    router.write(document)
    began = time.monotonic()
    pod.read_all(client)
    world.check("an answer that is no longer allowed is cut", time.monotonic() - began < 5, True)
    client.close()
    client = pod.connect(router.proxy, 20)
    client.sendall(f"POST {GOOD} HTTP/1.1\r\nhost: good.kars.example\r\ncontent-length: 100\r\n\r\nhalf".encode())
    began = time.monotonic()
    pod.read_all(client)
    world.check("a body that never comes is not waited for", 1 < time.monotonic() - began < 8, True)
    client.close()
    world.log.new()
