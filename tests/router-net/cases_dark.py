"""Everything that the router depends on, dark in turn: whoever waits for it waits for a bounded time, and the rest goes on.

A peer that goes dark while nobody speaks is noticed after a minute and a half, which `begin` starts and `run` comes back for; one to which
bytes are under way after three quarters of a tunnel's idle time, or as long.
"""

import json
import os
import re
import select
import threading
import time
import urllib.error
import urllib.request

import pod

FLOOR = dict.fromkeys(("hate", "selfHarm", "sexual", "violence"), "medium") | {"promptShields": False}
# Seconds within which a silent peer must be noticed.
NOTICED = 90


def begin(world):
    """Opens two tunnels and lets the peer of one go dark."""
    world.dark = router = world.router("dark", world.document())
    lasting, dying = (pod.tunnel(router, "good.kars.example:25")[1] for _ in range(2))
    for client in (lasting, dying):
        client.recv(100)
    # The last connection to the host is that of the second tunnel.
    ports = [int(port) for port in re.findall(r"192\.168\.77\.2:(\d+) +1\.2\.3\.4:25\s", world.command("ss", "-tnH", "state", "established"))]
    world.check("two connections leave", len(ports), 2)
    timers = re.findall(r"timer:\(keepalive,([^,]+),0\)", world.command("ss", "-tnoH", "state", "established", "dst", "1.2.3.4", "dport", "=", "25"))
    world.check(f"both are kept alive: {timers}", [0 < seconds(timer) <= 60 for timer in timers], [True, True])
    dying.sendall(b"mine")
    told = dying.recv(100)
    darken(world, "dark", next(port for port in ports if sent_by(world, port)))
    world.check("both carry bytes before", told, b"250 mine")
    world.went_dark = time.monotonic()
    world.noticed = None

    def wait():
        dying.settimeout(NOTICED + 60)
        end = pod.read_all(dying)
        world.noticed = (time.monotonic() - world.went_dark, end)

    world.waiting = threading.Thread(target=wait, daemon=True)
    world.waiting.start()
    world.lasting = lasting
    world.log.new()


def darken(world, table, port):
    """Loses what passes between this port and that of the host's mail, both ways. To its other ports others may come from this one."""
    rules = f"table ip {table} {{\nchain out {{\ntype filter hook output priority 0;\nip daddr 1.2.3.4 tcp sport {port} tcp dport 25 drop;\n}}\n"
    rules += f"chain in {{\ntype filter hook input priority 0;\nip saddr 1.2.3.4 tcp sport 25 tcp dport {port} drop;\n}}\n}}\n"
    world.command("nft", "-f", "-", input=rules)


def ports_to(world, port):
    """The ports from which connections lead to this port of the host."""
    text = world.command("ss", "-tnH", "state", "established", "dst", "1.2.3.4", "dport", "=", str(port))
    return set(re.findall(r":(\d+) +1\.2\.3\.4:", text))


def under_way(world):
    """A peer that goes dark while its agent goes on sending: the tunnel never stands still, and is closed all the same."""
    idle = 8
    router = world.router("dark-busy", world.document(limits={"tunnelIdleSeconds": idle}))
    lasting, before = pod.tunnel(router, "good.kars.example:25")[1], ports_to(world, 25)
    dying = pod.tunnel(router, "good.kars.example:25")[1]
    for client in (lasting, dying):
        client.recv(100)
        client.sendall(b"x")
        world.check("bytes pass before", client.recv(100), b"250 x")
    (port,) = ports_to(world, 25) - before
    darken(world, "busy", port)
    began, closed, answers = time.monotonic(), None, set()
    while closed is None and time.monotonic() - began < 3 * idle:
        try:
            lasting.sendall(b"y")
            answers.add(lasting.recv(100))
            dying.sendall(b"x")
            if select.select([dying], [], [], 0.5)[0] and not dying.recv(100):
                closed = time.monotonic() - began
        except ConnectionError:
            closed = time.monotonic() - began
    world.check("one whose peer lives goes on", answers, {b"250 y"})
    world.check(f"one with bytes under way is closed after {closed} s", closed is not None and idle * 0.6 < closed < idle, True)
    world.check("which is logged", router.logged('"a silent host"'), True)
    lasting.close()
    dying.close()
    world.log.new()


def sent_by(world, port):
    """Whether a connection from this port has carried what the second tunnel said."""
    text = world.command("ss", "-tniH", "state", "established", "sport", "=", str(port))
    return int((re.search(r"bytes_sent:(\d+)", text) or [0, 0])[1]) > 0


def seconds(text):
    found = re.match(r"(?:(\d+)min)?(?:([\d.]+)sec)?(?:([\d.]+)ms)?$", text)
    minutes, whole, milliseconds = (float(part or 0) for part in found.groups())
    return minutes * 60 + whole + milliseconds / 1000


def run(world):
    router = world.router("dependencies", dependent(world), KARS_CREDENTIALS=credentials(world))
    checks = [
        ("a fetch of a host that is silent", lambda: fetched(router, "http://silent.kars.example/"), (504, "egress.connect_timeout"), 4),
        ("a fetch of one that never answers", lambda: fetched(router, "http://good.kars.example:9/"), (504, "upstream.timeout"), 6),
        ("a fetch of one that shakes no hands", lambda: fetched(router, "https://good.kars.example:9/"), (504, "upstream.timeout"), 6),
        ("a request to a host that is silent", lambda: forwarded(router, "http://silent.kars.example/"), (504, "egress.connect_timeout"), 4),
        ("a request to one that never answers", lambda: forwarded(router, "http://good.kars.example:9/"), (504, "upstream.timeout"), 6),
        ("a model that is silent", lambda: asked(router, "silent"), (None, None), 4),
        ("a model that shakes no hands", lambda: asked(router, "deaf"), (None, None), 13),
        ("an issuer of tokens that is silent", lambda: asked(router, "dark-issuer"), (None, None), 18),
        ("a server of tools that is silent", lambda: called(router, "silent"), (None, None), 13),
        ("a server of tools that shakes no hands", lambda: called(router, "deaf"), (None, None), 25),
    ]
    threads, found = [], {}
    for name, ask, _, _ in checks:
        threads.append(threading.Thread(target=timed, args=(found, name, ask), daemon=True))
        threads[-1].start()
    world.check("what does not depend on them is served meanwhile", pod.status(pod.forward(router, "http://other.kars.example/")), 200)
    for thread in threads:
        thread.join(40)
    for name, _, meant, most in checks:
        took, answer = found.get(name, (999, "nothing"))
        world.check(f"{name}: {took:.1f} s, {answer}", took < most, True)
        # Where several things may be told, it is told that the other side failed.
        world.check(f"{name}: {answer}", answer == meant if meant[0] else answer[0] in (502, 503, 504), True)
    began = time.monotonic()
    world.check("it ends, though its collector is silent", router.stop(), 0)
    took = time.monotonic() - began
    world.check(f"in time: {took:.1f} s", took < 10, True)
    world.routers.remove(router)
    under_way(world)
    noticed(world)


def noticed(world):
    world.waiting.join(NOTICED + 10 - (time.monotonic() - world.went_dark))
    after, end = world.noticed or (999, b"never")
    world.check(f"a peer that went dark is noticed after {after:.0f} s", 60 <= after <= NOTICED + 5, True)
    world.check("and its tunnel closed", end, b"")
    world.lasting.sendall(b"x")
    world.check("one whose peer lives stays, however quiet it was", world.lasting.recv(100), b"250 x")
    world.lasting.close()
    world.log.new()


def credentials(world):
    folder = f"{world.folder}/dark-credentials"
    os.makedirs(f"{folder}/github")
    with open(f"{folder}/github/TOKEN", "w", encoding="utf-8") as file:
        file.write("canary-github")
    return folder


def dependent(world):
    """A document whose every dependency is dark."""
    dark = {"silent": "https://silent.kars.example", "deaf": "https://good.kars.example:9", "dark-issuer": "https://good.kars.example"}

    def route(name):
        provider = "github-copilot" if name == "dark-issuer" else "openai"
        fields = {"provider": provider, "deployment": "gpt-5", "dialect": "chat-completions", "endpoint": dark[name]}
        return fields | {"credential": {"secret": "github/TOKEN"}, "contextLength": 1000, "safety": FLOOR}

    allowed = [{"id": f"agents.a.model[{name}]", "names": [name], "candidates": [name]} for name in dark]
    inference = {"default": "silent", "allowed": allowed, "routes": {name: route(name) for name in dark}}
    servers = {name: {"id": f"agents.a.mcp[{name}]", "url": f"{dark[name]}/mcp", "tools": ["ask"], "timeoutSeconds": 3} for name in ("silent", "deaf")}
    silent = {"host": "silent.kars.example", "ports": [443]}
    infra = {"copilot-exchange": silent, "telemetry": silent | {"ports": [4318]}}
    limits = {"connectSeconds": 2, "fetchSeconds": 3, "tunnelIdleSeconds": 3}
    return world.document(inference=inference, mcp=servers, infra=infra, limits=limits)


def timed(found, name, ask):
    began = time.monotonic()
    try:
        answer = ask()
    except OSError as error:
        answer = (0, str(error))
    found[name] = (time.monotonic() - began, answer)


def fetched(router, url):
    code, reply = pod.fetch(router, url)
    return code, reply.get("error", {}).get("code")


def forwarded(router, url):
    with pod.connect(router.proxy, 30) as client:
        client.sendall(f"GET {url} HTTP/1.1\r\nhost: {url.split('/')[2]}\r\nconnection: close\r\n\r\n".encode())
        answer = pod.read_all(client)
    return pod.status(answer), json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"]


def asked(router, model):
    body = json.dumps({"model": model, "messages": []}).encode()
    return posted(f"http://127.0.0.1:{router.api[1]}/v1/chat/completions", body)


def called(router, server):
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "ask", "arguments": {}}}
    _, body = posted(f"http://127.0.0.1:{router.api[1]}/mcp", json.dumps(call).encode(), {"x-kars-mcp-server": server})
    # A failed call is an answer of the protocol that says so.
    return 504 if re.search(r"egress\.connect_timeout|egress\.unreachable|upstream\.", body) else 0, body


def posted(url, body, more=None):
    headers = {"content-type": "application/json", "accept": "application/json, text/event-stream"} | (more or {})
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=body, headers=headers), timeout=38) as response:
            return response.status, response.read().decode()[:500]
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()[:500]
