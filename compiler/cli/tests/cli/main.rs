//! The command as people and scripts meet it: the binary is run, and exit codes, streams and files are looked at.
//! Not here: what the compiler decides.

mod attested;
mod cluster;
mod commands;
mod determinism;
mod exit_codes;
mod guides;
mod hostile;
mod hydrated;
mod keep;
mod keygen;
mod lock;
mod output;
mod policy_tests;
mod registry;
mod sign;
mod signed;
mod streams;
mod suggest;
mod support;
mod tampering;
mod verify;
mod why;
