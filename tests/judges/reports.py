"""Do editors and code-scanning services take our schemas and reports?"""

import json
import subprocess

import jsonschema

from language_server import LanguageServer
from tree import HOME, REPOSITORY, Results

PROGRAM = REPOSITORY / "target/release/karsc"
SARIF = HOME / "node_modules/@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json"
EXAMPLES = REPOSITORY / "examples/scenarios"
SCHEMAS = {"scenario.yaml": "scenario.schema.json", "environments/*.yaml": "environment.schema.json"}


def sarif():
    """The SARIF report on every example, the rejected ones above all, against the standard's schema."""
    results = Results("SARIF 2.1.0")
    validator = jsonschema.Draft7Validator(json.loads(SARIF.read_text()))
    findings = 0
    for scenario in sorted(EXAMPLES.glob("*/scenario.yaml")) + sorted(EXAMPLES.glob("rejected/*/scenario.yaml")):
        done = subprocess.run([str(PROGRAM), "check", str(scenario.parent.relative_to(REPOSITORY)), "--message-format", "sarif"],
                              capture_output=True, text=True, check=False, cwd=REPOSITORY)
        try:
            report = json.loads(done.stdout)
        except ValueError:
            results.check(scenario.parent, False, f"no JSON (exit {done.returncode}): {done.stderr.strip()}")
            continue
        faults = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(report)]
        results.check(scenario.parent, not faults, "; ".join(faults))
        for found in (found for run in report["runs"] for found in run.get("results", [])):
            findings += 1
            for place in found.get("locations", []):
                uri = place["physicalLocation"]["artifactLocation"]["uri"]
                results.check(f"{scenario.parent}: {uri}", (REPOSITORY / uri).is_file(), "not a path of the repository")
    results.check("some report has findings", findings > 0)
    return results


def editors():
    """The JSON Schemas through the language server that editors run: no false error on an example, and one on a fault."""
    results = Results("yaml-language-server")
    schemas = {f"file://{REPOSITORY}/schema/json/{schema}": f"**/{pattern}" for pattern, schema in SCHEMAS.items()}
    with LanguageServer(HOME / "node_modules/.bin/yaml-language-server", schemas) as server:
        for pattern in SCHEMAS:
            files = sorted(EXAMPLES.glob(f"*/{pattern}"))
            results.check(f"examples of {pattern}", bool(files))
            for path in files:
                found = server.diagnostics(path, path.read_text())
                results.check(path, not found, "; ".join(found))
                results.check(f"{path} with an unknown field", bool(server.diagnostics(path, path.read_text() + "\nunheardOf: 1\n")))
    return results
