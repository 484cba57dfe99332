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
MODELS = ["claude", "codex", "foundry", "gpt-5", "llama", "main"]


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
                told(score, f"http://{router.api}/v1", upstream)
                asyncio.run(mcp(score, f"http://{router.api}/mcp", deleted))
                asyncio.run(platform(score, f"http://{router.api}/platform/mcp", upstream))
            score.check("the router ends by itself", router.ended, 0)
        finally:
            wiki.terminate()
    keys = {headers.get("authorization") or headers.get("x-api-key") for _, headers, _ in upstream.asked}
    keys |= {headers.get("api-key") for _, headers, _ in upstream.asked} - {None}
    score.check("providers see the router's key and no other", keys - {None}, {f"Bearer {KEY}", KEY})
    print(f"{score.passed} passed, {score.failed} failed")
    sys.exit(1 if score.failed else 0)


def edit(document, address, port):
    """An agent with one model of each family, models that offer one API alone, one tool of one server, and two that are hosted."""
    routes = {
        "main": route("openai", "gpt-5", "responses", address),
        "claude": route("anthropic", "claude-x", "messages", address),
        "codex": route("openai", "codex", "responses", address) | {"apis": ["responses"]},
        "llama": route("openai", "llama", "chat-completions", address),
        "foundry": route("azure-foundry", "gpt-5", "responses", address),
    }
    names = {"main": ["main", "gpt-5"]}
    allowed = [{"id": f"agents.a.model[{name}]", "names": names.get(name, [name]), "candidates": [name]} for name in routes]
    # Without a name the hosted tools would be asked of the default; here that is a project.
    document["inference"] = {"default": "foundry", "allowed": allowed, "routes": routes}
    granted = ["foundry.search.web_search", "foundry.memory.memory"]
    document["tools"] = [{"id": f"agents.a.tools[{tool}]", "tool": tool, "enforced": "router"} for tool in granted]
    document["memory"] = {"id": "agents.a.memory", "store": "notes", "scope": "agent-a", "shared": False}
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
    score.check("models", sorted(model.id for model in client.models.list()), MODELS)
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


def told(score, base, upstream):
    """Each API, asked of a model that offers only the other."""
    client = openai.OpenAI(base_url=base, api_key=SHOWN)
    answer = client.chat.completions.create(model="codex", messages=HELLO)
    score.check("chat of a model without it", (answer.choices[0].message.content, answer.usage.prompt_tokens, answer.usage.total_tokens), (TEXT, 5, 12))
    chunks = list(client.chat.completions.create(model="codex", messages=HELLO, stream=True))
    pieces = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
    score.check("streamed", (pieces, chunks[-1].usage.total_tokens), ([TEXT], 12))
    with client.chat.completions.stream(model="codex", messages=HELLO) as stream:
        completion = stream.get_final_completion()
    score.check("streamed to its end", (completion.choices[0].message.content, completion.choices[0].finish_reason), (TEXT, "stop"))
    paths = {path for path, _, body in upstream.asked if body.get("model") == "codex"}
    score.check("and asked for responses", paths, {"/v1/responses"})
    answer = client.responses.create(model="llama", input="hello")
    score.check("responses of a model without them", (answer.output_text, answer.usage.input_tokens, answer.usage.total_tokens), (TEXT, 5, 12))
    with client.responses.stream(model="llama", input="hello") as stream:
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
        score.check("streamed", (deltas, stream.get_final_response().output_text), (["grüezi ", "🦀"], TEXT))
    tool = TOOL["function"] | {"type": "function", "strict": True}
    with client.responses.stream(model="llama", input="hello", tools=[tool]) as stream:
        call = stream.get_final_response().output[0]
    score.check("a tool call", (call.type, call.name, call.arguments), ("function_call", "weather", '{"city":"Zürich"}'))
    paths = {path for path, _, body in upstream.asked if body.get("model") == "llama"}
    score.check("and asked for chat", paths, {"/v1/chat/completions"})
    refused = failure(lambda: client.responses.create(model="llama", input="hello", previous_response_id="resp_1"))
    score.check("what cannot be told", refused, ("BadRequestError", "args.wrong"))


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
    score.check("node: models", answers["models"], MODELS)
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


async def platform(score, url, upstream):
    async with Client(url) as client:
        tools = await client.list_tools()
        score.check("hosted tools", [tool.name for tool in tools.tools], ["web_search", "memory"])
        answer = await client.call_tool("web_search", {"query": "crabs"})
        score.check("a search", (answer.is_error, answer.content[0].text), (False, TEXT))
        asked = [body for path, _, body in upstream.asked if path == "/openai/v1/responses"]
        score.check("what was asked", [(body["model"], body["input"], body["tools"]) for body in asked], [("gpt-5", "crabs", [{"type": "web_search"}])])
        answer = await client.call_tool("memory", {"operation": "search", "query": "crabs"})
        score.check("a memory", (answer.is_error, answer.content[0].text), (False, "- likes crabs"))
        for tool, arguments, code in [
            ("code_execute", {"input": "1"}, "policy.denied"),
            ("memory", {"operation": "search", "query": "x", "scope": "agent-b"}, "args.wrong"),
        ]:
            answer = await client.call_tool(tool, arguments)
            score.check(f"{tool}, refused", (answer.is_error, code in answer.content[0].text), (True, True))
    scopes = {body["scope"] for path, _, body in upstream.asked if "memory_stores" in path}
    score.check("whose memory", scopes, {"agent-a"})


if __name__ == "__main__":
    main()
