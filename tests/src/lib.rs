//! Tests over the whole workspace, in one binary: pages of codes, examples, golden trees, the command line, tidiness.
//! Not here: unit tests, which stand beside what they test.

#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod flows;
#[cfg(test)]
mod generated;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod handover;
#[cfg(test)]
mod issuers;
#[cfg(test)]
mod moved;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod policy_tests;
#[cfg(test)]
mod posture;
#[cfg(test)]
mod reach;
#[cfg(test)]
mod rejected;
#[cfg(test)]
mod schemas;
#[cfg(test)]
mod seed_checklist;
#[cfg(test)]
mod suggest;
#[cfg(test)]
mod support;
#[cfg(test)]
mod templates;
#[cfg(test)]
mod tidy;
#[cfg(test)]
mod together;
