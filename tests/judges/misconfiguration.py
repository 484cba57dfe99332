"""Does checkov find a misconfiguration that nobody gave a reason for?"""

import json
import re
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
    waivers = read_yaml(HERE / "waivers.yaml")
    needed = []
    for finding in report["results"]["failed_checks"]:
        fitting = [waiver for waiver in waivers
                   if waiver["check"] == finding["check_id"] and re.fullmatch(waiver["resource"], finding["resource"])]
        needed += fitting
        results.check(f"{finding['file_path']} {finding['resource']}", fitting, f"{finding['check_id']} {finding['check_name']}")
    for waiver in waivers:
        results.check(f"the waiver of {waiver['check']} for {waiver['resource']}", waiver in needed, "nothing needs it")
    return results
