//! Publishing to a registry and verifying what lies in one, however it behaves. Not here: the folder's own checks.

mod credentials;
pub(crate) mod fake;
mod hostile;
mod publish;
mod scene;
