//! `karsc why`: the router's answer, the line behind it, and what to do. Not here: the matcher.

use serde_json::Value;

use crate::support::{Place, Run};

/// The example that the guides show, in a folder of its own.
pub(crate) fn brief() -> Place {
    let place = Place::new();
    let example = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/scenarios/exec-brief-hermes");
    for (path, bytes) in crate::support::tree(&example) {
        place.write(&format!("brief/{path}"), bytes);
    }
    place
}

fn why(place: &Place, question: &str) -> Run {
    place.run(&format!("why brief {question}"))
}

/// The line of the example that a text stands on, and its column.
fn place_of(place: &Place, text: &str) -> String {
    let scenario = place.read("brief/scenario.yaml");
    let (index, line) = scenario.lines().enumerate().find(|(_, line)| line.contains(text)).expect("it is written");
    let column = line[..line.find(text).expect("it was found")].chars().count();
    format!("scenario.yaml:{}:{}", index + 1, column + 1)
}

#[test]
fn each_kind_is_allowed_and_refused() {
    let place = brief();
    for (code, question, reason) in [
        (0, "analyst egress api.github.com:443", "listed"),
        (0, "analyst egress API.GitHub.com.", "listed"),
        (0, "analyst egress en.wikipedia.org", "listed"),
        (1, "analyst egress api.github.com:80", "port-not-listed"),
        (1, "lead egress api.github.com", "host-not-listed"),
        (1, "analyst egress 169.254.169.254", "host-not-public"),
        (1, "analyst egress [::1]", "host-not-public"),
        (1, "analyst egress ::1", "host-not-public"),
        (1, "analyst egress kubernetes.default.svc:443", "host-not-public"),
        (0, "writer tool hermes.file.write_file path=/sandbox/incoming/brief.md", "allow-rule"),
        (1, "writer tool hermes.file.write_file path=/etc/passwd", "no-allow-rule"),
        (0, "writer tool hermes.file.read_file", "granted"),
        (1, "lead tool hermes.terminal.terminal", "tool-not-granted"),
        (0, "lead mcp deepwiki/ask_question question=why", "granted"),
        (1, "analyst mcp deepwiki/ask_question", "server-not-granted"),
        (1, "lead mcp deepwiki/delete_everything", "tool-not-granted"),
        (0, "lead mesh writer", "listed"),
        (1, "writer mesh lead", "reply-only"),
        (1, "viz mesh analyst", "no-replies"),
        (0, "lead model main", "listed"),
        (1, "lead model gpt-4.1", "model-not-allowed"),
    ] {
        let run = why(&place, question);
        assert_eq!(run.code, code, "{question}\n{}{}", run.out, run.err);
        let word = if code == 0 { "allow: " } else { "deny: " };
        assert!(run.out.starts_with(word), "{}", run.out);
        assert!(run.out.contains(&format!("\n  reason    {reason}: ")), "{question}\n{}", run.out);
        assert_eq!(run.out.contains("\n  help "), code == 1, "{}", run.out);
        assert_eq!(run.err, "");
    }
}

#[test]
fn the_rule_and_its_place_are_named() {
    let place = brief();
    let out = why(&place, "analyst egress api.github.com").expect(0).out;
    let at = place_of(&place, "api.github.com");
    let expected = format!(
        "allow: analyst egress api.github.com:443
  reason    listed: it is listed
  rule      agents.analyst.egress[api.github.com:443]
  at        brief/{at}
  enforced  by the router\n"
    );
    assert_eq!(out, expected);
    let runtime = why(&place, "writer tool hermes.file.read_file").expect(0).out;
    assert!(runtime.contains("  enforced  only by the runtime"), "{runtime}");
    let limited = why(&place, "analyst tool foundry.search.web_search query=karsc").expect(0).out;
    assert!(limited.contains("  limit     60 calls in 60 seconds, by rules.house["), "{limited}");
}

#[test]
fn the_answer_is_data() {
    let place = brief();
    let run = why(&place, "analyst egress api.github.com:8443 -o json").expect(1);
    let answer: Value = serde_json::from_str(&run.out).expect("it is JSON");
    assert_eq!(answer["allowed"], false);
    assert_eq!(answer["kind"], "egress");
    assert_eq!(answer["reason"], "port-not-listed");
    assert_eq!(answer["rule"], "agents.analyst.egress[api.github.com:443]");
    assert_eq!(answer["origin"], Value::from(place_of(&place, "api.github.com")));
    assert_eq!(answer["enforced"], "router");
    assert_eq!(answer["limits"], serde_json::json!([]));
    assert_eq!(answer["remedy"]["lines"]["under"], "agents.analyst.egress");
    let line = "- { host: api.github.com, ports: [8443], reason: say why it is needed }";
    assert_eq!(answer["remedy"]["lines"]["yaml"], line);
}

/// Adding the lines that are shown, and nothing else, changes the answer.
#[test]
fn the_lines_to_add_do_what_they_say() {
    for (question, anchor) in [
        ("writer egress example.org:8443", None),
        ("writer tool hermes.file.write_file path=/sandbox/elsewhere/a.md", Some("  house:\n")),
        ("analyst mcp deepwiki/ask_question", None),
        ("writer tool hermes.todo.todo", Some("    tools: ")),
        ("viz mesh analyst", Some("links:")),
    ] {
        let place = brief();
        let answer: Value = serde_json::from_str(&why(&place, &format!("{question} -o json")).expect(1).out).unwrap();
        let lines = &answer["remedy"]["lines"];
        let (under, yaml) = (lines["under"].as_str().unwrap(), lines["yaml"].as_str().unwrap());
        let scenario = place.read("brief/scenario.yaml");
        let agent = question.split(' ').next().unwrap();
        let (before, after) = match (under.rsplit('.').next().unwrap(), anchor) {
            ("tools", Some(field)) => {
                let start = scenario.find(&format!("\n  {agent}:\n")).unwrap();
                let bracket = start + scenario[start..].find(field).unwrap() + field.len() + 1;
                (format!("{}{}, ", &scenario[..bracket], &yaml[2..]), scenario[bracket..].to_owned())
            }
            (_, Some(anchor)) => {
                let end = scenario.find(anchor).unwrap();
                let end = end + scenario[end..].find('\n').unwrap() + 1;
                let indent = if under == "links" { "  " } else { "    " };
                (format!("{}{indent}{yaml}\n", &scenario[..end]), scenario[end..].to_owned())
            }
            (field, None) => {
                let end = scenario.find(&format!("\n  {agent}:\n")).unwrap() + agent.len() + 5;
                (format!("{}    {field}:\n      {yaml}\n", &scenario[..end]), scenario[end..].to_owned())
            }
        };
        place.write("brief/scenario.yaml", format!("{before}{after}"));
        let run = why(&place, question);
        assert_eq!(run.code, 0, "{question}\n{before}\n{}{}", run.out, run.err);
    }
}

#[test]
fn a_question_about_nothing_is_refused_at_its_place() {
    let place = brief();
    for (question, code, column, says) in [
        ("analist egress example.org", "K0201", 1, "did you mean `analyst`?"),
        ("lead mesh wirter", "K0201", 11, "did you mean `writer`?"),
        ("lead mcp depwiki/ask", "K0201", 10, "did you mean `deepwiki`?"),
        ("lead model mian", "K0201", 12, "did you mean `main`?"),
        ("lead tool hermes.file.file_write", "K0601", 11, "did you mean `hermes.file.write_file`?"),
        ("lead tool hermes.file.write_file pth=/a", "K0613", 11, "did you mean `path`?"),
        ("lead egress https://example.org/x", "K0111", 13, "write `host:port`"),
        ("lead egress example.org:99999", "K0111", 13, "write `host:port`"),
        ("Lead egress example.org", "K0111", 1, "lower-case"),
        ("lead tool write_file", "K0111", 11, "provider.set.tool"),
        ("lead mcp deepwiki", "K0111", 10, "server/tool"),
        ("lead tool hermes.file.write_file /etc/passwd", "K0111", 34, "name=value"),
        ("writer tool hermes.file.write_file path=/a path=/b", "K0102", 44, "keep one of them"),
        ("lead mesh writer a=b", "K0106", 18, "remove them"),
    ] {
        let run = why(&place, question).expect(2);
        assert_eq!(run.out, "");
        for part in [format!("error[{code}]"), format!(" --> <question>:1:{column}\n"), says.to_owned()] {
            assert!(run.err.contains(&part), "{question}: {part}\n{}", run.err);
        }
    }
    // All at once, those of the scenario too.
    let scenario = place.read("brief/scenario.yaml");
    place.write("brief/scenario.yaml", scenario.replace("    role: technical writer", "    rol: technical writer"));
    let err = why(&place, "lead tool write_file a").expect(2).err;
    assert_eq!(err.matches("error[").count(), 3, "{err}");
}

#[test]
fn usage_and_files_have_their_exit_codes() {
    let place = brief();
    for (code, line) in [
        (2, "why brief"),
        (2, "why brief lead teleport moon"),
        (2, "why brief lead mesh writer -e nowhere"),
        (2, "why brief lead mesh writer --as-of yesterday"),
        (3, "why nowhere lead mesh writer"),
        (0, "why brief lead mesh writer -e aks"),
    ] {
        place.run(line).expect(code);
    }
}
