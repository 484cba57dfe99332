//! Properties of documents and of the matcher, over documents made at random from few names, so that rules collide.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod decisions;
mod reference;
mod round_trip;
mod sample;
