"""Hundreds of mebibytes each way and bombs: what passes is not kept, and what is cut is cut while it comes."""

import pod
from pod import of

SIZE = 300 << 20
# Mebibytes that the router's memory may grow by.
FLAT = 32


def run(world):
    document = world.document()
    document["egress"].append(world.rule(990, "bulk.kars.example", [11, 12, 80]))
    router = world.router("bulk", document)
    pod.forward(router, "http://bulk.kars.example/")
    for name, moved in (("up a tunnel", up_a_tunnel), ("down a tunnel", down_a_tunnel), ("up in a request", up), ("down in an answer", down)):
        before, counted = router.memory(), router.metric("kars_router_egress_bytes_total")
        world.check(f"{name}: all of it arrives", moved(router), SIZE)
        peak = router.peak()
        world.check(f"{name}: memory is flat, {before} to {peak} MiB", peak - before < FLAT, True)
        world.check(f"{name}: it is counted", moved_since(router, counted), True)
    arrived = [event["bytes"] for event in of(world.log.new(0.3), "sunk")]
    world.check("the host has all that went up", arrived, [SIZE, SIZE])
    bombs(world, router)
    world.log.new()


def moved_since(router, counted):
    """Whether all of it is in the metrics: a tunnel that ends is counted after its client has seen the end."""
    return pod.soon(lambda: router.metric("kars_router_egress_bytes_total") - counted >= SIZE)


def swallow(client, size=None):
    """How many bytes come until the end, or until so many have."""
    found, buffer = 0, bytearray(1 << 20)
    while (size is None or found < size) and (length := client.recv_into(buffer)):
        found += length
    return found


def push(client):
    block = bytes(1 << 20)
    for _ in range(SIZE >> 20):
        client.sendall(block)


def up_a_tunnel(router):
    _, client = pod.tunnel(router, "bulk.kars.example:11", timeout=60)
    with client:
        push(client)
        client.shutdown(pod.socket.SHUT_WR)
        return int(pod.read_all(client))


def down_a_tunnel(router):
    _, client = pod.tunnel(router, "bulk.kars.example:12", timeout=60)
    with client:
        return swallow(client)


def up(router):
    with pod.connect(router.proxy, 60) as client:
        head = f"POST http://bulk.kars.example/sink HTTP/1.1\r\nhost: bulk.kars.example\r\ncontent-length: {SIZE}\r\n\r\n"
        client.sendall(head.encode())
        push(client)
        return int(pod.answer(client).rpartition(b"\r\n\r\n")[2])


def down(router):
    with pod.connect(router.proxy, 60) as client:
        client.sendall(b"GET http://bulk.kars.example/huge HTTP/1.1\r\nhost: bulk.kars.example\r\n\r\n")
        world_head = pod.read_head(client)
        return swallow(client, SIZE) if pod.status(world_head) == 200 else 0


def bombs(world, router):
    """A gibibyte of zeros is a mebibyte as gzip; three are more than is read."""
    before = router.memory()
    code, reply = pod.fetch(router, "http://bulk.kars.example/bomb/1")
    world.check("a bomb passes as it is", (code, reply["status"], reply["headers"]["content-encoding"]), (200, 200, "gzip"))
    world.check("and no larger", len(reply["body"]) < 2 << 20, True)
    code, reply = pod.fetch(router, "http://bulk.kars.example/bomb/30")
    world.check("a larger one does not", (code, reply["error"]["code"]), (502, "egress.too_large"))
    sent = [event["bytes"] for event in of(world.log.new(0.5), "bomb")]
    world.check(f"and is cut while it comes: {sent}", 0 < sent[-1] < 20 << 20, True)
    peak = router.peak()
    world.check(f"bombs: nothing is unpacked, {before} to {peak} MiB", peak - before < FLAT, True)
