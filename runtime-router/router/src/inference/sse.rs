//! Finds the events of a stream while its bytes pass, however they are cut. Nothing is changed, and nothing is held back.
//!
//! Not here: what is in an event.

use memchr::memchr2;

/// Bytes of one event that are remembered; of a longer one nothing is.
const LONGEST: usize = 32 * 1024 * 1024;

/// What of a stream has not come to the end of its event.
#[derive(Debug, Default)]
pub struct Events {
    /// The data of the event so far, its lines joined by line feeds.
    data: Vec<u8>,
    /// The line so far.
    line: Vec<u8>,
    /// Whether the last byte was a carriage return, which a line feed may follow.
    carriage: bool,
    /// Whether the event is too long to be remembered.
    lost: bool,
    has_data: bool,
}

impl Events {
    /// Takes the next bytes and shows the data of every event that they complete.
    pub fn feed(&mut self, bytes: &[u8], mut event: impl FnMut(&[u8])) {
        let mut rest = bytes;
        if std::mem::take(&mut self.carriage) {
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            self.carriage = bytes.is_empty();
        }
        while let Some(end) = memchr2(b'\n', b'\r', rest) {
            let (line, after) = rest.split_at(end);
            if self.line.is_empty() {
                self.end_line(line, &mut event);
            } else {
                self.hold(line);
                let whole = std::mem::take(&mut self.line);
                self.end_line(&whole, &mut event);
                self.line = whole;
                self.line.clear();
            }
            rest = match after {
                [b'\r'] => {
                    self.carriage = true;
                    &[]
                }
                [b'\r', b'\n', rest @ ..] | [_, rest @ ..] => rest,
                [] => &[],
            };
        }
        self.hold(rest);
    }

    /// Shows what an ended stream has left: an event without the empty line that should close it.
    pub fn end(&mut self, mut event: impl FnMut(&[u8])) {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.end_line(&line, &mut event);
        }
        self.end_event(&mut event);
    }

    fn hold(&mut self, bytes: &[u8]) {
        if self.line.len() + self.data.len() + bytes.len() > LONGEST {
            self.lost = true;
            self.line.clear();
        } else if !self.lost {
            self.line.extend_from_slice(bytes);
        }
    }

    fn end_line(&mut self, line: &[u8], event: &mut impl FnMut(&[u8])) {
        if line.is_empty() && !self.lost {
            return self.end_event(event);
        }
        if line.is_empty() {
            // The line may be the rest of one that was too long; the next empty one ends the event for good.
            self.lost = false;
            self.data.clear();
            self.has_data = false;
            return;
        }
        let Some(value) = line.strip_prefix(b"data:") else { return };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        if self.has_data {
            self.data.push(b'\n');
        }
        self.data.extend_from_slice(value);
        self.has_data = true;
    }

    fn end_event(&mut self, event: &mut impl FnMut(&[u8])) {
        if std::mem::take(&mut self.has_data) {
            event(&self.data);
        }
        self.data.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(pieces: &[&[u8]]) -> Vec<String> {
        let (mut stream, mut found) = (Events::default(), Vec::new());
        for piece in pieces {
            stream.feed(piece, |data| found.push(String::from_utf8(data.to_vec()).unwrap()));
        }
        stream.end(|data| found.push(String::from_utf8(data.to_vec()).unwrap()));
        found
    }

    #[test]
    fn an_event_is_found_wherever_it_is_cut() {
        for ending in ["\n", "\r\n", "\r"] {
            let text = "event: a\ndata: {\"x\":\"\u{fc}\"}\n\n: comment\n\ndata:no space\ndata:  two\n\nid: 7\n\ndata: [DONE]\n\ndata: last";
            let text = text.replace('\n', ending);
            let bytes = text.as_bytes();
            let meant = ["{\"x\":\"\u{fc}\"}", "no space\n two", "[DONE]", "last"];
            assert_eq!(events(&[bytes]), meant);
            for cut in 0..=bytes.len() {
                let (left, right) = bytes.split_at(cut);
                assert_eq!(events(&[left, right]), meant, "cut at {cut} with {ending:?}");
                assert_eq!(events(&[left, &[], right]), meant, "cut at {cut} with {ending:?}");
            }
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            assert_eq!(events(&single), meant, "{ending:?}");
        }
    }

    #[test]
    fn an_event_that_is_too_long_is_let_go_and_the_next_one_found() {
        let long = vec![b'x'; LONGEST];
        let found = events(&[b"data: ", &long, &long, b"\n\ndata: a\n\ndata: b\n\n"]);
        assert_eq!(found.last().map(String::as_str), Some("b"));
        assert!(found.iter().all(|event| event.len() < 10));
    }
}
