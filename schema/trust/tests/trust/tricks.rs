//! JSON that readers disagree about, rightly signed: a statement, and a document. All of it is refused.

use kars_contract::digest::Digest;
use kars_trust::statement::Attested;

use crate::sample::{Case, DOCUMENT, claims, signed, statement};

/// What stands in a statement, and what stands there instead.
const IN_STATEMENTS: [(&str, &str); 31] = [
    (r#""serial":1795478400"#, r#""serial":1795478400.0"#),
    (r#""serial":1795478400"#, r#""serial":1.7954784e9"#),
    (r#""serial":1795478400"#, r#""serial":"1795478400""#),
    (r#""serial":1795478400"#, r#""serial":01795478400"#),
    (r#""serial":1795478400"#, r#""serial":+1795478400"#),
    (r#""serial":1795478400"#, r#""serial":-1"#),
    (r#""serial":1795478400"#, r#""serial":-0"#),
    (r#""serial":1795478400"#, r#""serial":18446744073709551616"#),
    (r#""serial":1795478400"#, r#""serial":1e999"#),
    (r#""serial":1795478400"#, r#""serial":NaN"#),
    (r#""serial":1795478400"#, r#""serial":null"#),
    (r#""serial":1795478400"#, r#""serial":1795478400,"serial":1795478400"#),
    (r#""serial":1795478400"#, r#""serial":1795478400,"serial":1"#),
    (r#""serial":1795478400"#, r#""Serial":1795478400"#),
    (r#""serial":1795478400"#, r#""serial":1795478400,"widened":true"#),
    (r#""serial":1795478400,"#, ""),
    (r#""agent":"summariser""#, r#""agent":"summariser\u0000""#),
    (r#""agent":"summariser""#, r#""agent":"\u0073ummariser""#),
    (r#""agent":"summariser""#, r#""agent":"Summariser""#),
    (r#""agent":"summariser""#, "\"agent\":\"summariser\u{200b}\""),
    (r#""notAfter":""#, r#""notAfter":" "#),
    (r#""notAfter":"2027-02-22T00:00:00Z""#, r#""notAfter":"2027-02-22T00:00:00.0Z""#),
    (r#""notAfter":"2027-02-22T00:00:00Z""#, r#""notAfter":"2027-02-22T01:00:00+01:00""#),
    (r#"{"_type""#, r#" {"_type""#),
    (r#"{"_type""#, "\u{feff}{\"_type\""),
    (r#"{"_type":"https://in-toto.io/Statement/v1""#, r#"{"_type":"https://in-toto.io/Statement/v0.1""#),
    (r#""subject":["#, r#""subject":[{"digest":{"sha256":"00"}},"#),
    (r#""sha256":""#, r#""sha1":"0","sha256":""#),
    (r#""sha256":""#, r#""sha512":""#),
    (r#""name":"router.json""#, r#""name":"relay.json""#),
    (r#""predicate":{"#, r#""predicate":{},"predicate":{"#),
];

#[test]
fn a_statement_has_one_spelling() {
    let text = String::from_utf8(statement(DOCUMENT, claims())).unwrap();
    let (hex, upper) = (Digest::of(DOCUMENT).hex().to_owned(), Digest::of(DOCUMENT).hex().to_uppercase());
    let digests = [(hex.clone(), upper), (hex.clone(), hex[..40].to_owned()), (hex.clone(), format!("{hex}00"))];
    let tricks = IN_STATEMENTS.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned()));
    for (from, to) in tricks.chain(digests) {
        assert!(text.contains(&from), "`{from}` in {text}");
        refused(text.replacen(&from, &to, 1).as_bytes(), &to);
    }
    for (after, what) in [("\n", "a line feed"), (" ", "a space"), ("{}", "an object"), ("\0", "a zero")] {
        refused(format!("{text}{after}").as_bytes(), what);
    }
    refused(b"", "nothing");
    refused(&text.as_bytes()[..text.len() - 1], "no end");
    refused(&[text.as_bytes(), b"\xff"].concat(), "no text");
}

#[test]
fn nesting_breaks_nobody() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let text = String::from_utf8(statement(DOCUMENT, claims())).unwrap();
    let (before, _) = text.split_once(r#""predicate":"#).unwrap();
    let nested = format!(r#"{before}"predicate":{deep}}}"#);
    refused(nested.as_bytes(), "a deep predicate");
    refused(deep.as_bytes(), "a deep statement");
    let attested = Attested::decode(nested.as_bytes()).unwrap();
    assert_eq!(attested.predicate.get(), deep, "a predicate of another type is left to whoever knows it");
    let signatures = Case { signatures: format!("{deep}\n").into_bytes(), ..Case::good() };
    assert_eq!(signatures.ask().unwrap_err().exit_code(), 12);
}

/// What stands in a document, and what stands there instead.
const IN_DOCUMENTS: [(&str, &str); 10] = [
    (r#""version":1"#, r#""version":1,"version":1"#),
    (r#""version":1"#, r#""version":1.0"#),
    (r#""version":1"#, r#""version":1e0"#),
    (r#""version":1"#, r#""version":2"#),
    (r#""dev":false"#, r#""dev":false,"dev":true"#),
    (r#""dev":false"#, r#""dev":0"#),
    (r#""dev":false"#, r#""dev":false,"extra":null"#),
    (r#""egress":["#, r#""egress":[null,"#),
    (r#""tokensPerDay":"#, r#""tokensPerDay":99999999999999999999"#),
    (r#""tokensPerDay":"#, r#""tokensPerDay":NaN"#),
];

#[test]
fn a_document_has_one_meaning() {
    let text = std::str::from_utf8(DOCUMENT).unwrap();
    let tricked = IN_DOCUMENTS.map(|(from, to)| {
        assert!(text.contains(from), "`{from}` in {text}");
        text.replacen(from, to, 1)
    });
    let nested = text.replacen(r#""egress":["#, &format!(r#""egress":[{}"#, "[".repeat(100_000)), 1);
    for document in tricked.into_iter().chain([nested, format!("{text}{{}}"), String::new()]) {
        let signatures = signed(&statement(document.as_bytes(), claims()), &[1]);
        let case = Case { signatures, document: document.into_bytes(), ..Case::good() };
        let refusal = case.ask().unwrap_err();
        assert_eq!((refusal.code(), refusal.exit_code()), ("malformed-document", 14), "{refusal}");
    }
}

#[track_caller]
fn refused(payload: &[u8], what: &str) {
    let case = Case { signatures: signed(payload, &[1]), ..Case::good() };
    let refusal = case.ask().expect_err(what);
    assert_eq!(refusal.exit_code(), 12, "{what}: {refusal}");
    assert!(["malformed-statement", "not-canonical", "other-statement"].contains(&refusal.code()), "{what}: {refusal}");
}
