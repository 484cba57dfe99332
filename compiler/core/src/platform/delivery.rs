//! What delivery identities may do: a role with the kinds that bundles have, and a policy that holds each identity to the
//! namespaces of its own scenarios, which a role cannot say. Not here: who else may write there (`kars-delivery-only`).

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::admissionregistration::v1::{
    MatchCondition, MatchResources, NamedRuleWithOperations, ValidatingAdmissionPolicy, ValidatingAdmissionPolicySpec,
    Validation, Variable,
};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, RoleRef, Subject};
use kars_scenario::environment::SecretSource;

use super::{binding, labelled, object};
use crate::render::Manifest;
use crate::resolve::Target;

const ROLE: &str = "kars-delivery";
const BOUNDS: &str = "kars-delivery-bounds";
const READ: [&str; 3] = ["get", "list", "watch"];
const WRITE: [&str; 4] = ["create", "update", "patch", "delete"];

/// An identity, as `(namespace, account)`.
type Account<'a> = (&'a str, &'a str);

/// The role, who has it, and what holds them to their namespaces; nothing where nobody is named.
pub(super) fn manifests(target: &Target<'_>) -> Vec<Manifest> {
    let identities = identities(target);
    if identities.is_empty() {
        return Vec::new();
    }
    let bounds = bounds(&identities);
    vec![
        object(&format!("20-{BOUNDS}"), &bounds),
        object(&format!("30-{BOUNDS}-binding"), &binding(&bounds)),
        object("40-delivery-role", &role(target.secrets)),
        object("41-delivery-role-binding", &grant(&identities)),
    ]
}

/// Each identity with the prefixes of its namespaces.
fn identities<'a>(target: &Target<'a>) -> BTreeMap<Account<'a>, BTreeSet<String>> {
    let mut identities: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for (scenario, identity) in target.environment.delivery.iter().flat_map(|delivery| &delivery.identities) {
        let account = identity.split_once('/').into_iter();
        account.for_each(|account| {
            identities.entry(account).or_default().insert(format!("kars-{scenario}--"));
        });
    }
    identities
}

fn role(secrets: SecretSource) -> ClusterRole {
    let mut plain = vec!["configmaps", "namespaces", "serviceaccounts", "services"];
    if secrets == SecretSource::Sops {
        plain.push("secrets");
    }
    let all = [READ.as_slice(), &WRITE].concat();
    ClusterRole {
        metadata: labelled(ROLE),
        rules: Some(vec![
            rule("", &plain, &all),
            // Whether a workload is well is read from its pods.
            rule("", &["pods"], &READ),
            rule("apps", &["statefulsets"], &all),
            rule("networking.k8s.io", &["networkpolicies"], &all),
            rule("external-secrets.io", &["externalsecrets"], &all),
        ]),
        ..ClusterRole::default()
    }
}

fn rule(group: &str, resources: &[&str], verbs: &[&str]) -> PolicyRule {
    PolicyRule {
        api_groups: Some(vec![group.to_owned()]),
        resources: Some(owned(resources)),
        verbs: owned(verbs),
        ..PolicyRule::default()
    }
}

fn grant(identities: &BTreeMap<Account<'_>, BTreeSet<String>>) -> ClusterRoleBinding {
    let subjects = identities.keys().map(|(namespace, account)| Subject {
        kind: "ServiceAccount".to_owned(),
        name: (*account).to_owned(),
        namespace: Some((*namespace).to_owned()),
        api_group: None,
    });
    ClusterRoleBinding {
        metadata: labelled(ROLE),
        role_ref: RoleRef {
            api_group: "rbac.authorization.k8s.io".to_owned(),
            kind: "ClusterRole".to_owned(),
            name: ROLE.to_owned(),
        },
        subjects: Some(subjects.collect()),
    }
}

/// Names in the expressions are those of service accounts and scenarios, so nothing in them ends a string.
fn bounds(identities: &BTreeMap<Account<'_>, BTreeSet<String>>) -> ValidatingAdmissionPolicy {
    let users: Vec<_> = identities
        .iter()
        .map(|((namespace, account), prefixes)| {
            let prefixes: Vec<_> = prefixes.iter().map(|prefix| format!("'{prefix}'")).collect();
            (format!("'system:serviceaccount:{namespace}:{account}'"), prefixes.join(", "))
        })
        .collect();
    let names: Vec<_> = users.iter().map(|(user, _)| user.as_str()).collect();
    let own: Vec<_> = users.iter().map(|(user, prefixes)| format!("  {user}: [{prefixes}]")).collect();
    let variable = |name: &str, expression: String| Variable { name: name.to_owned(), expression };
    let place = "request.resource.group != '' || request.resource.resource != 'namespaces' ? request.namespace : \
                 request.operation == 'DELETE' ? request.name : object.metadata.name";
    ValidatingAdmissionPolicy {
        metadata: labelled(BOUNDS),
        spec: Some(ValidatingAdmissionPolicySpec {
            failure_policy: Some("Fail".to_owned()),
            match_conditions: Some(vec![MatchCondition {
                name: "delivery-identity".to_owned(),
                expression: format!("request.userInfo.username in [{}]", names.join(", ")),
            }]),
            match_constraints: Some(every_write()),
            variables: Some(vec![
                variable("place", place.to_owned()),
                variable("own", format!("{{\n{}\n}}[request.userInfo.username]", own.join(",\n"))),
            ]),
            validations: Some(vec![Validation {
                expression: "variables.own.exists(prefix, variables.place.startsWith(prefix))".to_owned(),
                message: Some("a delivery identity writes in the namespaces of its own scenarios alone".to_owned()),
                ..Validation::default()
            }]),
            ..ValidatingAdmissionPolicySpec::default()
        }),
        status: None,
    }
}

fn every_write() -> MatchResources {
    let any = || Some(vec!["*".to_owned()]);
    MatchResources {
        match_policy: Some("Equivalent".to_owned()),
        resource_rules: Some(vec![NamedRuleWithOperations {
            api_groups: any(),
            api_versions: any(),
            operations: Some(owned(&["CREATE", "UPDATE", "DELETE"])),
            resources: Some(owned(&["*/*"])),
            scope: Some("*".to_owned()),
            ..NamedRuleWithOperations::default()
        }]),
        ..MatchResources::default()
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
