"""Ten thousand clients that say half a sentence: memory stays flat, the other listeners answer, and the next client is served."""

import resource
import time
import urllib.request

import pod

CROWD = 10_000
# Mebibytes that a crowd may cost; the listener holds 1,024 of it at once, and the rest nowhere.
FLAT = 64


def run(world):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    router = world.router("crowd", world.document(limits={"headerSeconds": 4}))
    pod.forward(router, "http://good.kars.example/")
    for name, address, half in (("the proxy", router.proxy, b"GET http://good"), ("the agent API", router.api, b"POST /agt/eva")):
        crowded(world, router, name, address, half)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def crowded(world, router, name, address, half):
    before = router.memory()
    crowd, highest, slowest = [], before, 0.0
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 500
    for number in range(CROWD):
        client = pod.connect(address)
        try:
            client.sendall(half)
        except ConnectionError:
            pass
        # All stay as long as this machine allows; the router holds 1,024 of them and has turned the others away.
        crowd.append(client) if number < most else client.close()
        if number % 1_000 == 999:
            highest = max(highest, router.memory())
            began = time.monotonic()
            world.check(f"{name}: probes while {number + 1} wait", alive(router), 200)
            slowest = max(slowest, time.monotonic() - began)
    world.check(f"{name}: memory is flat, {before} to {highest} MiB", highest - before < FLAT, True)
    world.check(f"{name}: no probe took {slowest:.2f} s", slowest < 1, True)
    until = time.monotonic() + 20
    served = 0
    while served != 200 and time.monotonic() < until:
        time.sleep(0.25)
        served = pod.status(pod.forward(router, "http://good.kars.example/")) if name == "the proxy" else asked(router)
    world.check(f"{name}: whoever comes after them is served", served, 200)
    for client in crowd:
        client.close()
    world.log.new(0.3)


def alive(router):
    with urllib.request.urlopen(f"http://127.0.0.1:{router.admin[1]}/livez", timeout=10) as response:
        return response.status


def asked(router):
    request = urllib.request.Request(f"http://127.0.0.1:{router.api[1]}/agt/evaluate", data=b'{"tool": "hermes.file.none", "args": {}}')
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status
    except OSError as error:
        return getattr(error, "code", 0)
