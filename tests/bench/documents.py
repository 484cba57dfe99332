"""The document that the router is measured by: every gate is on, and there are many rules. Not here: starting a router."""

import json
import os
import pathlib

from machine import HOST, PROVIDER, ROOT, text

EXAMPLE = ROOT / "tests/golden/openai-agents/kind/documents/triage.router.json"
SAFETY = {"promptShields": True, "hate": "medium", "selfHarm": "medium", "sexual": "medium", "violence": "medium"}
#: What the provider is scripted to do, and which scripts follow when one fails.
MODELS = {name: [name] for name in ("whole", "burst", "paced", "slow", "cut")} | {"flaky": ["flaky", "whole"]}


def document(rules: int, endpoint: str = f"http://{text(PROVIDER)}") -> dict:
    """A dev document with so many rules, one half on hosts and one half on tools, and its models' endpoint."""
    found = json.loads(EXAMPLE.read_text())
    half = rules // 2
    tools = ["openai-agents.bench.read_file", *(f"openai-agents.bench.t{place}" for place in range(half))]
    found["tools"] = [{"id": f"tools[{place}]", "tool": tool, "enforced": "runtime"} for place, tool in enumerate(tools)]
    found["rules"] = [{"id": f"rules[{place}]", "tool": tool, "effect": "allow", "when": {"args": {}}, "enforced": "runtime"} for place, tool in enumerate(tools[1:])]
    found["egress"] = [{"id": f"egress[{place}]", "host": f"h{place}.kars.example", "ports": [HOST[1]], "reason": "a bench", "labels": []} for place in range(rules - half)]
    route = {"provider": "openai", "dialect": "responses", "endpoint": endpoint, "credential": {"secret": "model/KEY"}, "contextLength": 10_000_000, "safety": SAFETY}
    allowed = [{"id": f"agents.a.model[{name}]", "names": [name], "candidates": candidates} for name, candidates in MODELS.items()]
    found["inference"] = {"default": "whole", "allowed": allowed, "routes": {name: route | {"deployment": name} for name in MODELS}}
    found["budget"] = {"tokensPerDay": 10**14, "tokensPerMonth": 10**15, "tokensPerRequest": 10**7}
    return found


def write(folder: pathlib.Path, rules: int, **options: str) -> None:
    """Puts a document in place, whole."""
    next_one = folder / "next.json"
    next_one.write_text(json.dumps(document(rules, **options)))
    os.replace(next_one, folder / "router.json")
