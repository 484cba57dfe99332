"""Verifiers that are not ours agree with karsc on a hundred good signatures and a hundred bad ones.

`openssl`, the npm package `@sigstore/verify` and the PyPI package `securesystemslib`, each given the bundles as karsc wrote
them. Not here: registries (`cosign.py`).
"""

import base64
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

from lib.bundles import Workshop, build_karsc, edit
from lib.process import Failure

PROGRAMS = []
HERE = Path(__file__).resolve().parents[1] / "verifiers"
NAME = "mesh-roundtrip-hermes"
AGENTS = 100
SERIAL = int(time.time()) - 3600


def prepare(folder):
    """Installs the packages, at the versions that are pinned here."""
    build_karsc(folder)
    for name in ("package.json", "package-lock.json", "verify.mjs"):
        shutil.copy(HERE / name, folder)
    for command in (("npm", "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"), (sys.executable, "-m", "venv", "venv"),
                    ("venv/bin/pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r", HERE / "requirements.txt")):
        subprocess.run(command, cwd=folder, check=True)


def run(score, _, folder):
    cases = list(good(Workshop(folder)))
    keys = sorted({case["key"] for case in cases})
    bad = [spoiled(case, number, keys) for number, case in enumerate(cases)]
    for what, chosen, expected in (("good", cases, True), ("bad", bad, False)):
        score.check(f"there are a hundred {what} signatures", len(chosen) >= 100, str(len(chosen)))
        path = folder / f"{what}.json"
        path.write_text(json.dumps(chosen))
        said = {
            "openssl": [openssl(folder, case) for case in chosen],
            "@sigstore/verify": answers(folder, "node", "verify.mjs", path),
            "securesystemslib": answers(folder, "venv/bin/python", HERE / "verify.py", path),
        }
        for name, verdicts in said.items():
            others = [number for number, verdict in enumerate(verdicts) if verdict != expected]
            score.check(f"{name} says of all {what} signatures that they are", len(verdicts) == len(chosen) and not others, str(others))


def good(shop):
    """The signature of each agent's document, and those of the whole bundle by either key."""
    for name in ("release", "attestation"):
        shop.key(name)
    scenario = shop.scenario(NAME, "engine: none")
    agents = "".join(f"  e{number:03}: {{ runtime: {{ kind: echo }}, respond: {{ mode: auto, timeout: 1m }} }}\n" for number in range(AGENTS))
    edit(scenario / "scenario.yaml", "\nagents:\n", f"\nagents:\n{agents}")
    bundle = shop.sign(shop.build(scenario, "bundle"), SERIAL, "release", "--attestation-key", "attestation.key")
    if shop.karsc("verify", bundle, "--key", "release.pub", "--attestation-key", "attestation.pub", check=False).returncode != 0:
        raise Failure("karsc does not accept its own signatures")
    public = {name: (shop.folder / f"{name}.pub").read_text() for name in ("release", "attestation")}
    for path in sorted(bundle.glob("agents/*/31-router-signature.yaml")):
        yield {"bundle": json.loads(path.read_text().split("document.sigstore.json: ")[1]).strip(), "key": public["release"]}
    for path in sorted(bundle.glob("signatures/*.sigstore.json")):
        yield {"bundle": path.read_text().strip(), "key": public["release" if path.name.startswith("bundle") else "attestation"]}


def spoiled(case, number, keys):
    """A case that nobody may accept: another key, another payload, another signature, another type."""
    bundle = json.loads(case["bundle"])
    envelope = bundle["dsseEnvelope"]
    if number % 4 == 0:
        return {"bundle": case["bundle"], "key": next(key for key in keys if key != case["key"])}
    if number % 4 == 1:
        payload = bytearray(base64.b64decode(envelope["payload"]))
        payload[number % len(payload)] ^= 1
        envelope["payload"] = base64.b64encode(payload).decode()
    elif number % 4 == 2:
        signature = bytearray(base64.b64decode(envelope["signatures"][0]["sig"]))
        signature[-1 - number % 20] ^= 1
        envelope["signatures"][0]["sig"] = base64.b64encode(signature).decode()
    else:
        envelope["payloadType"] += "+json"
    return {"bundle": json.dumps(bundle), "key": case["key"]}


def openssl(folder, case):
    """Whether openssl finds the signature over the envelope's pre-authentication encoding good."""
    envelope = json.loads(case["bundle"])["dsseEnvelope"]
    kind, payload = envelope["payloadType"].encode(), base64.b64decode(envelope["payload"])
    (folder / "signed").write_bytes(b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload))
    (folder / "signature").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
    (folder / "key.pem").write_text(case["key"])
    done = subprocess.run(["openssl", "dgst", "-sha256", "-verify", "key.pem", "-signature", "signature", "signed"], cwd=folder, capture_output=True)
    return done.returncode == 0


def answers(folder, *command):
    """The list that a verifier prints."""
    done = subprocess.run([str(word) for word in command], cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(f"`{command[0]}` ended with {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)
