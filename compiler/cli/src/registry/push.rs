//! Writing to a repository: blobs first, then manifests that name them. Every step may be done twice. Not here: in which
//! order artifacts and their signatures appear.

use kars_contract::digest::Digest;
use reqwest::header::{HeaderMap, LOCATION};
use reqwest::{Method, Url};

use super::http::{Ask, place};
use super::{Fault, Registry};

impl Registry {
    /// Puts a blob in place, unless it is there.
    pub(crate) fn push_blob(&self, bytes: &[u8], digest: &Digest) -> Result<(), Fault> {
        self.runtime.block_on(self.http.again(async || self.upload(bytes, digest).await))
    }

    /// Puts a manifest under a tag or its digest.
    pub(crate) fn push_manifest(&self, bytes: &[u8], media_type: &str, selector: &str) -> Result<(), Fault> {
        let url = self.http.url(&format!("manifests/{selector}"));
        let ask = Ask { method: Method::PUT, url, accept: "*/*", body: Some((bytes, media_type)), most: MOST };
        self.runtime.block_on(self.http.ask(&ask)).map(drop)
    }

    async fn upload(&self, bytes: &[u8], digest: &Digest) -> Result<(), Fault> {
        let url = self.http.url(&format!("blobs/{digest}"));
        let head = Ask { method: Method::HEAD, url, accept: "*/*", body: None, most: u64::MAX };
        match self.http.authorized(&head).await {
            Ok(_) => return Ok(()),
            Err(Fault::NotFound(_)) => {}
            Err(fault) => return Err(fault),
        }
        let url = self.http.url("blobs/uploads/");
        let kind = "application/octet-stream";
        let start = Ask { method: Method::POST, url, accept: "*/*", body: Some((&[], kind)), most: MOST };
        let reply = self.http.authorized(&start).await?;
        let mut url = self.location(&reply.headers, &start.url)?;
        url.query_pairs_mut().append_pair("digest", digest.as_str());
        let put = Ask { method: Method::PUT, url, accept: "*/*", body: Some((bytes, kind)), most: MOST };
        self.http.authorized(&put).await.map(drop)
    }

    /// Where the registry wants the bytes: with itself, or at another host that is as safe.
    fn location(&self, headers: &HeaderMap, from: &Url) -> Result<Url, Fault> {
        let location = headers.get(LOCATION).and_then(|value| value.to_str().ok());
        let url = location.and_then(|location| from.join(location).ok()).ok_or_else(|| Fault::Malformed {
            place: place(from),
            reason: "it names no place for the bytes".to_owned(),
        })?;
        if url.scheme() == "https" || url.origin() == self.http.base.origin() {
            return Ok(url);
        }
        Err(Fault::Redirect(place(from)))
    }
}

/// The largest answer to something that was sent.
const MOST: u64 = 64 << 10;
