"""Runs inside the virtual environment of one Hermes version: has it read its home and writes down what it understood. Judges nothing.

Usage: ask.py ROOT REPORT. A stand-in for the router listens where the files say the router is.
"""

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT, REPORT = Path(sys.argv[1]), Path(sys.argv[2])
HOME = ROOT / "sandbox/.hermes"
TOOLS = json.loads((HOME / "plugins/kars/tools.json").read_text())
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
REFUSAL = {"error": {"code": "policy.denied", "message": "not today", "rule": "rules.house[0]", "origin": "scenario.yaml:1:1"}}
ANSWERS = {
    "denied": (200, {"allowed": False, "decision": "deny", "reason": "not today"}),
    "garbage": (200, "<html>"),
    "refused": (403, REFUSAL),
    "silent": (200, {"decision": "allow"}),
    "text": (200, {"allowed": "true"}),
    "allowed": (200, {"allowed": True, "decision": "allow"}),
}


class Router(BaseHTTPRequestHandler):
    """Answers policy questions as told, MCP as a server with one tool too many, and refuses inference after noting the request."""

    policy = ANSWERS["allowed"]
    seen = []

    def do_GET(self):
        self.answer(405 if self.path.startswith("/mcp") else 404, REFUSAL)

    def do_POST(self):
        raw = self.rfile.read(int(self.headers.get("content-length", 0)))
        body = json.loads(raw or b"{}")
        Router.seen.append((self.path, body))
        if self.path.startswith("/mcp"):
            return self.mcp(body)
        if self.path == "/agt/evaluate":
            return self.answer(*Router.policy)
        if self.path.startswith("/kars/"):
            return self.answer(403, REFUSAL)
        self.answer(400, {"error": {"message": "no model here", "type": "invalid_request_error", "code": "stand_in"}})

    def mcp(self, body):
        if "id" not in body:
            return self.answer(202, "")
        server = self.headers["x-kars-mcp-server"]
        names = next(one["tools"] for one in TOOLS["mcp"] if one["server"] == server) + ["not_granted"]
        results = {
            "initialize": {"protocolVersion": body.get("params", {}).get("protocolVersion"), "capabilities": {"tools": {}}, "serverInfo": {"name": server, "version": "1"}},
            "tools/list": {"tools": [{"name": name, "description": name, "inputSchema": {"type": "object", "properties": {"q": {"type": "string"}}}} for name in names]},
        }
        self.answer(200, {"jsonrpc": "2.0", "id": body["id"], "result": results.get(body["method"], {})})

    def answer(self, status, body):
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


def main():
    before = hashes()
    report = {"hook": {"down": None}}
    from hermes_cli.env_loader import load_hermes_dotenv

    load_hermes_dotenv(hermes_home=HOME)
    import model_tools

    report["hook"]["down"] = pre_tool(granted_tool() or "read_file")
    server = ThreadingHTTPServer(("127.0.0.1", 8443), Router)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    report["plugins"] = plugins()
    report["toolsets"], report["tools"], report["agent"] = understood()
    ask_hook(report)
    if "write_file" in TOOLS["builtin"]:
        report["wrote"] = {name: write(model_tools, name) for name in ("denied", "allowed")}
    if any(tool["name"] == "kars_mesh_send" for tool in TOOLS["tools"]):
        report["called"] = call_router(model_tools)
    report["request"] = gateway()
    report["changed"] = sorted(path for path, digest in hashes().items() if path in before and before[path] != digest)
    REPORT.write_text(json.dumps(report))


def hashes():
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in HOME.rglob("*") if path.is_file() and "__pycache__" not in path.parts}


def granted_tool():
    return next(iter(sorted(TOOLS["builtin"])), None)


def pre_tool(name):
    """The message with which Hermes refuses the tool, or none when it would run it."""
    from hermes_cli import plugins as api

    api.discover_plugins()
    return api.get_pre_tool_call_block_message(name, {"path": "notes.txt"})


def ask_hook(report):
    name = granted_tool() or "read_file"
    for answer in ANSWERS:
        Router.policy = ANSWERS[answer]
        report["hook"][answer] = pre_tool(name)
    questions = [body for path, body in Router.seen if path == "/agt/evaluate"]
    report["hook"]["asked"] = questions[-1] if questions else None
    report["hook"]["identifier"] = TOOLS["builtin"].get(name)
    report["hook"]["not_granted"] = pre_tool("a_tool_that_nobody_granted")


def plugins():
    from hermes_cli.plugins import get_plugin_manager

    return {one["name"]: {key: one[key] for key in ("enabled", "error", "tools", "hooks")} for one in get_plugin_manager().list_plugins()}


def understood():
    """The agent as the API server makes it for a prompt: its toolsets, its tools with parameters, its model."""
    from gateway.config import PlatformConfig
    from gateway.platforms.api_server import APIServerAdapter
    from tools.mcp_tool import discover_mcp_tools

    if TOOLS["mcp"]:
        discover_mcp_tools()
    adapter = APIServerAdapter(PlatformConfig(enabled=True))
    agent = adapter._create_agent(session_id="check")
    tools = {one["function"]["name"]: one["function"]["parameters"] for one in agent.tools or []}
    compressor = getattr(agent, "context_compressor", None)
    facts = {"model": agent.model, "provider": agent.provider, "base_url": str(agent.base_url), "api_mode": agent.api_mode, "context_length": getattr(compressor, "context_length", None)}
    return sorted(agent.enabled_toolsets or []), tools, facts


def write(model_tools, answer):
    target = ROOT / f"sandbox/{answer}.txt"
    Router.policy = ANSWERS[answer]
    model_tools.handle_function_call("write_file", {"path": str(target), "content": "text"}, task_id="check")
    return target.exists()


def call_router(model_tools):
    recipe = next(tool for tool in TOOLS["tools"] if tool["name"] == "kars_mesh_send")
    peer = recipe["parameters"]["properties"]["to"]["enum"][0]
    answer = model_tools.handle_function_call("kars_mesh_send", {"to": peer, "content": "hello"}, task_id="check")
    sent = next((body for path, body in reversed(Router.seen) if path == recipe["call"]["path"]), None)
    return {"sent": sent, "wanted": {"to": peer, "content": "hello"}, "answer": json.loads(answer), "given": REFUSAL}


def gateway():
    """Starts the gateway as the pod does, sends it a prompt and returns what it then asked the model."""
    Router.seen.clear()
    log = open(ROOT / "gateway.log", "wb")
    process = subprocess.Popen(["hermes", "gateway", "run", "--accept-hooks"], stdout=log, stderr=log, start_new_session=True)
    key = os.environ["API_SERVER_KEY"]
    try:
        found = {"health": wait_for_health(process), "without_key": prompt(None), "status": prompt(key)}
        path, body = wait_for_request()
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)
    names = [tool.get("name") or tool["function"]["name"] for tool in body.get("tools", [])]
    return {**found, "path": path.split("?")[0], "model": body.get("model"), "tools": sorted(names), "system": system_of(body)}


def system_of(body):
    text = body.get("instructions") or body.get("system") or body.get("messages", [{}])[0].get("content", "")
    return text if isinstance(text, str) else text[-1].get("text", "") if len(text) == 1 else "".join(part.get("text", "") for part in text)


def wait_for_health(process):
    for _ in range(240):
        if process.poll() is not None:
            return f"the gateway ended with {process.returncode}: {(ROOT / 'gateway.log').read_text()[-800:]}"
        try:
            with DIRECT.open("http://127.0.0.1:8642/health", timeout=2) as answer:
                return answer.status
        except OSError:
            time.sleep(0.5)
    return "the gateway never became healthy"


def prompt(key):
    headers = {"content-type": "application/json", **({"authorization": f"Bearer {key}"} if key else {})}
    request = urllib.request.Request("http://127.0.0.1:8642/v1/runs", json.dumps({"input": "hello"}).encode(), headers)
    try:
        with DIRECT.open(request, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as refusal:
        return refusal.code


def wait_for_request():
    for _ in range(240):
        for path, body in list(Router.seen):
            if path.startswith(("/v1/", "/anthropic/")):
                return path, body
        time.sleep(0.5)
    return "none", {}


if __name__ == "__main__":
    main()
