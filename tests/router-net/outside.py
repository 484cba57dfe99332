"""The world outside of the pod: a resolver and hosts that write down everything that reaches them.

Every line of the log is one JSON object. Nothing here decides what is right; the cases read the log.
"""

import glob
import json
import os
import socket
import ssl
import struct
import sys
import threading
import time
import zlib

RESOLVER = "9.9.9.9"
PUBLIC = "1.2.3.4"
OTHER = "1.2.3.5"
REBOUND = "10.9.9.9"
# Drops everything, so that nobody who connects hears anything.
SILENT = "1.2.3.9"
# Addresses that no agent may reach, and the last ones beside them that it may.
SPECIAL = """
169.254.169.254 127.0.0.1 127.255.255.255 0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.254 192.168.1.1
100.64.0.1 100.127.255.254 192.0.0.192 198.18.0.1 198.19.255.254 192.0.2.7 198.51.100.7 203.0.113.7 224.0.0.1
239.255.255.250 240.0.0.1 255.255.255.255 168.63.129.16 192.88.99.1
""".split()
EDGES = "9.255.255.254 11.0.0.1 172.15.255.254 172.32.0.1 100.63.255.254 100.128.0.1 192.0.1.1 198.17.255.254 198.20.0.1 168.63.129.17 223.255.255.1".split()
SPECIAL6 = """
:: ::1 fe80::1 fc00::1 fdff::1 fec0::1 ff02::1 2001:db8::7 100::1 ::ffff:1.2.3.4 ::ffff:127.0.0.1 ::ffff:169.254.169.254
::ffff:10.0.0.1 ::1.2.3.4 64:ff9b::102:304 64:ff9b:1::1 2002:102:304::1 2001::1 fd00:ec2::254 3fff::1 5f00::1
""".split()
PUBLIC6 = "2600:aaaa::4"
# Bytes that a source has.
BULK = 300 << 20
# What every issuer of tokens gives.
TOKEN = "canary-token"

ZONE = {
    "good.kars.example": [PUBLIC],
    "other.kars.example": [OTHER],
    "denied.example": [OTHER],
    "sub.good.kars.example": [PUBLIC],
    "deep.sub.wild.example": [PUBLIC],
    "one.wild.example": [PUBLIC],
    "wild.example": [PUBLIC],
    "mixed-first.kars.example": [REBOUND, PUBLIC],
    "mixed-last.kars.example": [PUBLIC, REBOUND],
    "self.kars.example": ["1.2.9.1"],
    "silent.kars.example": [SILENT],
    "second.kars.example": ["1.2.3.250", PUBLIC],
    "many.kars.example": [f"1.2.4.{number}" for number in range(1, 66)],
    "ended.kars.example": [PUBLIC],
    "soon.kars.example": [PUBLIC],
    "bulk.kars.example": [PUBLIC],
    "six.kars.example": [PUBLIC6],
    "api.github.com": [OTHER],
    "login.microsoftonline.com": [OTHER],
    **{f"special-{place}.kars.example": [address] for place, address in enumerate(SPECIAL)},
    **{f"edge-{place}.kars.example": [address] for place, address in enumerate(EDGES)},
    **{f"special6-{place}.kars.example": [PUBLIC6, address] for place, address in enumerate(SPECIAL6)},
}
# The hosts of the examples' documents, wherever they really are.
for path in glob.glob(f"{os.path.dirname(os.path.abspath(__file__))}/../golden/*/kind/documents/*.router.json"):
    with open(path, encoding="utf-8") as file:
        ZONE |= {rule["host"].replace("*.", "one."): [PUBLIC] for rule in json.load(file)["egress"]}
# Names that the certificate of the hosts outside is for.
CERTIFIED = ("good.kars.example", "*.wild.example", "api.github.com", "login.microsoftonline.com")
# A chain of aliases that ends inside.
ALIASES = {"alias.kars.example": "inside.kars.example"}
ZONE["inside.kars.example"] = [REBOUND]
# Answers differently each time, and says that no answer may be kept.
REBINDS = "rebind.kars.example"
# Never answered.
MUTE = "mute.kars.example"

lock = threading.Lock()
log_file = None


def log(**event):
    with lock:
        log_file.write(json.dumps(event) + "\n")
        log_file.flush()


def name_bytes(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def question(packet):
    place, labels = 12, []
    while packet[place]:
        labels.append(packet[place + 1 : place + 1 + packet[place]].decode("latin-1"))
        place += 1 + packet[place]
    kind, _ = struct.unpack("!HH", packet[place + 1 : place + 5])
    return ".".join(labels).lower(), kind, packet[12 : place + 5]


def records(name, kind, rebinds):
    if name in ALIASES and kind in (1, 28):
        target = ALIASES[name]
        return [(name, 5, name_bytes(target), 30)] + records(target, kind, rebinds)
    if name == REBINDS:
        rebinds[0] += 1
        return [(name, 1, socket.inet_aton(PUBLIC if rebinds[0] % 2 else REBOUND), 0)] if kind == 1 else []
    addresses = [address for address in ZONE.get(name, []) if (":" in address) == (kind == 28)] if kind in (1, 28) else []
    family = socket.AF_INET6 if kind == 28 else socket.AF_INET
    return [(name, kind, socket.inet_pton(family, address), 30) for address in addresses]


def dns_answer(packet, rebinds):
    name, kind, asked = question(packet)
    log(what="dns", name=name, kind=kind)
    if name == MUTE:
        return None
    known = name in ZONE or name in ALIASES or name == REBINDS
    found = records(name, kind, rebinds)
    flags = 0x8180 if known else 0x8183
    head = packet[:2] + struct.pack("!HHHHH", flags, 1, len(found), 0, 0)
    body = b"".join(name_bytes(owner) + struct.pack("!HHIH", kind, 1, ttl, len(data)) + data for owner, kind, data, ttl in found)
    return head + asked + body


def resolver():
    rebinds = [0]

    def over_tcp():
        listener = socket.create_server((RESOLVER, 53))
        while True:
            connection, _ = listener.accept()
            with connection:
                length = struct.unpack("!H", connection.recv(2))[0]
                answer = dns_answer(connection.recv(length), rebinds)
                if answer:
                    connection.sendall(struct.pack("!H", len(answer)) + answer)

    threading.Thread(target=over_tcp, daemon=True).start()
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((RESOLVER, 53))
    while True:
        packet, peer = server.recvfrom(4096)
        answer = dns_answer(packet, rebinds)
        if answer and len(answer) > 1200:
            answer = answer[:2] + struct.pack("!H", 0x8380) + answer[4:6] + b"\0\0\0\0\0\0" + question(packet)[2]
        if answer:
            server.sendto(answer, peer)


def serve(port, handle, address="0.0.0.0"):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.create_server((address, port), family=family, backlog=256)

    def one(connection):
        meant = connection.getsockname()[0]
        log(what="connection", to=meant, port=port)
        try:
            with connection:
                handle(connection, meant, port)
        except OSError as error:
            log(what="error", port=port, error=str(error))

    while True:
        connection, _ = listener.accept()
        threading.Thread(target=one, args=(connection,), daemon=True).start()


def http(connection, meant, port):
    """Answers requests that carry no more than a length; each is logged as it came."""
    stream = connection.makefile("rb")
    while True:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = stream.readline()
            if not line:
                if head:
                    log(what="broken", port=port, head=head.decode("latin-1"))
                return
            head += line
        text = head.decode("latin-1")
        headers = dict(line.lower().split(": ", 1) for line in text.split("\r\n")[1:] if ": " in line)
        length = int(headers.get("content-length", 0))
        if text.startswith("POST /sink "):
            json_answer(connection, swallowed(stream, length))
            continue
        body = stream.read(length)
        if headers.get("transfer-encoding") == "chunked":
            while True:
                size = int(stream.readline(), 16)
                body += stream.read(size)
                stream.readline()
                if size == 0:
                    break
        log(what="request", to=meant, port=port, head=text, body=body.decode("latin-1"))
        answer_http(connection, *text.split(" ")[:2])


def swallowed(stream, length=None):
    """Reads so much, or all there is, and keeps nothing of it."""
    found = 0
    while (length is None or found < length) and (chunk := stream.read1(1 << 20 if length is None else min(1 << 20, length - found))):
        found += len(chunk)
    log(what="sunk", bytes=found)
    return found


def sink(connection, meant, port):
    connection.sendall(str(swallowed(connection.makefile("rb"))).encode())


def source(connection, meant, port):
    for _ in range(BULK >> 20):
        connection.sendall(bytes(1 << 20))


def bomb(connection, mebibytes):
    """An answer that is a thousand times as large once it is unpacked."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(64 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    size = len(block) * 16 * mebibytes
    connection.sendall(f"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {size + 10}\r\n\r\n".encode())
    connection.sendall(b"\x1f\x8b\x08\0\0\0\0\0\0\xff")
    sent = 0
    try:
        for _ in range(16 * mebibytes):
            connection.sendall(block)
            sent += len(block)
    finally:
        log(what="bomb", bytes=sent)


def answer_http(connection, method, path):
    if path.startswith("/huge"):
        connection.sendall(f"HTTP/1.1 200 OK\r\ncontent-length: {BULK}\r\n\r\n".encode())
        return source(connection, None, None)
    if path.startswith("/bomb/"):
        return bomb(connection, int(path.removeprefix("/bomb/")))
    if path.startswith("/big"):
        connection.sendall(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
        sent = 0
        while sent < 64 << 20:
            sent += connection.send(b"x" * 65536)
            log(what="sent", bytes=sent) if sent % (8 << 20) < 65536 else None
        return
    if path.startswith("/slow"):
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
        for _ in range(120):
            connection.sendall(b"x")
            time.sleep(0.25)
        return
    if path.startswith("/redirect"):
        connection.sendall(b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n")
        return
    if "/oauth2/" in path or path.startswith("/copilot_internal/"):
        return json_answer(connection, {"token": TOKEN, "access_token": TOKEN, "expires_at": 4_000_000_000, "expires_in": 3600})
    if path.endswith("/chat/completions"):
        return json_answer(connection, {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}})
    extra = b"set-cookie: a=b\r\nx-api-key: secret\r\nx-kept: yes\r\nconnection: x-hop\r\nx-hop: 1\r\n"
    connection.sendall(b"HTTP/1.1 200 OK\r\n" + extra + b"content-length: 5\r\n\r\n" + (b"" if method == "HEAD" else b"hello"))


def json_answer(connection, value):
    text = json.dumps(value).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(text)}\r\n\r\n"
    connection.sendall(head.encode() + text)


def echo(connection, meant, port):
    """Says all of it back, but only once the other side has said everything."""
    data = b""
    while chunk := connection.recv(65536):
        data += chunk
    log(what="echo", bytes=len(data))
    connection.sendall(data)


def deaf(connection, meant, port):
    """Takes a connection and never reads."""
    time.sleep(60)


def banner(connection, meant, port):
    """Speaks first, as mail servers do, and logs what it is told."""
    connection.sendall(b"220 hello\r\n")
    while chunk := connection.recv(65536):
        log(what="told", port=port, data=chunk.decode("latin-1"))
        connection.sendall(b"250 " + chunk)


def tls(folder):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/host.pem", f"{folder}/host.key")
    names = threading.local()

    def seen(connection, name, _):
        names.name = name

    context.sni_callback = seen

    def handle(connection, meant, port):
        first = connection.recv(5, socket.MSG_PEEK)
        log(what="bytes", port=port, first=first.hex())
        if not first:
            return
        with context.wrap_socket(connection, server_side=True) as secure:
            log(what="handshake", to=meant, port=port, name=names.name)
            http(secure, meant, port)

    return handle


def main(folder):
    global log_file
    log_file = open(f"{folder}/outside.log", "a", encoding="utf-8")
    handlers = [(80, http), (81, http), (443, tls(folder)), (7, echo), (9, deaf), (11, sink), (12, source), (25, banner), (8080, http)]
    threads = [threading.Thread(target=serve, args=(port, handle), daemon=True) for port, handle in handlers]
    threads.append(threading.Thread(target=serve, args=(80, http, PUBLIC6), daemon=True))
    threads.append(threading.Thread(target=resolver, daemon=True))
    for thread in threads:
        thread.start()
    print("ready", flush=True)
    sys.stdin.read()
    os._exit(0)
