#!/usr/bin/env python3
"""The clients that agents use, and a real MCP server, through the built router. Prints `N passed, N failed`.

    tests/sdks/setup.sh && tests/sdks/run.py
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from router import KEY, REPOSITORY, Router, route
from upstream import Upstream

HOME = REPOSITORY / ".cache/sdks/current"
PYTHON = HOME / "python/bin/python"
if not PYTHON.exists():
    sys.exit("error: the clients are not installed; run `tests/sdks/setup.sh`")
if Path(sys.prefix).resolve() != PYTHON.parents[1].resolve():
    os.execv(PYTHON, [str(PYTHON), *sys.argv])

import anthropic
import openai
from mcp import Client

HELLO = [{"role": "user", "content": "hello"}]
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}
TEXT = "grüezi 🦀"
SHOWN = "router-managed-loopback-only"


class Score:
    """Counts what holds."""

    def __init__(self):
        self.passed = self.failed = 0

    def check(self, what, found, wanted):
        if found == wanted:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED {what}: {found!r}, wanted was {wanted!r}", flush=True)


def main():
    score, upstream = Score(), Upstream()
    with tempfile.TemporaryDirectory() as folder:
        deleted = Path(folder) / "deleted"
        wiki = subprocess.Popen([PYTHON, Path(__file__).parent / "wiki.py", deleted], stdout=subprocess.PIPE, text=True)
        try:
            port = wiki.stdout.readline().strip()
            with Router(Path(folder), lambda document: edit(document, upstream.address, port)) as router:
                python_openai(score, f"http://{router.api}/v1", upstream)
                python_anthropic(score, f"http://{router.api}/anthropic")
                node(score, f"http://{router.api}")
                asyncio.run(mcp(score, f"http://{router.api}/mcp", deleted))
            score.check("the router ends by itself", router.ended, 0)
        finally:
            wiki.terminate()
    keys = {headers.get("authorization") or headers.get("x-api-key") for _, headers, _ in upstream.asked}
    score.check("providers see the router's key and no other", keys, {f"Bearer {KEY}", KEY})
    print(f"{score.passed} passed, {score.failed} failed")
    sys.exit(1 if score.failed else 0)


def edit(document, address, port):
    """An agent with one model of each family, and one tool of one server."""
    allowed = [
        {"id": "agents.a.model[main]", "names": ["main", "gpt-5"], "candidates": ["main"]},
        {"id": "agents.a.model[claude]", "names": ["claude"], "candidates": ["claude"]},
    ]
    routes = {"main": route("openai", "gpt-5", "responses", address), "claude": route("anthropic", "claude-x", "messages", address)}
    document["inference"] = {"default": "main", "allowed": allowed, "routes": routes}
    document["budget"] = {}
    document["mcp"] = {"wiki": {"id": "agents.a.mcp[wiki]", "url": f"http://127.0.0.1:{port}/mcp", "tools": ["ask"], "timeoutSeconds": 20}}


def python_openai(score, base, upstream):
    client = openai.OpenAI(base_url=base, api_key=SHOWN)
    answer = client.chat.completions.create(model="main", messages=HELLO)
    score.check("chat", (answer.choices[0].message.content, answer.usage.total_tokens), (TEXT, 12))
    chunks = list(client.chat.completions.create(model="main", messages=HELLO, stream=True))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    score.check("chat, streamed", (text, chunks[-1].usage.total_tokens), (TEXT, 12))
    answer = client.chat.completions.create(model="gpt-5", messages=HELLO, tools=[TOOL])
    score.check("a tool call", answer.choices[0].message.tool_calls[0].function.arguments, '{"city":"Zürich"}')
    with client.chat.completions.stream(model="main", messages=HELLO, tools=[TOOL | {"function": TOOL["function"] | {"strict": True}}]) as stream:
        call = stream.get_final_completion().choices[0].message.tool_calls[0]
    score.check("a tool call, streamed", call.function.name, "weather")
    score.check("responses", client.responses.create(model="main", input="hello").output_text, TEXT)
    with client.responses.stream(model="main", input="hello") as stream:
        score.check("responses, streamed", stream.get_final_response().output_text, TEXT)
    score.check("embeddings", client.embeddings.create(model="main", input="x", encoding_format="float").data[0].embedding, [0.5, 0.25])
    score.check("images", client.images.generate(model="main", prompt="x").data[0].b64_json, "AA==")
    score.check("models", sorted(model.id for model in client.models.list()), ["claude", "gpt-5", "main"])
    answer = client.chat.completions.create(model="main", messages=[{"role": "user", "content": "fail once"}])
    asked = sum("fail once" in json.dumps(body) for _, _, body in upstream.asked)
    score.check("a client tries again when it is told to", (answer.choices[0].message.content, asked), (TEXT, 2))
    score.check("a refusal of the provider's", failure(lambda: client.chat.completions.create(model="main", messages=[{"role": "user", "content": "refuse"}])), ("BadRequestError", "unknown_parameter"))
    score.check("a model that is not allowed", failure(lambda: client.chat.completions.create(model="gpt-9", messages=HELLO)), ("PermissionDeniedError", "model.not_allowed"))
    score.check("a model of the other family", failure(lambda: client.chat.completions.create(model="claude", messages=HELLO)), ("BadRequestError", "args.wrong"))


def python_anthropic(score, base):
    client = anthropic.Anthropic(base_url=base, api_key=SHOWN)
    answer = client.messages.create(model="claude", max_tokens=64, messages=HELLO)
    score.check("messages", (answer.content[0].text, answer.usage.output_tokens), (TEXT, 7))
    with client.messages.stream(model="claude", max_tokens=64, messages=HELLO) as stream:
        score.check("messages, streamed", stream.get_final_message().content[0].text, TEXT)
    denied = failure(lambda: client.messages.create(model="gpt-9", max_tokens=64, messages=HELLO))
    score.check("a model that is not allowed, of the other family", denied[0], "PermissionDeniedError")


def failure(question):
    """The name of the error that a client raises, and its code."""
    try:
        question()
    except (openai.APIError, anthropic.APIError) as error:
        return type(error).__name__, getattr(error, "code", None)
    return None


def node(score, base):
    script = HOME / "clients.mjs"
    # Modules are found beside the script that asks for them.
    script.write_bytes((Path(__file__).parent / "clients.mjs").read_bytes())
    answers = json.loads(subprocess.run(["node", script, base], capture_output=True, text=True, check=True).stdout)
    for name in ("chat", "chat stream", "responses", "responses stream", "messages", "messages stream"):
        score.check(f"node: {name}", answers[name], TEXT)
    score.check("node: models", answers["models"], ["claude", "gpt-5", "main"])
    score.check("node: denied", answers["denied"], {"error": "PermissionDeniedError", "status": 403, "code": "model.not_allowed"})
    score.check("node: denied messages", answers["denied messages"], {"error": "PermissionDeniedError", "status": 403, "code": "model.not_allowed"})
    score.check("node: refused", answers["refused"], {"error": "BadRequestError", "status": 400, "code": "unknown_parameter"})


async def mcp(score, url, deleted):
    async with Client(url) as client:
        tools = await client.list_tools()
        score.check("tools of all servers", [tool.name for tool in tools.tools], ["wiki.ask"])
        answer = await client.call_tool("wiki.ask", {"question": "crabs"})
        score.check("a call", (answer.is_error, answer.content[0].text), (False, "about crabs: 42"))
        answer = await client.call_tool("wiki.delete", {"page": "all"})
        score.check("a call of what the agent does not have", (answer.is_error, "policy.denied" in answer.content[0].text), (True, True))
    score.check("and what it would have done", deleted.exists(), False)


if __name__ == "__main__":
    main()
