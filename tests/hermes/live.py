#!/usr/bin/env python3
"""Real Hermes in the pods that karsc rendered, each with its real router and guard: one turn with tools that are allowed and denied.

    tests/hermes/setup.sh && tests/hermes/live.py [SCENARIO[/AGENT] ...]

Every Hermes agent of the scenarios below runs in each installed version, in a network namespace as its pod has one: the guard's rules
loaded by `kars-router guard`, the router as user 1001, the agent as 1000. Files, mounts, environment and users are those of the
manifests; only the authority of the outside's certificates is added to the router's. Outside are a resolver, a model with a script and
an MCP server. What must not happen is looked for on disk, outside, and in the flows that the kernel noted. Prints `N passed, N failed`.
"""

import concurrent.futures
import json
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.parse
from pathlib import Path
from typing import NamedTuple

from check import CACHE, HERE, Results, finish, restart_with_yaml
from containers import Containers, Image, built, missing, python_image, router_image, wait
from network import Network
from outside import HOST, Outside
from provider import COST, Model, Wiki

ROOT = HERE.parents[1]
SCENARIOS = ["exec-brief-hermes", "exec-brief-hermes-single", "mesh-roundtrip-hermes"]
RENDERED = "0.15.2"
KEY = "sk-of-the-router-0123456789"
ALLOWED, ELSEWHERE, SHELL = "/sandbox/incoming/brief.md", "/sandbox/elsewhere.md", "/sandbox/incoming/shell.txt"
HOME = "/sandbox/.hermes"
STARTING = 120
#: What the router asks itself for, and refuses: a host that no rule names.
PROBE = ("kars-probe.invalid:443", None, None)


def main():
    installed = {path.name.removeprefix("hermes-"): path for path in sorted(CACHE.glob("hermes-*")) if (path / "installed").exists()}
    if not installed:
        sys.exit("error: no Hermes is installed: run `tests/hermes/setup.sh`")
    restart_with_yaml(next(iter(installed.values())) / "bin/python")
    if lacking := missing():
        sys.exit(f"error: missing here: {lacking}")
    programs = built(ROOT)
    results = Results()
    with tempfile.TemporaryDirectory() as folder:
        pods = [pod for version in installed for pod in rendered(programs["karsc"], Path(folder), version)]
        wanted = [pod for pod in pods if not sys.argv[1:] or {pod[1], f"{pod[1]}/{pod[2]}"} & set(sys.argv[1:])]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for turn in pool.map(lambda pod: live(programs["kars-router"], installed[pod[0]], *pod), wanted):
                results.passed += turn.passed
                results.failed += turn.failed
    results.check("there are pods", wanted)
    finish(results)


def rendered(karsc, folder, version):
    """Builds the scenarios for a version of Hermes: version, scenario, agent and the folder of the bundle."""
    for scenario in SCENARIOS:
        source, bundle = folder / f"{scenario}-{version}", folder / f"{scenario}-{version}-out"
        shutil.copytree(ROOT / "examples/scenarios" / scenario, source)
        for path in (source / "scenario.yaml", source / "karsc.lock"):
            path.write_text(path.read_text().replace(f"version: {RENDERED}", f"version: {version}").replace(f"hermes:{RENDERED}", f"hermes:{version}"))
        subprocess.run([karsc, "build", source, "-o", bundle], check=True, capture_output=True, text=True)
        for path in sorted((bundle / "documents").glob("*.router.json")):
            if json.loads(path.read_text())["identity"]["runtime"]["kind"] == "hermes":
                yield version, scenario, path.name.split(".")[0], bundle


def live(router, hermes, version, scenario, agent, bundle):
    """One turn in one pod."""
    results, began = Results(), time.monotonic()
    named = Results(f"{version} {scenario}/{agent}: ", results)
    with tempfile.TemporaryDirectory() as folder:
        turn = Turn(bundle, agent)
        try:
            turn.prepare(Path(folder), router, hermes, f"{SCENARIOS.index(scenario)}{agent}{version.replace('.', '')}")
            turn.judge(named)
        except Exception:
            named.check("the turn", False, traceback.format_exc() + turn.logs())
        finally:
            turn.end()
    print(f"{version:8} {scenario}/{agent:10} {time.monotonic() - began:5.1f} s, {results.passed} passed, {results.failed} failed", flush=True)
    return results


class Turn:
    """A pod, what is outside of it, and one prompt."""

    def __init__(self, bundle, agent):
        from bundle import Bundle

        self.bundle = Bundle(bundle, agent)
        self.network = self.containers = None
        self.document = self.bundle.document
        files = self.bundle.files("agent")
        self.tools = json.loads(files[f"{HOME}/plugins/kars/tools.json"])
        self.environment = dict(line.split("=", 1) for line in files[f"{HOME}/.env"].splitlines() if not line.startswith("#"))
        self.script = script(self.document, self.tools)
        self.prepare_providers(f"{agent} is done")

    def prepare(self, folder, router, hermes, name):
        """Makes the pod, but starts nothing in it."""
        resolver = self.bundle.environment("router")["KARS_RESOLVER"].split(":")[0]
        secrets = {one["credential"]["secret"]: KEY for one in self.document["inference"]["routes"].values()}
        self.network = Network([HOST, resolver], name)
        self.outside = Outside(self.network.outside, resolver, folder, self.hosts)
        self.containers = Containers(self.bundle, self.network.pod, folder, secrets)
        self.router_image = router_image(router, folder)
        self.hermes_image = python_image(hermes, "/sandbox")

    def prepare_providers(self, last_words):
        routes = self.document["inference"]["routes"].values()
        self.model = Model([(call.name, call.args) for call in self.script], last_words, all(one["provider"] == "azure-foundry" for one in routes))
        self.hosts = {urllib.parse.urlsplit(one["endpoint"]).hostname: self.model.answer for one in routes}
        self.wikis = {server: Wiki(one["tools"]) for server, one in self.document["mcp"].items()}
        self.hosts |= {urllib.parse.urlsplit(one["url"]).hostname: self.wikis[server].answer for server, one in self.document["mcp"].items()}

    def judge(self, results):
        self.guard(results)
        self.tripwire(results)
        self.start(results)
        run = self.prompt()
        self.judge_answer(results, run)
        self.judge_upstream(results)
        self.judge_network(results)
        self.judge_router(results)

    def guard(self, results):
        """Its rules are in force before anything else runs."""
        done = self.containers.run("guard", self.router_image)
        results.equal(f"the guard ends with: {done.stderr}", done.returncode, 0)

    def tripwire(self, results):
        """What watches the network sees what an agent tries that knows no better, and nothing of it gets out."""
        resolver = self.outside.resolver
        self.containers.run("agent", Image({}, "/"), ["curl", "-s", "--noproxy", "*", "--max-time", "1", "http://1.2.3.4:5432"])
        self.containers.run("agent", Image({}, "/"), ["bash", "-c", f"printf x >/dev/udp/{resolver}/53"])
        seen = self.network.flows(self.network.pod)
        user = self.document["guard"]["agentUid"]
        results.check("a connection is seen", (user, "1.2.3.4", "tcp", 5432) in seen, seen)
        results.check("a datagram to the resolver is seen", (user, resolver, "udp", 53) in seen, seen)
        results.equal("and nothing of it gets out", self.network.flows(self.network.outside), set())
        self.network.forget()

    def start(self, results):
        self.containers.start_router(self.router_image)
        results.equal("the agent is not ready before it runs", self.page("/agent/readyz")[0], 503)
        hermes = self.containers.start("agent", self.hermes_image)
        wait("the agent's readiness", hermes, lambda: self.page("/agent/readyz")[0] == 200)

    def page(self, path):
        """Asks the admin port from outside, as the kubelet does."""
        return self.network.page(self.document["guard"]["admin"], path)

    def prompt(self):
        """Sends the prompt where the document says that the runtime takes it, as the router's user, and reads events until the last."""
        place = self.document["respond"]["prompt"]["url"]
        url = f"http://127.0.0.1:{place['port']}{place['path']}"
        key = self.environment["API_SERVER_KEY"].strip("'")
        ask = ["curl", "-sS", "--max-time", str(STARTING), "-H", f"authorization: Bearer {key}", "-H", "content-type: application/json"]
        started = self.containers.run("router", self.router_image, [*ask, "-d", json.dumps({"input": "begin"}), url])
        number = json.loads(started.stdout)["run_id"]
        events = self.containers.run("router", self.router_image, [*ask, "-N", f"{url}/{number}/events"], timeout=STARTING + 10).stdout
        found = [json.loads(line[5:]) for line in events.splitlines() if line.startswith("data:")]
        return next((event for event in found if event["event"] in ("run.completed", "run.failed")), {"event": "none", "found": events})

    def judge_answer(self, results, run):
        results.equal("the run", run["event"], "run.completed")
        results.equal("the last words arrive at the caller", run.get("output"), self.model.last_words)
        results.equal("every call has a result", len(self.model.results), len(self.script))
        for call, found in zip(self.script, self.model.results):
            results.check(f"{call.name} {call.args}", call.result in found, f"`{call.result}` is not in {found}")
        workspace = self.containers.volumes / "workspace"
        granted = {one["tool"] for one in self.document["tools"]}
        written = workspace / ALLOWED.removeprefix("/sandbox/")
        results.equal("what is allowed happens", written.exists(), "hermes.file.write_file" in granted)
        if written.exists():
            results.equal("as the agent", (written.read_text(), written.stat().st_uid), ("the brief", 1000))
        for path in (ELSEWHERE, SHELL):
            results.check(f"{path} is not there", not (workspace / path.removeprefix("/sandbox/")).exists())

    def judge_upstream(self, results):
        route = self.document["inference"]["routes"]["main"]
        results.check("the model was asked", len(self.model.asked) >= len(self.script) + 1, len(self.model.asked))
        for asked in self.model.asked:
            results.check("on the Responses API", asked["path"].endswith("/openai/v1/responses"), asked["path"])
            results.equal("for the deployment", asked["body"]["model"], route["deployment"])
            shown = {asked["headers"].get(name) for name in ("api-key", "authorization")}
            results.check("with the router's key alone", shown <= {None, KEY, f"Bearer {KEY}"} and shown != {None}, shown)
        for server, wiki in self.wikis.items():
            results.equal(f"{server} was called", [name for name, _ in wiki.called], [self.document["mcp"][server]["tools"][0]])

    def judge_network(self, results):
        """The agent reaches the router's ports and nothing else; the pod reaches the resolver and the document's hosts."""
        guard = self.document["guard"]
        flows = self.network.flows(self.network.pod)
        agent = {flow[1:] for flow in flows if flow[0] == guard["agentUid"]}
        ours = {("127.0.0.1", "tcp", port) for port in (guard["api"], *guard["loopbackPorts"])}
        results.check("the agent's flows", agent and agent <= ours, agent)
        results.equal("whose they are", {flow[0] for flow in flows} - {guard["agentUid"], guard["routerUid"]}, set())
        arrived = self.network.flows(self.network.outside)
        resolver = {(self.outside.resolver, kind, 53) for kind in ("udp", "tcp")}
        results.check("what arrives outside", arrived <= resolver | {(HOST, "tcp", 443)}, arrived)
        known = set(self.hosts) | {one["host"] for one in self.document["infra"].values() if "host" in one}
        results.check("names that are asked for", {name for name, _ in self.outside.asked} <= known, self.outside.asked)
        results.equal("nobody is asked in the clear", [one for one in self.outside.requests if one["port"] != 443], [])

    def judge_router(self, results):
        budgets = json.loads(self.containers.run("router", self.router_image, ["kars-router", "ctl", "budgets"]).stdout)
        results.equal("the budget moved by what the model used", budgets["used"]["day"], len(self.model.asked) * COST)
        self.containers.stop()
        verified = self.containers.run("router", self.router_image, ["kars-router", "audit", "verify"])
        results.equal(f"the audit log is whole: {verified.stdout}{verified.stderr}", verified.returncode, 0)
        text = "".join(path.read_text() for path in sorted((self.containers.volumes / "state/audit").glob("*.jsonl")))
        lines = [json.loads(line) for line in text.splitlines()]
        decided = [(line["what"], line["allowed"]) for line in lines if line["kind"] == "evaluate"]
        results.equal("the audit log names every decision about a tool of Hermes", decided, [one.decided for one in self.script if one.decided])
        refused = [(line["what"], line.get("rule"), line.get("origin")) for line in lines if line.get("allowed") is False]
        results.check("the router has seen itself refuse", PROBE in refused, refused)
        refused = [(rule, origin) for what, rule, origin in refused if what != PROBE[0]]
        results.check("and rule and line of each refusal", all(rule and origin for rule, origin in refused), refused)
        said = self.containers.log("router")
        results.check("the router does not panic", "panic" not in said, said[-2000:])
        files = [path for path in (self.containers.volumes / "workspace", self.containers.volumes / "home-0", self.containers.volumes / "temporary") if path.exists()]
        leaked = [str(one) for place in files for one in place.rglob("*") if one.is_file() and KEY.encode() in one.read_bytes()]
        results.equal("the router's key is in no file of the agent", leaked, [])
        results.check("nor in a log", KEY not in said + self.containers.log("agent") + text)

    def logs(self):
        return "".join(f"\n--- {name}\n{self.containers.log(name)[-3000:]}" for name in ("router", "agent")) if self.containers else ""

    def end(self):
        if self.containers:
            self.containers.stop()
        if self.network:
            self.network.remove()


class Call(NamedTuple):
    """A call that the model asks for, what must be in its result, and what the router decides about it where Hermes asks."""

    name: str
    args: dict
    result: str
    decided: tuple | None = None


def script(document, tools):
    """Calls that the scenario allows, each kind that the agent has, and two that it does not."""
    granted = {one["tool"] for one in document["tools"]}
    calls = []
    write = "hermes.file.write_file"
    if write in granted:
        calls.append(Call("write_file", {"path": ALLOWED, "content": "the brief"}, "bytes_written", (write, True)))
    if "hermes.todo.todo" in granted:
        calls.append(Call("todo", {"todos": [{"id": "1", "content": "write", "status": "pending"}]}, "pending", ("hermes.todo.todo", True)))
    for server, one in document["mcp"].items():
        name = tools["joint"].join(["mcp", server, one["tools"][0]])
        calls.append(Call(name, {"repoName": "a/b", "question": "boundary"}, "the wiki says 42"))
    peers = document.get("mesh", {}).get("outgoing", {})
    if peers and "kars.mesh.kars_mesh_send" in granted:
        calls.append(Call("kars_mesh_send", {"to": next(iter(peers)), "content": "hello"}, '"mesh.'))
    elsewhere = {"path": ELSEWHERE, "content": "text"}
    calls.append(Call("write_file", elsewhere, "rules.house[0]", (write, False)) if write in granted else Call("write_file", elsewhere, "not"))
    calls.append(Call("terminal", {"command": f"touch {SHELL}"}, "not"))
    return calls


if __name__ == "__main__":
    main()
