//! Where the router listens and where its files are. Policy is in the document alone. Not here: reading the environment.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use kars_contract::settings::{
    ADMIN_PORT, API_PORT, CERTIFICATES, CREDENTIALS, DNS_PORT, DOCUMENT, IDENTITY_TOKEN, LISTEN_ADMIN, LISTEN_API,
    LISTEN_DNS, LISTEN_PROXY, LOG, ORIGINS, POD_NAME, POD_NAMESPACE, PROXY_PORT, RESOLVER, STATE_DIR, TRUST,
};
use kars_contract::{Name, Namespace, Port};
use kars_kit::document::{Files, Pod};
use kars_kit::settings::{BadSetting, Settings, address, parsed, path};

/// What the router starts with.
#[derive(Clone, Debug)]
pub struct Config {
    /// The document and what belongs to it.
    pub files: Files,
    /// The pod; absent outside of a cluster.
    pub pod: Option<Pod>,
    /// The folder that outlives the process.
    pub state: PathBuf,
    /// The folder of credentials, one file for each `secret/key`.
    pub credentials: Option<PathBuf>,
    /// The file of the pod's service-account token, which is exchanged for tokens of providers.
    pub identity_token: Option<PathBuf>,
    /// The agent API.
    pub api: SocketAddr,
    /// The egress proxy.
    pub proxy: SocketAddr,
    /// The DNS responder.
    pub dns: SocketAddr,
    /// Probes and metrics.
    pub admin: SocketAddr,
    /// The resolver that is asked; the system's where none is named.
    pub resolver: Option<SocketAddr>,
    /// The authorities that certificates are checked by; those that are built in where none are named.
    pub authorities: Option<PathBuf>,
    /// The log's filter.
    pub log: Option<String>,
}

impl Config {
    /// Reads every setting.
    pub fn load(from: &impl Settings) -> Result<Self, BadSetting> {
        Ok(Self {
            files: files(from)?,
            pod: pod(from)?,
            state: path(from, STATE_DIR)?,
            credentials: from.get(CREDENTIALS).map(PathBuf::from),
            identity_token: from.get(IDENTITY_TOKEN).map(PathBuf::from),
            api: address(from, LISTEN_API, loopback(API_PORT))?,
            proxy: address(from, LISTEN_PROXY, loopback(PROXY_PORT))?,
            dns: address(from, LISTEN_DNS, loopback(DNS_PORT))?,
            admin: admin(from)?,
            resolver: parsed(from, RESOLVER)?,
            authorities: from.get(CERTIFICATES).map(PathBuf::from),
            log: from.get(LOG),
        })
    }
}

/// The files of the document alone, for programs that only look at it.
pub fn files(from: &impl Settings) -> Result<Files, BadSetting> {
    Ok(Files {
        document: path(from, DOCUMENT)?,
        trust: from.get(TRUST).map(PathBuf::from),
        origins: from.get(ORIGINS).map(PathBuf::from),
    })
}

/// Where probes and metrics listen.
pub fn admin(from: &impl Settings) -> Result<SocketAddr, BadSetting> {
    address(from, LISTEN_ADMIN, SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), ADMIN_PORT.get()))
}

/// The pod, as the downward API names it: that of a `StatefulSet` bears the agent's name and an ordinal.
pub fn pod(from: &impl Settings) -> Result<Option<Pod>, BadSetting> {
    let (namespace, name) = (parsed::<Namespace>(from, POD_NAMESPACE)?, from.get(POD_NAME));
    let (namespace, name) = match (namespace, name) {
        (None, None) => return Ok(None),
        (Some(_), None) => return Err(BadSetting::Half(POD_NAMESPACE, POD_NAME)),
        (None, Some(_)) => return Err(BadSetting::Half(POD_NAME, POD_NAMESPACE)),
        (Some(namespace), Some(name)) => (namespace, name),
    };
    let agent = name.rsplit_once('-').filter(|(_, ordinal)| ordinal.bytes().all(|byte| byte.is_ascii_digit()));
    let agent = agent.and_then(|(agent, _)| Name::parse(agent).ok());
    let agent = agent.ok_or_else(|| BadSetting::Wrong {
        name: POD_NAME,
        text: name.clone(),
        problem: "not the name of an agent's pod, such as `analyst-0`".to_owned(),
    })?;
    Ok(Some(Pod { namespace, agent }))
}

fn loopback(port: Port) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port.get())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_pod_bears_the_name_of_its_agent() {
        let read = |namespace: &str, name: &str| {
            pod(&BTreeMap::from([(POD_NAMESPACE, namespace.to_owned()), (POD_NAME, name.to_owned())]))
        };
        let found = read("kars-brief--analyst", "analyst-0").unwrap().unwrap();
        assert_eq!((found.namespace.as_str(), found.agent.as_str()), ("kars-brief--analyst", "analyst"));
        assert_eq!(read("kars-brief--a", "chart-maker-12").unwrap().unwrap().agent.as_str(), "chart-maker");
        assert!(read("", "").unwrap().is_none());
        for (namespace, name) in
            [("x", ""), ("", "a-0"), ("x", "analyst"), ("x", "analyst-"), ("x", "-0"), ("X", "a-0")]
        {
            assert!(read(namespace, name).is_err() || name == "analyst-", "{namespace} {name}");
        }
    }
}
