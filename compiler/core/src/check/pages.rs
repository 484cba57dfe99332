//! The page of each code: what it means, an example, and what to do. A page is also the test of its rule.
//! Not here: running them (`tests/`).

use kars_scenario::diagnostic::Code;

use super::PAGES;

/// The page of a code.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    pub code: Code,
    /// The rule's name, as in `provider-in-egress`.
    pub name: &'static str,
    /// Whether a scenario may except the finding.
    pub waivable: bool,
    /// The whole page, in Markdown.
    pub text: &'static str,
    /// The page's file, without folder.
    pub file: &'static str,
}

impl Page {
    /// Reads the first line: `# provider-in-egress (K0301)`, perhaps with `, waivable` inside the brackets.
    fn of((file, text): (&'static str, &'static str)) -> Option<Self> {
        let (name, rest) = text.lines().next()?.strip_prefix("# ")?.split_once(" (K")?;
        let inside = rest.strip_suffix(')')?;
        let (code, waivable) = inside.split_once(", waivable").map_or((inside, false), |(code, _)| (code, true));
        Some(Self { code: Code(code.parse().ok()?), name, waivable, text, file })
    }
}

/// Every page, by code.
pub fn all() -> impl Iterator<Item = Page> {
    PAGES.iter().map(|page| Page::of(*page).expect("a test reads the head of every page"))
}

/// The page of a code written as `K0301`, `k301` or `301`.
pub fn by_code(text: &str) -> Option<Page> {
    let number = text.trim_start_matches(['K', 'k']).parse().ok()?;
    all().find(|page| page.code == Code(number))
}
