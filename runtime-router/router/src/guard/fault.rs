//! Why the guard's list is not in force. Not here: why a document is refused (`kars-kit`).

use rustix::io::Errno;

use super::attribute::Malformed;

/// The modules of the kernel that the list needs.
const MODULES: &str = "`nf_tables`, `nft_ct`, `nft_redir` and `nft_chain_nat`";

/// What went wrong.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Fault {
    /// The kernel cannot filter so.
    #[error(
        "the kernel has no nf_tables: load the modules {MODULES} on the node, or write `guard: external` in the environment \
         and let a network plug-in do this work"
    )]
    NoNfTables,
    /// The process may not.
    #[error(
        "the packet filter of the pod may not be changed: run the container as root with the capability `NET_ADMIN`, and \
         look for a seccomp profile or a security module that forbids netlink"
    )]
    NoCapability,
    /// A part of the transaction was not accepted, so none of it was.
    #[error("the kernel refuses {subject}: {error}{help}")]
    Refused {
        /// Which part.
        subject: String,
        /// Why.
        error: Errno,
        /// What may help, behind a semicolon; empty where nothing is known to.
        help: String,
    },
    /// The socket fails.
    #[error("the kernel cannot be talked to over netlink: {0}")]
    Socket(Errno),
    /// The kernel says nothing.
    #[error("the kernel does not answer within {0} seconds; start the pod again")]
    Silent(u64),
    /// An answer cannot be read.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Something else is in force.
    #[error("the kernel does not hold what it took: {0}; look for another program that changes `inet kars_guard`")]
    Differs(String),
    /// It changes while it is read.
    #[error("the packet filter of the pod changes while it is read; look for another program that changes it")]
    Changing,
}

impl Fault {
    /// Opening the socket failed.
    pub(super) fn of_socket(error: Errno) -> Self {
        match error {
            Errno::PROTONOSUPPORT | Errno::AFNOSUPPORT | Errno::SOCKTNOSUPPORT => Self::NoNfTables,
            Errno::PERM | Errno::ACCESS => Self::NoCapability,
            error => Self::Socket(error),
        }
    }

    /// A transaction failed as a whole.
    pub(super) fn of_transaction(error: Errno) -> Self {
        match error {
            Errno::PERM | Errno::ACCESS => Self::NoCapability,
            Errno::OPNOTSUPP => Self::NoNfTables,
            error => Self::refused("the list", error),
        }
    }

    /// A part of it failed.
    pub(super) fn refused(subject: &str, error: Errno) -> Self {
        let help = match error {
            Errno::NOENT | Errno::OPNOTSUPP => format!("; the node needs the modules {MODULES}"),
            Errno::PERM | Errno::BUSY => "; another program holds `inet kars_guard`, end it".to_owned(),
            Errno::MSGSIZE | Errno::NOBUFS => "; it is too long, so give the runtime fewer loopback ports".to_owned(),
            _ => String::new(),
        };
        Self::Refused { subject: subject.to_owned(), error, help }
    }

    /// Whether the process cannot change anything, so that there is no use in trying.
    pub(super) fn is_final(&self) -> bool {
        matches!(self, Self::NoNfTables | Self::NoCapability)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_its_remedy() {
        let rows = [
            (Fault::of_socket(Errno::PROTONOSUPPORT), "load the modules `nf_tables`"),
            (Fault::of_socket(Errno::AFNOSUPPORT), "`guard: external`"),
            (Fault::of_transaction(Errno::OPNOTSUPP), "load the modules `nf_tables`"),
            (Fault::of_transaction(Errno::PERM), "`NET_ADMIN`"),
            (Fault::refused("the rule `x`", Errno::NOENT), "the rule `x`: No such file or directory"),
            (Fault::refused("the rule `x`", Errno::NOENT), "`nft_redir`"),
            (Fault::refused("the removal", Errno::PERM), "another program holds"),
            (Fault::refused("the list", Errno::MSGSIZE), "fewer loopback ports"),
        ];
        for (fault, words) in rows {
            assert!(fault.to_string().contains(words), "{fault}");
        }
        assert!(Fault::of_transaction(Errno::PERM).is_final());
        assert!(!Fault::refused("the table", Errno::PERM).is_final(), "a part is refused for other reasons");
    }
}
