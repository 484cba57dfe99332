"""Golden trees: where they are, what is in them, how YAML 1.2 reads their files. Not here: any judgement."""

import json
import subprocess
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor

REPOSITORY = Path(__file__).resolve().parents[2]
HOME = REPOSITORY / ".cache/judges/current"
KUBECTL = HOME / "kubectl"

# The core schema of YAML 1.2 has no dates.
SafeConstructor.add_constructor("tag:yaml.org,2002:timestamp", SafeConstructor.construct_yaml_str)


class Results:
    """Counts what held, prints what did not."""

    def __init__(self, name):
        self.name = name
        self.passed = 0
        self.failed = 0

    def check(self, what, held, detail=""):
        if held:
            self.passed += 1
            return
        self.failed += 1
        print(f"FAILED {self.name}: {what}{f': {detail}' if detail else ''}")


class Tree:
    """One bundle: `tests/golden/<scenario>/<environment>`."""

    def __init__(self, path):
        self.path = path
        self.environment = path.name
        self.name = f"{path.parent.name}/{path.name}"

    @property
    def is_platform(self):
        """Whether it is a platform bundle, which has no agents."""
        return not (self.path / "agents").exists()

    def manifests(self):
        """Every manifest that delivery applies, by path."""
        return read_all(self.path.glob("*.yaml") if self.is_platform else self.path.glob("agents/*/*.yaml")) \
            | read_all(self.path.glob("mesh/*.yaml"))

    def bootstrap(self):
        """Objects of the delivery engine, which are applied once and by hand, by path."""
        return read_all(self.path.glob("delivery/*.yaml"))

    def documents(self):
        """The policy of every agent's router."""
        return [json.loads(path.read_text()) for path in sorted((self.path / "documents").glob("*.router.json"))]

    def relay(self):
        """The relay's document, where the scenario has one."""
        path = self.path / "documents/relay.json"
        return json.loads(path.read_text()) if path.exists() else None


def trees(root):
    return [Tree(path.parent) for path in sorted(root.glob("*/*/kustomization.yaml"))]


def read_all(paths):
    return {path: read_yaml(path) for path in sorted(paths) if path.name != "kustomization.yaml"}


def read_yaml(path):
    """Reads one document strictly: YAML 1.2, no duplicate keys, nothing after it."""
    reader = YAML(typ="safe", pure=True)
    reader.version = (1, 2)
    return reader.load(path.read_text())


def identity(thing):
    """What tells one object from another in a cluster."""
    metadata = thing.get("metadata", {})
    group = thing["apiVersion"].rpartition("/")[0]
    return (group, thing["kind"], metadata.get("namespace", ""), metadata["name"])


def stream(*command):
    """Runs a program and reads the JSON values that it prints one after another."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{Path(command[0]).name}: {done.stderr.strip()}")
    decoder, text, at, found = json.JSONDecoder(), done.stdout, 0, []
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        value, at = decoder.raw_decode(text, at)
        found.append(value)
    return found
