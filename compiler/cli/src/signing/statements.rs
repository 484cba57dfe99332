//! What is claimed about a bundle and its documents. Not here: signatures.

use kars_contract::digest::Digest;
use kars_contract::document::Document;
use kars_contract::name::Name;
use kars_contract::router::{Identity, RouterDocument};
use kars_trust::{BundleClaims, RouterClaims, Statement};
use rayon::prelude::*;

use super::{Order, kept};
use crate::outcome::Failure;
use crate::verification::{Inventory, World, mismatch};

/// The statements of one bundle, as they are signed.
pub(super) struct Statements {
    pub(super) bundle: Vec<u8>,
    /// By agent.
    pub(super) documents: Vec<(String, Vec<u8>)>,
    /// How many of them are those of an earlier release.
    pub(super) kept: usize,
}

impl Statements {
    pub(super) fn about<'a>(
        world: &World<'_>,
        inventory: &Inventory,
        digest: &Digest,
        order: &Order,
        agents: impl Iterator<Item = &'a String>,
    ) -> Result<Self, Failure> {
        let agents: Vec<&String> = agents.collect();
        let claimed: Vec<Result<Statement<RouterClaims>, Failure>> =
            agents.par_iter().map(|agent| kept::or_new(document(world, inventory, agent, order)?, order)).collect();
        let claimed = claimed.into_iter().collect::<Result<Vec<_>, _>>()?;
        let cluster = claimed.first().map(|statement| statement.claims.cluster.clone());
        if let Some(other) = claimed.iter().find(|statement| Some(&statement.claims.cluster) != cluster.as_ref()) {
            return Err(mismatch(&format!("the document of agent `{}` is for another cluster", other.claims.agent)));
        }
        let kept = claimed.iter().map(|statement| &statement.claims).filter(|claims| claims.serial != order.serial);
        let claims = BundleClaims {
            scenario: inventory.scenario.clone(),
            environment: inventory.environment.clone(),
            cluster,
            content_digest: inventory.content_digest.clone(),
            serial: order.serial,
            not_after: order.not_after,
            grace: order.grace,
            kept: kept.map(|claims| (claims.agent.clone(), claims.serial)).collect(),
        };
        let kept = claims.kept.len();
        let bundle = Statement { digest: digest.clone(), claims }.encode();
        let documents =
            claimed.iter().map(|statement| (statement.claims.agent.to_string(), statement.encode())).collect();
        Ok(Self { bundle, documents, kept })
    }
}

/// What is claimed about an agent's document: what it says itself.
fn document(
    world: &World<'_>,
    inventory: &Inventory,
    agent: &str,
    order: &Order,
) -> Result<Statement<RouterClaims>, Failure> {
    let path = format!("documents/{agent}.router.json");
    let missing = || mismatch(&format!("there is a slot for agent `{agent}`, and no `{path}`"));
    let digest = inventory.files.get(&path).ok_or_else(missing)?.clone();
    let document = RouterDocument::decode(&world.content(&path)?);
    let document = document.map_err(|error| mismatch(&format!("`{path}`: {error}")))?;
    let Identity { scenario, environment, cluster, agent: named, namespace, .. } = document.identity;
    let fits = |here: Option<&Name>, there: &Name| here == Some(there);
    if named.as_str() != agent
        || !fits(inventory.scenario.as_ref(), &scenario)
        || !fits(Some(&inventory.environment), &environment)
    {
        return Err(mismatch(&format!("`{path}` is the document of another agent, scenario or environment")));
    }
    let claims = RouterClaims {
        agent: named,
        namespace,
        scenario,
        environment,
        cluster,
        serial: order.serial,
        not_after: order.not_after,
        grace: order.grace,
    };
    Ok(Statement { digest, claims })
}
