"""A router with few files, and tunnels that would take them all: some are turned away, those that stand carry bytes, probes answer."""

import os
import threading
import time
import urllib.request

import pod

FILES = 256
CROWD = 150


def run(world):
    binary = f"{world.folder}/few-files"
    with open(binary, "w", encoding="utf-8") as script:
        script.write(f'#!/bin/sh\nulimit -n {FILES} && exec "{world.binary}"\n')
    os.chmod(binary, 0o755)
    document = world.document()
    document["egress"].append(world.rule(990, "bulk.kars.example", [12]))
    router = pod.Router(binary, world.folder, document, "few-files")
    world.routers.append(router)
    opened = [pod.tunnel(router, "bulk.kars.example:12", timeout=20) for _ in range(CROWD)]
    standing = [client for code, client in opened if code == 200]
    away = [answer for code, answer in opened if code != 200]
    world.check(f"some tunnels stand: {len(standing)}", 25 <= len(standing) < FILES * 2 // 5, True)
    # Whoever is turned away may find the connection broken before it has read why.
    world.check("the others are turned away", [a for a in away if pod.status(a) != 503 and b"Error" not in a and a], [])
    carried = []
    threads = [threading.Thread(target=lambda client=client: carried.append(carry(client))) for client in standing]
    for thread in threads:
        thread.start()
    slowest = 0.0
    while any(thread.is_alive() for thread in threads):
        began = time.monotonic()
        for path in ("livez", "metrics"):
            with urllib.request.urlopen(f"http://127.0.0.1:{router.admin[1]}/{path}", timeout=10) as response:
                world.check(f"/{path} meanwhile", response.status, 200)
        slowest = max(slowest, time.monotonic() - began)
        open_files = len(os.listdir(f"/proc/{router.process.pid}/fd"))
        world.check(f"files are left: {open_files}", open_files < FILES * 4 // 5, True)
        time.sleep(0.3)
    world.check(f"no probe took {slowest:.2f} s", slowest < 5, True)
    world.check("every tunnel that stands carries what it should", set(carried), {8 << 20})
    for client in standing:
        client.close()
    until, found = time.monotonic() + 20, 0
    while found != 200 and time.monotonic() < until:
        time.sleep(0.1)
        found, client = pod.tunnel(router, "bulk.kars.example:12")
    world.check("the next one is served", found, 200)
    client.close()
    world.log.new(0.5)


def carry(client):
    """Bytes that come of the first eight mebibytes."""
    return len(pod.exactly(client, 8 << 20))
