//! The built router between an agent and its models. Not here: what one module decides by itself, which its own tests ask.

mod inference;
mod provider;
mod support;
