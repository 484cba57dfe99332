//! Any bytes as a stream of events, the first of them saying how it is cut: the events are the same however that is.
#![no_main]

use kars_router::inference::sse::Events;
use libfuzzer_sys::fuzz_target;

fn events<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    let (mut stream, mut found) = (Events::default(), Vec::new());
    for piece in pieces {
        stream.feed(piece, |data| found.push(data.to_owned()));
    }
    stream.end(|data| found.push(data.to_owned()));
    found
}

fuzz_target!(|bytes: &[u8]| {
    let Some((size, stream)) = bytes.split_first() else { return };
    let whole = events([stream]);
    assert_eq!(events(stream.chunks(usize::from(*size).max(1))), whole);
    let lines = |data: &[u8]| data.split(|byte| matches!(byte, b'\n' | b'\r')).count();
    assert!(whole.iter().map(|event| lines(event)).sum::<usize>() <= lines(stream), "more lines than were sent");
});
