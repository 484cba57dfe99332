//! How many files a process may have open, and who may have them: clients are turned away before nothing is left for their hosts, for
//! probes and for the disk. Not here: turning away.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// Shares of the files of a process. A new file has the lowest number that is free, so its number says how many are open.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Files {
    most: u64,
}

impl Files {
    /// The files of a process that may have so many of them open.
    #[must_use]
    pub fn of(most: u64) -> Self {
        Self { most }
    }

    /// Those of this process, which from now on may have as many as the system lets it. Not every system has a bound.
    #[cfg(target_os = "linux")]
    pub fn raise() -> io::Result<Self> {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        if current != maximum {
            setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
        }
        Ok(Self::of(maximum.unwrap_or(u64::MAX)))
    }

    /// Those of this process, which has no bound that is known.
    #[cfg(not(target_os = "linux"))]
    pub fn raise() -> io::Result<Self> {
        Ok(Self::of(u64::MAX))
    }

    /// Whether a client that has just been accepted may stay: as long as two fifths are open. Each may still want a host, so that a
    /// fifth is left whatever they do.
    #[must_use]
    pub fn has_room_for(&self, client: &impl AsFd) -> bool {
        number(client) < self.most / 5 * 2
    }

    /// Whether a file that only makes something faster may stay: as long as a quarter are open, so that it takes no client's place.
    #[must_use]
    pub fn has_plenty_beside(&self, file: &impl AsFd) -> bool {
        number(file) < self.most / 4
    }
}

fn number(file: &impl AsFd) -> u64 {
    u64::try_from(file.as_fd().as_raw_fd()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn a_file_says_how_many_there_are() {
        let file = File::open("/dev/null").unwrap();
        let open = number(&file);
        assert!(open > 2, "three are always open");
        let (many, some, neither) = (Files::of((open + 1) * 5), Files::of((open + 1) * 3), Files::of(open * 2));
        assert!(many.has_room_for(&file) && many.has_plenty_beside(&file));
        assert!(some.has_room_for(&file) && !some.has_plenty_beside(&file));
        assert!(!neither.has_room_for(&file) && !neither.has_plenty_beside(&file));
    }
}
