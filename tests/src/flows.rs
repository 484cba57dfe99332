//! How text spreads over links: who is reached, by which way, and what never spreads. Not here: which mix is refused (the page of K0412).

use kars_scenario::diagnostic::Found;
use kars_scenario::egress::FlowLabel;
use karsc_core::parse::{Input, parse};
use karsc_core::resolve::{Flows, resolve};
use karsc_core::sources::Sources;

use crate::pages::completed;
use crate::support::{Memory, as_of};

const SCENARIO: &str = "
agents:
  reader: { egress: [{ host: example.org, reason: news, labels: [untrusted-input] }] }
  lead: {}
  writer: {}
  archive: { egress: [{ preset: github }] }
  alone: {}
links:
  - { from: lead, to: [reader], replies: true }
  - { from: lead, to: [writer] }
  - { from: writer, to: [archive] }
  - { from: archive, to: [writer] }
";

#[test]
fn text_spreads_with_links_and_back_with_replies_alone() {
    let files = Memory::default().with("scenario.yaml", completed(SCENARIO));
    let input = Input { scenario: "scenario.yaml".to_owned(), evaluated: None, environment: "kind".to_owned() };
    let (mut found, mut sources) = (Found::default(), Sources::default());
    let parsed = parse(&input, &files, &mut sources, &mut found).unwrap();
    let resolved = resolve(&parsed, &sources, as_of(), &mut found);
    let flows = Flows::of(&resolved);
    let name = |text: &str| resolved.agents.keys().copied().find(|name| name.as_str() == text).unwrap();
    let way = |from: &str, to: &str| {
        let path = flows.reach_of(name(from)).to(name(to))?.path;
        Some(path.iter().map(|step| step.to.as_str()).collect::<Vec<_>>().join(" "))
    };
    assert_eq!(way("reader", "archive").as_deref(), Some("lead writer archive"));
    assert_eq!(way("lead", "reader").as_deref(), Some("reader"));
    assert_eq!(way("lead", "lead").as_deref(), Some(""));
    assert_eq!(way("writer", "lead"), None, "a link without replies is one way");
    assert_eq!(way("reader", "alone"), None);
    let nearest = flows.untrusted_to(name("writer")).unwrap().path;
    assert_eq!(nearest.iter().map(|step| step.from.as_str()).collect::<Vec<_>>(), ["archive"], "the nearest source");
    assert!(flows.untrusted_to(name("alone")).is_none());
    assert_eq!(flows.own(name("reader"), FlowLabel::WayOut), None, "labels that are written replace the usual ones");
    let opened = &resolved.agents[name("archive")].egress;
    assert!(opened.iter().any(|rule| resolved.account_scoped(rule).is_some()));
    assert!(resolved.account_scoped(&resolved.agents[name("reader")].egress[0]).is_none());
}
