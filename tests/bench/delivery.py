"""Speed of signing, verifying and publishing, beside `sha256sum` and `oras` on the same bytes; everything measured in one run.

Prints `NAME ratio R must M` as run.py does. `python3 tests/bench/delivery.py` needs Rust, and Go for the registry and oras.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

import scenario
from run import KARSC, ROOT, Promises, Run, cpu, runs, wall

AGENTS = 10_000
SERIAL = str(int(time.time()))
HOST = "127.0.0.1:5017"


def main() -> None:
    subprocess.run(["cargo", "build", "--quiet", "--release", "-p", "karsc"], cwd=ROOT, check=True)
    os.environ["COSIGN_PASSWORD"] = ""
    promises = Promises()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        Run([KARSC, "keygen", "-o", folder / "key"])
        bundle = built(folder, AGENTS)
        signed(folder, bundle, promises)
        verified(folder, bundle, promises)
        published(folder, promises)
    sys.exit(promises.missed > 0)


def built(folder: pathlib.Path, agents: int) -> pathlib.Path:
    source, bundle = folder / f"scenario-{agents}", folder / f"bundle-{agents}"
    scenario.main(str(source), agents)
    Run([KARSC, "-q", "build", source, "-o", bundle])
    return bundle


def sign(folder: pathlib.Path, bundle: pathlib.Path) -> list:
    return [KARSC, "-q", "sign", bundle, "--key", folder / "key.key", "--serial", SERIAL]


def signed(folder: pathlib.Path, bundle: pathlib.Path, promises: Promises) -> None:
    """The signatures alone, on one core, as `sign -v` says; none is kept from before."""
    Run(sign(folder, bundle))
    command = [str(part) for part in sign(folder, bundle) if part != "-q"] + ["--replace", "-v", "-j", "1"]
    best = count = None
    for _ in range(3):
        told = subprocess.run(command, check=True, capture_output=True, text=True).stderr
        count, seconds = re.search(r"signed (\d+) statements? in ([\d.]+) s", told).groups()
        best = min(filter(None, [best, float(seconds) / int(count) * 1_000]))
    print(f"{count} signatures: {best * 1e3:.1f} ms for 1,000", flush=True)
    promises.most("sign-1000-of-50ms", best / 0.050, 1.0)


def verified(folder: pathlib.Path, bundle: pathlib.Path, promises: Promises) -> None:
    """Everything that `verify` checks, against hashing the same files."""
    listed = folder / "files"
    files = sorted(path for path in bundle.rglob("*") if path.is_file() and "delivery" not in path.relative_to(bundle).parts)
    listed.write_bytes(b"\0".join(os.fsencode(path) for path in files) + b"\0")
    hashing = ["xargs", "-0", "-a", listed, "sha256sum"]
    verifying = [KARSC, "-q", "verify", bundle, "--key", folder / "key.pub"]
    Run(hashing), Run(verifying)
    pairs = [(Run(verifying).wall, Run(hashing).wall) for _ in range(5)]
    ours, theirs = (min(column) for column in zip(*pairs))
    print(f"{len(files)} files: verify {ours:.2f} s, sha256sum {theirs:.2f} s", flush=True)
    promises.most("verify-to-sha256sum", ours / theirs, 1.5)


def published(folder: pathlib.Path, promises: Promises) -> None:
    """Verifying, packing, signing and pushing, against `oras push` of the same folder, which packs and pushes; 1,000 agents, a registry
    on loopback. Pushing the finished layer alone is printed too."""
    programs = dict(line.split() for line in subprocess.run(
        [ROOT / "tests/cluster/build.sh", "registry", "oras"], check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines())
    bundle = built(folder, 1_000)
    Run(sign(folder, bundle))
    configuration = folder / "registry.json"
    configuration.write_text(json.dumps({
        "version": "0.1", "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "storage")}}, "http": {"addr": HOST}}))
    registry = subprocess.Popen([f"{programs['registry']}/bin/registry", "serve", configuration], cwd=folder,
                                env=os.environ | {"OTEL_TRACES_EXPORTER": "none"}, stderr=subprocess.DEVNULL)
    try:
        answered()
        number = iter(range(100))
        publish = lambda: Run([KARSC, "-q", "publish", bundle, f"oci://{HOST}/ours-{next(number)}:bench", "--key", folder / "key.key"])
        publish()
        manifest = json.load(urllib.request.urlopen(urllib.request.Request(
            f"http://{HOST}/v2/ours-0/manifests/bench", headers={"Accept": "application/vnd.oci.image.manifest.v1+json"})))
        (layer,) = manifest["layers"]
        (folder / "layer.tar.gz").write_bytes(urllib.request.urlopen(f"http://{HOST}/v2/ours-0/blobs/{layer['digest']}").read())
        oras = f"{programs['oras']}/bin/oras push --plain-http --disable-path-validation {HOST}/theirs-".split(" ")
        push = lambda what: Run([*oras[:-1], f"{oras[-1]}{next(number)}:bench", f"{what}:{layer['mediaType']}"])
        push(bundle)
        pairs = [(publish().wall, push(bundle).wall, push(folder / "layer.tar.gz").wall) for _ in range(5)]
        ours, theirs, finished = (min(column) for column in zip(*pairs))
        print(f"layer of {layer['size']} bytes: publish {ours:.2f} s, oras push {theirs:.2f} s, of the finished layer {finished:.2f} s", flush=True)
        promises.most("publish-to-oras-push", ours / theirs, 1.3)
    finally:
        registry.kill()
        registry.wait()


def answered() -> None:
    for _ in range(100):
        try:
            urllib.request.urlopen(f"http://{HOST}/v2/")
            return
        except OSError:
            time.sleep(0.1)
    sys.exit("error: the registry does not answer")


if __name__ == "__main__":
    main()
