//! Publishing to a registry and verifying what lies in one, however it behaves. Not here: the folder's own checks.

mod credentials;
mod fake;
mod hostile;
mod publish;
mod scene;
