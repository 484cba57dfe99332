"""Writes the corpus that fuzzing starts from: examples, pages of codes, golden documents, requests, handshakes and streams."""

import pathlib
import re
import ssl

ROOT = pathlib.Path(__file__).resolve().parents[2]
CORPUS = ROOT / "tests/fuzz/corpus"
BASE = (ROOT / "examples/scenarios/exec-brief-hermes/scenario.yaml").read_text()
TEAM = "agents:\n  helper: { role: helper }\nlinks:\n  - { from: lead, to: [helper] }\n"
HOUSE = "rules:\n  more:\n    - { deny: hermes.terminal.terminal }\n"
HOSTS = [
    "api.github.com\n*.github.com\napi.github.com",
    "A.b.Example.ORG.\n**.example.org\n*.b.example.org",
    "xn--bcher-kva.example\n*.example\n**.example",
    "0x7f.1\n**.1\n1.1",
    "bücher.example\n*\n**",
]
TEXTS = ["analyst\0Say `no`: {{ role }}\n---\n# 'q' \"d\"", "a: b\0\ufeffx\r\ny", "\u0085\u2028\u007f\0{% raw %}", "~\0\\n${HOME}"]
REQUESTS = [
    "\x07CONNECT api.example:443 HTTP/1.1\r\nhost: api.example:443\r\n\r\nbehind",
    "\x01GET http://a.example/ HTTP/1.1\r\nhost: a.example\r\n\r\nGET http://b.example/x?y HTTP/1.1\r\nhost: b.example\r\n\r\n",
    "\x03POST http://a.example/ HTTP/1.1\r\nhost: a.example\r\ncontent-length: 5\r\n\r\nhelloGET / HTTP/1.0\r\n\r\n",
    "\x05POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n",
    "\x02POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
]
STREAMS = [
    '\x05event: response.created\ndata: {"type":"response.created"}\n\ndata: [DONE]\n\n',
    "\x01: comment\r\n\r\ndata: one\r\ndata: two\r\n\r\nid: 7\r\n\r\n",
    "\x02data:\r\rdata\r\rdata: last",
]


def write(target: str, seeds: list[str] | list[bytes]) -> None:
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds):
        (folder / f"seed-{number}").write_bytes(seed if isinstance(seed, bytes) else seed.encode())


def handshakes() -> list[bytes]:
    """What OpenSSL begins with, in one record and in two."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="api.example")
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        pass
    whole = outgoing.read()
    head, body = whole[:3], whole[5:]
    return [whole, b"".join(head + len(part).to_bytes(2, "big") + part for part in (body[:60], body[60:]))]


def scenarios() -> list[str]:
    files = sorted(ROOT.glob("examples/scenarios/**/scenario.yaml"))
    pages = sorted(ROOT.glob("compiler/core/src/check/rules/*.md"))
    blocks = [block for page in pages for block in re.findall(r"```yaml [^\n]*\n(.*?)```", page.read_text(), re.S)]
    return [file.read_text() for file in files] + blocks


def main() -> None:
    write("parse", scenarios())
    write("include", [f"include: [team.yaml, rules/house.yaml]\n{BASE}\0{TEAM}\0{HOUSE}", f"include: [team.yaml]\n{BASE}\0include: [rules/house.yaml]\n{TEAM}\0{HOUSE}"])
    write("host", HOSTS)
    write("template_round_trip", TEXTS)
    documents = [*ROOT.glob("tests/golden/*/*/documents/*.json"), *ROOT.glob("tests/golden/*/*/trust/*.json")]
    write("first_line", REQUESTS)
    write("client_hello", handshakes())
    write("sse", STREAMS)
    write("document", [file.read_text() for file in sorted(documents)])


if __name__ == "__main__":
    main()
