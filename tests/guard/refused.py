"""What `kars-router guard` does where it must not or cannot load its list. Runs in the pod's namespace."""

import json
import os
import shutil
import subprocess
import time

from loading import Router, Script, listing, run

# What the kernel holds when nothing may leave.
CLOSED = """table inet kars_guard {
	chain out {
		type filter hook output priority filter; policy drop;
	}
}
"""


def check(tests, router: Router, script: Script):
    """All of it; ends with the default list in force."""
    replaced(tests, router, script)
    before = listing()
    for name, code, words, attempt in attempts(router):
        found, message = attempt()
        tests.check(f"{name}: exit code", found, code)
        tests.check(f"{name}: says `{words}` in one line", words in message and message.count("\n") == 1, True)
        tests.check(f"{name}: nothing is changed", listing(), before)
    closed(tests, router)
    held(tests, router)
    router.load("default")
    tests.check("after all of it the list is loaded", listing(), before)


def replaced(tests, router, script):
    """A table of before goes, whoever made it and whatever is in it; tables of others stay."""
    script.load("older")
    run("nft", "add chain inet kars_guard other { type filter hook input priority 0; policy drop; }")
    run("nft", "add table inet kars_guard { flags dormant; }")
    run("nft", "add table ip other")
    router.load("default")
    run("nft", "list table ip other")
    run("nft", "delete table ip other")
    found = listing()
    script.load("default")
    tests.check("an older table is replaced", found, listing())


def attempts(router):
    """What is refused before anything is changed: a name, the exit code, words of the message, what is tried."""
    tampered(router.folder)
    return [
        ("a tampered document", 14, "the document is refused", lambda: router.attempt("tampered")),
        ("the document of another pod", 13, "the document is refused", lambda: router.attempt("default", KARS_POD_NAME="writer-0")),
        ("a document that nobody vouches for", 10, "the document is refused", lambda: router.attempt("default", KARS_TRUST=None)),
        ("no document", 3, "cannot be read", lambda: router.attempt("absent")),
        ("no setting", 2, "`KARS_DOCUMENT` is not set", lambda: router.attempt("default", KARS_DOCUMENT=None)),
        ("half a pod", 2, "set both or neither", lambda: router.attempt("default", KARS_POD_NAME=None)),
        ("no capability", 3, "`NET_ADMIN`", lambda: router.attempt("default", capabilities="-all")),
        ("not root", 3, "`NET_ADMIN`", lambda: router.attempt("default", user=1000)),
    ]


def tampered(folder):
    """The document with one port more than was signed."""
    shutil.copytree(f"{folder}/default", f"{folder}/tampered", dirs_exist_ok=True)
    with open(f"{folder}/tampered/router.json", "r+", encoding="utf-8") as file:
        document = json.load(file)
        document["guard"]["loopbackPorts"].append(9091)
        file.seek(0)
        json.dump(document, file, sort_keys=True, separators=(",", ":"))
    os.chmod(folder, 0o755)


def closed(tests, router):
    """A list that the kernel does not take closes the pod."""
    code, message = router.attempt("long")
    tests.check("a list that is too long: exit code", code, 3)
    tests.check("a list that is too long: says so", message.endswith("; nothing leaves the pod now\n"), True)
    tests.check("a list that is too long: the pod is closed", listing(), CLOSED)


def held(tests, router):
    """A table that another program owns cannot be replaced."""
    run("nft", "flush", "ruleset")
    owner = subprocess.Popen(["nft", "-i"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    try:
        owner.stdin.write("add table inet kars_guard { flags owner; }\n")
        owner.stdin.flush()
        deadline = time.monotonic() + 5
        while "owner" not in (before := listing()) and time.monotonic() < deadline:
            time.sleep(0.05)
        code, message = router.attempt("default")
        tests.check("a table of another program: exit code", code, 3)
        tests.check("a table of another program: is named", "another program holds" in message, True)
        tests.check("a table of another program: stays", listing(), before)
    finally:
        owner.stdin.close()
        owner.wait()
