//! Tests over the whole workspace. Not here: tests of one function, which lie beside it.

#[cfg(test)]
mod tidy;
