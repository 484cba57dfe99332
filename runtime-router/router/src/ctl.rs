//! `kars-router ctl`: what a running router says to its operator, as text or JSON. Not here: the router's side (`operator`).

use std::path::Path;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use hyper::StatusCode;
use kars_contract::Instant;
use kars_kit::clock::now;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::audit::Line;
use crate::audit::recent::{MOST, Recent};
use crate::operator;
use crate::refusal::shown;

/// How often a router is asked for more.
const POLL: Duration = Duration::from_millis(500);

/// What to show.
#[derive(Debug, Subcommand)]
pub enum Page {
    /// The document that is served, and whether it is in force
    Status,
    /// The tokens that were used, beside those that may be
    Budgets,
    /// The last decisions, from the audit log
    Decisions(Decisions),
    /// The head of the audit log, and whether the log is whole
    Audit,
}

/// Which decisions.
#[derive(Args, Clone, Debug)]
pub struct Decisions {
    /// How many, at most 1000
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=MOST as u64))]
    last: u64,
    /// Only what was refused
    #[arg(long)]
    denied: bool,
    /// Only from then on: a moment such as `2026-11-25T12:00:00Z`, or how long ago, such as `15m`
    #[arg(long, value_name = "WHEN", value_parser = since)]
    since: Option<Instant>,
    /// Show what is decided from now on, too, until it is interrupted
    #[arg(short, long)]
    follow: bool,
    /// How to print; JSON is one line of the log each
    #[arg(short, long, default_value = "text")]
    output: Form,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Form {
    Text,
    Json,
}

/// Why a page is not shown.
#[derive(Debug, thiserror::Error)]
pub enum CannotShow {
    /// Nobody answers on the socket.
    #[error("no router answers in `{0}`: {1}")]
    Nobody(String, Box<dyn std::error::Error + Send + Sync>),
    /// The router does not give the page.
    #[error("the router answers {0}")]
    Status(StatusCode),
    /// The log of decisions is not whole.
    #[error("{0}")]
    Broken(String),
}

/// Shows a page, by a router whose folder of state this is.
pub async fn show(page: &Page, state: &Path, print: impl Fn(&str)) -> Result<(), CannotShow> {
    match page {
        Page::Status => print(&ask(state, "/status").await?),
        Page::Budgets => print(&ask(state, "/budgets").await?),
        Page::Decisions(wanted) => decisions(wanted, state, print).await?,
        Page::Audit => {
            let text = ask(state, "/audit").await?;
            print(&text);
            if let Some(problem) = read::<Audited>(&text)?.problem {
                return Err(CannotShow::Broken(problem));
            }
        }
    }
    Ok(())
}

/// What matters here of the page about the log.
#[derive(Deserialize)]
struct Audited {
    problem: Option<String>,
}

async fn decisions(wanted: &Decisions, state: &Path, print: impl Fn(&str)) -> Result<(), CannotShow> {
    let Decisions { last, denied, since, follow, output } = wanted;
    let since = since.map(|since| format!("&since={}", since.unix_seconds())).unwrap_or_default();
    let mut page = format!("/decisions?denied={denied}&most={last}{since}");
    loop {
        let Recent { decisions, up_to } = read(&ask(state, &page).await?)?;
        for line in &decisions {
            print(&match output {
                Form::Text => text(line),
                Form::Json => serde_json::to_string(line).expect("its keys are text") + "\n",
            });
        }
        if !follow {
            return Ok(());
        }
        if decisions.len() < MOST {
            tokio::time::sleep(POLL).await;
        }
        page = format!("/decisions?denied={denied}&most={MOST}&after={up_to}");
    }
}

/// One line for people. What an agent chose is shown without what would steer a terminal.
fn text(line: &Line<'_>) -> String {
    let verdict = if line.allowed == Some(true) { "allowed" } else { "refused" };
    let rule = [&line.rule, &line.origin].into_iter().flatten().map(|part| format!("  {}", shown(part)));
    let reason = line.reason.as_deref().unwrap_or_default();
    let (kind, rule) = (&line.kind, rule.collect::<String>());
    format!("{} {verdict} {kind:<16} {}  {reason}{rule}\n", line.time, shown(&line.what))
}

async fn ask(state: &Path, page: &str) -> Result<String, CannotShow> {
    match operator::ask(state, page).await {
        Ok((status, body)) if status.is_success() => Ok(String::from_utf8_lossy(&body).into_owned()),
        Ok((status, _)) => Err(CannotShow::Status(status)),
        Err(error) => Err(CannotShow::Nobody(state.display().to_string(), error)),
    }
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, CannotShow> {
    serde_json::from_str(text)
        .map_err(|error| CannotShow::Broken(format!("the router's answer cannot be read: {error}")))
}

fn since(text: &str) -> Result<Instant, String> {
    let wrong =
        || format!("`{text}` is no moment: write `2026-11-25T12:00:00Z`, or `90s`, `15m`, `6h`, `2d` for how long ago");
    if let Ok(moment) = text.parse() {
        return Ok(moment);
    }
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let count: u32 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    Instant::from_unix_seconds(now().unix_seconds() - i64::from(count) * seconds).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_said_by_the_calendar_or_backwards() {
        assert_eq!(since("2026-11-25T12:00:00Z").unwrap().to_string(), "2026-11-25T12:00:00Z");
        for (text, seconds) in [("90s", 90), ("15m", 900), ("6h", 21_600), ("2d", 172_800)] {
            let ago = now().unix_seconds() - since(text).unwrap().unix_seconds();
            assert!((seconds..seconds + 5).contains(&ago), "{text}: {ago}");
        }
        for text in ["", "m", "-1m", "1w", "15", "1.5h", "99999999d", "é"] {
            assert!(since(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_an_agent_chose_does_not_steer_a_terminal() {
        let line = Line {
            allowed: Some(false),
            boot: "".into(),
            kind: "connect".into(),
            origin: Some("scenario.yaml:3:1".into()),
            previous: "".into(),
            reason: Some("host-not-listed".into()),
            rule: Some("egress[0]".into()),
            seq: 1,
            time: "2026-11-25T12:00:00Z".parse().unwrap(),
            what: "\u{1b}[2Jevil\n".into(),
        };
        assert_eq!(
            text(&line),
            "2026-11-25T12:00:00Z refused connect          \\u{1b}[2Jevil\\n  host-not-listed  egress[0]  scenario.yaml:3:1\n"
        );
    }
}
