#!/usr/bin/env python3
"""Independent programs judge what karsc wrote. Each prints its counts; the end prints `N passed, N failed`.

    tests/judges/setup.sh && tests/judges/run.py              the golden trees, the reports, the schemas
    tests/judges/run.py --golden DIR [JUDGE...]               other trees, or only some judges
"""

import argparse
import os
import sys
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PYTHON = REPOSITORY / ".cache/judges/current/python/bin/python"
if not PYTHON.exists():
    sys.exit("error: the judges are not installed; run `tests/judges/setup.sh`")
if Path(sys.prefix).resolve() != PYTHON.parents[1].resolve():
    os.execv(PYTHON, [str(PYTHON), *sys.argv])

import connectivity
import manifests
import misconfiguration
import reports
from tree import trees


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--golden", type=Path, default=REPOSITORY / "tests/golden")
    parser.add_argument("judge", nargs="*")
    options = parser.parse_args()
    found = trees(options.golden)
    if not found:
        sys.exit(f"error: there is no tree in `{options.golden}`")
    judges = {
        "schema": lambda: manifests.schema(found),
        "meaning": lambda: manifests.meaning(found),
        "kustomize": lambda: manifests.kustomize(found),
        "connectivity": lambda: connectivity.connectivity(found),
        "misconfiguration": lambda: misconfiguration.misconfiguration(options.golden),
        "sarif": reports.sarif,
        "editors": reports.editors,
    }
    unknown = set(options.judge) - judges.keys()
    if unknown:
        sys.exit(f"error: no judge `{unknown.pop()}`; judges: {' '.join(judges)}")
    passed = failed = 0
    for name in options.judge or judges:
        began = time.monotonic()
        results = judges[name]()
        print(f"{name:17} {results.name:28} {results.passed:6} passed, {results.failed} failed   {time.monotonic() - began:5.1f} s")
        passed += results.passed
        failed += results.failed
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
