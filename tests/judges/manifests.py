"""Do Kubernetes' own schemas and readers take the manifests as they were meant?"""

import functools
import re
import subprocess
import tempfile
from pathlib import Path

import kubernetes_validate

from tree import KUBECTL, Results, identity, read_yaml, stream

# The package reads its files anew for every object.
kubernetes_validate.utils.schema_contents = functools.cache(kubernetes_validate.utils.schema_contents)

VERSIONS = ("1.34", "1.36")
# Kinds of programs that bring their own definitions; their shapes are tested in the compiler.
FOREIGN = ("fluxcd.io", "argoproj.io", "external-secrets.io", "isindir.github.com")


def schema(trees):
    """Every built-in kind against the schemas of two Kubernetes versions, unknown fields refused."""
    results = Results("kubernetes-validate --strict")
    for tree in trees:
        for path, thing in (tree.manifests() | tree.bootstrap()).items():
            if thing["apiVersion"].partition("/")[0].endswith(FOREIGN):
                continue
            for version in VERSIONS:
                try:
                    kubernetes_validate.validate(thing, version, strict=True)
                    results.check(path, True)
                except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as error:
                    results.check(f"{path} for {version}", False, getattr(error, "message", error))
    return results


def meaning(trees):
    """kubectl reads each file as the JSON that a YAML 1.2 reader sees; one kubectl for each folder."""
    results = Results("kubectl label --local")
    for tree in trees:
        files = tree.manifests() | tree.bootstrap()
        for folder in sorted({path.parent for path in files}):
            meant = {path: thing for path, thing in files.items() if path.parent == folder}
            try:
                named = [word for path in meant for word in ("-f", path)]
                things = stream(KUBECTL, "label", "--local", *named, "judged=yes", "-o", "json")
            except RuntimeError as error:
                results.check(folder, False, error)
                continue
            results.check(folder, len(things) == len(meant), f"{len(things)} objects in {len(meant)} files")
            for (path, thing), read in zip(meant.items(), things):
                results.check(path, read == labelled(thing), difference(read, labelled(thing)))
    return results


def labelled(thing):
    metadata = thing["metadata"]
    return thing | {"metadata": metadata | {"labels": metadata.get("labels", {}) | {"judged": "yes"}}}


def kustomize(trees):
    """`kubectl apply -k` would apply the objects of the files: all of them, once, unchanged."""
    results = Results("kubectl kustomize")
    for tree in trees:
        done = subprocess.run([str(KUBECTL), "kustomize", str(tree.path)], capture_output=True, text=True, check=False)
        results.check(tree.name, done.returncode == 0, done.stderr.strip())
        built = {identity(thing): thing for thing in documents(done.stdout)}
        meant = {identity(thing): thing for thing in tree.manifests().values()}
        missing, extra = sorted(meant.keys() - built.keys()), sorted(built.keys() - meant.keys())
        results.check(tree.name, not missing and not extra, f"missing {missing}, not in the files {extra}")
        results.check(tree.name, len(documents(done.stdout)) == len(built), "an object is built twice")
        for key in meant.keys() & built.keys():
            results.check(f"{tree.name} {key}", built[key] == meant[key], difference(built[key], meant[key]))
    return results


def documents(text):
    with tempfile.TemporaryDirectory() as folder:
        found = []
        for number, part in enumerate(re.split(r"^---$", text, flags=re.MULTILINE)):
            path = Path(folder, f"{number}.yaml")
            path.write_text(part)
            found.append(read_yaml(path))
        return [thing for thing in found if thing]


def difference(one, other, place=""):
    """The first place where two values differ, for a person to read."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            if one.get(key) != other.get(key) or (key in one) != (key in other):
                return difference(one.get(key), other.get(key), f"{place}.{key}")
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (left, right) in enumerate(zip(one, other)):
            if left != right:
                return difference(left, right, f"{place}[{index}]")
    return f"at `{place}` {one!r}, expected {other!r}"
