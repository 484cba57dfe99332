//! Credentials: which secret keys an agent's router, and in one case the agent itself, must be given.

use std::collections::{BTreeMap, BTreeSet};

use kars_contract::name::{Guid, SecretRef};
use kars_contract::router::{Credential, TokenIssuer};
use kars_scenario::credential::{Credential as Written, SecretKey, WorkloadIdentity};

use crate::resolve::Agent;

/// A credential as the router reads it.
pub(super) fn lower(written: &Written) -> Credential {
    match written {
        Written::Secret(SecretKey { secret, key }) => Credential::Secret(
            SecretRef::of(secret.as_str(), key.as_str()).expect("both parts were checked when they were read"),
        ),
        Written::WorkloadIdentity { workload_identity: WorkloadIdentity { client_id, tenant_id } } => {
            let guid = |text: &str| Guid::parse(text).expect("it was checked when it was read");
            Credential::WorkloadIdentity { client_id: guid(client_id.as_str()), tenant_id: guid(tenant_id.as_str()) }
        }
        Written::ManagedIdentity { managed_identity: _ } => Credential::ManagedIdentity {},
    }
}

/// Every credential that an agent's router shows somebody.
pub(crate) fn of_router<'p>(agent: &'p Agent<'_>) -> impl Iterator<Item = &'p Written> {
    let models =
        agent.model.iter().flat_map(|model| &model.candidates).map(|candidate| &candidate.model.credential.value);
    let servers =
        agent.mcp.iter().filter_map(|(_, server)| server.credential.as_ref()).map(|credential| &credential.value);
    models.chain(servers)
}

/// Keys by Secret that the router mounts.
pub(crate) fn secrets_of_router(agent: &Agent<'_>) -> BTreeMap<String, BTreeSet<String>> {
    let keys = of_router(agent).filter_map(|credential| match credential {
        Written::Secret(key) => Some(key),
        Written::WorkloadIdentity { .. } | Written::ManagedIdentity { .. } => None,
    });
    grouped(keys.map(|key| (key.secret.to_string(), key.key.to_string())))
}

/// Keys by Secret that the agent's own container needs: the tokens of its channels.
pub(crate) fn secrets_of_agent(agent: &Agent<'_>) -> BTreeMap<String, BTreeSet<String>> {
    let channels = agent.channels.iter().flat_map(|(_, channel)| {
        let secret = channel.credential.secret.to_string();
        let needs =
            agent.runtime.as_ref().and_then(|runtime| runtime.descriptor.channels.get(channel.kind.value.as_str()));
        let further = needs.map(|needs| needs.extra_tokens.clone()).unwrap_or_default();
        let keys =
            std::iter::once(channel.credential.key.to_string()).chain(further.into_iter().map(|key| key.to_string()));
        keys.map(|key| (secret.clone(), key)).collect::<Vec<_>>()
    });
    grouped(channels)
}

/// Keys by Secret that the agent's pod needs, router and agent together.
pub(crate) fn secrets_of_pod(agent: &Agent<'_>) -> BTreeMap<String, BTreeSet<String>> {
    let mut needed = secrets_of_router(agent);
    for (secret, keys) in secrets_of_agent(agent) {
        needed.entry(secret).or_default().extend(keys);
    }
    needed
}

/// The client that the router's federated token stands for, where it uses one.
pub(crate) fn workload_client(agent: &Agent<'_>) -> Option<String> {
    of_router(agent).find_map(|credential| match credential {
        Written::WorkloadIdentity { workload_identity } => Some(workload_identity.client_id.to_string()),
        Written::Secret(_) | Written::ManagedIdentity { .. } => None,
    })
}

/// Who gives the router tokens for its credentials.
pub(crate) fn issuers(agent: &Agent<'_>) -> BTreeSet<TokenIssuer> {
    let candidates = agent.model.iter().flat_map(|model| &model.candidates).map(|candidate| candidate.model);
    let of_models =
        candidates.filter_map(|model| TokenIssuer::of(Some(model.provider.value), &lower(&model.credential)));
    let servers = agent.mcp.iter().filter_map(|(_, server)| server.credential.as_ref());
    let of_servers = servers.filter_map(|credential| TokenIssuer::of(None, &lower(credential)));
    of_models.chain(of_servers).collect()
}

fn grouped(keys: impl Iterator<Item = (String, String)>) -> BTreeMap<String, BTreeSet<String>> {
    let mut secrets: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for (secret, key) in keys {
        secrets.entry(secret).or_default().insert(key);
    }
    secrets
}
