//! Who exchanges credentials for tokens: what a scenario's document says of them, and what its network policies let through.
//! Not here: the exchange, which is the router's.

use std::collections::BTreeMap;

use karsc_core::compile;
use karsc_core::parse::Input;
use karsc_core::report::{Style, human};
use serde_json::{Value, json};

use crate::support::{Collected, Memory, as_of};

const ENVIRONMENT: &str = "apiVersion: karsc.dev/v1alpha1\nkind: Environment\nmetadata: { name: kind }\nbase: kind\n";

/// The files of a bundle whose one model is written so.
fn built(model: &str, environment: &str) -> BTreeMap<String, Vec<u8>> {
    let scenario = format!(
        "apiVersion: karsc.dev/v1alpha1\nkind: Scenario\nmetadata: {{ name: example }}\nmodels:\n  main: {{ {model} }}\n\
         defaults: {{ runtime: {{ kind: langgraph, code: {{ image: \"registry.example/a/b@sha256:{}\" }} }}, model: main }}\n\
         agents: {{ lead: {{}} }}\n",
        "0".repeat(64),
    );
    let files = Memory::default()
        .with("scenario.yaml", scenario)
        .with("environments/kind.yaml", format!("{ENVIRONMENT}{environment}"));
    let input = Input { scenario: "scenario.yaml".to_owned(), evaluated: None, environment: "kind".to_owned() };
    let output = Collected::default();
    let compilation = compile(&input, as_of(), &files, &output).unwrap();
    let printed = human(&compilation.found, &compilation.sources, Style::Plain, "");
    assert!(printed.is_empty() && compilation.bundle.is_some(), "{model}:\n{printed}");
    output.files()
}

fn infra(files: &BTreeMap<String, Vec<u8>>) -> Value {
    serde_json::from_slice::<Value>(&files["documents/lead.router.json"]).unwrap()["infra"].take()
}

/// Everything that is applied, as one text.
fn objects(files: &BTreeMap<String, Vec<u8>>) -> String {
    files
        .iter()
        .filter(|(path, _)| path.starts_with("agents/"))
        .map(|(_, bytes)| String::from_utf8_lossy(bytes))
        .collect()
}

#[test]
fn each_form_of_credential_names_its_issuer() {
    let id = "6f0c7b5e-3d0a-4f57-9a58-0f0e2f5c1b11";
    let azure = "provider: azure-openai, deployment: gpt-4.1, endpoint: \"https://contoso.openai.azure.com\"";
    let key = "credential: { secret: model, key: KEY }";
    let copilot = format!("provider: github-copilot, deployment: gpt-5, {key}");
    let host = |host: &str| json!({"host": host, "ports": [443]});
    for (model, name, issuer) in [
        (copilot.clone(), Some("copilot-exchange"), host("api.github.com")),
        (
            format!("{azure}, credential: {{ workloadIdentity: {{ clientId: {id}, tenantId: {id} }} }}"),
            Some("token-exchange"),
            host("login.microsoftonline.com"),
        ),
        (
            format!("{azure}, credential: {{ managedIdentity: {{}} }}"),
            Some("node-identity"),
            json!({"cidr": "169.254.169.254/32", "ports": [80]}),
        ),
        (format!("{azure}, {key}"), None, Value::Null),
        (format!("provider: openai, deployment: gpt-4.1, {key}"), None, Value::Null),
    ] {
        let files = built(&model, "");
        let mut infra = infra(&files);
        infra.as_object_mut().unwrap().remove("resolver");
        let meant = name.map_or(json!({}), |name| json!({ name: issuer }));
        assert_eq!(infra, meant, "{model}");
        let is_node = name == Some("node-identity");
        assert_eq!(objects(&files).contains("cidr: 169.254.169.254/32"), is_node, "{model}");
    }
    let private = "privateEndpoints: [{ host: api.github.com, cidr: 10.7.0.0/24 }]\n";
    let files = built(&copilot, private);
    let meant = json!({"host": "api.github.com", "cidr": "10.7.0.0/24", "ports": [443]});
    assert_eq!(infra(&files)["copilot-exchange"], meant);
    assert!(objects(&files).contains("cidr: 10.7.0.0/24"), "{}", objects(&files));
}
