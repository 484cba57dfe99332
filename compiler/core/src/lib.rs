//! The pure pipeline.
