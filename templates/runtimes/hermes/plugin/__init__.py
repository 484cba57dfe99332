"""Puts every tool call of Hermes under the router's policy and offers the tools that the router serves.

Everything about tools is in tools.json; no tool is in this code, and no policy: the router decides. Whatever goes wrong here blocks the call.
"""

import base64
import functools
import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

EVALUATE_SECONDS = 10
LARGEST_ANSWER = 32 * 1024 * 1024
# The router is on loopback: no proxy may come between, whatever the environment says.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def register(ctx):
    """Called once by Hermes when it loads the plugin. The hook comes first: it stays even when what follows fails."""
    ctx.register_hook("pre_tool_call", before_tool)
    hide_the_rest()
    for tool in data()["tools"]:
        schema = {"name": tool["name"], "description": tool["description"], "parameters": tool["parameters"]}
        ctx.register_tool(name=tool["name"], toolset="kars", schema=schema, handler=handler_of(tool), description=tool["description"])


def hide_the_rest():
    """Takes tools that are not granted out of Hermes' registry, so that the model never sees them. The hook refuses them in any case."""
    from tools.registry import discover_builtin_tools, registry

    discover_builtin_tools()
    for name in registry.get_all_tool_names():
        if name not in data()["builtin"] and name not in router_served():
            registry.deregister(name)


@functools.cache
def data():
    return json.loads(Path(__file__).with_name("tools.json").read_text(encoding="utf-8"))


@functools.cache
def router_served():
    """Names of the tools that the router judges by itself when their calls arrive there: its own and those of MCP servers."""
    mcp = [["mcp", one["server"], tool] for one in data()["mcp"] for tool in one["tools"]]
    return {tool["name"] for tool in data()["tools"]} | {data()["joint"].join(re.sub(r"[^A-Za-z0-9_]", "_", part) for part in name) for name in mcp}


# --- the hook ---------------------------------------------------------------------------------------------------------------------------


def before_tool(tool_name="", args=None, **_):
    """Hermes runs the tool unless this returns a block with a message; an exception would let it run, so none leaves."""
    try:
        return judge(tool_name, args)
    except Exception as problem:
        return block(error("policy.unreachable", f"the policy could not be asked about `{tool_name}`: {problem or type(problem).__name__}"))


def judge(name, args):
    if name in router_served():
        return None  # Asking twice would count twice.
    identifier = data()["builtin"].get(name)
    if identifier is None:
        return block(error("policy.denied", f"`{name}` is not granted to this agent", help="add its id to `tools` of the agent in the scenario"))
    status, body = send("POST", data()["evaluate"], {"tool": identifier, "args": args if isinstance(args, dict) else {}}, EVALUATE_SECONDS)
    verdict = json.loads(body)
    if status == 200 and verdict.get("allowed") is True:
        return None
    if "error" in verdict:
        return block(body)
    reason = verdict.get("reason") or f"the policy does not allow `{identifier}`"
    return block(error("policy.denied", reason, rule=verdict.get("rule"), origin=verdict.get("origin")))


def block(message):
    return {"action": "block", "message": message}


def error(code, message, **more):
    return json.dumps({"error": {"code": code, "message": message, **{key: value for key, value in more.items() if value is not None}}})


# --- the tools --------------------------------------------------------------------------------------------------------------------------


def handler_of(tool):
    def handle(args=None, **_):
        try:
            return call(tool["call"], args if isinstance(args, dict) else {})
        except Exception as problem:
            return error("router.unreachable", f"`{tool['id']}` could not be called: {problem or type(problem).__name__}")

    return handle


def call(recipe, args):
    """Carries out one recipe; what the router answers is passed on as it is, errors too."""
    seconds = recipe["timeoutSeconds"]
    asked = args.get(recipe.get("timeoutArgument"))
    if isinstance(asked, int):
        seconds = asked
    path = re.sub(r"\{(\w+)\}", lambda hole: urllib.parse.quote(str(args[hole[1]]), safe=""), recipe["path"])
    url = data()["router"] + path
    if "rpc" in recipe:
        return call_rpc(recipe, url, args, seconds + 30)
    body = {key: args[name] for key, name in recipe.get("body", {}).items() if args.get(name) is not None}
    return send(recipe["method"], url, body if recipe["method"] != "GET" else None, seconds + 30)[1]


def call_rpc(recipe, url, args, seconds):
    sent = {name: value for name, value in args.items() if name != recipe.get("saves") and value is not None}
    request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": recipe["rpc"], "arguments": sent}}
    status, body = send("POST", url, request, seconds)
    if body.lstrip().startswith(("data:", "event:", "id:")):
        body = next(line[5:] for line in body.splitlines() if line.startswith("data:"))
    answer = json.loads(body)
    if status != 200 or "result" not in answer:
        return body
    parts = answer["result"].get("content", [])
    text = "\n".join(part["text"] for part in parts if part.get("type") == "text")
    if answer["result"].get("isError"):
        return text if text.startswith('{"error"') else error("upstream.failed", text)
    binary = next((part.get("data") or part.get("resource", {}).get("blob") for part in parts if part.get("type") in ("image", "audio", "resource")), None)
    if binary is None:
        return text
    return json.dumps({"text": text, "saved": save(binary, args.get(recipe.get("saves")) or recipe["rpc"])})


def save(binary, name):
    """Writes a file that came with an answer under the folder for incoming files, whatever path the name claims."""
    target = os.path.join(data()["incoming"], os.path.basename(name.strip("/")) or "file")
    os.makedirs(data()["incoming"], exist_ok=True)
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o644)
    with os.fdopen(handle, "wb") as file:
        file.write(base64.b64decode(binary))
    return target


def send(method, url, body, seconds):
    """One request to the router: status and text, also when the status is an error."""
    headers = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers=headers, method=method)
    try:
        with OPENER.open(request, timeout=seconds) as answer:
            return answer.status, answer.read(LARGEST_ANSWER).decode()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read(LARGEST_ANSWER).decode()
