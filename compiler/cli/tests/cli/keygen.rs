//! Keys: how they are made, kept and refused. Not here: what they sign.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::signed::{NOW, SERIAL, built, mode, refused};
use crate::support::{Place, run};

/// A key on a curve that is not used here.
const P384: &str = "-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAE/W/vJZg5PNh1eww7HkcTlmOLoQ5w4LGl
IE011cMxFFKypHHjaVmFLnkSs4fD56AN9Q14q94H7LwBJATsYL14Tmg/IQf5ylnN
+kj2/Ue/r76ix1Aur3Im31ZawuMRGbeD
-----END PUBLIC KEY-----
";

/// Runs a line with this password in the environment, or none.
fn with_password(place: &Place, line: &str, password: Option<&str>) -> crate::support::Run {
    let mut command = place.command(line.split_whitespace());
    command.env_remove("COSIGN_PASSWORD");
    if let Some(password) = password {
        command.env("COSIGN_PASSWORD", password);
    }
    run(&mut command)
}

#[test]
fn a_pair_is_two_files_and_only_one_is_for_everybody() {
    let place = Place::new();
    with_password(&place, "keygen", Some("")).expect(0);
    with_password(&place, "keygen -o plain --plain", None).expect(0);
    assert_eq!([mode(&place, "karsc.key"), mode(&place, "plain.key")], [0o600, 0o600]);
    assert!(place.read("karsc.key").starts_with("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----"));
    assert!(place.read("plain.key").starts_with("-----BEGIN PRIVATE KEY-----"));
    for public in ["karsc.pub", "plain.pub"] {
        assert!(place.read(public).starts_with("-----BEGIN PUBLIC KEY-----"));
        assert!(!place.read(public).contains('\r'));
    }
    assert_eq!(place.tree("").len(), 4, "nothing else is left");
}

#[test]
fn a_key_is_never_overwritten() {
    for taken in ["mine.key", "mine.pub"] {
        let place = Place::new();
        place.write(taken, "precious");
        refused(place.run("keygen --plain -o mine"), 4, taken);
        assert_eq!(place.tree("").len(), 1);
        assert_eq!(place.read(taken), "precious");
    }
}

#[test]
fn a_password_comes_from_a_file_or_the_environment_and_never_from_an_argument() {
    let place = Place::new();
    place.write("password", "secret\n");
    place.run("keygen --password hunter2").expect(2);
    refused(with_password(&place, "keygen", None), 2, "COSIGN_PASSWORD");
    assert_eq!(place.tree("").len(), 1);
    let run = with_password(&place, "keygen --password-file password", None).expect(0);
    assert!(!run.err.contains("secret") && !run.out.contains("secret"));
    refused(with_password(&place, "keygen -o x --password-file nowhere", None), 3, "nowhere");
}

#[test]
fn an_encrypted_key_signs_with_its_password_alone() {
    let place = built();
    with_password(&place, "keygen -o locked", Some("secret")).expect(0);
    let line = format!("sign out --key locked.key --serial {SERIAL}");
    let before = place.tree("out");
    refused(with_password(&place, &line, Some("wrong")), 2, "locked.key");
    refused(with_password(&place, &line, Some("")), 2, "locked.key");
    refused(with_password(&place, &line, None), 2, "COSIGN_PASSWORD");
    assert_eq!(place.tree("out"), before);
    let run = with_password(&place, &line, Some("secret")).expect(0);
    assert!(!run.err.contains("secret"));
    place.run(&format!("verify out --key locked.pub {NOW}")).expect(0);
}

#[test]
fn a_key_that_others_may_read_does_not_sign() {
    let place = built();
    for mode in [0o640, 0o604, 0o666] {
        fs::set_permissions(place.path("release.key"), fs::Permissions::from_mode(mode)).expect("it is ours");
        refused(place.run(&format!("sign out --key release.key --serial {SERIAL}")), 3, "chmod 600 release.key");
    }
}

#[test]
fn a_key_in_the_bundle_does_not_sign() {
    let place = built();
    fs::create_dir(place.path("out/delivery")).expect("it is not there yet");
    fs::rename(place.path("release.key"), place.path("out/delivery/release.key")).expect("both are there");
    refused(place.run(&format!("sign out --key out/delivery/release.key --serial {SERIAL}")), 2, "lies in the bundle");
}

#[test]
fn what_is_no_key_is_named() {
    let place = built();
    place.write("p384.pub", P384);
    place.write("huge", vec![b'-'; 1 << 20]);
    for file in ["huge", "brief/scenario.yaml", "release.pub"] {
        fs::set_permissions(place.path(file), fs::Permissions::from_mode(0o600)).expect("it is ours");
        refused(place.run(&format!("sign out --key {file} --serial {SERIAL}")), 2, file);
    }
    for file in ["p384.pub", "release.key", "huge"] {
        refused(place.run(&format!("verify out --key {file}")), 2, file);
    }
    refused(place.run(&format!("sign out --key nowhere.key --serial {SERIAL}")), 3, "nowhere.key");
    refused(place.run("verify out --key nowhere.pub"), 3, "nowhere.pub");
}

/// Its password is empty, and its parameters are others than those of `karsc keygen`.
#[test]
fn a_key_that_cosign_made_signs() {
    let place = built();
    place.write("cosign.key", include_str!("cosign.key"));
    fs::set_permissions(place.path("cosign.key"), fs::Permissions::from_mode(0o600)).expect("it is ours");
    let line = format!("sign out --key cosign.key --serial {SERIAL}");
    refused(with_password(&place, &line, Some("wrong")), 2, "cosign.key");
    with_password(&place, &line, Some("")).expect(0);
    assert_eq!(place.read("out/signatures/bundle.sigstore.json").lines().count(), 1);
}
