//! Host names and patterns, parted by a line break: what is normalised stays as it is, and a pattern that covers another
//! matches all that the other matches.
#![no_main]

use kars_contract::host::Hostname;
use kars_contract::host_pattern::HostPattern;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut parts = text.splitn(3, '\n');
    let Some(Ok(host)) = parts.next().map(Hostname::parse) else { return };
    let written = host.to_string();
    assert_eq!(Hostname::parse(&written), Ok(host.clone()), "`{written}` is not what it was normalised to");
    assert!(written.is_ascii() && written == written.to_ascii_lowercase());
    let patterns: Vec<_> = parts.filter_map(|part| HostPattern::parse(part).ok()).collect();
    for pattern in &patterns {
        assert_eq!(HostPattern::parse(&pattern.to_string()).as_ref(), Ok(pattern));
        assert!(pattern.covers(pattern));
    }
    if let [wide, narrow] = patterns.as_slice() {
        assert!(!(wide.covers(narrow) && narrow.matches(&host)) || wide.matches(&host), "{wide} {narrow} {host}");
    }
});
