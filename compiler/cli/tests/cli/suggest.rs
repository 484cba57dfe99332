//! `karsc suggest`: the patch, in every style that a list is written in, and what it leaves out. Each patch is applied by
//! `patch` and by `git apply`, and does what it says. Not here: where a router writes its log.

use crate::support::{Place, Run, scenario};

/// A line of a decision log.
fn line(agent: &str, host: &str, port: u16, reason: &str) -> String {
    let allowed = ["listed", "learning"].contains(&reason);
    format!(
        "{{\"time\":\"2026-11-25T08:00:00Z\",\"agent\":\"{agent}\",\"kind\":\"egress\",\"host\":\"{host}\",\"port\":{port},\"allowed\":{allowed},\"reason\":\"{reason}\"}}\n"
    )
}

/// What is said of new hosts of `a0`, and of one that is listed.
fn log() -> String {
    [
        line("a0", "new.example.org", 443, "learning"),
        line("a0", "NEW.example.org.", 8443, "host-not-listed"),
        line("a0", "other.example.net", 443, "host-not-listed"),
        line("a0", "h0.example.org", 443, "listed"),
    ]
    .concat()
}

fn suggest(place: &Place) -> Run {
    place.run("suggest --from decisions.jsonl brief")
}

/// Applies what is suggested, both ways, and asks about the hosts again.
#[track_caller]
fn applied(place: &Place, file: &str) -> String {
    place.write("decisions.jsonl", log());
    let before = place.read(file);
    let patch = suggest(place).expect(0).out;
    place.write("p.diff", &patch);
    place.shell("git init -q . && git apply p.diff").expect(0);
    let by_git = place.read(file);
    place.write(file, &before);
    place.shell("patch -s -p1 < p.diff").expect(0);
    assert_eq!(place.read(file), by_git);
    for host in ["new.example.org", "new.example.org:8443", "other.example.net", "h0.example.org"] {
        place.run(&format!("why brief a0 egress {host}")).expect(0);
    }
    place.run("why brief a0 egress other.example.net:8443").expect(1);
    let again = suggest(place).expect(0);
    assert_eq!(again.out, "");
    assert!(again.err.contains("nothing to add"), "{}", again.err);
    let comments =
        |text: &str| text.lines().filter_map(|line| Some(line.split_once('#')?.1.to_owned())).collect::<Vec<_>>();
    assert_eq!(comments(&by_git), comments(&before));
    by_git
}

const NEW: &str =
    "{ host: new.example.org, ports: [443, 8443], reason: seen in the decision log; say why it is needed }";
const OTHER: &str = "{ host: other.example.net, reason: seen in the decision log; say why it is needed }";

/// Lists as people write them, and with what is added; `N` and `O` stand for the new entries.
const STYLES: [(&str, &str); 5] = [
    (
        "    egress: # who
      - { host: h0.example.org, reason: work } # the old one
      # nothing else
",
        "    egress: # who
      - { host: h0.example.org, reason: work } # the old one
      - N
      - O
      # nothing else
",
    ),
    (
        "    egress:
    -
      host: h0.example.org
      reason: >
        work - and
        more

",
        "    egress:
    -
      host: h0.example.org
      reason: >
        work - and
        more
    - N
    - O

",
    ),
    (
        "    egress: [{ host: h0.example.org, reason: work }] # the old one\n",
        "    egress: [{ host: h0.example.org, reason: work }, N, O] # the old one\n",
    ),
    (
        "    egress: [
      { host: h0.example.org, reason: work }, # the old one
    ]
",
        "    egress: [
      { host: h0.example.org, reason: work }, # the old one
      N,
      O,
    ]
",
    ),
    (
        "    egress: [
      { host: h0.example.org,
        reason: work } # the old one
    ]
",
        "    egress: [
      { host: h0.example.org,
        reason: work }, # the old one
      N,
      O
    ]
",
    ),
];

#[test]
fn a_patch_adds_to_the_list_in_its_own_style() {
    let block = "    egress:\n      - { host: h0.example.org, reason: work }\n";
    for (written, expected) in STYLES {
        let place = Place::with_agents(1);
        place.write("brief/scenario.yaml", scenario(1).replace(block, written));
        let after = applied(&place, "brief/scenario.yaml");
        assert_eq!(after, scenario(1).replace(block, &expected.replace('N', NEW).replace('O', OTHER)));
    }
}

#[test]
fn an_agent_without_a_list_gets_one() {
    let own = "    egress:\n      - { host: h0.example.org, reason: work }\n";
    // What `defaults` gives is said again in the list that takes its place.
    let inherited = "{ host: h0.example.org, ports: [443, 80], until: 2099-01-31T00:00:00Z, reason: \"a: b\", ticket: SEC-1, labels: [untrusted-input] }";
    let with_defaults = |text: &str| {
        text.replace(own, "").replace(
            "defaults:\n",
            &format!("defaults:\n  egress:\n    - {inherited} # shared\n    - {{ preset: pypi }}\n"),
        )
    };
    let place = Place::new();
    place.write("brief/scenario.yaml", with_defaults(&scenario(1)));
    let after = applied(&place, "brief/scenario.yaml");
    let list = format!(
        "    tools: [\"hermes.todo.*\"]\n    egress:\n      - {inherited}\n      - {{ preset: pypi }}\n      - {NEW}\n      - {OTHER}\n"
    );
    assert!(after.ends_with(&list), "{after}");

    let flow = "  a0: { role: worker 0, tools: [\"hermes.todo.*\"] } # short\n";
    let text = with_defaults(&scenario(1));
    let start = text.find("  a0:").unwrap();
    place.write("brief/scenario.yaml", format!("{}{flow}", &text[..start]));
    let after = applied(&place, "brief/scenario.yaml");
    let line =
        format!("tools: [\"hermes.todo.*\"], egress: [{inherited}, {{ preset: pypi }}, {NEW}, {OTHER}] }} # short\n");
    assert!(after.ends_with(&line), "{after}");

    for empty in ["  a0: {}\n", "  a0: { egress: [] }\n"] {
        let place = Place::new();
        let text = scenario(1);
        let start = text.find("  a0:").unwrap();
        place.write("brief/scenario.yaml", format!("{}{empty}", &text[..start]));
        place.write("decisions.jsonl", line_of_new());
        place.write("p.diff", suggest(&place).expect(0).out);
        place.shell("patch -s -p1 < p.diff").expect(0);
        place.run("why brief a0 egress new.example.org").expect(0);
    }
}

fn line_of_new() -> String {
    line("a0", "new.example.org", 443, "learning")
}

#[test]
fn files_keep_their_line_ends_and_included_files_are_edited_themselves() {
    let place = Place::with_agents(1);
    place.write("brief/scenario.yaml", format!("\u{feff}{}", scenario(1).replace('\n', "\r\n")));
    let after = applied(&place, "brief/scenario.yaml");
    assert!(after.starts_with('\u{feff}') && !after.replace("\r\n", "").contains('\n'), "{after:?}");

    let text = scenario(1);
    let (head, agents) = text.split_at(text.find("agents:").unwrap());
    place.write("brief/scenario.yaml", format!("{head}include: [teams/one.yaml]\nagents: {{}}\n"));
    // No line end at the end of the file.
    place.write("brief/teams/one.yaml", format!("# One.\n{}", agents.trim_end()));
    let after = applied(&place, "brief/teams/one.yaml");
    assert!(after.ends_with(&format!("- {OTHER}")), "{after}");
}

#[test]
fn what_no_entry_can_name_and_what_a_rule_refuses_is_left_out() {
    let place = Place::with_agents(1);
    let hosts = ["10.0.0.7", "::1", "kubernetes.default.svc", "printer", "bücher.example", "api.openai.com"];
    let refused: String = hosts.iter().map(|host| line("a0", host, 443, "host-not-listed")).collect();
    place.write("decisions.jsonl", refused.clone() + &line("a0", "over.example.org", 443, "rule-ended"));
    let run = suggest(&place).expect(0);
    assert_eq!(run.out, "");
    for says in [
        "a0: 10.0.0.7:443 is not proposed: an IP address",
        "a0: ::1:443 is not proposed: an IP address",
        "a0: kubernetes.default.svc:443 is not proposed: `kubernetes.default.svc` names something inside",
        "a0: printer:443 is not proposed: `printer` has one label",
        "a0: bücher.example:443 is not proposed: letters outside ASCII",
        "a0: api.openai.com:443 is not proposed: K0301: egress to a model provider",
        "a0: over.example.org:443 is not proposed: its entry had an end",
        "nothing to add",
    ] {
        assert!(run.err.contains(says), "{says}\n{}", run.err);
    }
    // One that is refused takes none of the others with it.
    place.write("decisions.jsonl", refused + &log());
    let run = suggest(&place).expect(0);
    assert_eq!(run.out.lines().filter(|line| line.starts_with('+')).count(), 3, "{}", run.out);
    assert!(!run.out.contains("openai"));
    assert_eq!(place.run("suggest -q --from decisions.jsonl brief").expect(0).err, "");
}

/// An agent with private data and a way out must not take in text of strangers: an exception comes first.
#[test]
fn what_makes_a_trifecta_waits_for_its_exception() {
    let place = Place::with_agents(1);
    let text = scenario(1)
        .replace("    egress:\n      - { host: h0.example.org, reason: work }\n", "    memory: notes\n")
        .replace("[\"hermes.todo.*\"]", "[\"hermes.todo.*\", foundry.memory.memory]")
        .replace("agents:\n", "memories:\n  notes: { store: brief, scope: brief, retention: 7d }\nagents:\n");
    place.write("brief/scenario.yaml", &text);
    place.write("decisions.jsonl", log());
    let run = suggest(&place).expect(0);
    assert_eq!(run.out, "");
    assert_eq!(run.err.matches("is not proposed: K0412: `a0` has private data").count(), 3, "{}", run.err);
    let exception = "exceptions:\n  - { rule: K0412, at: agents.a0, owner: security, reason: by design, until: 2099-01-31T00:00:00Z }\n";
    place.write(
        "brief/scenario.yaml",
        text.replace(
            "    memory: notes\n",
            "    memory: notes\n    egress: [{ host: h0.example.org, reason: work }]\n",
        ) + exception,
    );
    applied(&place, "brief/scenario.yaml");
}

#[test]
fn many_hosts_below_one_name_are_listed_and_a_wildcard_is_mentioned() {
    let place = Place::with_agents(1);
    let lines: String =
        ["a", "b", "c"].iter().map(|n| line("a0", &format!("{n}.cdn.example.org"), 443, "learning")).collect();
    place.write("decisions.jsonl", &lines);
    let run = suggest(&place).expect(0);
    assert_eq!(run.out.matches(".cdn.example.org, reason").count(), 3);
    assert!(!run.out.contains("*."), "{}", run.out);
    assert!(run.err.contains("a0: `*.cdn.example.org` would mean 3 hosts"), "{}", run.err);
    // Nobody may open all that is below a public suffix.
    let lines: String =
        ["a", "b", "c"].iter().map(|n| line("a0", &format!("{n}.github.io"), 443, "learning")).collect();
    place.write("decisions.jsonl", &lines);
    assert!(!suggest(&place).expect(0).err.contains("`*."));
}

#[test]
fn a_log_that_is_full_is_read_and_said_to_be() {
    let place = Place::with_agents(1);
    let lines = |count: usize| (0..count).map(|n| line("a0", &format!("h{n}.example.org"), 443, "host-not-listed"));
    for (count, full) in [(9_999, false), (10_000, true)] {
        // All but the last are addresses, which are read and not proposed: ten thousand entries would take a while.
        let addresses = lines(count - 1).map(|line| line.replace(".example.org", ".1"));
        place.write("decisions.jsonl", addresses.chain(lines(2).skip(1)).collect::<String>());
        let run = suggest(&place).expect(0);
        assert!(run.out.contains("h1.example.org"), "{}", run.out);
        assert_eq!(run.err.contains("a router stops at 10000 lines"), full, "{count}");
    }
}

#[test]
fn a_faulty_log_is_refused_line_by_line() {
    let place = Place::with_agents(1);
    let good = line_of_new();
    let lines = [
        good.clone(),
        "\n".to_owned(),
        good.replace("\"port\"", "\"prot\""),
        good.replace("true", "false"),
        good.replace("\"a0\"", "\"a1\""),
        good.replace("egress", "mesh"),
        "not json\n".to_owned(),
        good.trim_end()[..40].to_owned(),
    ];
    place.write("decisions.jsonl", lines.concat());
    let run = suggest(&place).expect(2);
    assert_eq!(run.out, "");
    for number in [3, 4, 6, 7, 8] {
        assert!(run.err.contains(&format!(" --> ./decisions.jsonl:{number}:1\n")), "{number}\n{}", run.err);
    }
    let column = good.find("\"a0\"").unwrap() + 1;
    assert!(run.err.contains(&format!(" --> ./decisions.jsonl:5:{column}\n")), "{}", run.err);
    assert_eq!(run.err.matches("error[K0121]").count(), 5, "{}", run.err);
    assert!(run.err.contains("error[K0201]: `a1` is not in `agents`") && run.err.contains("did you mean `a0`?"));
    place.shell("head -c 100000 /dev/zero > decisions.jsonl").expect(0);
    suggest(&place).expect(2);
    place.write("decisions.jsonl", b"\xff\xfe\n".repeat(300));
    assert_eq!(suggest(&place).expect(2).err.matches("error[K0121]").count(), 100);
}

#[test]
fn exit_codes_and_streams() {
    let place = Place::with_agents(1);
    place.write("decisions.jsonl", log());
    place.write("empty.jsonl", "");
    let patch = suggest(&place).expect(0).out;
    for (code, line) in [
        (0, "$K suggest --from empty.jsonl brief"),
        (0, "$K suggest --from - brief < decisions.jsonl"),
        (2, "$K suggest brief"),
        (2, "$K suggest --from decisions.jsonl - < brief/scenario.yaml"),
        (3, "$K suggest --from nowhere.jsonl brief"),
        (3, "$K suggest --from decisions.jsonl nowhere"),
        (3, "$K suggest --from brief brief"),
        (2, "sed -i s/role:/rol:/ brief/scenario.yaml; $K suggest --from decisions.jsonl brief"),
    ] {
        place.shell(line).expect(code);
    }
    // The patch is for the folder that people stand in, and nothing is ever written.
    let place = Place::with_agents(1);
    place.write("decisions.jsonl", log());
    let before = place.tree("brief");
    assert_eq!(place.run("suggest --from decisions.jsonl ./brief/").expect(0).out, patch);
    assert_eq!(place.run("suggest --from decisions.jsonl brief/scenario.yaml").expect(0).out, patch);
    let inside = place.shell("cd brief && $K suggest --from ../decisions.jsonl .").expect(0).out;
    assert_eq!(inside, patch.replace("/brief/", "/"));
    let away = place
        .shell("$K suggest --from decisions.jsonl \"$PWD/brief\" > p.diff && patch -s --dry-run -p1 -d brief < p.diff");
    assert!(away.expect(0).err.contains("patch -p1 -d "));
    assert_eq!(place.tree("brief"), before);
}
