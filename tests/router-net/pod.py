"""A router in the pod, and clients that speak to it byte by byte. Nothing here knows what is allowed."""

import json
import os
import re
import socket
import ssl
import struct
import subprocess
import threading
import time
import urllib.error
import urllib.request

import outside

STARTING = 20
# Seconds in which a router under load writes down what it has done.
SOON = 5
# Every router of this run, so that none outlives it.
RUNNING = []


class Router:
    """The built binary with a dev document, on ports of its own choosing."""

    def __init__(self, binary, folder, document, name="router", **settings):
        self.folder = f"{folder}/router-{name}"
        os.makedirs(f"{self.folder}/state", exist_ok=True)
        self.write(document)
        listeners = {f"KARS_LISTEN_{kind}": "127.0.0.1:0" for kind in ("API", "PROXY", "DNS")}
        environment = {
            "KARS_DOCUMENT": f"{self.folder}/router.json",
            "KARS_STATE_DIR": f"{self.folder}/state",
            "KARS_RESOLVER": f"{outside.RESOLVER}:53",
            "KARS_LISTEN_ADMIN": "0.0.0.0:0",
            "SSL_CERT_FILE": f"{folder}/authority.pem",
            "KARS_LOG": "info,kars_router=debug",
            **listeners,
            **settings,
        }
        self.lines = []
        self.process = subprocess.Popen([binary], env=environment, stderr=subprocess.PIPE, text=True)
        RUNNING.append(self.process)
        self.started = threading.Event()
        threading.Thread(target=self.read, daemon=True).start()
        if not self.started.wait(STARTING):
            raise SystemExit(f"the router did not start: {self.lines}")

    def read(self):
        for line in self.process.stderr:
            self.lines.append(line)
            if '"serving"' in line:
                addresses = json.loads(line)
                for kind in {"api", "proxy", "dns", "admin"} & addresses.keys():
                    setattr(self, kind, ("127.0.0.1", int(addresses[kind].rsplit(":", 1)[1])))
                self.started.set()

    def logged(self, text):
        """Whether it says this: its log is read beside the cases, which may see first what it did."""
        return soon(lambda: any(text in line for line in self.lines))

    def write(self, document):
        """Puts another document in place, whole."""
        with open(f"{self.folder}/next.json", "w", encoding="utf-8") as file:
            json.dump(document, file, sort_keys=True, indent=2)
            file.write("\n")
        os.replace(f"{self.folder}/next.json", f"{self.folder}/router.json")

    def audit(self):
        text = ""
        for root, _, files in os.walk(f"{self.folder}/state/audit"):
            for file in sorted(files):
                with open(os.path.join(root, file), encoding="utf-8") as lines:
                    text += lines.read()
        return text

    def metric(self, name, **labels):
        """The sum of a metric over all series that have these labels."""
        text = urllib.request.urlopen(f"http://127.0.0.1:{self.admin[1]}/metrics", timeout=5).read().decode()
        total = 0.0
        for line in text.splitlines():
            found = re.match(r"([a-z_]+)(?:\{(.*)\})? ([0-9.eE+-]+)$", line)
            if found and found[1] == name and all(f'{key}="{value}"' in (found[2] or "") for key, value in labels.items()):
                total += float(found[3])
        return total

    def memory(self):
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1]) // 1024

    def peak(self):
        """The most memory that it has had in use."""
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as status:
            return int(re.search(r"VmHWM:\s+(\d+)", status.read())[1]) // 1024

    def stop(self):
        self.process.terminate()
        return self.process.wait(40)


def soon(holds):
    """Whether this is so, or becomes so while what has been answered is still being written down."""
    until = time.monotonic() + SOON
    while not (found := holds()) and time.monotonic() < until:
        time.sleep(0.05)
    return found


def connect(address, timeout=8):
    client = socket.create_connection(address, timeout=timeout)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def read_all(client):
    parts = []
    try:
        while chunk := client.recv(1 << 18):
            parts.append(chunk)
    except (TimeoutError, ConnectionError) as error:
        parts.append(f"<{type(error).__name__}>".encode())
    return b"".join(parts)


def read_head(client):
    """A head and nothing behind it, byte by byte."""
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        byte = client.recv(1)
        if not byte:
            return data
        data += byte
    return data


def raw(router, data, timeout=8):
    """Everything that the proxy answers to these bytes until it closes."""
    with connect(router.proxy, timeout) as client:
        client.sendall(data)
        return read_all(client)


def status(answer):
    found = re.match(rb"HTTP/1.[01] (\d+)", answer)
    return int(found[1]) if found else 0


def tunnel(router, target, behind=b"", timeout=8):
    """The status of a tunnel's opening and the socket, if it stands."""
    client = connect(router.proxy, timeout)
    client.sendall(f"CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n\r\n".encode() + behind)
    head = read_head(client)
    if status(head) == 200:
        return 200, client
    body = read_all(client)
    client.close()
    return status(head), head + body


def forward(router, url, client=None, method="GET", headers="", body=b"", version="1.1"):
    """One plain request through the proxy."""
    host = url.split("/")[2]
    last = "connection: close\r\n" if client is None else ""
    data = f"{method} {url} HTTP/{version}\r\nhost: {host}\r\n{last}{headers}\r\n".encode() + body
    if client is None:
        return raw(router, data)
    client.sendall(data)
    return answer(client)


def answer(client):
    head = read_head(client)
    length = re.search(rb"content-length: (\d+)", head, re.I)
    return head + (exactly(client, int(length[1])) if length and int(length[1]) else b"")


def exactly(client, size):
    data = b""
    while len(data) < size and (chunk := client.recv(size - len(data))):
        data += chunk
    return data


def fetch(router, url, **fields):
    request = urllib.request.Request(
        f"http://127.0.0.1:{router.api[1]}/egress/fetch",
        data=json.dumps({"url": url, **fields}).encode(),
        headers={"content-type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=40) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def client_hello(name):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    outgoing = ssl.MemoryBIO()
    session = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    try:
        session.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def secure(client, folder, name):
    """A handshake over a socket, checked by our authority."""
    context = ssl.create_default_context(cafile=f"{folder}/authority.pem")
    return context.wrap_socket(client, server_hostname=name)


def resolve(router, name, kind=1, tcp=False, timeout=8, klass=1):
    """The code and the addresses that the router's responder answers with."""
    packet = struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 0) + outside.name_bytes(name) + struct.pack("!HH", kind, klass)
    if tcp:
        with connect(router.dns, timeout) as client:
            client.sendall(struct.pack("!H", len(packet)) + packet)
            length = struct.unpack("!H", client.recv(2, socket.MSG_WAITALL))[0]
            reply = client.recv(length, socket.MSG_WAITALL)
    else:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(timeout)
            client.sendto(packet, router.dns)
            reply = client.recv(4096)
    _, flags, questions, answers = struct.unpack("!HHHH", reply[:8])
    addresses = []
    place = len(packet)
    for _ in range(answers):
        # The owner is a pointer or a name; both end before the type.
        while reply[place] not in (0, *range(0xC0, 0x100)):
            place += 1 + reply[place]
        place += 1 if reply[place] == 0 else 2
        found, _, ttl, length = struct.unpack("!HHIH", reply[place : place + 10])
        data = reply[place + 10 : place + 10 + length]
        if found in (1, 28):
            addresses.append((socket.inet_ntop(socket.AF_INET if found == 1 else socket.AF_INET6, data), ttl))
        place += 10 + length
    return flags & 15, addresses


class Log:
    """What reached the outside since it was looked at last."""

    def __init__(self, folder):
        self.path, self.place = f"{folder}/outside.log", 0

    def new(self, settle=0.15):
        time.sleep(settle)
        with open(self.path, encoding="utf-8") as file:
            file.seek(self.place)
            text = file.read()
            self.place = file.tell()
        return [json.loads(line) for line in text.splitlines()]


def of(events, what):
    return [event for event in events if event["what"] == what]
