"""A client of the YAML language server, as small as judging needs. Not here: which files and schemas."""

import json
import subprocess


class LanguageServer:
    """Speaks the language server protocol with a child process on its standard streams."""

    def __init__(self, program, schemas):
        self.settings = {"yaml": {"schemas": schemas, "validate": True, "schemaStore": {"enable": False}, "yamlVersion": "1.2"}}
        self.child = subprocess.Popen([str(program), "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.version = 0

    def __enter__(self):
        self.send({"id": 0, "method": "initialize", "params": {
            "processId": None, "rootUri": None,
            "capabilities": {"workspace": {"configuration": True, "didChangeConfiguration": {"dynamicRegistration": True}}}}})
        self.until(lambda message: message.get("id") == 0 and "result" in message)
        self.send({"method": "initialized", "params": {}})
        self.send({"method": "workspace/didChangeConfiguration", "params": {"settings": self.settings}})
        return self

    def __exit__(self, *_):
        self.child.terminate()
        self.child.wait(timeout=10)

    def diagnostics(self, path, text):
        """What the server says of a text under that path, as lines for a person."""
        self.version += 1
        uri = path.as_uri()
        self.send({"method": "textDocument/didOpen", "params": {"textDocument": {
            "uri": uri, "languageId": "yaml", "version": self.version, "text": text}}})
        answer = self.until(lambda message: message.get("method") == "textDocument/publishDiagnostics"
                            and message["params"]["uri"] == uri)
        self.send({"method": "textDocument/didClose", "params": {"textDocument": {"uri": uri}}})
        # Closing clears what was published, by an answer of its own.
        self.until(lambda message: message.get("method") == "textDocument/publishDiagnostics")
        return [f"line {found['range']['start']['line'] + 1}: {found['message']}" for found in answer["params"]["diagnostics"]]

    def send(self, message):
        body = json.dumps({"jsonrpc": "2.0"} | message).encode()
        self.child.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.child.stdin.flush()

    def until(self, wanted):
        """Answers the server's own questions until a message is the wanted one."""
        while True:
            message = self.receive()
            if wanted(message):
                return message
            if "id" in message and "method" in message:
                asked = message["params"].get("items", []) if message["params"] else []
                section = [self.settings.get(item.get("section"), {}) for item in asked]
                self.send({"id": message["id"], "result": section if message["method"] == "workspace/configuration" else None})

    def receive(self):
        length = 0
        while (line := self.child.stdout.readline().strip()):
            name, _, value = line.partition(b": ")
            if name.lower() == b"content-length":
                length = int(value)
        if not length:
            raise RuntimeError("the language server ended")
        return json.loads(self.child.stdout.read(length))
