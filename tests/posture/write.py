#!/usr/bin/env python3
"""Writes bad/ from good/ and faults.toml. With `--check` it writes nothing and fails when a file differs."""

import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main():
    check = sys.argv[1:] == ["--check"]
    different = []
    for name, row in tomllib.loads((HERE / "faults.toml").read_text()).items():
        path = HERE / f"bad/{name}.yaml"
        text = written(name, row)
        if path.exists() and path.read_text() == text:
            continue
        different.append(path.name)
        if not check:
            path.write_text(text)
    if check and different:
        sys.exit(f"error: {', '.join(different)} are not what faults.toml makes of good/; run `tests/posture/write.py`")


def written(name, row):
    text = (HERE / f"good/{row['from']}.yaml").read_text()
    text = "".join(line for line in text.splitlines(True) if not line.startswith("#"))
    for after, old, new in row.get("edits", []):
        at = text.find(old, max(text.find(after), 0))
        if after not in text or at < 0:
            sys.exit(f"error: {name}: good/{row['from']}.yaml has no {old!r} behind {after!r}")
        text = text[:at] + new + text[at + len(old):]
    facts = {"refused-by": name.rpartition("-")[0], "platform": row.get("platform"), "pod": row.get("pod"), "fault": row["fault"]}
    return "".join(f"# {key}: {value}\n" for key, value in facts.items() if value) + text


if __name__ == "__main__":
    main()
