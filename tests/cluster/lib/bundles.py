"""Bundles as users make them: karsc, run on copies of the examples. Not here: who applies them."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from lib.delivery import HOST, plain
from lib.process import Failure

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ROOT / "examples/scenarios"
ENVIRONMENT = """
apiVersion: karsc.dev/v1alpha1
kind: Environment
metadata: {{ name: test }}
base: aks
cluster: {{ name: test }}
secrets: {{ bind: {{ model-credentials: ["**.azure.com"] }} }}
delivery: {{ {delivery}, serviceAccount: kars-delivery, identities: {{ {scenario}: {namespace}/kars-delivery }} }}
trust: {{ threshold: 1, keys: [release.pub] }}
"""


def build_karsc(_):
    """Builds the program, where a suite's `prepare` needs it."""
    subprocess.run(["cargo", "build", "--quiet", "--package", "karsc"], cwd=ROOT, check=True)


class Workshop:
    """A folder with keys, copies of scenarios and bundles, and karsc to work on them."""

    def __init__(self, folder):
        self.folder = folder / "workshop"
        self.folder.mkdir(parents=True)
        target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
        self.program = target / "debug/karsc"
        self.environment = plain(self.folder, COSIGN_PASSWORD="")

    def karsc(self, *arguments, check=True):
        """Runs karsc in the folder, offline, with no setting of the caller."""
        done = subprocess.run([str(self.program), *map(str, arguments)], cwd=self.folder, env=self.environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if check and done.returncode != 0:
            raise Failure(f"`karsc {' '.join(map(str, arguments))}` ended with {done.returncode}: {done.stderr.strip()}")
        return done

    def key(self, name):
        """Makes `NAME.key` and `NAME.pub`."""
        self.karsc("keygen", "-o", name)
        return self.folder / f"{name}.key"

    def scenario(self, name, delivery, namespace="flux-system"):
        """Copies an example, with an environment `test` that is delivered as said, trusting the key `release`."""
        copy = self.folder / name
        shutil.copytree(EXAMPLES / name, copy)
        text = ENVIRONMENT.format(scenario=name, delivery=delivery, namespace=namespace)
        (copy / "environments/test.yaml").write_text(text)
        shutil.copy(self.folder / "release.pub", copy / "release.pub")
        return copy

    def build(self, scenario, output):
        """Builds the bundle of a copy."""
        self.karsc("build", scenario, "-e", "test", "-o", output)
        return self.folder / output

    def platform(self, scenario, output="platform"):
        """Builds the platform bundle for the environment of a copy."""
        self.karsc("build", scenario, "--platform", "-e", "test", "-o", output)
        return self.folder / output

    def sign(self, bundle, serial, key="release", *arguments):
        """Signs a bundle as of a serial."""
        self.karsc("sign", bundle, "--key", f"{key}.key", "--serial", serial, *arguments)
        return bundle

    def publish(self, bundle, repository, *arguments, key="release"):
        """Publishes a signed bundle and returns the digest of the artifact."""
        done = self.karsc("publish", bundle, f"oci://{HOST}/{repository}", "--key", f"{key}.key", *arguments)
        return re.search(r"sha256:[0-9a-f]{64}", done.stdout)[0]


def edit(path, old, new):
    """Replaces one piece of text, which must be there once."""
    text = path.read_text()
    if text.count(old) != 1:
        raise Failure(f"`{path}` holds `{old}` {text.count(old)} times")
    path.write_text(text.replace(old, new))
