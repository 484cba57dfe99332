"""Programs under test and what they use: each on a core of its own, in a network that nothing else is in. Not here: any figure."""

import json
import os
import pathlib
import re
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
#: The core of the program under test, and that of everything else; the same where there is one.
CORES = sorted(os.sched_getaffinity(0))
TESTED, REST = CORES[-1], CORES[0]
PROVIDER, FLOOR, TUNNEL, NGINX = (("127.0.0.1", port) for port in (8000, 8001, 8002, 8003))
HOST, RESOLVER = ("1.2.3.4", 7000), ("9.9.9.9", 53)
#: How long a program may take to serve.
STARTING = 20
#: Everything that was started, so that nothing outlives the run.
RUNNING = []


def placed(core: int, command: list) -> list:
    """Runs before whatever else the machine does, where that is allowed: what is measured is the program, not its neighbours."""
    first = ["nice", "-n", "-20"] if os.geteuid() == 0 else []
    return ["taskset", "-c", str(core), *first, *(str(part) for part in command)]


class Program:
    """A program that serves until it is stopped."""

    def __init__(self, command: list, address: tuple, core: int = TESTED, environment: dict | None = None, log: pathlib.Path | None = None) -> None:
        self.address, self.log = address, log
        with open(log or os.devnull, "ab") as output:
            self.process = subprocess.Popen(placed(core, command), env=environment, stdin=subprocess.PIPE, stdout=output, stderr=output)
        RUNNING.append(self)
        until = time.monotonic() + STARTING
        while not accepts(address):
            if self.process.poll() is not None or time.monotonic() > until:
                self.stop()
                raise SystemExit(f"error: {command[0]} does not serve: {log.read_text()[-2000:] if log else ''}")
            time.sleep(0.000_2)

    def tree(self) -> list:
        found = [self.process.pid]
        for pid in found:
            found.extend(int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        return found

    def cpu(self) -> float:
        """Processor microseconds so far, of all threads of all its processes."""
        total = 0
        for pid in self.tree():
            for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
                total += int((task / "schedstat").read_text().split()[0])
        return total / 1000

    def memory(self) -> int:
        """Bytes that are its own, and its part of what is shared."""
        texts = (pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in self.tree())
        return sum(int(re.search(r"^Pss:\s+(\d+)", text, re.M)[1]) * 1024 for text in texts)

    def stop(self) -> None:
        """Ends it, if it has not ended."""
        self.process.terminate()
        try:
            self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.process.kill()


def accepts(address: tuple) -> bool:
    try:
        with socket.create_connection(address, timeout=1):
            return True
    except OSError:
        return False


def load(program: pathlib.Path, *arguments) -> dict:
    """One run of the load, which prints one object."""
    command = placed(REST, [program, *arguments])
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=600)
    return json.loads(done.stdout)


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


class Outside:
    """The host and the resolver, behind a cable: a router does not connect to addresses of its own machine."""

    def __init__(self, program: pathlib.Path) -> None:
        run("ip", "link", "set", "lo", "up")
        script = f"read linked && ip link set lo up && ip address add 192.168.77.1/24 dev out && ip link set out up && ip address add {HOST[0]}/32 dev lo && ip address add {RESOLVER[0]}/32 dev lo && {{ {program} host {text(HOST)} & {program} resolver {text(RESOLVER)} {HOST[0]} & wait; }}"
        self.process = subprocess.Popen(placed(REST, ["unshare", "-n", "sh", "-c", script]), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
        time.sleep(0.5)
        run("ip", "link", "add", "pod", "type", "veth", "peer", "name", "out", "netns", str(self.process.pid))
        run("ip", "address", "add", "192.168.77.2/24", "dev", "pod")
        run("ip", "link", "set", "pod", "up")
        run("ip", "route", "add", "default", "via", "192.168.77.1")
        RUNNING.append(self)
        self.process.stdin.write("linked\n")
        self.process.stdin.flush()
        for _ in range(2):
            self.process.stdout.readline()
        # Tunnels are opened faster than the ports of closed ones come free.
        pathlib.Path("/proc/sys/net/ipv4/tcp_max_tw_buckets").write_text("1024")

    def stop(self) -> None:
        os.killpg(self.process.pid, 15)
        self.process.wait()


def text(address: tuple) -> str:
    return f"{address[0]}:{address[1]}"


def nginx(folder: pathlib.Path) -> Program | None:
    """nginx as a plain proxy without any check, where it is installed."""
    found = next((path for path in ("/usr/sbin/nginx", "/usr/bin/nginx") if os.path.exists(path)), None)
    if not found:
        return None
    (folder / "nginx.conf").write_text(
        f"""daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log; worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{ access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
client_body_buffer_size 2m; client_max_body_size 10m; keepalive_requests 100000000;
upstream provider {{ server {text(PROVIDER)}; keepalive 256; keepalive_requests 100000000; }}
server {{ listen {text(NGINX)} backlog=4096; location / {{ proxy_pass http://provider; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; proxy_request_buffering on; }} }} }}
"""
    )
    return Program([found, "-c", folder / "nginx.conf", "-e", folder / "nginx.log"], NGINX, log=folder / "nginx.out")
