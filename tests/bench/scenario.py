"""Writes a scenario of many agents into a folder: teams of seven, linked in a chain, in included files of 500 agents each."""

import pathlib
import sys

HEAD = """apiVersion: karsc.dev/v1alpha1
kind: Scenario
metadata: {{ name: bench }}
include: [{includes}]
models:
  main: {{ provider: azure-foundry, deployment: gpt-5.4, endpoint: "https://contoso.services.ai.azure.com/api/projects/bench", credential: {{ secret: model-credentials, key: API_KEY }} }}
rules:
  house:
    - {{ allow: hermes.file.write_file, when: {{ args: {{ path: {{ under: /sandbox/incoming }} }} }} }}
    - {{ limit: "kars.mesh.*", calls: 120, per: 1m }}
defaults:
  runtime: {{ kind: hermes, version: 0.15.2 }}
  model: main
  budget: {{ tokensPerDay: 100000, tokensPerRequest: 50000 }}
  rules: [house]
agents:
  lead: {{ tools: ["hermes.file.*", "kars.mesh.*"] }}
links:
  - {{ from: lead, to: [{first}], replies: true }}
"""
AGENT = """  {name}:
    role: worker number {number}
    respond: {{ mode: auto, timeout: 10m }}
    tools: ["hermes.file.*", "kars.mesh.*"]
    egress:
      - {{ host: host-{number}.example.com, reason: its own service, labels: [way-out] }}
      - {{ host: api.example.org, reason: shared service, labels: [way-out] }}
"""


def main(folder: str, count: int) -> None:
    root = pathlib.Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    names = [f"worker-{number}" for number in range(count - 1)]
    includes = []
    for start in range(0, len(names), 500):
        part = names[start : start + 500]
        text = "agents:\n" + "".join(AGENT.format(name=name, number=start + at) for at, name in enumerate(part))
        # One relay serves half of them: its document and its policy must fit into one object each.
        links = [f"  - {{ from: {name}, to: [{names[start + at + 1]}] }}\n" for at, name in enumerate(part) if start + at + 1 < min(len(names), 5000)]
        text += "links:\n" + "".join(links) if links else ""
        includes.append(f"agents-{start}.yaml")
        (root / includes[-1]).write_text(text)
    (root / "scenario.yaml").write_text(HEAD.format(includes=", ".join(includes), first=names[0]))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
