"""Names and addresses: what a name may lead to, and what the responder says of it."""

import json
import socket
import time

import outside
import pod
from pod import of


def run(world):
    router = world.router("names", world.document(limits={"dnsSeconds": 2, "connectSeconds": 3}))
    special(world, router)
    chains(world, router)
    rebinding(world, router)
    responder(world, router)
    six(world)
    learning(world)


def special(world, router):
    reached = 0
    for place, address in enumerate(outside.SPECIAL):
        if address.startswith(("0.", "127.", "22", "23", "24", "25")):
            continue
        with pod.connect((address, 80)):
            reached += 1
    world.check("control: without the router these addresses answer", (reached, len(of(world.log.new(), "connection"))), (reached, reached))
    world.check("control: enough of them", reached >= 15, True)
    for place, address in enumerate(outside.SPECIAL):
        name = f"special-{place}.kars.example"
        code, answer = pod.tunnel(router, f"{name}:80")
        world.check(f"tunnel to {address} by name", (code, b"egress.special_use" in answer), (403, True))
        world.check(f"plain request to {address} by name", pod.status(pod.forward(router, f"http://{name}/")), 403)
        code, reply = pod.fetch(router, f"http://{name}/")
        world.check(f"fetch of {address} by name", (code, reply["error"]["code"]), (403, "egress.special_use"))
        world.check(f"{address} names its rule", reply["error"].get("rule", "").startswith("egress["), True)
        world.check(f"question for {address}", pod.resolve(router, name), (3, []))
        for url in (f"http://{address}/", f"http://{address}:80/"):
            world.check(f"fetch of {url}", pod.fetch(router, url)[1]["error"]["code"], "egress.special_use")
    events = world.log.new()
    world.check("no forbidden address was connected to", of(events, "connection"), [])
    world.check("they are counted", router.metric("kars_router_decisions_total", outcome="egress.special_use") >= 4 * len(outside.SPECIAL), True)
    world.check("and audited", router.audit().count("egress.special_use") >= 4 * len(outside.SPECIAL), True)
    for place, address in enumerate(outside.EDGES):
        answer = pod.forward(router, f"http://edge-{place}.kars.example/")
        world.check(f"the address beside, {address}, is reached", (pod.status(answer), answer[-5:]), (200, b"hello"))
    arrived = {event["to"] for event in of(world.log.new(), "request")}
    world.check("the addresses beside were connected to", arrived, set(outside.EDGES))


def chains(world, router):
    for name in ("mixed-first", "mixed-last", "alias", "self"):
        host = f"{name}.kars.example"
        code, answer = pod.tunnel(router, f"{host}:80")
        world.check(f"{name}: any forbidden address condemns", (code, b"egress.special_use" in answer), (403, True))
        world.check(f"{name}: by the fetch API", pod.fetch(router, f"http://{host}/")[0], 403)
        world.check(f"{name}: by a question", pod.resolve(router, host), (3, []))
    code, answer = pod.tunnel(router, "many.kars.example:80")
    world.check("too many answers", (code, b"egress.unresolved" in answer), (502, True))
    code, answer = pod.tunnel(router, "mute.kars.example:80")
    world.check("a resolver that is silent", (code, b"egress.unresolved" in answer), (502, True))
    code, answer = pod.tunnel(router, "gone.kars.example:80")
    world.check("a name without an address", (code, b"egress.unresolved" in answer), (502, True))
    world.check("a question for it", pod.resolve(router, "gone.kars.example"), (3, []))
    events = world.log.new()
    asked = [event["name"] for event in of(events, "dns")]
    world.check("that it has none is not kept", asked.count("gone.kars.example"), 2)
    world.check("none of them was connected to", of(events, "connection"), [])


def rebinding(world, router):
    before = len(of(world.log.new(), "dns"))
    codes = [pod.status(pod.forward(router, "http://rebind.kars.example/")) for _ in range(100)]
    codes += [pod.fetch(router, "http://rebind.kars.example/")[0] for _ in range(100)]
    events = world.log.new()
    world.check("a name that changes its mind is vetted each time", (codes.count(200), codes.count(403)), (100, 100))
    world.check("one lookup for each decision", len(of(events, "dns")) - before * 0, 200)
    world.check("what is connected to is what was vetted", {event["to"] for event in of(events, "connection")}, {outside.PUBLIC})


def responder(world, router):
    for tcp in (False, True):
        code, addresses = pod.resolve(router, "other.kars.example", tcp=tcp)
        world.check(f"a name that is allowed, tcp {tcp}", (code, [address for address, _ in addresses]), (0, [outside.OTHER]))
        world.check("kept no longer than it says", all(0 < ttl <= 30 for _, ttl in addresses), True)
        world.check("upper case is the same name", pod.resolve(router, "Other.KARS.example", tcp=tcp)[0], 0)
    world.check("one lookup for all of them", len(of(world.log.new(), "dns")), 1)
    world.check("then a connection needs none", pod.status(pod.forward(router, "http://other.kars.example/")), 200)
    world.check("indeed", of(world.log.new(), "dns"), [])
    for name, kind, code in [
        ("denied.example", 1, 3),
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.evil.example", 1, 3),
        ("ended.kars.example", 1, 3),
        ("wild.example", 1, 3),
        ("deep.sub.wild.example", 1, 3),
        ("kubernetes.default.svc.cluster.local", 1, 3),
        ("localhost", 1, 3),
        ("4.3.2.1.in-addr.arpa", 12, 3),
        ("other.kars.example", 28, 0),
        ("other.kars.example", 65, 0),
        ("other.kars.example", 16, 0),
        ("other.kars.example", 255, 5),
        ("other.kars.example", 252, 5),
    ]:
        world.check(f"question for {name}, kind {kind}", pod.resolve(router, name, kind), (code, []))
    world.check("another class", pod.resolve(router, "other.kars.example", klass=3), (5, []))
    world.quiet("refused questions")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.5)
        for packet in (b"", b"\0", b"x" * 12, b"\0\7\1\0\0\2" + b"\0" * 6, b"\0\7\x81\0" + b"\0" * 8, b"\xff" * 600):
            client.sendto(packet, router.dns)
            try:
                world.check(f"garbage {packet[:8]!r} is no answer", client.recv(600)[3] & 15 in (1, 4), True)
            except TimeoutError:
                world.check("garbage without an answer", len(packet) < 12 or packet[2] & 0x80 != 0, True)
    world.check("it still answers", pod.resolve(router, "other.kars.example")[0], 0)
    world.log.new()


def six(world):
    document = world.document(guard={"ipFamilies": ["IPv4", "IPv6"]})
    router = world.router("six", document)
    answer = pod.forward(router, "http://six.kars.example/")
    world.check("a host of version 6 is reached", (pod.status(answer), answer[-5:]), (200, b"hello"))
    world.check("and its name is answered", pod.resolve(router, "six.kars.example", 28)[1][0][0], outside.PUBLIC6)
    world.check("by version 6", [event["to"] for event in of(world.log.new(), "request")], [outside.PUBLIC6])
    for place, address in enumerate(outside.SPECIAL6):
        name = f"special6-{place}.kars.example"
        code, answer = pod.tunnel(router, f"{name}:80")
        world.check(f"tunnel to {address} by name", (code, b"egress.special_use" in answer), (403, True))
        code, reply = pod.fetch(router, f"http://[{address}]/")
        world.check(f"fetch of {address}", (code, reply["error"]["code"]), (403, "egress.special_use"))
    world.check("no forbidden address was connected to", of(world.log.new(), "connection"), [])


def learned(router):
    """What a learning window has written down so far, whole lines only."""
    with open(f"{router.folder}/state/decisions.jsonl", encoding="utf-8") as file:
        lines = [json.loads(line) for line in file if line.endswith("\n")]
    return [(line["host"], line["port"], line["allowed"], line["reason"]) for line in lines]


def learning(world):
    """A window of a dev document lets unlisted hosts through, and nothing that is special."""
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 4))
    router = world.router("learning", world.document(learn={"id": "learn", "until": until}))
    world.check("an unlisted host is let through", pod.status(pod.forward(router, "http://denied.example/")), 200)
    code, addresses = pod.resolve(router, "denied.example")
    world.check("and its name answered", (code, [address for address, _ in addresses]), (0, [outside.OTHER]))
    for target in ("inside.kars.example:80", "special-0.kars.example:8080", "169.254.169.254:80", "self.kars.example:8080"):
        code, answer = pod.tunnel(router, target)
        world.check(f"but not {target}", (code, b"egress.special_use" in answer), (403, True))
    audited = pod.soon(lambda: '"reason":"learning"' in router.audit().replace(" ", ""))
    world.check("what it let through is audited as such", audited, True)
    expected = ("denied.example", 80, True, "learning")
    pod.soon(lambda: expected in learned(router))
    world.check("and written down once, to suggest from", learned(router).count(expected), 1)
    code, client = pod.tunnel(router, "denied.example:80")
    client.settimeout(10)
    world.check("a tunnel ends with the window", (code, client.recv(1)), (200, b""))
    world.check("which is closed then", pod.status(pod.forward(router, "http://denied.example/")), 403)
    world.check("no forbidden address was connected to", {event["to"] for event in of(world.log.new(), "connection")}, {outside.OTHER})
