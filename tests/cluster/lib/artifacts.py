"""Artifacts in the registry, byte by byte, for what no client would do: copies of signatures, swapped layers, moved tags."""

import hashlib
import json
import urllib.error
import urllib.request

from lib.delivery import HOST

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
EMPTY = b"{}"


class Repository:
    """One repository of the registry of a test."""

    def __init__(self, name):
        self.root = f"http://{HOST}/v2/{name}"

    def manifest(self, reference):
        """The bytes of a manifest or index, by tag or digest; nothing where there is none."""
        request = urllib.request.Request(f"{self.root}/manifests/{reference}", headers={"Accept": f"{MANIFEST}, {INDEX}"})
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise

    def blob(self, digest):
        with urllib.request.urlopen(f"{self.root}/blobs/{digest}") as answer:
            return answer.read()

    def put(self, content):
        """Uploads a blob and returns its digest."""
        with urllib.request.urlopen(urllib.request.Request(f"{self.root}/blobs/uploads/", method="POST", data=b"")) as answer:
            place = answer.headers["Location"]
        digest = digest_of(content)
        request = urllib.request.Request(f"{place}&digest={digest}", method="PUT", data=content,
                                         headers={"Content-Type": "application/octet-stream"})
        urllib.request.urlopen(request).close()
        return digest

    def tag(self, name, content):
        """Puts a manifest or index under a tag and returns its digest."""
        kind = json.loads(content)["mediaType"]
        request = urllib.request.Request(f"{self.root}/manifests/{name}", method="PUT", data=content, headers={"Content-Type": kind})
        urllib.request.urlopen(request).close()
        return digest_of(content)

    def untag(self, name):
        """Removes what a tag names."""
        content = self.manifest(name)
        urllib.request.urlopen(urllib.request.Request(f"{self.root}/manifests/{digest_of(content)}", method="DELETE")).close()

    def changed(self, digest, layer, tag):
        """Pushes an artifact like another, with other content, under a tag; returns its digest."""
        manifest = json.loads(self.manifest(digest))
        manifest["layers"][0] |= {"digest": self.put(layer), "size": len(layer)}
        return self.tag(tag, json.dumps(manifest).encode())

    def signatures(self, digest):
        """The Sigstore bundles beside an artifact, as bytes, by predicate type."""
        index = self.manifest(digest.replace(":", "-"))
        found = {}
        for one in json.loads(index)["manifests"] if index else []:
            manifest = json.loads(self.manifest(one["digest"]))
            kind = manifest.get("annotations", {}).get("dev.sigstore.bundle.predicateType", "")
            found[kind] = self.blob(manifest["layers"][0]["digest"])
        return found

    def attach(self, digest, bundle):
        """Puts one Sigstore bundle beside an artifact, and no other."""
        subject = self.manifest(digest)
        manifest = json.dumps({
            "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": BUNDLE,
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": self.put(EMPTY), "size": len(EMPTY)},
            "layers": [{"mediaType": BUNDLE, "digest": self.put(bundle), "size": len(bundle)}],
            "subject": {"mediaType": MANIFEST, "digest": digest, "size": len(subject)},
        }).encode()
        entry = {"mediaType": MANIFEST, "artifactType": BUNDLE, "digest": self.tag(digest_of(manifest), manifest), "size": len(manifest)}
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}
        self.tag(digest.replace(":", "-"), json.dumps(index).encode())


def digest_of(content):
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
