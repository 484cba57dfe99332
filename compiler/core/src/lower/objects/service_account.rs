//! The identity a pod runs under. It holds no API token.

use k8s_openapi::api::core::v1::ServiceAccount;

use super::{AgentPlan, Place};
use crate::lower::credentials;

/// The name of the account of every agent.
pub(super) const AGENT_ACCOUNT: &str = "sandbox";

pub(super) fn of_agent(plan: &AgentPlan<'_, '_>, place: &Place) -> ServiceAccount {
    let mut account = without_token(AGENT_ACCOUNT, place);
    if let Some(client) = credentials::workload_client(plan.agent) {
        // The router exchanges its own projected token; the annotation lets Azure's tools show whose it is.
        account
            .metadata
            .annotations
            .get_or_insert_default()
            .insert("azure.workload.identity/client-id".to_owned(), client);
    }
    account
}

pub(super) fn without_token(name: &str, place: &Place) -> ServiceAccount {
    ServiceAccount {
        metadata: place.metadata(name),
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    }
}
