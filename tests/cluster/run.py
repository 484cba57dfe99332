#!/usr/bin/env python3
"""Runs suites against real programs, in a namespace of their own that has only loopback and ends with everything in it.

    tests/cluster/run.py api admission      the suites named; each is a file of `suites/`
    tests/cluster/run.py                    all of them

A suite has `PROGRAMS`, the folders of `programs/` that it needs, and `run(score, programs, folder)`; if it has
`prepare(folder)`, that runs before, outside of the namespace. Needs root.
Prints what failed, one line for each suite, and `N passed, N failed`.
"""

import importlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
VOLUMES = Path("/tmp/hostpath_pv")
sys.path.insert(0, str(HERE))

from lib.process import Failure, Score


def main():
    inside = sys.argv[1:2] == ["--inside"]
    known = sorted(path.stem for path in (HERE / "suites").glob("*.py"))
    names = sys.argv[4 if inside else 1:] or known
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"error: there is no suite `{unknown[0]}`; suites: {' '.join(known)}")
    if inside:
        return judge(names, *map(Path, sys.argv[2:4]))
    if os.geteuid() != 0:
        sys.exit("error: a network namespace needs root; run this as root")
    with tempfile.TemporaryDirectory(prefix="kars-cluster-") as folder:
        build(names, Path(folder))
        return enclose(names, folder)


def build(names, folder):
    """Builds what the suites run, while there still is a network, and writes down where it is."""
    needed = sorted({program for name in names for program in suite(name).PROGRAMS})
    listed = ""
    if needed:
        built = subprocess.run([HERE / "build.sh", *needed], stdout=subprocess.PIPE, text=True)
        if built.returncode != 0:
            sys.exit("error: the programs do not build")
        listed = built.stdout
    (folder / "programs").write_text(listed)
    for name in names:
        own = folder / name
        own.mkdir()
        getattr(suite(name), "prepare", lambda _: None)(own)


def enclose(names, folder):
    """Starts this file anew inside the namespaces. When it ends, however it ends, the kernel ends all that it started."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    child = subprocess.Popen(
        ["unshare", "--net", "--pid", "--mount-proc", "--fork", "--kill-child", sys.executable, __file__, "--inside",
         folder, str(Path(folder) / "programs"), *names], start_new_session=True)
    try:
        return child.wait()
    finally:
        if child.poll() is None:
            # `unshare` itself lets this pass; the suite ends what it started, and with it the namespace.
            os.killpg(child.pid, signal.SIGINT)
            child.wait()


def judge(names, folder, programs):
    """Runs the suites one after the other, each with a folder of its own."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    # The controller manager makes volumes there and nowhere else; mounted so, they end with the namespace.
    VOLUMES.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "none", VOLUMES], check=True)
    folders = {name: Path(path) for name, path in map(str.split, programs.read_text().splitlines())}
    passed = failed = 0
    for name in names:
        began, score = time.monotonic(), Score(name)
        try:
            suite(name).run(score, folders, folder / name)
        except Failure as failure:
            score.check(str(failure), False)
        print(f"{name:17} {score.passed:6} passed, {score.failed} failed   {time.monotonic() - began:5.1f} s", flush=True)
        passed += score.passed
        failed += score.failed
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


def suite(name):
    return importlib.import_module(f"suites.{name}")


if __name__ == "__main__":
    sys.exit(main())
