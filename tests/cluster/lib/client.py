"""The Kubernetes API over HTTPS, as whoever a request says. Not here: kubectl, which suites use where users do."""

import http.client
import json
import re
import ssl
from dataclasses import dataclass, field
from urllib.parse import urlencode


@dataclass
class Answer:
    """What the API server said: the status code, the object or `Status`, and the warnings beside it."""

    status: int
    body: dict
    warnings: list = field(default_factory=list)

    @property
    def message(self):
        """Why a request was refused."""
        return self.body.get("message", "")


class Client:
    """One connection, used again for each request."""

    def __init__(self, port, authority, token):
        self.port = port
        self.token = token
        self.context = ssl.create_default_context(cafile=str(authority))
        self.context.check_hostname = False
        self.connection = None
        self.paths = {}

    def request(self, method, path, body=None, user=None, groups=(), kind="application/json", **query):
        """Sends one request. `user` and `groups` are whom the administrator impersonates; `query` its parameters."""
        headers = [("Authorization", f"Bearer {self.token}"), ("Content-Type", kind), ("Accept", "application/json")]
        if user:
            headers.append(("Impersonate-User", user))
            headers += [("Impersonate-Group", group) for group in groups]
        target = path + ("?" + urlencode(query, doseq=True) if query else "")
        text = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        for attempt in (1, 2):
            try:
                return self.send(method, target, text, headers)
            except (http.client.HTTPException, ConnectionError):
                self.connection = None
                if attempt == 2:
                    raise

    def send(self, method, target, text, headers):
        if self.connection is None:
            self.connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=self.context, timeout=60)
        self.connection.putrequest(method, target)
        for name, value in headers:
            self.connection.putheader(name, value)
        self.connection.putheader("Content-Length", str(len(text or b"")))
        self.connection.endheaders(text)
        response = self.connection.getresponse()
        content = response.read()
        warnings = [unquote(value) for name, value in response.getheaders() if name.lower() == "warning"]
        try:
            answer = json.loads(content)
        except ValueError:
            answer = {"message": content.decode(errors="replace")}
        return Answer(response.status, answer if isinstance(answer, dict) else {"message": str(answer)}, warnings)

    def get(self, path, **query):
        return self.request("GET", path, **query)

    def path(self, version, kind, namespace=None, name=None):
        """Where objects of a kind live: `path("apps/v1", "StatefulSet", "default")`. None when the server has no such kind."""
        root = f"/api/{version}" if "/" not in version else f"/apis/{version}"
        if (version, kind) not in self.paths:
            found = [one for one in self.get(root).body.get("resources", []) if one["kind"] == kind and "/" not in one["name"]]
            if not found:
                return None
            self.paths[version, kind] = found[0]
        resource = self.paths[version, kind]
        place = f"/namespaces/{namespace}" if namespace and resource["namespaced"] else ""
        return f"{root}{place}/{resource['name']}" + (f"/{name}" if name else "")

    def path_of(self, document):
        """Where one object lives."""
        metadata = document["metadata"]
        return self.path(document["apiVersion"], document["kind"], metadata.get("namespace"), metadata["name"])


def unquote(warning):
    """The text of a `Warning` header: `299 - "text"`."""
    text = re.fullmatch(r'\d+ \S+ "(.*)"', warning, re.DOTALL)
    return re.sub(r"\\(.)", r"\1", text[1]) if text else warning
