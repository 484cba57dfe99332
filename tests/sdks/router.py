"""A router that runs by an edited document of the dev profile. Not here: any check."""

import json
import os
import subprocess
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
DOCUMENT = REPOSITORY / "tests/golden/openai-agents/kind/documents/triage.router.json"
PROGRAM = REPOSITORY / "target/debug/kars-router"
KEY = "sk-router-0123456789"
SAFETY = {"promptShields": False, "hate": "medium", "selfHarm": "medium", "sexual": "medium", "violence": "medium"}


def route(provider, deployment, dialect, address):
    """A route to a model at an address of this machine."""
    return {
        "provider": provider,
        "deployment": deployment,
        "dialect": dialect,
        "endpoint": f"http://{address}",
        "credential": {"secret": "model/KEY"},
        "contextLength": 100000,
        "safety": SAFETY,
    }


class Router:
    """Starts a router in a folder and stops it."""

    def __init__(self, folder, edit):
        document = json.loads(DOCUMENT.read_text())
        edit(document)
        (folder / "router.json").write_text(json.dumps(document))
        (folder / "state").mkdir()
        (folder / "credentials/model").mkdir(parents=True)
        (folder / "credentials/model/KEY").write_text(KEY)
        settings = {"DOCUMENT": folder / "router.json", "STATE_DIR": folder / "state", "CREDENTIALS": folder / "credentials", "RESOLVER": "127.0.0.1:9"}
        settings |= {f"LISTEN_{name}": "127.0.0.1:0" for name in ("API", "PROXY", "DNS", "ADMIN")}
        self.log = folder / "log"
        environment = {"PATH": os.environ["PATH"]} | {f"KARS_{name}": str(value) for name, value in settings.items()}
        with self.log.open("w") as log:
            self.process = subprocess.Popen([PROGRAM], env=environment, stderr=log)

    def __enter__(self):
        until = time.monotonic() + 20
        while time.monotonic() < until:
            for line in self.log.read_text().splitlines():
                if line.startswith("{") and json.loads(line).get("message") == "serving":
                    self.api = json.loads(line)["api"]
                    return self
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise SystemExit(f"error: the router does not serve: {self.log.read_text()}")

    def __exit__(self, *_):
        self.process.terminate()
        self.ended = self.process.wait(timeout=40)
