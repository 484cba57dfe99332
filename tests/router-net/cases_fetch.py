"""The fetch API, and the rest of what the agent can ask on loopback."""

import json
import time
import urllib.error
import urllib.request

import pod
from pod import of

WRONG = [
    "https://good.kars.example\\.denied.example/",
    "https://denied.example\\@good.kars.example/",
    "https://good.kars.example@denied.example/",
    "https://denied.example;.good.kars.example/",
    "https://denied.example%23.good.kars.example/",
    "https://denied.example%00.good.kars.example/",
    "//good.kars.example/",
    "ftp://good.kars.example/",
    "file:///etc/passwd",
    "gopher://good.kars.example/",
    "ws://good.kars.example/",
    "http:/good.kars.example/",
    " http://good.kars.example/",
    "http://good.kars.example/ ",
    "\thttp://good.kars.example/",
    "http://good.kars.example/\r\nx: 1",
    "http://good.kars.example:0080/",
    "http://good.kars.example:/",
    "http://user:word@good.kars.example/",
    "",
]
DENIED = [
    "https://denied.example#.good.kars.example/",
    "https://denied.example?.good.kars.example",
    "https://denied.example/@good.kars.example",
    "http://good.kars.example:8080/",
    "http://sub.good.kars.example/",
    "http://localhost/",
    "http://localhost:9090/metrics",
    "http://127.0.0.1:9090/metrics",
    "http://2130706433/",
    "http://0x7f.1/",
    "http://[::ffff:127.0.0.1]/",
    "http://kubernetes.default.svc/",
]
ROUTES = ["/", "/metrics", "/livez", "/readyz", "/status", "/egress/learn", "/egress/learned", "/egress/learned/clear", "/egress/allow", "/admin/model", "/agt/audit", "/agt/status", "/agt/rate-limit", "/internal/policy-status", "/sandbox/spawn", "/egress/fetch/", "//egress/fetch", "/EGRESS/fetch", "/egress/fetch?learn=1/.."]


def run(world):
    router = world.router("fetch", world.document(limits={"fetchSeconds": 3}))
    allowed(world, router)
    refused(world, router)
    bounded(world, router)
    nothing_else(world, router)


def allowed(world, router):
    code, reply = pod.fetch(router, "http://good.kars.example/x?y=1#part", headers={"x-mine": "1"})
    world.check("a page", (code, reply["status"], reply["body"]), (200, 200, "hello"))
    world.check("without credentials", [name for name in ("set-cookie", "x-api-key") if name in reply["headers"]], [])
    world.check("with other headers", reply["headers"]["x-kept"], "yes")
    head = of(world.log.new(), "request")[0]["head"]
    world.check("as it was asked for", (head.split("\r\n")[0], "x-mine: 1" in head), ("GET /x?y=1 HTTP/1.1", True))
    code, reply = pod.fetch(router, "HTTPS://GOOD.kars.example./")
    world.check("a page over TLS", (code, reply.get("body")), (200, "hello"))
    world.check("by its name", [event["name"] for event in of(world.log.new(), "handshake")], ["good.kars.example"])
    for method in ("POST", "PUT", "PATCH", "DELETE", "HEAD"):
        code, reply = pod.fetch(router, "http://good.kars.example/", method=method, body="content")
        if method != "HEAD":
            world.check(f"{method}", (code, reply.get("status")), (200, 200))
    world.check("with its body", [event["body"] for event in of(world.log.new(), "request")][:2], ["content"] * 2)
    code, reply = pod.fetch(router, "http://good.kars.example/redirect")
    world.check("a redirect is shown", (reply["status"], reply["headers"]["location"]), (302, "http://169.254.169.254/"))
    world.check("and not followed", len(of(world.log.new(), "connection")), 1)


def refused(world, router):
    for url in WRONG:
        code, reply = pod.fetch(router, url)
        world.check(f"no URL: {url!r}", (code, reply["error"]["code"]), (400, "args.wrong"))
    for url in DENIED:
        code, reply = pod.fetch(router, url)
        world.check(f"denied: {url!r}", (code, reply["error"]["code"] in ("egress.denied", "egress.special_use")), (403, True))
    for headers in ({"host": "other"}, {"Connection": "x"}, {"proxy-authorization": "x"}, {"transfer-encoding": "chunked"}, {"content-length": "1"}, {"upgrade": "h2c"}, {"x": "a\r\nhost: b"}, {"a b": "1"}, {"X": "1", "x": "2"}):
        code, reply = pod.fetch(router, "http://good.kars.example/", headers=headers)
        world.check(f"headers {headers}", (code, reply["error"]["code"]), (400, "args.wrong"))
    for body in (b"[]", b"", b"null", b'{"url": 1}', b'{"url": "http://good.kars.example/", "learn": true}', b'{"url": "http://good.kars.example/", "method": "TRACE"}', b"\xff" * 100):
        code, _ = call(router, "/egress/fetch", "POST", body)
        world.check(f"body {body[:30]!r}", code, 400)
    world.quiet("refused fetches")


def bounded(world, router):
    before = router.memory()
    code, reply = pod.fetch(router, "http://good.kars.example/big")
    world.check("an answer that is too large", (code, reply["error"]["code"]), (502, "egress.too_large"))
    events = of(world.log.new(0.5), "sent")
    world.check("is cut while it is read", all(event["bytes"] < 40 << 20 for event in events), True)
    world.check("and not kept", router.memory() - before < 20, True)
    began = time.monotonic()
    code, reply = pod.fetch(router, "http://good.kars.example/slow")
    world.check("an answer that takes too long", (code, reply["error"]["code"]), (504, "upstream.timeout"))
    world.check("ends in its time", 2.5 < time.monotonic() - began < 5, True)
    code, reply = pod.fetch(router, "https://other.kars.example/")
    world.check("a certificate for another name", (code, reply["error"]["code"]), (502, "egress.unreachable"))
    code, reply = pod.fetch(router, "https://good.kars.example:80/")
    world.check("no TLS where it was meant", code in (502, 504), True)
    events = world.log.new()
    world.check("no request follows a wrong certificate", [event for event in of(events, "request") if event["to"] == "1.2.3.5"], [])


def call(router, path, method, body=None, headers=None):
    request = urllib.request.Request(f"http://127.0.0.1:{router.api[1]}{path}", data=body, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def nothing_else(world, router):
    for path in ROUTES:
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            for headers in ({}, {"x-forwarded-for": "127.0.0.1", "authorization": "Bearer x", "x-kars-admin": "1"}):
                code, _ = call(router, path, method, headers=headers)
                known = path.startswith("/egress/fetch?")
                world.check(f"{method} {path}", code in ((400, 405) if known else (404,)), True)
    for headers, code in [({"host": "attacker.example"}, 403), ({"origin": "http://127.0.0.1"}, 403), ({}, 200)]:
        body = json.dumps({"url": "http://good.kars.example/"}).encode()
        world.check(f"from a page: {headers}", call(router, "/egress/fetch", "POST", body, headers | {"content-type": "text/plain"})[0], code)
    world.check("the proxy has no route either", pod.status(pod.raw(router, b"GET /metrics HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")), 400)
    for port in (router.admin[1], router.api[1], router.proxy[1]):
        answer = pod.tunnel(router, f"self.kars.example:{port}")
        world.check(f"the router's own port {port} by a name", answer[0], 403)
    world.log.new()
