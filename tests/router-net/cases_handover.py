"""The documents of every example as they were compiled: each host that they list is reached, by every way, and no other."""

import glob
import json
import os

import outside
import pod
from pod import of

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def documents():
    """Documents of the development cluster, by example and agent."""
    for path in sorted(glob.glob(f"{ROOT}/tests/golden/*/kind/documents/*.router.json")):
        with open(path, encoding="utf-8") as file:
            yield "-".join(path.removeprefix(f"{ROOT}/tests/golden/").removesuffix(".router.json").split("/")[::3]), json.load(file)


def hosts(document):
    return [(rule["id"], rule["host"].replace("**.", "*.").replace("*.", "one."), rule["ports"]) for rule in document["egress"]]


def run(world):
    served = 0
    for name, document in documents():
        if document["egress"]:
            router = world.router(f"handover-{name}", document)
            for rule, host, ports in hosts(document):
                for port in ports:
                    reached(world, router, name, host, port)
                refused(world, router, name, rule, host)
            served += 1
    world.check("documents with hosts", served >= 7, True)


def reached(world, router, name, host, port):
    code, client = pod.tunnel(router, f"{host}:{port}")
    world.check(f"{name}: a tunnel to {host}:{port}", code, 200)
    client.sendall(pod.client_hello(host))
    world.check(f"{name}: which {host} answers", client.recv(1), b"\x16")
    client.close()
    events = world.log.new()
    world.check(f"{name}: it arrived", [(event["to"], event["port"]) for event in of(events, "connection")], [("1.2.3.4", port)])
    code, addresses = pod.resolve(router, host)
    world.check(f"{name}: the name {host}", (code, [address for address, _ in addresses]), (0, ["1.2.3.4"]))
    # Where its certificate is for another name, the fetch ends after the handshake that it began.
    code, reply = pod.fetch(router, f"https://{host}:{port}/")
    ended = None if host in outside.CERTIFIED else "egress.unreachable"
    world.check(f"{name}: a fetch of {host}", reply.get("error", {}).get("code"), ended)
    world.check(f"{name}: arrived, too", [event["port"] for event in of(world.log.new(), "connection")], [port])


def refused(world, router, name, rule, host):
    code, answer = pod.tunnel(router, f"{host}:8080")
    detail = json.loads(answer.partition(b"\r\n\r\n")[2])["error"]
    world.check(f"{name}: another port of {host}", (code, detail["rule"]), (403, rule))
    for other in (f"below.{host}.", f"x{host}", "unlisted.example.net"):
        if other.startswith("xone."):
            continue
        world.check(f"{name}: {other}", pod.tunnel(router, f"{other}:443")[0], 403)
        world.check(f"{name}: the name {other}", pod.resolve(router, other.rstrip("."))[0], 3)
    world.quiet(f"{name}: refused hosts")
