"""cosign and karsc accept each other's signatures in a registry, and refuse what the other refuses.

Not here: what other verifiers say of a bundle in its folder (`tests/judges`).
"""

import json
import shutil
import time

from lib.artifacts import Repository
from lib.bundles import Workshop, build_karsc
from lib.delivery import HOST, Registry, Signer

PROGRAMS = ["registry", "cosign", "oras"]
NAME = "exec-brief-hermes"
SERIAL = int(time.time()) - 3600
ATTESTED = {"slsaprovenance1": "https://slsa.dev/provenance/v1", "spdxjson": "https://spdx.dev/Document"}

prepare = build_karsc


def run(score, programs, folder):
    with Registry(programs, folder):
        Signatures(score, Workshop(folder), Signer(programs, folder)).run()


class Signatures:
    """One bundle, signed by one or the other."""

    def __init__(self, score, shop, signer):
        self.score, self.shop, self.signer = score, shop, signer
        self.repository = Repository("bundles/brief")

    def run(self):
        for name in ("release", "attestation", "foreign"):
            self.shop.key(name)
        shutil.copytree(self.shop.folder, self.signer.folder / "keys", ignore=lambda _, names: [n for n in names if "." not in n])
        scenario = self.shop.scenario(NAME, f'engine: flux, repository: "oci://{HOST}/bundles/brief", verify: {{ key: release.pub }}')
        self.bundle = self.shop.sign(self.shop.build(scenario, "bundle"), SERIAL, "release", "--attestation-key", "attestation.key")
        digest = self.shop.publish(self.bundle, "bundles/brief", "--attestation-key", "attestation.key")
        self.ours(f"{HOST}/bundles/brief@{digest}")
        self.again(digest)
        self.theirs(digest)
        self.older()

    def ours(self, reference):
        """What karsc published, cosign accepts."""
        done = self.signer.verify("keys/release.pub", reference)
        self.check("cosign accepts the signature", done.returncode == 0, done.stderr)
        done = self.signer.verify("keys/foreign.pub", reference)
        self.check("cosign refuses another key", done.returncode != 0)
        for kind, predicate in ATTESTED.items():
            for key, accepted in (("attestation", True), ("release", False)):
                done = self.signer.verify(f"keys/{key}.pub", reference, "--type", kind, what="verify-attestation")
                self.check(f"cosign {'accepts' if accepted else 'refuses'} `{predicate}` by the {key} key",
                           (done.returncode == 0) == accepted, done.stderr)

    def again(self, digest):
        """A second push from elsewhere is the same artifact."""
        copy = self.shop.folder / "elsewhere"
        shutil.copytree(self.bundle, copy)
        again = self.shop.publish(copy, "bundles/again", "--attestation-key", "attestation.key")
        self.check("two pushes have one digest", again == digest)
        signatures = [Repository(name).signatures(digest) for name in ("bundles/brief", "bundles/again")]
        self.check("and the same signatures", signatures[0] == signatures[1])

    def theirs(self, digest):
        """What cosign signed, karsc accepts; without it, or with another key, it says why not."""
        content = self.repository.manifest(digest)
        self.copy("bundles/theirs", digest)
        verify = ("verify", f"oci://{HOST}/bundles/theirs@{digest}", "--key")
        done = self.shop.karsc(*verify, "release.pub", check=False)
        self.check("karsc refuses what nobody signed", done.returncode == 10, f"{done.returncode}: {done.stderr}")
        self.signer.sign("keys/release", f"{HOST}/bundles/theirs@{digest}")
        done = self.shop.karsc(*verify, "release.pub", check=False)
        self.check("karsc accepts what cosign signed", done.returncode == 0, done.stderr)
        done = self.shop.karsc(*verify, "foreign.pub", check=False)
        self.check("karsc refuses another key", done.returncode == 12, f"{done.returncode}: {done.stderr}")
        self.check("signing left the artifact as it was", Repository("bundles/theirs").manifest(digest) == content)

    def copy(self, name, digest):
        """Copies an artifact, and nothing beside it, to another repository."""
        target, manifest = Repository(name), self.repository.manifest(digest)
        for one in [json.loads(manifest)["config"], *json.loads(manifest)["layers"]]:
            target.put(self.repository.blob(one["digest"]))
        target.tag("copy", manifest)

    def older(self):
        """The `.sig` tag is there only when it is asked for, and cosign accepts it."""
        old = ("--new-bundle-format=false",)
        digest = self.shop.publish(self.bundle, "bundles/old", "--attestation-key", "attestation.key")
        done = self.signer.verify("keys/release.pub", f"{HOST}/bundles/old@{digest}", *old)
        self.check("there is no older form of signature unasked", done.returncode != 0)
        self.shop.publish(self.bundle, "bundles/old", "--attestation-key", "attestation.key", "--legacy-signature")
        done = self.signer.verify("keys/release.pub", f"{HOST}/bundles/old@{digest}", *old)
        self.check("cosign accepts the older form", done.returncode == 0, done.stderr)

    def check(self, what, held, detail=""):
        return self.score.check(what, held, detail)
