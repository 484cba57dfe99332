//! Sets of ports, by protocol. Not here: ports by name, which a pod gives numbers to.

use std::fmt;

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Protocol {
    Tcp,
    Udp,
    Sctp,
}

impl Protocol {
    pub(super) const ALL: [Self; 3] = [Self::Tcp, Self::Udp, Self::Sctp];

    /// Kubernetes takes TCP where none is written; an unknown one matches nothing.
    pub(super) fn of(written: Option<&str>) -> Option<Self> {
        match written.unwrap_or("TCP") {
            "TCP" => Some(Self::Tcp),
            "UDP" => Some(Self::Udp),
            "SCTP" => Some(Self::Sctp),
            _ => None,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
        })
    }
}

/// Ports from the first to the last, both included.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Span {
    pub(super) protocol: Protocol,
    pub(super) first: u16,
    pub(super) last: u16,
}

impl Span {
    pub(super) fn one(protocol: Protocol, port: u16) -> Self {
        Self { protocol, first: port, last: port }
    }

    pub(super) fn contains(self, protocol: Protocol, port: u16) -> bool {
        self.protocol == protocol && (self.first..=self.last).contains(&port)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { protocol, first, last } = self;
        if first == last {
            write!(formatter, "{protocol} {first}")
        } else {
            write!(formatter, "{protocol} {first}-{last}")
        }
    }
}

/// Every port of every protocol.
pub(super) fn all() -> [Span; 3] {
    Protocol::ALL.map(|protocol| Span { protocol, first: 1, last: u16::MAX })
}

/// Cuts the ports that either side names into pieces that each side names wholly or not at all.
pub(super) fn pieces<'s>(spans: impl Iterator<Item = &'s Span>) -> Vec<Span> {
    let mut cuts: Vec<(Protocol, u32)> = Vec::new();
    for span in spans {
        cuts.push((span.protocol, u32::from(span.first)));
        cuts.push((span.protocol, u32::from(span.last) + 1));
    }
    cuts.sort_unstable();
    cuts.dedup();
    let piece = |pair: &[(Protocol, u32)]| {
        let [(protocol, first), (same, end)] = pair else { return None };
        let last = u16::try_from(end.checked_sub(1)?).ok()?;
        (protocol == same).then_some(Span { protocol: *protocol, first: u16::try_from(*first).ok()?, last })
    };
    cuts.windows(2).filter_map(piece).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cut_where_ranges_begin_and_end() {
        let tcp = |first, last| Span { protocol: Protocol::Tcp, first, last };
        let cut = pieces([tcp(1, u16::MAX), tcp(443, 443), Span::one(Protocol::Udp, 53)].iter());
        let expected = [tcp(1, 442), tcp(443, 443), tcp(444, u16::MAX), Span::one(Protocol::Udp, 53)];
        assert_eq!(cut, expected);
    }
}
