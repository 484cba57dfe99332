//! The table of policies and declared flows: `tests/posture/reach`. A row is the objects of one workload; comments at its
//! start say which flows are declared (`flow`), what is wrong (`fault`) and by which code it is found (`code`). Not here:
//! objects one by one (`posture`).

use std::fs;

use karsc_core::render::judge_flows;

use crate::support::root;

#[test]
fn policies_permit_exactly_the_declared_flows() {
    let mut failures = Vec::new();
    let (mut good, mut bad) = (0, 0);
    for entry in fs::read_dir(root().join("tests/posture/reach")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let said = |key: &str| -> Vec<&str> {
            let comments = text.lines().filter_map(|line| line.strip_prefix("# ")?.strip_prefix(key));
            comments.filter_map(|rest| rest.strip_prefix(": ")).collect()
        };
        let faults = judge_flows(&text, &said("flow")).unwrap();
        let expected = said("code");
        *(if expected.is_empty() { &mut good } else { &mut bad }) += 1;
        let fits = match expected[..] {
            [] => faults.is_empty(),
            [code] => said("fault").len() == 1 && faults.iter().any(|fault| fault.starts_with(code)),
            _ => false,
        };
        if !fits {
            failures.push(format!("{}: {faults:#?}", path.display()));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(good >= 4 && bad >= 30, "the table is not empty");
}
