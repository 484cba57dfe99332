"""A document that changes under two hundred tunnels and two hundred requests: what it takes away ends, and nothing else does."""

import json
import select
import threading
import time
import urllib.error
import urllib.request

import pod

EACH = 100
KEPT, GONE = "good.kars.example", "other.kars.example"


def run(world):
    probed(world)
    document = world.document()
    router = world.router("reload", document)
    tunnels = {host: [pod.tunnel(router, f"{host}:{port}")[1] for _ in range(EACH)] for host, port in ((KEPT, 25), (GONE, 80))}
    answers = {host: [asked(router, host) for _ in range(EACH)] for host in (KEPT, GONE)}
    world.check("two hundred tunnels stand", router.metric("kars_router_tunnels"), 2 * EACH)
    seen, over = {KEPT: [], GONE: []}, threading.Event()
    threads = [threading.Thread(target=ask_on, args=(router, host, seen[host], over)) for host in (KEPT, GONE) for _ in range(5)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    world.check("all of it goes on before", ended(tunnels[KEPT] + tunnels[GONE] + answers[KEPT] + answers[GONE], 0.5), 0)
    document["egress"] = [rule for rule in document["egress"] if rule["host"] != GONE]
    router.write(document)
    began = time.monotonic()
    world.check("tunnels and answers of a host that is gone end", ended(tunnels[GONE] + answers[GONE], 8, 2 * EACH), 2 * EACH)
    took = time.monotonic() - began
    world.check(f"within five seconds: {took:.1f}", took < 5.5, True)
    world.check("those of a host that is kept go on", ended(tunnels[KEPT] + answers[KEPT], 1), 0)
    tunnels[KEPT][0].sendall(b"x")
    world.check("and carry bytes", b"250 x" in tunnels[KEPT][0].recv(100), True)
    over.set()
    for thread in threads:
        thread.join(20)
    world.check("no request to the host that is kept fails", [status for each in seen[KEPT] for status in each if status != 200], [])
    for each in seen[GONE]:
        world.check(f"a request sees one document: {each[-3:]}", each, sorted(each))
        world.check("first it is allowed, then refused", set(each), {200, 403})
    world.check("somebody asked", (len(seen[KEPT]), len(seen[GONE])), (5, 5))
    for client in [*tunnels[KEPT], *tunnels[GONE], *answers[KEPT], *answers[GONE]]:
        client.close()
    world.log.new(0.5)


def probed(world):
    """The router asks itself for what each document refuses, and nothing of that leaves the pod."""
    document = world.document()
    # A model without its credential would be another reason not to be ready.
    del document["inference"]
    world.log.new(0.5)
    router = pod.Router(world.binary, world.folder, document, "probed")
    world.routers.append(router)
    learning = document | {"learn": {"id": "agents.a.learn", "until": "9999-01-01T00:00:00Z"}}
    listed = document | {"egress": [world.rule(0, "kars-probe.invalid", [443])]}
    for generation, next_document in enumerate((None, learning, listed, document), 1):
        if next_document:
            router.write(next_document)
        until = time.monotonic() + 10
        while (state := readiness(router))[1].get("generation") != generation and time.monotonic() < until:
            time.sleep(0.1)
        world.check(f"document {generation} is enforced", (state[0], state[1].get("enforced")), (200, True))
        world.quiet(f"the probe of document {generation}")
    lines = [json.loads(line) for line in router.audit().splitlines()]
    probes = [line["what"] for line in lines if line.get("kind") == "connect"]
    name, address = "kars-probe.invalid:443", "192.0.2.1:443"
    world.check("each was refused by its own listener", probes, [name, address, address, name])


def readiness(router):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{router.admin[1]}/readyz", timeout=10) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def asked(router, host):
    """A client of an answer that takes half a minute."""
    client = pod.connect(router.proxy)
    client.sendall(f"GET http://{host}/slow HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())
    assert pod.status(pod.read_head(client)) == 200
    return client


def ask_on(router, host, seen, over):
    """The statuses of one request after the other, each on a connection of its own."""
    mine = []
    seen.append(mine)
    while not over.is_set():
        mine.append(pod.status(pod.forward(router, f"http://{host}/")))


def ended(clients, within, enough=None):
    """How many of the clients are hung up on in that time."""
    left, until = set(clients), time.monotonic() + within
    while time.monotonic() < until and len(clients) - len(left) != enough:
        for client in select.select(list(left), [], [], 0.1)[0] if left else []:
            try:
                data = client.recv(65536)
            except ConnectionError:
                data = b""
            if not data:
                left.discard(client)
    return len(clients) - len(left)
