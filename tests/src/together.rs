//! One run says as much as it can: a value that cannot be read does not hide the faults of others, and causes none.

use crate::support::{Memory, diagnose};

#[test]
fn an_unreadable_value_hides_no_other_fault() {
    let scenario = "apiVersion: karsc.dev/v1alpha1
kind: Scenario
metadata: { name: example }
agents:
  broken: { runtime: { kind: hermes }, egress: [{ host: 169.254.169.254, reason: metadata }] }
  many: { runtime: { kind: echo }, replicas: 5 }
links:
  - { from: many, to: [broken] }
";
    let (found, _) = diagnose(&Memory::default().with("scenario.yaml", scenario), "kind");
    let codes: Vec<_> = found.diagnostics().iter().map(|diagnostic| diagnostic.code.to_string()).collect();
    assert_eq!(codes, ["K0111", "K0213"]);
}
