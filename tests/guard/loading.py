"""Two ways to load the guard's rules: the script that people review, and `kars-router guard` as its container runs it."""

import json
import os
import re
import subprocess

# The flags of the example that prints the script, and what they change in a document's `guard`.
LISTS = {
    "default": ([], {"ipFamilies": ["IPv4"], "loopbackPorts": []}),
    "dual": (["--dual-stack", "--loopback-port", "18789"], {"ipFamilies": ["IPv4", "IPv6"], "loopbackPorts": [18789]}),
    "older": (["--loopback-port", "18790"], {"ipFamilies": ["IPv4"], "loopbackPorts": [18790]}),
    "long": (None, {"ipFamilies": ["IPv4"], "loopbackPorts": list(range(20000, 50000))}),
}
# An agent of the examples, whose pod this is.
DOCUMENT = "tests/golden/byo/aks/documents/summariser.router.json"
WORKLOAD = "tests/golden/byo/aks/agents/summariser/50-statefulset.yaml"
NAMESPACE, POD = "kars-byo--summariser", "summariser-0"
SETTINGS = ["KARS_POD_NAMESPACE", "KARS_POD_NAME", "KARS_DOCUMENT", "KARS_TRUST"]
# What the container has: root without a capability but one, nobody to become, no file to write.
CONTAINER = ["prlimit", "--fsize=0", "setpriv", "--no-new-privs", "--clear-groups", "--inh-caps=-all"]


def run(*command, **options):
    return subprocess.run(command, check=True, text=True, capture_output=True, **options).stdout


def listing():
    """All rules, without their counts."""
    return run("nft", "-s", "list", "ruleset")


def cargo(root, *arguments):
    """Builds something and gives the path of the program."""
    lines = run("cargo", "build", "-q", "--message-format=json", *arguments, cwd=root).splitlines()
    return next(found["executable"] for found in map(json.loads, lines) if found.get("executable"))


def prepare(root, folder):
    """Writes a script and a signed document for each list, and says where the programs are."""
    rules = cargo(root, "-p", "kars-contract", "--example", "guard-rules")
    sign = cargo(root, "-p", "kars-trust", "--example", "signed-folder")
    with open(os.path.join(root, WORKLOAD), encoding="utf-8") as file:
        container = re.search(r"- name: guard\n(.*?)- name: router\n", file.read(), re.DOTALL)[1]
    if re.findall(r"- name: (KARS_\w+)", container) != SETTINGS:
        raise SystemExit(f"the container `guard` of {WORKLOAD} has other settings than this test gives it")
    with open(os.path.join(root, DOCUMENT), encoding="utf-8") as file:
        document = json.load(file)
    for name, (flags, changed) in LISTS.items():
        if flags is not None:
            with open(f"{folder}/{name}.nft", "w", encoding="utf-8") as script:
                script.write(run(rules, *flags))
        document["guard"] |= changed
        with open(f"{folder}/document.json", "w", encoding="utf-8") as file:
            json.dump(document, file, sort_keys=True, separators=(",", ":"))
        run(sign, f"{folder}/document.json", f"{folder}/{name}")
    return cargo(root, "-p", "kars-router", "--bin", "kars-router")


class Script:
    """`nft` loads the script."""

    name = "nft"

    def __init__(self, folder):
        self.folder = folder

    def load(self, name):
        run("nft", "-f", f"{self.folder}/{name}.nft")


class Router:
    """`kars-router guard` loads what it finds in the document."""

    name = "kars-router guard"

    def __init__(self, folder, program):
        self.folder = folder
        self.program = program

    def load(self, name):
        code, message = self.attempt(name)
        if code != 0:
            raise SystemExit(f"kars-router guard ended with {code}: {message}")

    def attempt(self, name, capabilities="-all,+net_admin", user=0, **changed):
        """Its exit code and what it says; `changed` are settings, absent where they are `None`."""
        values = [NAMESPACE, POD, f"{self.folder}/{name}/router.json", f"{self.folder}/{name}/trust"]
        environment = dict(zip(SETTINGS, values, strict=True)) | changed
        environment = {key: value for key, value in environment.items() if value is not None}
        command = [*CONTAINER, f"--bounding-set={capabilities}", f"--reuid={user}", self.program, "guard"]
        ended = subprocess.run(command, env=environment, text=True, capture_output=True, check=False)
        return ended.returncode, ended.stdout + ended.stderr
