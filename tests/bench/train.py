"""What a router does in its pod, for the compiler to learn from which paths are taken most. Not here: any figure.

`python3 tests/bench/train.py BINARY LOAD` asks models over TLS and in the clear, opens tunnels, asks for names and puts calls of tools
up for decision. It needs what `router.py` needs, and `openssl`. A binary that is built for it writes what it counted when it is stopped.
"""

import asyncio
import http.client
import json
import os
import pathlib
import socket
import ssl
import struct
import subprocess
import sys
import tempfile

import machine
import router
from machine import HOST, ROOT, text

sys.path.append(str(ROOT / "tests/pod"))

from certificates import certificates

NAME, PLAIN, SECURE = "h0.kars.example", (HOST[0], 8000), (HOST[0], 8004)
API, PROXY = ("127.0.0.1", 8600), ("127.0.0.1", 8601)
#: What a model does, how its answer comes, and how often it is asked at once.
ASKED = [(model, stream, connections) for connections in (1, 16) for model, stream in (("whole", "whole"), ("burst", "stream"), ("paced", "stream"), ("flaky", "whole"), ("cut", "stream"))]


def secure(bench: router.Bench, folder: pathlib.Path) -> machine.Program:
    """A router whose provider is outside, and speaks TLS."""
    certificates(folder, [NAME])
    there = ["nsenter", f"--net=/proc/{bench.outside.process.pid}/ns/net"]
    machine.Program([*there, bench.program, "provider", text(PLAIN)], PLAIN, core=machine.REST)
    machine.Program([*there, sys.executable, __file__, "forward", folder], SECURE, core=machine.REST)
    return bench.start("secure", api=API, proxy=PROXY, trust=folder / "authority.pem", endpoint=f"https://{NAME}:{SECURE[1]}")


async def forward(folder: str) -> None:
    """Takes TLS and passes on what was in it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/host.pem", f"{folder}/host.key")

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*PLAIN)
        await asyncio.gather(copied(reader, far_writer), copied(far_reader, writer), return_exceptions=True)

    await (await asyncio.start_server(one, *SECURE, ssl=context)).serve_forever()


async def copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
    finally:
        writer.close()


def inside(folder: pathlib.Path, binary: pathlib.Path, load: pathlib.Path) -> None:
    try:
        bench = router.Bench(folder, binary, load)
        programs = (bench.router, secure(bench, folder))
        for model, stream, connections in ASKED:
            for program in programs:
                bench.ask(program, model, stream, connections=connections, milliseconds=1500)
        for body in (10_000, 1_000_000):
            bench.ask(bench.router, "whole", body=body)
        for target in (router.ALLOWED, router.DENIED):
            machine.load(load, "connect", text(router.PROXY), target, 16, 1500)
        machine.load(load, "pull", text(router.PROXY), router.ALLOWED, 256)
        machine.load(load, "round-trips", text(router.PROXY), router.ALLOWED, 1000)
        decide(bench.router.address)
        resolve((bench.router.address[0], bench.router.address[1] + 10))
    finally:
        for running in reversed(machine.RUNNING):
            running.stop()


def decide(address: tuple) -> None:
    """Calls of tools: one that is allowed, and one that is not known."""
    api = http.client.HTTPConnection(*address)
    for number in range(4000):
        tool = f"openai-agents.bench.t{number % 500}" if number % 2 else "openai-agents.bench.unknown"
        api.request("POST", "/agt/evaluate", json.dumps({"tool": tool, "args": {"path": f"/notes/{number}"}}))
        api.getresponse().read()


def resolve(address: tuple) -> None:
    """Names: one that is allowed, and one that is not."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(5)
        for number in range(4000):
            host = f"h{number % 500}.kars.example" if number % 2 else f"n{number}.denied.example"
            name = b"".join(bytes([len(label)]) + label.encode() for label in host.split("."))
            asking.sendto(struct.pack("!HHHHHH", number, 0x0100, 1, 0, 0, 0) + name + b"\0\0\x01\0\x01", address)
            asking.recv(4096)


def main(binary: str, load: str) -> int:
    alone = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run([*alone, sys.executable, __file__, "inside", folder, os.path.abspath(binary), os.path.abspath(load)], check=False).returncode


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["inside", folder, binary, load]:
            inside(*(pathlib.Path(path) for path in (folder, binary, load)))
        case ["forward", folder]:
            asyncio.run(forward(folder))
        case [binary, load]:
            sys.exit(main(binary, load))
        case _:
            raise SystemExit("takes a router and the load")
