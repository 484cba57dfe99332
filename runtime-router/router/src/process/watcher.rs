//! Which document is served: what the files say, once the router has seen itself enforce it. Not here: reading files (`kars-kit`), and
//! how the router asks itself (`self_probe`).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kars_kit::clock;
use kars_kit::document::{CannotLoad, Loaded};
use kars_kit::serve::Tasks;
use kars_kit::watch::Watch;

use crate::audit::{Audit, Event};
use crate::metrics::Metrics;
use crate::policy::{Current, Generation, NOT_ENFORCED, Slot};
use crate::self_probe::{self, Seen};

/// How often files are looked at.
const POLL: Duration = Duration::from_secs(1);

/// Serves what the files say, as long as it may be served.
pub(super) struct Watcher {
    pub(super) watch: Watch,
    pub(super) slot: Slot,
    pub(super) current: Current,
    pub(super) audit: Audit,
    pub(super) metrics: Arc<Metrics>,
    /// Where the router's own proxy listens.
    pub(super) proxy: SocketAddr,
    /// The failure that was told last, so that each is told once.
    pub(super) told: Option<String>,
    /// Why it is not known whether the document is enforced, as it was told last.
    pub(super) unproven: Option<String>,
}

impl Watcher {
    /// Looks again and again until the program drains.
    pub(super) async fn keep_looking(&mut self, tasks: &Tasks) {
        loop {
            tokio::select! {
                () = self.prove() => (),
                () = tasks.draining() => return,
            }
            tokio::select! {
                () = tokio::time::sleep(POLL) => self.look(),
                () = tasks.draining() => return,
            }
        }
    }

    /// Serves what the files say now, if that has changed.
    pub(super) fn look(&mut self) {
        match self.watch.poll() {
            None => (),
            Some(Ok(loaded)) => self.served(loaded),
            Some(Err(error)) => self.refused(&error),
        }
        self.slot.tick();
        self.measure();
    }

    fn served(&mut self, loaded: Loaded) {
        let (generation, now) = (self.slot.compile(loaded), clock::now());
        if let Err(problem) = self_probe::decides(&generation, now) {
            return self.withdrawn(&generation, &problem);
        }
        self.slot.serve(Arc::clone(&generation));
        let digest = generation.loaded.digest.to_string();
        self.told = None;
        self.metrics.loaded("served");
        self.metrics.policy_generation.set(generation.number.cast_signed());
        let serial = generation.loaded.accepted().map_or(0, |accepted| accepted.serial);
        self.metrics.policy_serial.set(serial.cast_signed());
        self.metrics.serves(digest.clone(), now, generation.loaded.not_after());
        tracing::info!(
            digest,
            serial,
            generation = generation.number,
            dev = generation.document().dev,
            "document served"
        );
        self.note("policy-served", digest);
    }

    /// Has the router ask itself whether it enforces what it serves, until it knows.
    async fn prove(&mut self) {
        let Ok(generation) = self.current.in_force(clock::now()) else { return };
        if generation.is_enforced() {
            return;
        }
        match self_probe::refuses(generation.document(), self.proxy).await {
            Seen::Enforced => self.enforced(&generation),
            Seen::Broken(problem) => self.withdrawn(&generation, &problem),
            Seen::Nothing(problem) => {
                if self.unproven.as_ref() != Some(&problem) {
                    tracing::warn!(problem, "the router does not know yet whether it enforces its document");
                    self.unproven = Some(problem);
                }
            }
        }
        self.measure();
    }

    fn enforced(&mut self, generation: &Generation) {
        let digest = generation.loaded.digest.to_string();
        self.unproven = None;
        // Whoever is told that it is ready finds it in the metrics.
        self.metrics.enforces(digest.clone());
        self.metrics.policy_ready.set(1);
        self.slot.enforced(generation);
        tracing::info!(digest, generation = generation.number, "document enforced");
        self.note("policy-enforced", digest);
    }

    /// Serves nothing, with an alarm: until another document lies there, or a restart.
    fn withdrawn(&self, generation: &Generation, problem: &str) {
        self.slot.withdraw(&format!("the router does not enforce its document: {problem}"));
        self.metrics.loaded(NOT_ENFORCED);
        self.metrics.serves_nothing();
        let digest = generation.loaded.digest.to_string();
        tracing::error!(
            digest,
            generation = generation.number,
            problem,
            "the router does not enforce its document, and serves nothing"
        );
        self.note("policy-not-enforced", format!("{digest}: {problem}"));
    }

    fn refused(&mut self, error: &CannotLoad) {
        self.slot.keep(error);
        let message = error.to_string();
        if self.told.as_ref() == Some(&message) {
            return;
        }
        self.metrics.loaded(error.code());
        tracing::error!(code = error.code(), message, "document refused");
        self.note("policy-refused", format!("{}: {message}", error.code()));
        self.told = Some(message);
    }

    fn note(&self, kind: &'static str, what: String) {
        if !self.audit.record(Event::Note { kind, what }) {
            tracing::error!(kind, "the audit log takes no more lines");
        }
    }

    fn measure(&self) {
        let now = clock::now();
        let in_force = self.current.in_force(now).ok();
        let is_ready = in_force.as_ref().is_some_and(|generation| generation.is_enforced());
        self.metrics.policy_ready.set(i64::from(is_ready));
        self.metrics.policy_stale.set(i64::from(in_force.is_none() || self.current.stale(now).is_some()));
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use kars_contract::document::Document;
    use kars_kit::document::Files;
    use tempfile::TempDir;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    const REFUSES: &str = "HTTP/1.1 403 not allowed\r\n\r\n";
    const ALLOWS: &str = "HTTP/1.1 200 Connection established\r\n\r\n";

    /// A proxy that answers every request so.
    async fn proxy(answer: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Tasks::default().spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                assert!(client.read(&mut [0; 1024]).await.unwrap() > 0);
                client.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        address
    }

    fn write(folder: &Path, connections: u64) {
        let mut document = Generation::example().document().clone();
        document.limits.connections = connections;
        fs::write(folder.join("router.json"), document.encode()).unwrap();
    }

    fn watcher(proxy: SocketAddr) -> (Watcher, TempDir) {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), 100);
        let files = Files { document: folder.path().join("router.json"), trust: None, origins: None };
        let (metrics, (slot, current)) = (Arc::<Metrics>::default(), Slot::new());
        let audit = Audit::open(&folder.path().join("audit"), Arc::clone(&metrics)).unwrap();
        let watch = Watch::new(files, None, folder.path().to_owned());
        (Watcher { watch, slot, current, audit, metrics, proxy, told: None, unproven: None }, folder)
    }

    /// Which generation is served, and whether it is enforced; otherwise why nothing is.
    fn state(watcher: &Watcher) -> Result<(u64, bool), String> {
        let served = watcher.current.in_force(clock::now());
        served.map(|served| (served.number, served.is_enforced())).map_err(|refusal| refusal.detail.message)
    }

    fn says(watcher: &Watcher, line: &str) -> bool {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, watcher.metrics.registry()).unwrap();
        text.lines().any(|found| found.starts_with("kars_router_policy_") && found.contains(line))
    }

    fn noted(watcher: &Watcher, folder: &TempDir, kind: &str) -> usize {
        assert!(watcher.audit.flush(Duration::from_secs(20)));
        let files = fs::read_dir(folder.path().join("audit")).unwrap();
        let texts = files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
        texts.map(|text| text.matches(&format!("\"{kind}\"")).count()).sum()
    }

    /// POL-11.
    #[tokio::test]
    async fn a_generation_is_enforced_once_the_router_has_seen_it() {
        let (mut watcher, folder) = watcher(proxy(REFUSES).await);
        for number in 1..=3 {
            write(folder.path(), 100 + number);
            watcher.look();
            assert_eq!(state(&watcher), Ok((number, false)));
            assert!(says(&watcher, "state=\"served\"} 1") && !says(&watcher, "enforced"));
            assert!(says(&watcher, "policy_ready 0"));
            assert!(tokio::time::timeout(Duration::from_millis(10), watcher.current.clone().proven()).await.is_err());
            let mut current = watcher.current.clone();
            tokio::join!(watcher.prove(), current.proven());
            assert_eq!(state(&watcher), Ok((number, true)));
            assert!(says(&watcher, "state=\"enforced\"} 1") && !says(&watcher, "state=\"served\""));
            assert!(says(&watcher, "policy_ready 1"));
            watcher.look();
            assert_eq!(state(&watcher), Ok((number, true)), "nothing has changed");
        }
        assert_eq!(noted(&watcher, &folder, "policy-enforced"), 3);
    }

    #[tokio::test]
    async fn a_router_that_does_not_refuse_serves_nothing_until_another_document_comes() {
        let (mut watcher, folder) = watcher(proxy(ALLOWS).await);
        watcher.look();
        watcher.prove().await;
        let problem = state(&watcher).unwrap_err();
        assert!(problem.contains("(not-enforced)") && problem.contains("answers 200"), "{problem}");
        assert!(says(&watcher, "policy_ready 0") && !says(&watcher, "policy_info{"));
        assert!(says(&watcher, "loads_total{outcome=\"not-enforced\"} 1"));
        watcher.look();
        watcher.prove().await;
        assert_eq!(state(&watcher).unwrap_err(), problem, "the same document is not tried again");
        watcher.proxy = proxy(REFUSES).await;
        write(folder.path(), 99);
        watcher.look();
        watcher.prove().await;
        assert_eq!(state(&watcher), Ok((2, true)));
        assert_eq!(noted(&watcher, &folder, "policy-not-enforced"), 1);
    }

    #[tokio::test]
    async fn a_router_without_an_answer_asks_again_and_is_not_ready() {
        let (mut watcher, folder) = watcher(proxy("HTTP/1.1 503 no room\r\n\r\n").await);
        watcher.look();
        // What lies there meanwhile is told once, whatever else there is to tell.
        fs::write(folder.path().join("router.json"), "{").unwrap();
        for _ in 0..3 {
            watcher.look();
            watcher.prove().await;
            assert_eq!(state(&watcher), Ok((1, false)), "it goes on deciding, and does not claim anything");
            assert!(says(&watcher, "policy_ready 0"));
        }
        assert_eq!(noted(&watcher, &folder, "policy-refused"), 1);
        watcher.proxy = proxy(REFUSES).await;
        watcher.prove().await;
        assert_eq!(state(&watcher), Ok((1, true)));
    }
}
