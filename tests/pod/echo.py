#!/usr/bin/env python3
"""The built-in responder in its rendered pod, behind the guard and beside its router, whose binary it is.

    tests/hermes/setup.sh && tests/pod/echo.py

The kubelet's probes are asked from outside, and the responder is prompted as the router's user would, on loopback. Prints
`N passed, N failed`.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests/hermes"))

from certificates import certificates
from check import Results, finish
from containers import Containers, prepared, router_image, this_python, wait
from network import Network

SCENARIO, AGENT = "mesh-roundtrip-hermes", "pong"
PROBES = ("/agent/livez", "/agent/readyz")
ASK = """import json, sys, urllib.request
request = urllib.request.Request(sys.argv[1], sys.argv[2].encode(), {"content-type": "application/json"})
print(json.load(urllib.request.urlopen(request, timeout=5))["choices"][0]["message"]["content"])"""


def main():
    programs, results = prepared(ROOT), Results()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        certificates(folder, ["outside.example.net"])
        subprocess.run([programs["karsc"], "build", ROOT / "examples/scenarios" / SCENARIO, "-o", folder / "bundle"], check=True, capture_output=True)
        answers(results, folder, programs["kars-router"])
    finish(results)


def answers(results, folder, router):
    from bundle import Bundle

    bundle, network = Bundle(folder / "bundle", AGENT), Network([], "echo")
    try:
        containers = Containers(bundle, network.pod, folder, {})
        try:
            image = router_image(router, folder)
            # Here the program lies in another folder than in its image.
            program, *arguments = bundle.container("agent")["command"]
            guard = containers.run("guard", image)
            results.equal(f"the guard ends with: {guard.stderr}", guard.returncode, 0)
            containers.start_router(image)
            for path in PROBES:
                results.equal(f"{path} before it runs", network.page(9090, path)[0], 503)
            process = containers.start("agent", image, command=[Path(program).name, *arguments])
            wait("the responder's probe", process, lambda: network.page(9090, PROBES[0])[0] == 200)
            for path in PROBES:
                results.equal(f"{path} while it runs", network.page(9090, path)[0], 200)
            url = bundle.document["respond"]["prompt"]["url"]
            prompt = json.dumps({"model": "any", "messages": [{"role": "user", "content": "hello-from-ping"}]})
            command = ["python3", "-c", ASK, f"http://127.0.0.1:{url['port']}{url['path']}", prompt]
            said = containers.run("router", this_python(), command)
            results.equal(f"what it says back to its router: {said.stderr}", said.stdout.strip(), f"echo({AGENT}): hello-from-ping")
            results.equal("nobody outside is answered", network.page(url["port"], "/health")[0], 0)
            process.terminate()
            until = time.monotonic() + 5
            while network.page(9090, PROBES[0])[0] != 503 and time.monotonic() < until:
                time.sleep(0.1)
            results.equal("it is missed once it has ended", network.page(9090, PROBES[0])[0], 503)
        finally:
            containers.stop()
    finally:
        network.remove()


if __name__ == "__main__":
    main()
