"""A disk without room, and one that cannot be written: nothing is allowed that leaves no trace, which is said everywhere, and it ends."""

import json
import os
import subprocess
import time
import urllib.error
import urllib.request

import pod


def run(world):
    folder = f"{world.folder}/router-disk/state"
    os.makedirs(folder)
    world.command("mount", "-t", "tmpfs", "-o", "size=512k", "none", folder)
    document = world.document()
    # A model without its credential would be another reason not to be ready.
    del document["inference"]
    router = world.router("disk", document)
    world.check("a host is reached", pod.status(pod.forward(router, "http://good.kars.example/")), 200)
    world.check("and the router is ready", page(router, "/readyz")[0], 200)
    fill(f"{folder}/ballast")
    until = time.monotonic() + 20
    found = 200
    # What is decided before the first line has failed is allowed; it is written once there is room.
    while found == 200 and time.monotonic() < until:
        found = pod.status(pod.forward(router, "http://good.kars.example/"))
    world.log.new(0.5)
    code, answer = pod.tunnel(router, "good.kars.example:25")
    world.check("without room nothing is allowed", (found, code, code != 200 and b"policy.unreachable" in answer), (503, 503, True))
    world.check("not even a fetch", pod.fetch(router, "http://good.kars.example/")[0], 503)
    world.quiet("while there is no room")
    code, state = page(router, "/readyz")
    world.check("the router is not ready", (code, json.loads(state)["problem"]), (503, "the audit log cannot be written"))
    world.check("but lives", page(router, "/livez")[0], 200)
    world.check("it is counted", router.metric("kars_router_audit_failures_total") > 0, True)
    world.check("and logged", router.logged("the audit log cannot be written"), True)
    os.remove(f"{folder}/ballast")
    until = time.monotonic() + 20
    while found != 200 and time.monotonic() < until:
        time.sleep(0.2)
        found = pod.status(pod.forward(router, "http://good.kars.example/"))
    world.check("with room it goes on", (found, page(router, "/readyz")[0]), (200, 200))
    read_only(world)
    world.log.new()


def fill(path):
    """Writes until the disk is full."""
    with open(path, "wb", buffering=0) as file:
        for size in (4096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                pass


def read_only(world):
    """A router whose folder of state cannot be written does not start."""
    folder = f"{world.folder}/router-read-only"
    os.makedirs(f"{folder}/state")
    world.command("mount", "-t", "tmpfs", "-o", "size=512k,ro", "none", f"{folder}/state")
    with open(f"{folder}/router.json", "w", encoding="utf-8") as file:
        json.dump(world.document(), file)
    settings = {"KARS_DOCUMENT": f"{folder}/router.json", "KARS_STATE_DIR": f"{folder}/state", "KARS_RESOLVER": "127.0.0.1:1"}
    listeners = {f"KARS_LISTEN_{kind}": "127.0.0.1:0" for kind in ("API", "PROXY", "DNS", "ADMIN")}
    ended = subprocess.run([world.binary], env=settings | listeners, capture_output=True, text=True, timeout=20, check=False)
    world.check(f"no state, no start: {ended.stderr[-200:]}", (ended.returncode, "the folder of state" in ended.stderr), (3, True))


def page(router, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{router.admin[1]}{path}", timeout=10) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
