"""Who answers outside of the pod: a resolver, and hosts by name, over TLS and in the clear. All of it is remembered. Not here: what is right."""

import socket
import ssl
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from certificates import certificates
from network import inside

HOST = "1.2.3.4"


class Outside:
    """Serves in a namespace; `hosts` gives for each name what answers a request: `answer(handler, body)`."""

    def __init__(self, namespace, resolver, folder, hosts):
        self.hosts, self.resolver = hosts, resolver
        self.asked, self.requests, self.handshakes = [], [], []
        certificates(folder, hosts)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "host.pem", folder / "host.key")
        context.sni_callback = lambda _, name, __: self.handshakes.append(name)
        with inside(namespace):
            self.datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.datagrams.bind((resolver, 53))
            servers = [Server(self, (HOST, 443), context), Server(self, (HOST, 80), None)]
        for work in (self.resolve, *(server.serve_forever for server in servers)):
            threading.Thread(target=work, daemon=True).start()

    def resolve(self):
        """Answers every question for an address of a known name, and says of all else that there is none."""
        while True:
            packet, peer = self.datagrams.recvfrom(4096)
            try:
                name, end = name_in(packet)
            except IndexError:
                self.asked.append((packet.hex(), 0))
                continue
            kind = struct.unpack("!H", packet[end : end + 2])[0]
            self.asked.append((name, kind))
            found = name in self.hosts and kind == 1
            head = packet[:2] + struct.pack("!HHHHH", 0x8180 if name in self.hosts else 0x8183, 1, int(found), 0, 0)
            record = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 30, 4) + socket.inet_aton(HOST) if found else b""
            self.datagrams.sendto(head + packet[12 : end + 4] + record, peer)


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, outside, address, context):
        super().__init__(address, Handler)
        self.outside = outside
        if context:
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, request, client_address):
        """A client that hangs up is no fault."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """Says nothing; what was asked is remembered."""

    def do_GET(self):
        self.serve(b"")

    def do_DELETE(self):
        self.serve(b"")

    def do_POST(self):
        self.serve(self.rfile.read(int(self.headers.get("content-length", 0))))

    def serve(self, body):
        name = self.headers.get("host", "").split(":")[0]
        headers = {key.lower(): value for key, value in self.headers.items()}
        self.server.outside.requests.append({"host": name, "port": self.server.server_address[1], "method": self.command, "path": self.path, "headers": headers, "body": body})
        answer = self.server.outside.hosts.get(name)
        if answer is None:
            return self.whole(421, b"nobody has this name")
        answer(self, body)

    def whole(self, status, body, kind="text/plain"):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def name_in(packet):
    """The name of a question, and where it ends."""
    place, labels = 12, []
    while packet[place]:
        labels.append(packet[place + 1 : place + 1 + packet[place]].decode("latin-1"))
        place += 1 + packet[place]
    return ".".join(labels).lower(), place + 1
