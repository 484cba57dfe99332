//! Credentials reach the registry they are for, and nobody else: no other host, no output. Not here: what is published.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::fake::{Answer, Fake, Request, Store};
use super::scene::{published, signed};
use crate::support::{Place, Run, run};

const SECRET: &str = "hunter2-is-long";
const TOKEN: &str = "token-of-the-day";

fn basic() -> String {
    format!("Basic {}", STANDARD.encode(format!("robot:{SECRET}")))
}

fn challenge(with: &str) -> Answer {
    Answer::Reply(401, vec![("www-authenticate", with.to_owned())], Vec::new())
}

/// Runs with Docker's configuration in `docker/`, and helpers in `bin/`.
fn with_docker(place: &Place, line: &str) -> Run {
    let path = format!("{}:{}", place.path("bin").display(), std::env::var("PATH").expect("there is one"));
    let mut command = place.command(line.split(' '));
    let run = run(command.env("DOCKER_CONFIG", place.path("docker")).env("PATH", path));
    for secret in [SECRET, TOKEN, &STANDARD.encode(format!("robot:{SECRET}"))] {
        assert!(!run.out.contains(secret) && !run.err.contains(secret), "{}{}", run.out, run.err);
    }
    run
}

fn logged_in(place: &Place, fake: &Fake) {
    let auth = STANDARD.encode(format!("robot:{SECRET}"));
    place.write("docker/config.json", format!(r#"{{"auths":{{"{}":{{"auth":"{auth}"}}}}}}"#, fake.host()));
}

fn helper(place: &Place, fake: &Fake, script: &str) {
    place.write("docker/config.json", format!(r#"{{"credHelpers":{{"{}":"vault"}}}}"#, fake.host()));
    place.write("bin/docker-credential-vault", format!("#!/bin/sh\n{script}\n"));
    fs::set_permissions(place.path("bin/docker-credential-vault"), fs::Permissions::from_mode(0o755))
        .expect("it is ours");
}

fn authorization(request: &Request) -> &str {
    request.headers.get("authorization").map_or("", String::as_str)
}

/// Answers whoever shows the password.
fn locked(request: &Request, _: &mut Store) -> Option<Answer> {
    (authorization(request) != basic()).then(|| challenge("Basic realm=\"here\""))
}

fn publish(place: &Place, fake: &Fake) -> Run {
    with_docker(place, &format!("publish out {} --key release.key --attestation-key builder.key", fake.address()))
}

fn verify(place: &Place, fake: &Fake) -> Run {
    with_docker(place, &format!("verify {} --key release.pub", fake.address()))
}

#[test]
fn a_password_comes_from_the_configuration_or_from_a_helper() {
    let place = signed();
    let fake = Fake::of(Store::default(), locked);
    assert!(publish(&place, &fake).expect(3).err.contains("log in"));
    logged_in(&place, &fake);
    publish(&place, &fake).expect(0);
    verify(&place, &fake).expect(0);
    helper(&place, &fake, &format!("cat >asked; echo '{{\"Username\":\"robot\",\"Secret\":\"{SECRET}\"}}'"));
    verify(&place, &fake).expect(0);
    assert_eq!(place.read("asked").trim(), fake.host());
}

#[test]
fn a_helper_that_fails_is_named_and_not_quoted() {
    let place = signed();
    let fake = Fake::honest();
    helper(&place, &fake, &format!("cat >/dev/null; echo {SECRET}; echo {SECRET} >&2; exit 1"));
    let run = verify(&place, &fake).expect(3);
    assert!(run.err.contains("`docker-credential-vault` failed"), "{}", run.err);
    helper(&place, &fake, &format!("cat >/dev/null; echo '{{ {SECRET}'"));
    verify(&place, &fake).expect(3);
    place.write("docker/config.json", format!("{{ \"auths\": {SECRET}"));
    let run = verify(&place, &fake).expect(3);
    assert!(run.err.contains("credentials"), "{}", run.err);
    assert!(fake.seen().is_empty(), "nobody is asked without the credentials that are configured");
}

#[test]
fn a_token_is_asked_for_with_the_password_and_used_without_it() {
    let place = signed();
    let host = std::sync::OnceLock::<String>::new();
    let fake = Fake::of(published(&place), move |request, _| {
        let host = host.get_or_init(|| request.headers["host"].clone());
        if request.path.starts_with("/token?") {
            let body = format!(r#"{{"token":"{TOKEN}"}}"#).into_bytes();
            return Some(Answer::Reply(200, Vec::new(), body));
        }
        let known = authorization(request) == format!("Bearer {TOKEN}");
        (!known).then(|| challenge(&format!(r#"Bearer realm="http://{host}/token",service="here",scope="x""#)))
    });
    logged_in(&place, &fake);
    verify(&place, &fake).expect(0);
    let seen = fake.seen();
    let asked: Vec<_> = seen.iter().filter(|request| request.path.starts_with("/token?")).collect();
    assert_eq!(asked.len(), 1, "one token is enough");
    assert_eq!(authorization(asked[0]), basic());
    assert!(asked[0].path.contains("scope=repository%3Aacme%2Fbrief%3Apull&"), "{}", asked[0].path);
    assert!(seen.iter().all(|request| request.path.starts_with("/token?") || authorization(request) != basic()));
}

#[test]
fn no_redirect_carries_a_password_or_a_body_elsewhere() {
    let place = signed();
    let store = published(&place);
    for status in [301, 302, 303, 307, 308] {
        let other = std::sync::Arc::new(Fake::honest());
        let target = format!("http://{}/elsewhere", other.host());
        let fake = Fake::of(store.clone(), move |request, store| {
            let away = || Answer::Reply(status, vec![("location", target.clone())], Vec::new());
            locked(request, store).or_else(|| Some(away()))
        });
        logged_in(&place, &fake);
        assert!(verify(&place, &fake).expect(3).err.contains("redirects to where"));
        assert!(publish(&place, &fake).expect(3).err.contains("redirects to where"));
        assert!(other.seen().is_empty(), "{status}: {:?}", other.seen());
    }
}

#[test]
fn a_place_for_the_bytes_at_another_host_is_refused() {
    let place = signed();
    let other = Fake::honest();
    let target = format!("http://{}/elsewhere", other.host());
    let fake = Fake::of(Store::default(), move |request, _| {
        let start = request.method == "POST";
        start.then(|| Answer::Reply(202, vec![("location", target.clone())], Vec::new()))
    });
    assert!(publish(&place, &fake).expect(3).err.contains("redirects to where"));
    assert!(other.seen().is_empty());
}
