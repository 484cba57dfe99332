"""What answers outside of a Hermes pod: a model with a script, and an MCP server. Not here: any check."""

import json

USAGE = {"input_tokens": 11, "output_tokens": 5, "total_tokens": 16, "input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
# Tokens that one answer costs.
COST = USAGE["total_tokens"]


class Model:
    """Calls the tools of its script, one in each answer, then says its last words. `results` holds what the tools returned."""

    def __init__(self, calls, last_words, is_strict):
        self.calls, self.last_words, self.is_strict = calls, last_words, is_strict
        self.asked, self.results = [], []

    def answer(self, handler, body):
        request = json.loads(body)
        self.asked.append({"path": handler.path, "headers": {key.lower(): value for key, value in handler.headers.items()}, "body": request})
        items = [item for item in request["input"] if isinstance(item, dict)]
        if self.is_strict and (request.get("include") or any(item.get("type") == "reasoning" for item in items)):
            error = {"message": "reasoning cannot be given back", "type": "invalid_request_error", "code": "unsupported"}
            return handler.whole(400, json.dumps({"error": error}).encode(), "application/json")
        self.results = [item["output"] for item in items if item.get("type") == "function_call_output"]
        number = len(self.results)
        if number < len(self.calls):
            name, arguments = self.calls[number]
            call = {"id": f"fc_{number}", "type": "function_call", "call_id": f"call_{number}", "name": name, "arguments": json.dumps(arguments), "status": "completed"}
            reasoning = {"id": f"rs_{number}", "type": "reasoning", "summary": [], "encrypted_content": "sealed"}
            return stream(handler, request, [reasoning, call])
        text = {"type": "output_text", "text": self.last_words, "annotations": []}
        stream(handler, request, [{"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [text]}])


def stream(handler, request, items):
    """An answer of the Responses API as events, cut where no event ends."""
    base = {"id": "resp_1", "object": "response", "created_at": 1, "model": request["model"], "parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
    events = [{"type": "response.created", "response": base | {"status": "in_progress", "output": [], "usage": None}}]
    for place, item in enumerate(items):
        events.append({"type": "response.output_item.added", "output_index": place, "item": opened(item)})
        events += [event | {"item_id": item["id"], "output_index": place} for event in deltas(item)]
        events.append({"type": "response.output_item.done", "output_index": place, "item": item})
    events.append({"type": "response.completed", "response": base | {"status": "completed", "output": items, "usage": USAGE}})
    text = "".join(f"event: {event['type']}\ndata: {json.dumps(event | {'sequence_number': number})}\n\n" for number, event in enumerate(events))
    handler.send_response(200)
    handler.send_header("content-type", "text/event-stream")
    handler.send_header("transfer-encoding", "chunked")
    handler.end_headers()
    for start in range(0, len(text), 97):
        piece = text[start : start + 97].encode()
        handler.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        handler.wfile.flush()
    handler.wfile.write(b"0\r\n\r\n")


def opened(item):
    empty = {"function_call": {"arguments": ""}, "message": {"content": []}}.get(item["type"], {})
    return item | empty | ({"status": "in_progress"} if empty else {})


def deltas(item):
    if item["type"] == "function_call":
        return [{"type": "response.function_call_arguments.delta", "delta": item["arguments"]}, {"type": "response.function_call_arguments.done", "arguments": item["arguments"], "name": item["name"]}]
    if item["type"] == "message":
        part = item["content"][0]
        place = {"content_index": 0}
        return [
            {"type": "response.content_part.added", "part": part | {"text": ""}} | place,
            {"type": "response.output_text.delta", "delta": part["text"], "logprobs": []} | place,
            {"type": "response.output_text.done", "text": part["text"], "logprobs": []} | place,
            {"type": "response.content_part.done", "part": part} | place,
        ]
    return []


class Wiki:
    """An MCP server with these tools and one more; it remembers what was called."""

    def __init__(self, tools):
        self.tools = [*tools, "delete_everything"]
        self.called = []

    def answer(self, handler, body):
        if handler.command != "POST":
            return handler.whole(405, b"")
        message = json.loads(body)
        if "id" not in message:
            return handler.whole(202, b"")
        if message["method"] == "tools/call":
            self.called.append((message["params"]["name"], message["params"]["arguments"]))
        schema = {"type": "object", "properties": {"repoName": {"type": "string"}, "question": {"type": "string"}}}
        results = {
            "initialize": {"protocolVersion": message.get("params", {}).get("protocolVersion"), "capabilities": {"tools": {}}, "serverInfo": {"name": "wiki", "version": "1"}},
            "tools/list": {"tools": [{"name": name, "description": f"is {name}", "inputSchema": schema} for name in self.tools]},
            "tools/call": {"content": [{"type": "text", "text": "the wiki says 42"}], "isError": False},
        }
        handler.whole(200, json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": results.get(message["method"], {})}).encode(), "application/json")
