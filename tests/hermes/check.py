#!/usr/bin/env python3
"""Lets the real Hermes read the files that karsc rendered for one agent, offline, and compares what it understood with what they say.

    tests/hermes/setup.sh
    tests/hermes/check.py --trees tests/golden                        every Hermes agent of these bundles, equal ones once
    tests/hermes/check.py --bundle DIR --agent NAME [--version V]     an agent of a bundle
    tests/hermes/check.py --files DIR [--version V]                   files laid out under their paths, environment in DIR/env.json
    tests/hermes/check.py --catalog templates/runtimes/hermes/tools.yaml    names, toolsets and arguments of the tool catalog

This program lays out and judges; `ask.py` runs inside the virtual environment of a Hermes version and only reports.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = HERE.parents[1] / ".cache"
HOME = "sandbox/.hermes"
sys.path.append(str(HERE.parents[1] / "tests/pod"))


def main():
    options = parse()
    installed = {path.name.removeprefix("hermes-"): path / "bin/python" for path in sorted(CACHE.glob("hermes-*")) if (path / "installed").exists()}
    if not installed:
        sys.exit("no Hermes is installed: run `tests/hermes/setup.sh`")
    restart_with_yaml(next(iter(installed.values())))
    results = Results()
    if options.catalog:
        for version, python in installed.items():
            judge_catalog(results.within(version), options.catalog, version, python)
        finish(results)
    agents = from_trees(options.trees) if options.trees else {"": from_bundle(options.bundle, options.agent) if options.bundle else from_folder(options.files)}
    results.check("there are agents to check", bool(agents))
    for name, (files, environment) in agents.items():
        versions = [options.version] if options.version else versions_for(files, installed)
        results.check(f"{name}: a catalogued Hermes reads files of this config version", bool(versions))
        for version in versions:
            with tempfile.TemporaryDirectory(prefix="hermes-check-") as folder:
                judge(results.within(f"{name} {version}".strip()), files, ask(installed[version], version, files, environment, Path(folder)))
    finish(results)


def finish(results):
    print(f"{results.passed} passed, {results.failed} failed")
    sys.exit(1 if results.failed else 0)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--trees", type=Path)
    source.add_argument("--bundle", type=Path)
    source.add_argument("--files", type=Path)
    source.add_argument("--catalog", type=Path)
    parser.add_argument("--agent")
    parser.add_argument("--version")
    options = parser.parse_args()
    if options.bundle and not options.agent:
        parser.error("--bundle needs --agent")
    return options


def restart_with_yaml(python):
    """Continues in a Python that can read YAML."""
    try:
        import yaml
    except ImportError:
        os.execv(python, [str(python), *sys.argv])


def versions_for(files, installed):
    """The installed versions whose own config format is the one of the files."""
    import yaml

    wanted = yaml.safe_load(files[f"/{HOME}/config.yaml"])["_config_version"]
    program = "from hermes_cli.config import DEFAULT_CONFIG; print(DEFAULT_CONFIG['_config_version'])"
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "HERMES_HOME": home}
        return [
            version
            for version, python in installed.items()
            if subprocess.run([python, "-c", program], env=environment, capture_output=True, text=True, check=True).stdout.strip() == str(wanted)
        ]


def judge_catalog(results, catalog, version, python):
    """Every catalogued tool of a version is in Hermes' registry, in that toolset and with those arguments."""
    import yaml

    program = "import json; from tools.registry import discover_builtin_tools, registry; discover_builtin_tools(); print(json.dumps({name: [registry.get_entry(name).toolset, registry.get_entry(name).schema] for name in registry.get_all_tool_names()}))"
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run([python, "-c", program], env={**os.environ, "HERMES_HOME": home}, capture_output=True, text=True, check=True)
    real = json.loads(done.stdout.splitlines()[-1])
    for tool in yaml.safe_load(catalog.read_text())["tools"]:
        if version in tool.get("versions", [version]):
            name = tool["id"].rsplit(".", 1)[1]
            toolset, schema = real.get(name, [None, {"parameters": {"properties": {}}}])
            results.equal(f"toolset of {name}", toolset, tool["toolset"])
            properties = schema["parameters"]["properties"]
            wanted = {key: one["type"] for key, one in tool["args"].items() if version in one.get("versions", [version])}
            results.equal(f"arguments of {name}", {key: one["type"] for key, one in properties.items()}, wanted)


# --- where the files come from ----------------------------------------------------------------------------------------------------------


def from_folder(folder):
    files = {"/" + str(path.relative_to(folder)): path.read_text() for path in sorted((folder / "sandbox").rglob("*")) if path.is_file()}
    environment = folder / "env.json"
    return files, json.loads(environment.read_text()) if environment.exists() else {}


def from_bundle(bundle, agent):
    """Reads the pod as the kubelet would: every file of every ConfigMap mount of the agent container, and its environment."""
    from bundle import Bundle

    found = Bundle(bundle, agent)
    return found.files("agent"), found.environment("agent")


def from_trees(trees):
    """The Hermes agents of all bundles, by the first bundle that has one with these files and this environment."""
    found = {}
    for path in sorted(trees.glob("*/*/documents/*.router.json")):
        identity = json.loads(path.read_text())["identity"]
        if identity["runtime"]["kind"] == "hermes":
            agent = from_bundle(path.parents[1], identity["agent"])
            if agent not in found.values():
                found[f"{path.parents[1].relative_to(trees)} {identity['agent']}"] = agent
    return found


# --- asking -----------------------------------------------------------------------------------------------------------------------------


def ask(python, version, files, environment, folder):
    """Runs `ask.py` with the files read-only in a network of its own (as root), and returns what it reports."""
    root = folder / version
    for path, text in files.items():
        target = root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(0o444)
    report = folder / f"{version}.json"
    command = [str(python), str(HERE / "ask.py"), str(root), str(report)]
    if os.geteuid() == 0:
        mounts = " && ".join(f"mount --bind '{path}' '{path}' && mount -o remount,bind,ro '{path}'" for path in (str(root) + name for name in files))
        command = ["unshare", "--net", "--mount", "sh", "-c", f'ip link set lo up && {mounts} && exec "$@"', "sh", *command]
    home = {"HOME": str(root / "sandbox"), "HERMES_HOME": str(root / HOME)}
    path = {"PATH": f"{python.parent}:{os.environ['PATH']}"}
    done = subprocess.run(command, env={**environment, **home, **path}, cwd=root / "sandbox", capture_output=True, text=True, timeout=600)
    if not report.exists():
        sys.exit(f"hermes {version} did not report:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return json.loads(report.read_text())


# --- judging ----------------------------------------------------------------------------------------------------------------------------


class Results:
    """Counts, and prints what failed; a view of it carries a prefix."""

    def __init__(self, prefix="", parent=None):
        self.prefix, self.parent, self.passed, self.failed = prefix, parent, 0, 0

    def within(self, prefix):
        return Results(prefix + ": ", self)

    def check(self, what, holds, found=""):
        if self.parent:
            return self.parent.check(self.prefix + what, holds, found)
        if holds:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED {what}{': ' if found != '' else ''}{found}")

    def equal(self, what, found, wanted):
        self.check(what, found == wanted, f"is {found!r}, not {wanted!r}")


def judge(results, files, report):
    import yaml

    config = yaml.safe_load(files[f"/{HOME}/config.yaml"])
    tools = json.loads(files[f"/{HOME}/plugins/kars/tools.json"])
    judge_model(results, config, report)
    judge_tools(results, config, tools, report)
    judge_hook(results, tools, report)
    judge_request(results, config, tools, files, report)
    results.equal("the rendered files are untouched", report["changed"], [])


def judge_model(results, config, report):
    model, agent = config["model"], report["agent"]
    results.equal("model", agent["model"], model["default"])
    results.equal("provider", agent["provider"], model["provider"])
    results.equal("base url", agent["base_url"].rstrip("/"), model["base_url"])
    results.equal("api mode", agent["api_mode"], model["api_mode"])
    results.equal("context length", agent["context_length"], model["context_length"])


def judge_tools(results, config, tools, report):
    plugin = report["plugins"].get("kars")
    results.check("the plugin is known", plugin is not None, sorted(report["plugins"]))
    if plugin:
        results.equal("the plugin loaded without an error", plugin["error"], None)
        results.check("the plugin is enabled", plugin["enabled"])
        results.equal("the plugin has its tools", plugin["tools"], len(tools["tools"]))
    mcp = {server: set(one.get("tools", {}).get("include", [])) for server, one in config["mcp_servers"].items()}
    wanted = set(config["platform_toolsets"]["api_server"]) | set(mcp)
    results.equal("toolsets of the API server", set(report["toolsets"]), wanted)
    named = {tools["joint"].join(plain(part) for part in ("mcp", server, tool)) for server, names in mcp.items() for tool in names}
    expected = set(tools["builtin"]) | {tool["name"] for tool in tools["tools"]} | named
    results.equal("tools that exist", set(report["tools"]), expected)
    for tool in tools["tools"]:
        properties = report["tools"].get(tool["name"], {}).get("properties", {})
        results.equal(f"parameters of {tool['name']}", sorted(properties), sorted(tool["parameters"]["properties"]))


def plain(text):
    return "".join(letter if letter.isalnum() or letter == "_" else "_" for letter in text)


def judge_hook(results, tools, report):
    hook = report["hook"]
    for answer in ("down", "denied", "garbage", "refused", "silent", "text", "allowed"):
        found = hook[answer]
        if tools["builtin"]:
            results.equal(f"a granted tool when the policy endpoint is {answer}", "passes" if found is None else "blocked", "passes" if answer == "allowed" else "blocked")
    results.check("a tool that is not granted is blocked whatever the policy says", hook["not_granted"] is not None)
    if tools["builtin"]:
        results.equal("what is sent to the policy endpoint", hook["asked"], {"tool": hook["identifier"], "args": {"path": "notes.txt"}})
        results.check("a refusal of the router is passed on unchanged", '"origin": "scenario.yaml:1:1"' in (hook["refused"] or ""), hook["refused"])
    if "write_file" in tools["builtin"]:
        results.check("a denied write does not happen", not report["wrote"]["denied"])
        results.check("an allowed write happens", report["wrote"]["allowed"])
    if "called" in report:
        results.equal("what a tool of the router sends", report["called"]["sent"], report["called"]["wanted"])
        results.equal("what the router answers is passed on", report["called"]["answer"], report["called"]["given"])


def judge_request(results, config, tools, files, report):
    """What the gateway, started as the pod starts it, sends to the model for a prompt over its HTTP API."""
    request = report["request"]
    results.equal("the gateway's health", request["health"], 200)
    results.equal("a prompt without the key", request["without_key"], 401)
    results.equal("a prompt with the key", request["status"], 202)
    results.equal("where the model is asked", request["path"], {"codex_responses": "/v1/responses", "chat_completions": "/v1/chat/completions", "anthropic_messages": "/anthropic/v1/messages"}[config["model"]["api_mode"]])
    results.equal("the model of the request", request["model"], config["model"]["default"])
    results.equal("the tools of the request", request["tools"], sorted(report["tools"]))
    first = files[f"/{HOME}/SOUL.md"].splitlines()[0]
    results.check("the persona opens the system prompt", request["system"].startswith(first), request["system"][:80])


if __name__ == "__main__":
    main()
