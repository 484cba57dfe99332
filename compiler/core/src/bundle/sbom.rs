//! `sbom.spdx.json`: the container images of a bundle as an SPDX 2.3 document. The moment of its making is not part of it,
//! so the field that the format asks for holds the start of Unix time.

use std::collections::BTreeMap;

use kars_contract::digest::Digest;
use serde::Serialize;

use crate::resolve::{Image, Resolved};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sbom<'a> {
    spdx_version: &'static str,
    data_license: &'static str,
    #[serde(rename = "SPDXID")]
    id: &'static str,
    name: &'a str,
    document_namespace: String,
    creation_info: Creation,
    packages: Vec<Package>,
    relationships: Vec<Relation>,
}

#[derive(Debug, Serialize)]
struct Creation {
    created: &'static str,
    creators: [String; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Package {
    #[serde(rename = "SPDXID")]
    id: String,
    name: String,
    version_info: String,
    download_location: &'static str,
    files_analyzed: bool,
    primary_package_purpose: &'static str,
    external_refs: [External; 1],
}

#[derive(Debug, Serialize)]
struct External {
    #[serde(rename = "referenceCategory")]
    category: &'static str,
    #[serde(rename = "referenceType")]
    kind: &'static str,
    #[serde(rename = "referenceLocator")]
    locator: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Relation {
    spdx_element_id: &'static str,
    relationship_type: &'static str,
    related_spdx_element: String,
}

pub(super) fn document<'a>(scenario: &'a Resolved<'_>, content: &Digest) -> Sbom<'a> {
    let packages: Vec<_> =
        images(scenario).into_values().enumerate().map(|(place, image)| package(place, image)).collect();
    let relationships = packages.iter().map(|package| Relation {
        spdx_element_id: "SPDXRef-DOCUMENT",
        relationship_type: "DESCRIBES",
        related_spdx_element: package.id.clone(),
    });
    Sbom {
        spdx_version: "SPDX-2.3",
        data_license: "CC0-1.0",
        id: "SPDXRef-DOCUMENT",
        name: scenario.scenario.metadata.name.as_str(),
        document_namespace: format!("https://karsc.dev/spdx/{}", content.hex()),
        creation_info: Creation {
            created: "1970-01-01T00:00:00Z",
            creators: [format!("Tool: karsc-{}", env!("CARGO_PKG_VERSION"))],
        },
        relationships: relationships.collect(),
        packages,
    }
}

/// Every image that the bundle names, by its pinned reference.
fn images<'p>(scenario: &'p Resolved<'_>) -> BTreeMap<String, &'p Image> {
    let images = &scenario.target.images;
    let relay = images.relay.as_ref().filter(|_| !scenario.edges.all.is_empty());
    let runtimes = scenario.agents().filter_map(|agent| agent.runtime.as_ref()?.image.as_ref());
    images.router.iter().chain(relay).chain(runtimes).map(|image| (image.pinned(), image)).collect()
}

fn package(place: usize, image: &Image) -> Package {
    let version = image.digest.clone().or_else(|| image.tag().map(str::to_owned)).unwrap_or_default();
    let name = image.repository().rsplit('/').next().unwrap_or_default();
    let locator = format!("pkg:oci/{name}@{}?repository_url={}", version.replace(':', "%3A"), image.repository());
    Package {
        id: format!("SPDXRef-Image-{place}"),
        name: image.repository().to_owned(),
        version_info: version,
        download_location: "NOASSERTION",
        files_analyzed: false,
        primary_package_purpose: "CONTAINER",
        external_refs: [External { category: "PACKAGE-MANAGER", kind: "purl", locator }],
    }
}
