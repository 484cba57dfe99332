"""Programs that a suite starts, what it counts, and how it waits. Not here: any program in particular."""

import socket
import subprocess
import time


class Failure(Exception):
    """What makes the rest of a suite pointless: a program died, or something never came about."""


class Score:
    """Counts what held, prints what did not."""

    def __init__(self, name):
        self.name = name
        self.passed = 0
        self.failed = 0

    def check(self, what, held, detail=""):
        """Counts one check; returns whether it held."""
        if held:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED {self.name}: {what}{f': {detail}' if detail else ''}", flush=True)
        return bool(held)


class Processes:
    """Programs that run until the end of a `with` block, the last one started ends first. Each has a log."""

    def __init__(self, folder):
        self.folder = folder
        self.running = []
        # How each that may fail is started again, and how often still.
        self.again = {}
        folder.mkdir(parents=True, exist_ok=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        while self.running:
            self.stop(self.running[-1][0])

    def start(self, name, *command, environment=None, again=0):
        """Starts a program in the folder; what it prints goes to `NAME.log`. Where it fails, it is started again so often."""
        self.again[name] = (again, lambda: self.start(name, *command, environment=environment, again=again - 1))
        with open(self.folder / f"{name}.log", "wb") as log:
            child = subprocess.Popen(
                [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                cwd=self.folder, env=environment, start_new_session=True)
        self.running.append((name, child))

    def stop(self, name):
        """Ends one program, at the latest after ten seconds."""
        child = dict(self.running)[name]
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        self.running.remove((name, child))

    def log(self, name, lines=15):
        """The last lines that a program printed."""
        return "\n".join((self.folder / f"{name}.log").read_text(errors="replace").splitlines()[-lines:])

    def restarted(self, name):
        """Starts a program that has ended once more, where it may be."""
        left, start = self.again[name]
        if left:
            print(f"{name} ended and is started again:\n{self.log(name, 3)}", flush=True)
            self.stop(name)
            start()
        return left > 0

    def wait_for(self, what, condition, timeout=60.0):
        """Waits until `condition()` is true and returns what it returned; fails early when a program has died."""
        end = time.monotonic() + timeout
        while True:
            value = condition()
            if value:
                return value
            for name, child in list(self.running):
                if child.poll() is not None and not self.restarted(name):
                    raise Failure(f"`{name}` ended with {child.returncode} before {what}:\n{self.log(name)}")
            if time.monotonic() > end:
                names = [name for name, _ in self.running]
                raise Failure(f"not {what} within {timeout:.0f} s; running: {', '.join(names)}\n{self.log(names[-1]) if names else ''}")
            time.sleep(0.1)

    def wait_for_port(self, name, port, timeout=60.0):
        """Waits until somebody listens on a port of loopback."""
        self.wait_for(f"`{name}` listens on {port}", lambda: listens(port), timeout)


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
