"""Does checkov find a misconfiguration that nobody gave a reason for?"""

import json
import subprocess
from pathlib import Path

from tree import HOME, Results, read_yaml

HERE = Path(__file__).resolve().parent


def misconfiguration(root):
    results = Results("checkov")
    command = [HOME / "checkov/bin/checkov", "-d", root, "--framework", "kubernetes", "--compact", "--quiet", "--skip-download", "-o", "json"]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    report = json.loads(done.stdout)
    summary = report["summary"]
    results.check("every file is read", summary["parsing_errors"] == 0, summary)
    results.passed += summary["passed"]
    waivers = {waiver["check"]: waiver["reason"] for waiver in read_yaml(HERE / "waivers.yaml")}
    found = set()
    for finding in report["results"]["failed_checks"]:
        found.add(finding["check_id"])
        results.check(f"{finding['file_path']} {finding['resource']}", finding["check_id"] in waivers,
                      f"{finding['check_id']} {finding['check_name']}")
    for check in waivers.keys() - found:
        results.check(f"the waiver for {check}", False, "nothing needs it")
    return results
