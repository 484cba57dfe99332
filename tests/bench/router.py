"""What the router costs with every gate on, beside the least that a proxy could do; everything measured in one run.

Prints `NAME ratio R must M` for each promise, with `moon` for what is aimed at, and exits with 1 when one is missed by more than noise. The
programs take turns for a second or so each, and medians of ratios within a turn are what counts: the machine does other things,
too. `python3 tests/bench/router.py` needs what `.ci/release binary` needs for the router, `unshare`, `ip` and `taskset`; without root it makes
a user namespace of its own. nginx is measured, too, where it is installed. KARS_ROUTER names the binary, which is built otherwise. Arguments name groups.
"""

import json
import os
import pathlib
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import documents
import machine
from machine import FLOOR, HOST, PROVIDER, RESOLVER, ROOT, TUNNEL, Program, text

API, PROXY = ("127.0.0.1", 8443), ("127.0.0.1", 8444)
MIB = 1024 * 1024
#: What is released needs nothing beside it.
STATIC = f"{platform.machine()}-unknown-linux-musl"
#: What one run differs by from another.
NOISE = 1.1
#: How often the programs take turns.
ROUNDS = 5
ALLOWED, DENIED = f"h0.kars.example:{HOST[1]}", f"denied.example:{HOST[1]}"


class Promises:
    """What must hold, what is aimed at, and whether all of the first did."""

    def __init__(self) -> None:
        self.missed = 0

    def most(self, name: str, ratio: float, must: float, moon: float | None = None, noise: float = NOISE) -> None:
        self._print(name, ratio, f"<= {must}", ratio / must if must else 1 + ratio, moon, noise)

    def least(self, name: str, ratio: float, must: float, moon: float | None = None) -> None:
        self._print(name, ratio, f">= {must}", must / ratio, moon, NOISE)

    def _print(self, name: str, ratio: float, must: str, part: float, moon: float | None, noise: float) -> None:
        aim = "" if moon is None else f" moon {moon}"
        verdict = "" if part <= 1 else " missed by less than noise" if part <= noise else " MISSED"
        print(f"{name} ratio {ratio:.3f} must {must}{aim}{verdict}", flush=True)
        self.missed += part > noise


class Bench:
    """Everything that is measured, and how."""

    def __init__(self, folder: pathlib.Path, binary: pathlib.Path, program: pathlib.Path) -> None:
        self.folder, self.binary, self.program = folder, binary, program
        self.promises = Promises()
        self.outside = machine.Outside(program)
        self.provider = Program([program, "provider", text(PROVIDER)], PROVIDER, core=machine.REST)
        self.floor = Program([program, "floor", text(FLOOR), text(PROVIDER)], FLOOR)
        self.tunnel = Program([program, "floor-tunnel", text(TUNNEL), text(HOST)], TUNNEL)
        self.nginx = machine.nginx(folder)
        self.router = self.start("router")

    def start(self, name: str, rules: int = 1000, api: tuple = API, proxy: tuple = PROXY, trust: pathlib.Path | None = None, **document: str) -> Program:
        """A router with its own folder; the log and the audit log go to the disk. `trust` holds the authorities that it asks providers by."""
        home = self.folder / name
        (home / "state").mkdir(parents=True)
        (home / "credentials/model").mkdir(parents=True)
        (home / "credentials/model/KEY").write_text("sk-router-0123456789abcdef0123456789abcdef")
        documents.write(home, rules, **document)
        listeners = {"API": api, "PROXY": proxy, "DNS": ("127.0.0.1", api[1] + 10), "ADMIN": ("127.0.0.1", api[1] + 1000)}
        settings = {f"KARS_LISTEN_{kind}": text(address) for kind, address in listeners.items()}
        settings |= {"KARS_DOCUMENT": home / "router.json", "KARS_STATE_DIR": home / "state", "KARS_CREDENTIALS": home / "credentials", "KARS_RESOLVER": text(RESOLVER)}
        settings |= {"SSL_CERT_FILE": trust} if trust else {}
        return Program([self.binary], api, environment={"PATH": os.environ["PATH"]} | {key: str(value) for key, value in settings.items()}, log=home / "log")

    def proxies(self) -> dict:
        found = {"floor": self.floor, "router": self.router}
        return found | ({"nginx": self.nginx} if self.nginx else {})

    def ask(self, program: Program | None, model: str, stream: str = "whole", body: int = 400, connections: int = 16, milliseconds: int = 1000) -> dict:
        """Asks a model through a program, or without any."""
        before = program.cpu() if program else 0
        address = program.address if program else PROVIDER
        found = machine.load(self.program, "ask", text(address), model, stream, body, connections, milliseconds)
        if found["errors"] or not found["requests"]:
            raise SystemExit(f"error: {model} over {connections} connections to {text(address)}: {found}")
        found["cpu"] = (program.cpu() - before) / found["requests"] if program else 0
        found["frame"] = found["cpu"] * found["requests"] / found["frames"] if found["frames"] else 0
        return found

    def turns(self, rounds: int = ROUNDS, direct: bool = False, **asked) -> list:
        """Rounds, in each of which every program is asked once; the first, which warms up, does not count."""
        programs = ({"direct": None} if direct else {}) | self.proxies()
        return [{name: self.ask(program, **asked) for name, program in programs.items()} for _ in range(rounds + 1)][1:]

    def balance(self) -> int:
        """The tokens that the router has counted today."""
        command = [self.binary, "ctl", "budgets"]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env={"KARS_STATE_DIR": str(self.folder / "router/state")})
        return json.loads(done.stdout)["used"]["day"]


def of(turns: list, key, other: str = "floor", one: str = "router") -> float:
    """The median over rounds of what one program took to what the other did; a key or a function of a measurement."""
    value = key if callable(key) else lambda found: found[key]
    return statistics.median(value(turn[one]) / value(turn[other]) for turn in turns)


def added(turns: list, name: str, part: str) -> float:
    """The same, of what came on top of asking without a proxy; what the clock cannot tell apart counts as a microsecond."""
    over = lambda turn, who: max(turn[who][name][part] - turn["direct"][name][part], 1.0)
    return statistics.median(over(turn, "router") / over(turn, "floor") for turn in turns)


def say(what: str, turns: list, key) -> None:
    value = key if callable(key) else lambda found: found[key]
    names = ", ".join(f"{name} {statistics.median(value(turn[name]) for turn in turns):.1f}" for name in turns[0])
    print(f"  {what} in us: {names}", flush=True)


def requests(bench: Bench) -> None:
    promises = bench.promises
    turns = bench.turns(model="whole", connections=16)
    say("CPU per request, c=16", turns, "cpu")
    promises.most("cpu-per-request-c16-to-floor", of(turns, "cpu"), 1.35, 1.05)
    turns = bench.turns(rounds=3, model="whole", connections=64)
    say("CPU per request, c=64", turns, "cpu")
    promises.most("cpu-per-request-c64-to-floor", of(turns, "cpu"), 1.45)
    turns = bench.turns(model="whole", connections=1, direct=True)
    say("p50, c=1", turns, lambda found: found["whole"]["p50"])
    say("p99, c=1", turns, lambda found: found["whole"]["p99"])
    promises.most("added-p50-c1-to-floor", added(turns, "whole", "p50"), 1.15, 1.03)
    promises.most("added-p99-c1-to-floor", added(turns, "whole", "p99"), 1.3, 1.1)
    # What the length of a body adds to what the router adds anyway.
    alone = statistics.median(turn["router"]["whole"]["p50"] - turn["floor"]["whole"]["p50"] for turn in turns)
    for body, must, moon in ((10_000, 30, 10), (1_000_000, 1500, 500)):
        turns = bench.turns(rounds=3, model="whole", connections=1, body=body)
        say(f"CPU per request of {body} bytes", turns, "cpu")
        added_by_length = statistics.median(turn["router"]["whole"]["p50"] - turn["floor"]["whole"]["p50"] for turn in turns) - alone
        promises.most(f"added-by-{body}-bytes-of-{must}us", max(added_by_length, 0.0) / must, 1.0, moon / must)


def streams(bench: Bench) -> None:
    promises = bench.promises
    turns = bench.turns(model="burst", stream="stream", connections=16)
    say("CPU per event, burst, c=16", turns, "frame")
    promises.most("cpu-per-event-burst-to-floor", of(turns, "frame"), 0.5, 0.12)
    turns = bench.turns(model="paced", stream="stream", connections=16, milliseconds=1500)
    say("CPU per event, paced, c=16", turns, "frame")
    say("delay of an event p50, c=16", turns, lambda found: found["delay"]["p50"])
    promises.most("cpu-per-event-paced-to-floor", of(turns, "frame"), 1.0, 0.75)
    promises.most("delay-of-an-event-p50-c16-to-floor", of(turns, lambda found: found["delay"]["p50"]), 1.0, 0.5)
    turns = bench.turns(model="paced", stream="stream", connections=1, milliseconds=1500, direct=True)
    say("first event, c=1", turns, lambda found: found["first"]["p50"])
    first = statistics.median(turn["router"]["first"]["p50"] - turn["direct"]["first"]["p50"] for turn in turns)
    promises.most("added-first-event-p50-c1-to-floor", added(turns, "first", "p50"), 2.0, 1.2)
    # A leg without TCP_NODELAY adds 40 ms, which is many times what other work on the machine does.
    promises.most("added-first-event-of-20ms", first / 20_000, 1.0, 0.05)


def tokens(bench: Bench) -> None:
    promises = bench.promises
    plain, retried, billed = [], [], 0
    for _ in range(12):
        plain.append(bench.ask(bench.router, "whole"))
        before = bench.balance()
        retried.append(bench.ask(bench.router, "flaky"))
        billed += bench.balance() - before
    # One request in eleven fails at first.
    cost = 11 * (statistics.median(one["cpu"] / other["cpu"] for one, other in zip(retried, plain)) - 1)
    promises.most("one-retry-to-a-request", cost, 1.2)
    asked = sum(found["tokens"] for found in retried)
    promises.most("tokens-of-retried-requests-counted-wrongly", abs(billed - asked) / max(asked, 1), 0.0, noise=1)
    for model, milliseconds in (("burst", 8000), ("cut", 8000)):
        before = bench.balance()
        found = bench.ask(bench.router, model, "stream", connections=32, milliseconds=milliseconds)
        billed = bench.balance() - before
        print(f"  {found['requests']} answers of {found['frames']} events, {billed} tokens counted, {found['tokens']} sent", flush=True)
        promises.most(f"tokens-of-{model}-answers-counted-wrongly", abs(billed - found["tokens"]) / found["tokens"], 0.0, noise=1)


def footprint(bench: Bench) -> None:
    promises, ports = bench.promises, iter(range(8600, 8700, 2))
    size = bench.binary.stat().st_size
    promises.most("binary-of-12MB", size / 12e6, 1.0, 0.5, noise=1)

    def cold(start) -> tuple:
        began = time.monotonic()
        program = start()
        with socket.create_connection(program.address) as client:
            client.sendall(b"GET /v1/models HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
            client.recv(4096)
        return program, time.monotonic() - began

    starts = []
    for number in range(7):
        api, floor = ("127.0.0.1", next(ports)), ("127.0.0.1", next(ports))
        program, least = cold(lambda: Program([bench.program, "floor", text(floor), text(PROVIDER)], floor))
        program.stop()
        program, ours = cold(lambda: bench.start(f"cold-{number}", api=api, proxy=("127.0.0.1", api[1] + 100)))
        idle = program.memory()
        program.stop()
        starts.append((ours, least))
    print(f"  start to first answer: router {1e3 * statistics.median(ours for ours, _ in starts):.1f} ms, floor {1e3 * statistics.median(least for _, least in starts):.1f} ms", flush=True)
    # 25 ms where the floor takes 2.
    promises.most("cold-start-to-floor", statistics.median(ours / least for ours, least in starts), 12.5, 1.5)
    promises.most("idle-memory-of-12MiB", idle / 12 / MIB, 1.0, 0.33)


def warm(bench: Bench, program: Program, proxy: str) -> int:
    """The memory of a router that has done a little of everything, so that its own pages are there."""
    bench.ask(program, "whole", milliseconds=300)
    bench.ask(program, "burst", "stream", milliseconds=300)
    machine.load(bench.program, "connect", proxy, ALLOWED, 16, 300)
    return program.memory()


def memory(bench: Bench) -> None:
    promises = bench.promises
    program = bench.start("memory", api=("127.0.0.1", 8700), proxy=("127.0.0.1", 8701))
    idle = warm(bench, program, "127.0.0.1:8701")
    # The agent API serves 256 connections, so a thousand streams are four times this many.
    command = [bench.program, "ask", text(program.address), "slow", "stream", 400, 250, 1]
    asking = subprocess.Popen(machine.placed(machine.REST, command), stdout=subprocess.DEVNULL)
    time.sleep(6)
    streams = program.memory() - idle
    asking.wait()
    print(f"  idle {idle / MIB:.1f} MiB; each of 250 streams {streams / 250 / 1024:.1f} KiB", flush=True)
    promises.most("memory-at-1000-streams-of-48MiB", (idle + 4 * streams) / 48 / MIB, 1.0, 0.33)
    program.stop()
    program = bench.start("tunnels", api=("127.0.0.1", 8702), proxy=("127.0.0.1", 8703))
    idle = warm(bench, program, "127.0.0.1:8703")
    holding = subprocess.Popen(machine.placed(machine.REST, [bench.program, "hold", "127.0.0.1:8703", ALLOWED, 1000]), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    holding.stdout.readline()
    tunnels = program.memory() - idle
    holding.communicate(b"\n")
    print(f"  each of 1,000 idle tunnels {tunnels / 1000 / 1024:.1f} KiB", flush=True)
    promises.most("1000-idle-tunnels-of-8MiB", tunnels / 8 / MIB, 1.0, 0.37)
    program.stop()
    program = bench.start("growth", api=("127.0.0.1", 8704), proxy=("127.0.0.1", 8705))

    def mixed(seconds: int) -> int:
        for _ in range(seconds):
            for model, stream in (("whole", "whole"), ("burst", "stream"), ("flaky", "whole")):
                bench.ask(program, model, stream, milliseconds=250)
            machine.load(bench.program, "connect", "127.0.0.1:8705", ALLOWED, 16, 250)
        return program.memory()

    early = mixed(3)
    promises.most("memory-after-30s-of-load-to-3s", mixed(27) / early, 1.10, 1.02)
    program.stop()


def reloads(bench: Bench) -> None:
    quiet, busy, stop = [], [], threading.Event()

    def rewrite() -> None:
        number = 0
        while not stop.wait(0.5):
            number += 1
            documents.write(bench.folder / "router", 1000 + number % 2)

    for _ in range(3):
        quiet.append(bench.ask(bench.router, "whole", milliseconds=3000))
        stop.clear()
        rewriting = threading.Thread(target=rewrite)
        rewriting.start()
        # Every answer that is no success ends the bench.
        busy.append(bench.ask(bench.router, "whole", milliseconds=3000))
        stop.set()
        rewriting.join()
    ratios = [one["whole"]["p99"] / other["whole"]["p99"] for one, other in zip(busy, quiet)]
    bench.promises.most("p99-under-reloads-to-p99", statistics.median(ratios), 2.0, 1.1)


def tunnels(bench: Bench) -> None:
    promises, turns = bench.promises, []
    ways = {"floor": (bench.tunnel, text(TUNNEL), ALLOWED), "router": (bench.router, text(PROXY), ALLOWED), "denied": (bench.router, text(PROXY), DENIED)}

    def measured(verb: str, way: str, *rest) -> dict:
        program, address, target = ways[way]
        before = program.cpu()
        found = machine.load(bench.program, verb, address, target, *rest)
        if found.get("errors"):
            raise SystemExit(f"error: {verb} {way}: {found}")
        count = found["requests"] + found.get("refused", 0)
        return found | {"cpu": (program.cpu() - before) / count, "rate": count / found.get("seconds", 1)}

    turns = [{way: measured("connect", way, 16, 1000) for way in ways} for _ in range(ROUNDS + 1)][1:]
    say("CPU per tunnel, c=16", turns, "cpu")
    promises.least("tunnels-per-second-c16-to-floor", of(turns, "rate"), 0.85, 1.0)
    promises.most("cpu-of-a-denied-tunnel-to-an-allowed", of(turns, "cpu", other="router", one="denied"), 0.4, 0.2)
    both = ("floor", "router")
    turns = [{way: measured("pull", way, 1024) for way in both} for _ in range(4)][1:]
    say("CPU per MiB", turns, "cpu")
    promises.most("cpu-per-byte-to-floor", of(turns, "cpu"), 0.7, 0.28)
    turns = [{way: measured("round-trips", way, 1000) for way in both} for _ in range(ROUNDS + 1)][1:]
    say("round trip p50", turns, lambda found: found["whole"]["p50"])
    promises.most("round-trip-p50-to-floor", of(turns, lambda found: found["whole"]["p50"]), 1.1, 1.0)


def curves(bench: Bench) -> None:
    promises, found = bench.promises, machine.load(bench.program, "decide")
    print("  " + ", ".join(f"{name} {one['nanoseconds']:.0f} ns (load {one['load']:.0f} ms)" for name, one in found.items()), flush=True)
    time_of = lambda name: found[name]["nanoseconds"]
    promises.most("decision-at-100000-tool-rules-to-10", time_of("tools-100000") / time_of("tools-10"), 3.0, 1.2)
    promises.most("decision-at-1000000-hosts-of-1500ns", time_of("hosts-1000000") / 1500, 1.0, 0.4)
    promises.most("decision-at-1000000-hosts-to-10", time_of("hosts-1000000") / time_of("hosts-10"), 10.0)
    usage = {}
    for count in (1, 60, 120, 240):
        proxy = ("127.0.0.1", 8801 + 2 * count)
        program = bench.start(f"streams-{count}", api=("127.0.0.1", 8800 + 2 * count), proxy=proxy)
        warm(bench, program, text(proxy))
        command = [bench.program, "ask", text(program.address), "slow", "stream", 400, count, 1]
        asking = subprocess.Popen(machine.placed(machine.REST, command), stdout=subprocess.DEVNULL)
        time.sleep(4)
        usage[count] = program.memory()
        asking.kill()
        asking.wait()
        program.stop()
    grown = (usage[240] - usage[120]) / max(usage[120] - usage[1], 1)
    promises.most("memory-of-streams-120-to-240-against-1-to-120", grown, 1.25)


GROUPS = {group.__name__: group for group in (requests, streams, tokens, tunnels, curves, footprint, memory, reloads)}


def inside(folder: str, binary: str, program: str, names: list) -> int:
    try:
        bench = Bench(pathlib.Path(folder), pathlib.Path(binary), pathlib.Path(program))
        for name in names or GROUPS:
            GROUPS[name](bench)
    finally:
        for running in reversed(machine.RUNNING):
            running.stop()
    return bench.promises.missed > 0


def built() -> tuple:
    """The router as it is released, and the load; the first may be named."""
    def said(*command: str) -> str:
        return subprocess.run(command, cwd=ROOT, env={"DIST": "target/dist"} | os.environ, check=True, stdout=subprocess.PIPE, text=True).stdout

    binary = os.environ.get("KARS_ROUTER") or ROOT / said(".ci/release", "binary", STATIC, "kars-router").strip()
    said("cargo", "build", "--quiet", "--release", "--locked", "--manifest-path", "tests/bench/load/Cargo.toml")
    return os.path.abspath(binary), ROOT / "tests/bench/load/target/release/kars-load"


def main(names: list) -> int:
    missing = [tool for tool in ("ip", "unshare", "taskset", "nice") if not shutil.which(tool)]
    unknown = [name for name in names if name not in GROUPS]
    if missing or unknown:
        raise SystemExit(f"error: missing programs: {missing}, unknown groups: {unknown}; groups: {' '.join(GROUPS)}")
    binary, program = built()
    alone = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run([*alone, sys.executable, __file__, "inside", folder, binary, program, *names], check=False).returncode


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["inside", folder, binary, program, *names]:
            sys.exit(inside(folder, binary, program, names))
        case names:
            sys.exit(main(names))
