"""Writes the corpus that fuzzing starts from: examples, pages of codes and golden documents."""

import pathlib
import re

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


def write(target: str, seeds: list[str]) -> None:
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds):
        (folder / f"seed-{number}").write_bytes(seed.encode())


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
    write("document", [file.read_text() for file in sorted(documents)])


if __name__ == "__main__":
    main()
