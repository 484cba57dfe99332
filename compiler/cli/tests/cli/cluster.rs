//! `status`, `wait` and `diff --against cluster` over an API server in memory. Not here: real ones, which `tests/cluster` has.

mod server;
mod stuck;

use std::process::Stdio;

use serde_json::{Value, json};
use server::{Server, kubeconfig};

use crate::support::{Place, Run, ended};

/// A scenario of one agent whose bundle `out` a cluster holds.
fn delivered() -> (Place, Server) {
    let place = Place::with_agents(1);
    place.run("build brief -o out").expect(0);
    let server = Server::with_bundle(&place, "out");
    (place, server)
}

fn ask(place: &Place, line: &str) -> Run {
    place.run(&format!("{line} --kubeconfig config.json"))
}

const COMMANDS: [&str; 3] = ["diff brief --against cluster", "status brief", "wait brief --timeout 1s"];

/// An edit of an object that a cluster holds.
fn edited(server: &Server, plural: &str, name: &str, edit: impl Fn(&mut Value)) {
    let mut object = server.of(plural).into_iter().find(|one| one["metadata"]["name"] == name).expect("it is there");
    edit(&mut object);
    server.put(object);
}

#[test]
fn what_was_applied_is_the_same_and_nothing_is_written() {
    let (place, server) = delivered();
    for line in COMMANDS {
        ask(&place, line).expect(0);
        ask(&place, &line.replace("brief", "out")).expect(0);
    }
    let asked = server.asked();
    let writes =
        |line: &&String| !(line.starts_with("GET ") || line.starts_with("PATCH ") && line.contains("dryRun=All"));
    assert_eq!(asked.iter().find(writes), None);
    assert!(asked.iter().any(|line| line.starts_with("PATCH ") && line.contains("force=true")), "{asked:?}");
    assert!(!asked.iter().any(|line| line.contains("/secrets")), "{asked:?}");
}

#[test]
fn an_edit_is_named_by_object_and_field() {
    let (place, server) = delivered();
    edited(&server, "services", "a0", |service| service["spec"]["ports"][0]["port"] = json!(1));
    let diff = ask(&place, COMMANDS[0]).expect(1);
    assert!(
        diff.out.contains("--- cluster/Service kars-brief--a0/a0\n+++ scenario/agents/a0/40-service.yaml\n"),
        "{}",
        diff.out
    );
    assert!(
        diff.err.contains("Service kars-brief--a0/a0: spec.ports[0].port\n1 object not the same\n"),
        "{}",
        diff.err
    );
    let status = ask(&place, COMMANDS[1]).expect(1);
    assert!(
        status.out.contains("yes      no     yes    Service kars-brief--a0/a0\n  differs: spec.ports[0].port\n"),
        "{}",
        status.out
    );
    let wait = ask(&place, COMMANDS[2]).expect(1);
    assert!(wait.err.contains("not so within 1s"), "{}", wait.err);
}

#[test]
fn a_field_that_somebody_adds_is_found_where_who_set_what_is_known() {
    let (place, server) = delivered();
    edited(&server, "statefulsets", "a0", |set| {
        set["spec"]["template"]["spec"]["hostPID"] = json!(true);
        set["metadata"]["managedFields"] = json!([
            {"manager": "kustomize-controller", "operation": "Apply", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
            {"manager": "kubectl-edit", "operation": "Update",
             "fieldsV1": {"f:metadata": {"f:annotations": {"f:mine": {}}}, "f:spec": {"f:template": {"f:spec": {"f:hostPID": {}}}}}},
        ]);
    });
    let status = ask(&place, COMMANDS[1]).expect(1);
    assert!(status.out.contains("  differs: spec.template.spec.hostPID\n"), "{}", status.out);
    let diff = ask(&place, COMMANDS[0]).expect(1);
    assert!(diff.out.contains("\n-      hostPID: true\n"), "{}", diff.out);
    assert!(server.asked().iter().any(|line| line.contains("fieldManager=kustomize-controller")));
}

#[test]
fn what_is_missing_and_what_is_beside_are_differences() {
    let (place, server) = delivered();
    server.remove("services", "a0");
    let policy = json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": "open", "namespace": "kars-brief--a0"}, "spec": {"podSelector": {}, "egress": [{}]}});
    server.put(policy);
    let diff = ask(&place, COMMANDS[0]).expect(1);
    assert!(diff.out.contains("--- /dev/null\n+++ scenario/agents/a0/40-service.yaml\n"), "{}", diff.out);
    assert!(diff.out.contains("--- cluster/NetworkPolicy kars-brief--a0/open\n+++ /dev/null\n"), "{}", diff.out);
    let status = ask(&place, COMMANDS[1]).expect(1);
    assert!(status.out.contains("no       no     no     Service kars-brief--a0/a0\n"), "{}", status.out);
    assert!(status.out.contains("not of this bundle: NetworkPolicy kars-brief--a0/open\n"), "{}", status.out);
}

#[test]
fn a_filled_slot_is_no_difference_from_an_empty_one() {
    let (place, server) = delivered();
    edited(&server, "configmaps", "router-signature", |slot| slot["data"]["document.sigstore.json"] = json!("{}\n"));
    for line in COMMANDS {
        ask(&place, line).expect(0);
    }
}

#[test]
fn a_pod_of_another_document_enforces_nothing() {
    let (place, server) = delivered();
    edited(&server, "pods", "a0-0", |pod| {
        pod["metadata"]["annotations"]["karsc.dev/document-digest"] = json!("sha256:0");
    });
    let status = ask(&place, "status out -o json").expect(1);
    let report: Value = serde_json::from_str(&status.out).expect("it is JSON");
    assert_eq!((&report["pods"][0]["ready"], &report["pods"][0]["enforced"]), (&json!(true), &json!(false)));
    ask(&place, COMMANDS[0]).expect(0);
}

#[test]
fn faults_of_the_cluster_are_named_and_end_with_3() {
    let faults: [(&str, &str, u16, &str, &str); 6] = [
        (
            "diff out --against cluster",
            "PATCH",
            403,
            "may not patch",
            "the right to patch `namespaces` is missing: may not patch",
        ),
        ("status out", "GET", 403, "may not list", "the right to list `namespaces` is missing: may not list"),
        ("status out", "GET", 401, "Unauthorized", "does not know who asks"),
        ("status out", "GET", 500, "etcd is gone", "could not list `namespaces`: etcd is gone"),
        ("wait out", "GET", 500, "etcd is gone", "could not list `namespaces`: etcd is gone"),
        (
            "diff out --against cluster",
            "PATCH",
            422,
            "ValidatingAdmissionPolicy 'kars-delivery-only' denied",
            "admission refuses even a dry run",
        ),
    ];
    for (line, method, code, message, said) in faults {
        let (place, server) = delivered();
        server.fail(method, code, message);
        let run = ask(&place, line).expect(3);
        assert!(run.err.contains(said), "{line}: {}", run.err);
    }
    let (place, _) = delivered();
    place.write("config.json", kubeconfig(1));
    for line in COMMANDS {
        let run = ask(&place, line).expect(3);
        assert!(run.err.contains("cannot be reached"), "{}", run.err);
        let run = place.run(&format!("{line} --kubeconfig nowhere")).expect(3);
        assert!(run.err.contains("no cluster is configured"), "{}", run.err);
    }
}

#[test]
fn what_the_server_would_not_take_is_a_difference() {
    let (place, server) = delivered();
    server.fail("PATCH", 422, "spec: updates are forbidden");
    let run = ask(&place, COMMANDS[0]).expect(1);
    assert!(
        run.err.contains("StatefulSet kars-brief--a0/a0: the cluster would refuse it: spec: updates"),
        "{}",
        run.err
    );
}

#[test]
fn usage_is_refused_before_a_cluster_is_asked() {
    let (place, server) = delivered();
    ask(&place, "diff brief --against out").expect(2);
    ask(&place, "status nowhere").expect(3);
    ask(&place, "wait brief --timeout soon").expect(2);
    assert!(server.asked().is_empty());
}

#[test]
fn an_interrupted_wait_ends_with_130() {
    let (place, server) = delivered();
    server.remove("services", "a0");
    let mut command = place.command(["wait", "out", "--kubeconfig", "config.json"]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    while server.asked().is_empty() {
        std::thread::yield_now();
    }
    place.shell(&format!("kill -INT {}", child.id())).expect(0);
    assert_eq!(ended(&child.wait_with_output().expect("it ends")).code, 130);
}
