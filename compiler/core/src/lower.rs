//! The fourth stage: what people wrote becomes what machines read. Not here: text of any kind (`render`).

pub(crate) mod rules;
