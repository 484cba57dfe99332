//! Every reason for which a pod does not come up: what is said, what to type next, and whether a wait ends at once.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{ask, delivered, edited};

/// A reason, the state of the container, and whether it ends a wait.
fn reasons() -> Vec<(&'static str, Value, bool)> {
    let waiting = |reason: &str| json!({"waiting": {"reason": reason, "message": "said the kubelet"}});
    let ended = |reason: &str, code: i32| json!({"terminated": {"reason": reason, "exitCode": code}});
    vec![
        ("ImagePullBackOff", waiting("ImagePullBackOff"), true),
        ("ErrImagePull", waiting("ErrImagePull"), true),
        ("ErrImageNeverPull", waiting("ErrImageNeverPull"), true),
        ("InvalidImageName", waiting("InvalidImageName"), true),
        ("CreateContainerConfigError", waiting("CreateContainerConfigError"), true),
        ("CreateContainerError", waiting("CreateContainerError"), false),
        ("CrashLoopBackOff", waiting("CrashLoopBackOff"), true),
        ("OOMKilled", ended("OOMKilled", 137), true),
        ("Error", ended("Error", 1), true),
    ]
}

#[test]
fn every_reason_is_said_with_its_container_and_the_next_command() {
    for (list, container) in [("initContainerStatuses", "guard"), ("containerStatuses", "agent")] {
        for (reason, state, terminal) in reasons() {
            let (place, server) = delivered();
            edited(&server, "pods", "a0-0", |pod| {
                pod["status"]["conditions"][0]["status"] = json!("False");
                pod["status"][list] = json!([{"name": container, "image": "", "imageID": "", "ready": false, "restartCount": 2, "state": state,
                    "lastState": {"terminated": {"exitCode": 3, "reason": "Error"}}}]);
            });
            let status = ask(&place, "status out").expect(1);
            assert!(status.out.contains(&format!("  stuck: container {container}: {reason}: ")), "{}", status.out);
            let logs = format!("  next: kubectl -n kars-brief--a0 logs a0-0 -c {container}");
            let next = match reason {
                "CrashLoopBackOff" => {
                    format!("ended with exit code 3; started anew 2 times; said the kubelet\n{logs} --previous\n")
                }
                "OOMKilled" => format!("ended with exit code 137 (OOMKilled)\n{logs}\n"),
                "Error" => format!("ended with exit code 1\n{logs}\n"),
                _ => "said the kubelet\n  next: kubectl -n kars-brief--a0 describe pod a0-0\n".to_owned(),
            };
            assert!(status.out.contains(&next), "{}", status.out);
            let began = Instant::now();
            let wait = ask(&place, if terminal { "wait out --timeout 1m" } else { "wait out --timeout 1s" }).expect(1);
            assert!(began.elapsed() < Duration::from_secs(30), "{reason}");
            assert_eq!(wait.err.contains("stuck for good"), terminal, "{reason}: {}", wait.err);
        }
    }
}

#[test]
fn what_may_pass_does_not_end_a_wait() {
    let restarted = json!({"containerStatuses": [{"name": "agent", "image": "", "imageID": "", "ready": false, "restartCount": 1,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]});
    let creating = json!({"containerStatuses": [{"name": "agent", "image": "", "imageID": "", "ready": false, "restartCount": 0,
        "state": {"waiting": {"reason": "ContainerCreating"}}}]});
    let unplaced = json!({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no node"}]});
    let done = json!({"initContainerStatuses": [{"name": "guard", "image": "", "imageID": "", "ready": true, "restartCount": 0,
        "state": {"terminated": {"reason": "Completed", "exitCode": 0}}}]});
    let cases =
        [(restarted, "CrashLoopBackOff"), (creating, ""), (unplaced, "stuck: Unschedulable: no node"), (done, "")];
    for (status, said) in cases {
        let (place, server) = delivered();
        edited(&server, "pods", "a0-0", |pod| pod["status"] = status.clone());
        let wait = ask(&place, "wait out --timeout 1s").expect(1);
        assert!(wait.out.contains(said) && wait.out.contains("stuck: ") != said.is_empty(), "{}", wait.out);
        assert!(wait.err.contains("not so within 1s"), "{}", wait.err);
    }
}

#[test]
fn a_pod_that_was_evicted_says_so() {
    let (place, server) = delivered();
    edited(&server, "pods", "a0-0", |pod| {
        pod["status"] = json!({"phase": "Failed", "reason": "Evicted", "message": "the node was low on memory"});
    });
    let status = ask(&place, "status out").expect(1);
    assert!(status.out.contains("  stuck: Evicted: the node was low on memory\n"), "{}", status.out);
}
