//! Documents that machines read, and the one matcher.
