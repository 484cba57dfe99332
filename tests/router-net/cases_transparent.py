"""Connections that were redirected to the proxy, as the guard does: the host is in what is said, the port in what was meant."""

import pod
from pod import of


def run(world):
    router = world.router("transparent", world.document())
    port = router.proxy[1]
    rules = f"table ip kars_test {{\nchain outgoing {{\ntype nat hook output priority -100;\nip daddr {world.redirected} tcp dport {{ 80, 443 }} redirect to :{port}\n}}\n}}\n"
    world.command("nft", "-f", "-", input=rules)
    secure(world, router)
    plain(world)
    direct(world, router)


def secure(world, router):
    with pod.secure(pod.connect(("5.6.7.8", 443)), world.folder, "good.kars.example") as client:
        client.sendall(b"GET / HTTP/1.1\r\nhost: good.kars.example\r\n\r\n")
        world.check("a program that knows no proxy is served", pod.answer(client)[-5:], b"hello")
    events = world.log.new()
    world.check("the name decides where it goes", [(event["name"], event["to"]) for event in of(events, "handshake")], [("good.kars.example", "1.2.3.4")])
    hello = pod.client_hello("good.kars.example")
    for size in (1, 7):
        client = pod.connect(("5.6.7.8", 443))
        for place in range(0, len(hello), size):
            client.sendall(hello[place : place + size])
        world.check(f"a handshake in pieces of {size}", client.recv(1), b"\x16")
        client.close()
    world.log.new()
    for name, flight in [
        ("a name that is denied", pod.client_hello("denied.example")),
        ("a name below", pod.client_hello("sub.good.kars.example")),
        ("a forbidden address", pod.client_hello("special-0.kars.example")),
        ("no name", pod.client_hello(None)),
        ("garbage", b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"),
        ("an empty record", b"\x16\x03\x01\x00\x00"),
        ("a record that is too long", b"\x16\x03\x01\xff\xff" + bytes(200)),
        ("another version", b"\x16\x02\x00\x00\x10" + bytes(16)),
    ]:
        with pod.connect(("5.6.7.8", 443)) as client:
            client.sendall(flight)
            found = pod.read_all(client)
            world.check(f"{name}: a fatal alert", (found[:1], found[5:6]), (b"\x15", b"\x02"))
    with pod.connect(("5.6.7.8", 80)) as client:
        client.sendall(pod.client_hello("one.wild.example"))
        events = world.log.new()
    world.check("the port that was meant counts", [event["port"] for event in of(events, "connection")], [80])
    refused = router.metric("kars_router_decisions_total", kind="transparent-tls", outcome="host-not-listed")
    world.check("refusals are counted", refused, 2)


def plain(world):
    def ask(text):
        with pod.connect(("5.6.7.8", 80)) as client:
            client.sendall(text.encode())
            return pod.answer(client)

    answer = ask("GET /x HTTP/1.1\r\nhost: good.kars.example\r\n\r\n")
    world.check("a plain request is served by its host", (pod.status(answer), answer[-5:]), (200, b"hello"))
    world.check("with its port", pod.status(ask("GET /x HTTP/1.1\r\nhost: good.kars.example:80\r\n\r\n")), 200)
    world.check("by its URL", pod.status(ask("GET http://good.kars.example/x HTTP/1.1\r\nhost: other\r\n\r\n")), 200)
    world.check("they arrived", len(of(world.log.new(), "request")), 3)
    for name, text, code in [
        ("another port than was meant", "GET / HTTP/1.1\r\nhost: good.kars.example:443\r\n\r\n", 400),
        ("a host that is denied", "GET / HTTP/1.1\r\nhost: denied.example\r\n\r\n", 403),
        ("an address", "GET / HTTP/1.1\r\nhost: 1.2.3.4\r\n\r\n", 403),
        ("no host", "GET / HTTP/1.1\r\n\r\n", 400),
        ("two hosts", "GET / HTTP/1.1\r\nhost: good.kars.example\r\nhost: denied.example\r\n\r\n", 400),
        ("a list of hosts", "GET / HTTP/1.1\r\nhost: good.kars.example,denied.example\r\n\r\n", 400),
        ("an empty host", "GET / HTTP/1.1\r\nhost: \r\n\r\n", 400),
        ("HTTP/1.0 without a host", "GET / HTTP/1.0\r\n\r\n", 400),
        ("no path", "OPTIONS * HTTP/1.1\r\nhost: good.kars.example\r\n\r\n", 400),
    ]:
        world.check(f"a plain request with {name}", pod.status(ask(text)), code)
    world.quiet("refused plain requests")


def direct(world, router):
    """A handshake that was sent to the proxy itself has no other port than that of TLS."""
    client = pod.connect(router.proxy)
    with pod.secure(client, world.folder, "good.kars.example") as secure_client:
        secure_client.sendall(b"GET / HTTP/1.1\r\nhost: good.kars.example\r\n\r\n")
        world.check("a handshake to the proxy itself", pod.answer(secure_client)[-5:], b"hello")
    world.check("goes to 443", [event["port"] for event in of(world.log.new(), "handshake")], [443])
    with pod.connect(router.proxy) as client:
        client.sendall(b"GET / HTTP/1.1\r\nhost: good.kars.example\r\n\r\n")
        world.check("a plain request that names no host to the proxy", pod.status(pod.answer(client)), 400)
    world.quiet("a request in another form")
