"""The objects of one bundle, as other programs would be given them."""

import pathlib
import re
import shutil

#: The agent that is taken as the pattern for all.
PATTERN = "worker-1"


def overlays(bundle: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    """One base and an overlay for each agent that only sets the namespace and a label: less than a real one would do."""
    base = folder / "base"
    shutil.copytree(bundle / "agents" / PATTERN, base)
    agents = sorted(path.name for path in (bundle / "agents").iterdir())
    for agent in agents:
        overlay = folder / agent
        overlay.mkdir()
        labels = f"labels:\n- pairs: {{ team: {agent} }}\n"
        namespace = f"namespace: kars-bench--{agent}\n"
        (overlay / "kustomization.yaml").write_text(f"resources: [../base]\n{namespace}{labels}")
    top = folder / "all"
    top.mkdir()
    (top / "kustomization.yaml").write_text("resources:\n" + "".join(f"- ../{agent}\n" for agent in agents))
    return top


def chart(bundle: pathlib.Path, folder: pathlib.Path, agents: int) -> tuple:
    """A chart with one template that ranges over agents, and how many objects it makes."""
    files = [path for path in sorted((bundle / "agents" / PATTERN).glob("*.yaml")) if path.name != "kustomization.yaml"]
    texts = [re.sub("[{}]{2,}", lambda braces: f'{{{{ "{braces[0]}" }}}}', path.read_text()) for path in files]
    body = "".join(f"---\n{text.rstrip()}\n" for text in texts).replace(PATTERN, "{{ . }}")
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: bench\nversion: 0.1.0\n")
    (folder / "values.yaml").write_text("agents:\n" + "".join(f"- worker-{number}\n" for number in range(agents)))
    (folder / "templates/agents.yaml").write_text("{{- range .Values.agents }}\n" + body + "{{- end }}\n")
    return folder, agents * len(files)
