//! The readers of what an agent sends first, for fuzz targets: they are private otherwise. Not here: the targets (`tests/fuzz`).

use kars_contract::router::Limits;

use super::framing::Framing;
use super::hello;

/// The head of a request, or a part of its body, that a connection passes on in one piece; none where the requests are refused.
///
/// `cuts` are the places at which what was sent has been cut by the network.
pub fn passed(sent: &[u8], cuts: impl IntoIterator<Item = usize>) -> Option<Vec<Vec<u8>>> {
    let mut framing = Framing::new(Limits::default());
    let (mut pieces, mut from) = (Vec::new(), 0);
    for cut in cuts.into_iter().chain([sent.len()]) {
        let read = sent.get(from..cut.max(from))?;
        let length = framing.advance(read).ok()?;
        if length > 0 {
            pieces.push(read.get(..length)?.to_vec());
            from += length;
        }
    }
    Some(pieces)
}

/// The name in a ClientHello; `None` outside where the bytes are refused or incomplete, inside where no server is named.
pub fn server_name(stream: &[u8]) -> Option<Option<String>> {
    hello::read(stream).ok()?.map(|hello| hello.name)
}
