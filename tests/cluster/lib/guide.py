"""Guides as programs: their shell blocks are run, their files are written. Not here: what they are about."""

import re
import subprocess

FENCE = re.compile(r"^```(\S+)(?: at=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def follow(score, path, folder, environment, replace=(), before=lambda: None):
    """Does what a guide says in a folder, until something fails. `before` runs before each block of commands."""
    text = path.read_text()
    for old, new in replace:
        text = text.replace(old, new)
    blocks = FENCE.findall(text)
    for number, (language, file, content) in enumerate(blocks, 1):
        if file:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text(content)
        elif language == "sh":
            before()
            done = subprocess.run(["bash", "-euo", "pipefail", "-c", content], cwd=folder, env=environment,
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True)
            first = content.splitlines()[0]
            if not score.check(f"{path.name}, block {number} (`{first}`)", done.returncode == 0, done.stdout + done.stderr):
                return False
    return score.check(f"{path.name} has commands", any(language == "sh" for language, _, _ in blocks))
