"""A provider of every API, scripted by the last words of a prompt. It remembers what it was asked. Not here: any check."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

USAGE = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}


class Upstream(ThreadingHTTPServer):
    """Listens on loopback; `asked` holds path, headers and body of every request."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """Says nothing; what was asked is remembered."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        text = json.dumps(body)
        if "fail once" in text and sum("fail once" in json.dumps(one) for _, _, one in self.server.asked) == 1:
            return self.whole(429, {"error": {"message": "slow down", "type": "rate_limit_error"}}, {"retry-after": "1"})
        if "refuse" in text:
            return self.whole(400, {"error": {"message": "no such parameter", "type": "invalid_request_error", "code": "unknown_parameter"}})
        answer = {
            "/v1/chat/completions": self.answer_chat,
            "/v1/responses": self.answer_responses,
            "/v1/embeddings": self.answer_embeddings,
            "/v1/images/generations": self.answer_images,
            "/v1/messages": self.answer_messages,
            "/openai/v1/responses": self.answer_responses,
            "/memory_stores/notes:search_memories?api-version=v1": self.answer_memories,
        }[self.path]
        answer(body)

    def whole(self, status, body, headers=None):
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in ({"content-type": "application/json", "content-length": str(len(data))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def events(self, events):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for name, data in events:
            text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
            event = (f"event: {name}\n" if name else "") + f"data: {text}\n\n"
            for piece in (event[:9], event[9:]):
                encoded = piece.encode()
                self.wfile.write(f"{len(encoded):x}\r\n".encode() + encoded + b"\r\n")
                self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def answer_chat(self, body):
        call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Zürich"}'}}
        calls = [call] if body.get("tools") else None
        message = {"role": "assistant", "content": None if calls else "grüezi 🦀", "tool_calls": calls}
        base = {"id": "chatcmpl-1", "created": 1, "model": body["model"]}
        if not body.get("stream"):
            choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if calls else "stop"}
            return self.whole(200, base | {"object": "chat.completion", "choices": [choice], "usage": USAGE})
        chunk = base | {"object": "chat.completion.chunk"}
        deltas = [{"role": "assistant", "content": ""}, {"content": "grüezi "}, {"content": "🦀"}]
        if calls:
            deltas = [{"role": "assistant", "tool_calls": [call | {"index": 0}]}]
        events = [(None, chunk | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}) for delta in deltas]
        events.append((None, chunk | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}))
        if body.get("stream_options", {}).get("include_usage"):
            events.append((None, chunk | {"choices": [], "usage": USAGE}))
        self.events([*events, (None, "[DONE]")])

    def answer_responses(self, body):
        text = {"type": "output_text", "text": "grüezi 🦀", "annotations": []}
        item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [text]}
        usage = {"input_tokens": 5, "output_tokens": 7, "total_tokens": 12, "input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
        base = {"id": "resp_1", "object": "response", "created_at": 1, "model": body["model"], "parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
        done = base | {"status": "completed", "output": [item], "usage": usage}
        if not body.get("stream"):
            return self.whole(200, done)
        place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
        events = [
            {"type": "response.created", "response": base | {"status": "in_progress", "output": [], "usage": None}},
            {"type": "response.output_item.added", "output_index": 0, "item": item | {"content": [], "status": "in_progress"}},
            {"type": "response.content_part.added", "part": text | {"text": ""}} | place,
            {"type": "response.output_text.delta", "delta": "grüezi 🦀", "logprobs": []} | place,
            {"type": "response.completed", "response": done},
        ]
        self.events([(event["type"], event | {"sequence_number": number}) for number, event in enumerate(events)])

    def answer_embeddings(self, body):
        data = [{"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}]
        self.whole(200, {"object": "list", "data": data, "model": body["model"], "usage": {"prompt_tokens": 5, "total_tokens": 5}})

    def answer_images(self, _):
        self.whole(200, {"created": 1, "data": [{"b64_json": "AA=="}]})

    def answer_memories(self, _):
        self.whole(200, {"search_id": "s", "memories": [{"memory_item": {"content": "likes crabs"}}], "usage": {"total_tokens": 3}})

    def answer_messages(self, body):
        base = {"id": "msg_1", "type": "message", "role": "assistant", "model": body["model"], "stop_sequence": None}
        if not body.get("stream"):
            content = [{"type": "text", "text": "grüezi 🦀"}]
            return self.whole(200, base | {"content": content, "stop_reason": "end_turn", "usage": {"input_tokens": 5, "output_tokens": 7}})
        self.events([
            ("message_start", {"type": "message_start", "message": base | {"content": [], "stop_reason": None, "usage": {"input_tokens": 5, "output_tokens": 1}}}),
            ("content_block_start", {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
            ("content_block_delta", {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "grüezi 🦀"}}),
            ("content_block_stop", {"type": "content_block_stop", "index": 0}),
            ("message_delta", {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 7}}),
            ("message_stop", {"type": "message_stop"}),
        ])
