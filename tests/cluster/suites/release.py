"""The release script and the action of this repository, run here as the public workflows run them.

Not here: the images of the runtimes, whose bases come from a public registry; their locks are checked.
"""

import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

from lib.delivery import HOST, Registry, Signer, plain
from lib.process import Failure

PROGRAMS = ["registry", "cosign", "oras"]
ROOT = Path(__file__).resolve().parents[3]
TARGET = "x86_64-unknown-linux-musl"
# What a workflow of the public project is told about itself.
WORKFLOW = {
    "GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "kars-project/karsc", "GITHUB_REF": "refs/tags/v0.1.0",
    "GITHUB_SHA": "0123456789abcdef0123456789abcdef01234567", "GITHUB_RUN_ID": "7", "GITHUB_RUN_ATTEMPT": "1",
    "GITHUB_WORKFLOW_REF": "kars-project/karsc/.github/workflows/release.yml@refs/tags/v0.1.0",
}


def prepare(folder):
    """Builds the archive twice, with a network for the crates that are missing."""
    for name in ("first", "second"):
        release(folder / name, "archive", TARGET)


def run(score, programs, folder):
    archive = next((folder / "first").glob("karsc-*.tar.gz"))
    archives(score, folder, archive)
    locks(score)
    with Registry(programs, folder):
        images(score, programs, folder)
    action(score, folder, archive)


def archives(score, folder, archive):
    """The archive is the same twice; its binary needs nothing beside it."""
    for path in (archive, archive.with_name(archive.name.replace(".tar.gz", ".spdx.json"))):
        again = folder / "second" / path.name
        score.check(f"two `{path.name}` of one commit are the same bytes", path.read_bytes() == again.read_bytes())
    root = folder / "root"
    root.mkdir()
    subprocess.run(["tar", "-xzf", archive, "--strip-components=1", "-C", root], check=True)
    shutil.copytree(ROOT / "examples/scenarios/exec-brief-hermes", root / "scenario")
    for what, *arguments in (("version", "version"), ("check", "check", "/scenario"), ("build", "build", "/scenario", "-o", "/bundle")):
        done = subprocess.run(["chroot", root, "/karsc", *arguments], capture_output=True, text=True)
        score.check(f"`karsc {what}` runs where there is nothing but its binary", done.returncode == 0, done.stderr)
    packages = json.loads(archive.with_name(archive.name.replace(".tar.gz", ".spdx.json")).read_text())["packages"]
    linked = {line.split()[0] for line in subprocess.run(
        ["cargo", "tree", "-p", "karsc", "--offline", "--target", TARGET, "-e", "normal", "--prefix", "none"], cwd=ROOT,
        check=True, capture_output=True, text=True).stdout.splitlines() if line}
    missing = sorted(linked - {package["name"] for package in packages})
    score.check("the SBOM names every crate that is linked", linked and not missing, ", ".join(missing))
    sums = subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=archive.parent, capture_output=True, text=True)
    score.check("the checksums hold", sums.returncode == 0, sums.stdout)


def locks(score):
    """Every base is pinned by digest, every package by hash, in the version that the catalog names."""
    containerfiles = sorted((ROOT / ".ci/images").glob("*/Containerfile"))
    score.check("there is a Containerfile for each kind of image", len(containerfiles) >= 4)
    for path in containerfiles:
        text = path.read_text()
        bases = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
        users = re.findall(r"^USER (\S+)$", text, re.MULTILINE)
        name = path.parent.name
        pinned = all(base == "scratch" or re.fullmatch(r"\S+@sha256:[0-9a-f]{64}", base) for base in bases)
        score.check(f"the base of `{name}` is pinned", bool(bases) and pinned)
        score.check(f"`{name}` ends as a user who is not root", bool(users) and re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[-1]) is not None)
        score.check(f"`{name}` installs by hash", all("--require-hashes" in line for line in text.splitlines() if "pip install" in line))
    for path in sorted((ROOT / ".ci/images").glob("*/requirements-*.txt")):
        requirements = [part for part in path.read_text().replace("\\\n", " ").splitlines() if part.strip()]
        score.check(f"`{path.name}` has hashes", all("--hash=sha256:" in line and "==" in line for line in requirements))
    for version, descriptor in catalogued():
        package = re.search(r"registry: pypi[,\n]\s*name: ([\w-]+)", descriptor)
        kind = re.search(r"^  name: (\S+)$", descriptor, re.MULTILINE)[1]
        if package:
            image = re.search(r"^image: (\S+)$", descriptor, re.MULTILINE)[1]
            lock = ROOT / ".ci/images" / image / f"requirements-{version if image == kind else kind}.txt"
            score.check(f"the lock of `{kind}` has {package[1]} {version}",
                        re.search(rf"^{package[1]}==({re.escape(version)}) ", lock.read_text(), re.MULTILINE) is not None)
    packages = json.loads((ROOT / ".ci/images/openclaw/package-lock.json").read_text())["packages"]
    score.check("every package of OpenClaw has its hash",
                all("integrity" in package or package.get("inBundle") for name, package in packages.items() if name))
    score.check("OpenClaw is the version of the catalog",
                (packages["node_modules/openclaw"]["version"], "openclaw") in
                [(version, re.search(r"^image: (\S+)$", text, re.MULTILINE)[1]) for version, text in catalogued()])


def catalogued():
    """Each version of each runtime, with the text of its descriptor."""
    for path in sorted((ROOT / "templates/runtimes").glob("*/runtime.yaml")):
        text = path.read_text()
        for version in re.findall(r'"([^"]+)"', (re.search(r"^versions: \[(.*)\]$", text, re.MULTILINE) or [None, ""])[1]):
            yield version, text


def images(score, programs, folder):
    """Our image holds one program, is signed and attested, and cosign agrees."""
    signer = Signer(programs, folder)
    public = signer.key("release")
    other = signer.key("other")
    repository, dist = f"{HOST}/kars-project", folder / "first"
    tools = {"PATH": f"{programs['cosign'] / 'bin'}:{os.environ['PATH']}", "COSIGN_KEY": str(signer.folder / "release.key"),
             "COSIGN_PASSWORD": "", "TUF_ROOT": str(signer.folder / "trust")}
    release(dist, "image", repository, **tools)
    digest = (dist / "karsc.digest").read_text().strip()
    reference = f"{repository}/karsc@{digest}"
    score.check("nothing is signed before `sign`", signer.verify(public, reference).returncode != 0)
    release(dist, "sign", repository, **tools)
    score.check("cosign accepts the image", signer.verify(public, reference).returncode == 0)
    score.check("cosign refuses it under another key", signer.verify(other, reference).returncode != 0)
    for kind in ("slsaprovenance1", "spdxjson"):
        done = signer.verify(public, reference, "--type", kind, what="verify-attestation")
        score.check(f"cosign accepts the attestation {kind}", done.returncode == 0, done.stderr)
    done = signer.run("cosign", "verify-blob", "--key", public, "--insecure-ignore-tlog", "--bundle",
                      dist / "SHA256SUMS.sigstore.json", dist / "SHA256SUMS", check=False)
    score.check("cosign accepts the checksums", done.returncode == 0, done.stderr)
    manifest = json.loads(signer.run("oras", "manifest", "fetch", "--plain-http", reference).stdout)
    child = f"{repository}/karsc@{manifest['manifests'][0]['digest']}"
    config = json.loads(signer.run("oras", "manifest", "fetch-config", "--plain-http", child).stdout)
    score.check("the image runs as 65532", config["config"]["User"] == "65532:65532")
    signer.run("oras", "copy", "--from-plain-http", "--to-oci-layout", child, f"{signer.folder}/image:1")
    names = set()
    for layer in json.loads(signer.run("oras", "manifest", "fetch", "--plain-http", child).stdout)["layers"]:
        blob = signer.folder / "image/blobs" / layer["digest"].replace(":", "/")
        names |= set(subprocess.run(["tar", "-tzf", blob], check=True, capture_output=True, text=True).stdout.split())
    files = {name for name in names if not name.endswith("/")}
    score.check("the image holds one program and the certificate authorities",
                files == {"etc/ssl/certs/ca-certificates.crt", "usr/local/bin/karsc"}, str(files))


def action(score, folder, archive):
    """The steps of action.yml, with what a runner would give them."""
    releases = folder / "releases/v0.1.0"
    shutil.copytree(archive.parent, releases)
    hash = subprocess.run(["sha256sum", archive], check=True, capture_output=True, text=True).stdout.split()[0]
    given = {"VERSION": "0.1.0", "SHA256": hash, "BINARY": "", "RELEASES": f"file://{releases.parent}"}
    done, temporary = step(folder, "install", **given)
    score.check("the action installs an archive with the given hash", done.returncode == 0, done.stderr)
    refused, _ = step(folder, "install", **given | {"SHA256": "0" * 64})
    score.check("the action refuses another archive", refused.returncode != 0)
    refused, _ = step(folder, "install", **given | {"SHA256": ""})
    score.check("the action refuses what it cannot check", refused.returncode == 3 and "::error::" in refused.stdout)

    karsc = temporary / "karsc-bin/karsc"
    work = folder / "checkout"
    shutil.copytree(ROOT / "examples/scenarios/exec-brief-hermes", work / "scenario")
    subprocess.run([karsc, "build", "scenario", "-o", "bundle"], cwd=work, check=True, capture_output=True)
    inputs = {"COMMAND": "check", "SCENARIO": "scenario", "BUNDLE": "bundle", "ENVIRONMENT": "", "KEYS": "", "AUDIENCE": ""}
    done, temporary = step(folder, "run", work, karsc, **inputs)
    digest = json.loads((work / "bundle/bundle.json").read_text())["contentDigest"]
    score.check("the action accepts a bundle that is what its scenario compiles to", done.returncode == 0, done.stderr)
    score.check("the action tells its digest", (temporary / "output").read_text() == f"digest={digest}\n")

    subprocess.run([karsc, "keygen", "-o", "release"], cwd=work, check=True, capture_output=True, env=plain(work, COSIGN_PASSWORD=""))
    subprocess.run([karsc, "sign", "bundle", "--key", "release.key", "--serial", str(int(time.time()))], cwd=work, check=True,
                   capture_output=True, env=plain(work, COSIGN_PASSWORD=""))
    verify = inputs | {"COMMAND": "verify", "KEYS": "release.pub\n", "SCENARIO": "", "AS_OF": ""}
    done, _ = step(folder, "run", work, karsc, **verify)
    score.check("the action verifies a signed bundle", done.returncode == 0, done.stdout + done.stderr)
    touched = next((work / "bundle/agents").glob("*/50-statefulset.yaml"))
    touched.write_text(touched.read_text() + "# by hand\n")
    done, _ = step(folder, "run", work, karsc, **verify)
    score.check("the action refuses a changed bundle with verify's own code", done.returncode == 14, done.stdout + done.stderr)
    done, _ = step(folder, "run", work, karsc, **inputs)
    score.check("the action refuses a bundle that was changed by hand", done.returncode == 1 and "::error::" in done.stdout, done.stdout)


def step(folder, name, work=None, karsc=None, **inputs):
    """One step of the action with a fresh runner's folder; returns the process and that folder."""
    temporary = folder / f"runner-{os.urandom(4).hex()}"
    temporary.mkdir()
    environment = plain(temporary, GITHUB_PATH=temporary / "path", GITHUB_OUTPUT=temporary / "output", RUNNER_TEMP=temporary,
                        **WORKFLOW, **inputs)
    (temporary / "output").touch()
    if karsc:
        environment["PATH"] = f"{karsc.parent}:{environment['PATH']}"
    done = subprocess.run([ROOT / ".github/action" / name], cwd=work or temporary, env=environment, capture_output=True, text=True)
    return done, temporary


def release(dist, *arguments, **more):
    """One step of the release script."""
    done = subprocess.run([ROOT / ".ci/release", *arguments], env=os.environ | WORKFLOW | {"DIST": str(dist)} | more,
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(f"`.ci/release {' '.join(arguments)}` ended with {done.returncode}:\n{done.stderr[-2000:]}")
