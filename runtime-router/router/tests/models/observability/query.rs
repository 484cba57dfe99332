//! What a query of Prometheus asks for, by a parser of its language. Not here: queries.

use std::collections::BTreeSet;

use promql_parser::label::MatchOp;
use promql_parser::parser::{Expr, VectorSelector, parse};

/// One metric in a query, and what is done with it.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) name: String,
    /// The labels that it is picked or grouped by.
    pub(crate) labels: BTreeSet<String>,
    /// Labels that must have a value, with it.
    pub(crate) equal: Vec<(String, String)>,
    /// The function nearest to it, if there is one.
    pub(crate) function: Option<&'static str>,
}

/// Every metric that a query asks for.
pub(crate) fn asked(query: &str) -> Vec<Asked> {
    // Grafana's, and no word of the language.
    let query = query.replace("$__rate_interval", "5m");
    let mut found = Vec::new();
    let expression = parse(&query).unwrap_or_else(|error| panic!("`{query}`: {error}"));
    walk(&expression, &mut Vec::new(), None, &mut found);
    found
}

fn walk(expression: &Expr, grouped: &mut Vec<String>, function: Option<&'static str>, found: &mut Vec<Asked>) {
    match expression {
        Expr::Aggregate(aggregate) => {
            let before = grouped.len();
            if let Some(modifier) = &aggregate.modifier {
                grouped.extend(modifier.labels().labels.iter().cloned());
            }
            walk(&aggregate.expr, grouped, function, found);
            grouped.truncate(before);
        }
        Expr::Unary(unary) => walk(&unary.expr, grouped, function, found),
        Expr::Paren(paren) => walk(&paren.expr, grouped, function, found),
        Expr::Binary(binary) => {
            walk(&binary.lhs, grouped, function, found);
            walk(&binary.rhs, grouped, function, found);
        }
        Expr::Call(call) => {
            for argument in &call.args.args {
                walk(argument, grouped, Some(call.func.name), found);
            }
        }
        Expr::VectorSelector(selector) => found.push(of(selector, grouped, function)),
        Expr::MatrixSelector(selector) => found.push(of(&selector.vs, grouped, function)),
        Expr::Subquery(subquery) => walk(&subquery.expr, grouped, function, found),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) => (),
        Expr::Extension(_) => panic!("an extension of the language: {expression}"),
    }
}

fn of(selector: &VectorSelector, grouped: &[String], function: Option<&'static str>) -> Asked {
    let matchers = &selector.matchers.matchers;
    let equal = matchers.iter().filter(|matcher| matches!(matcher.op, MatchOp::Equal));
    Asked {
        name: selector.name.clone().expect("a metric is asked for by name"),
        labels: grouped.iter().cloned().chain(matchers.iter().map(|matcher| matcher.name.clone())).collect(),
        equal: equal.map(|matcher| (matcher.name.clone(), matcher.value.clone())).collect(),
        function,
    }
}
