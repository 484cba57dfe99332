//! Conversations with a kernel that is played: it takes a transaction or refuses it, and shows what it took or something else.

use std::collections::VecDeque;

use kars_contract::guard::{GuardParams, rules};

use super::*;
use crate::guard::attribute::Fields;
use crate::guard::hold;

/// What goes wrong in the first transaction; the second, if there is one, is taken.
#[derive(Clone, Copy, Debug, Default)]
struct Fails {
    /// The kernel refuses the message at this place, or the transaction as a whole at place zero.
    refuses: Option<(usize, Errno)>,
    /// The kernel shows all rules but this one.
    hides: Option<usize>,
    /// So many dumps are interrupted.
    interrupts: usize,
    /// No answer comes.
    silent: bool,
}

#[derive(Default)]
struct Played {
    fails: Fails,
    transactions: usize,
    held: Vec<Message>,
    /// The elements of each set that was not asked for yet; none bears a name here.
    sets: VecDeque<Vec<Message>>,
    answers: VecDeque<Vec<u8>>,
}

impl Wire for Played {
    fn send(&mut self, datagram: &[u8]) -> Result<(), Errno> {
        let messages = Message::read(datagram).expect("the guard writes messages");
        if messages[0].kind == Kind::Begin {
            self.transaction(messages);
        } else {
            self.dump(&messages[0]);
        }
        Ok(())
    }

    fn receive(&mut self) -> Result<Vec<u8>, Errno> {
        if self.fails.silent { Err(Errno::AGAIN) } else { self.answers.pop_front().ok_or(Errno::AGAIN) }
    }
}

impl Played {
    fn transaction(&mut self, messages: Vec<Message>) {
        if self.transactions > 0 {
            self.fails = Fails::default();
        }
        self.transactions += 1;
        for (place, message) in messages.iter().enumerate() {
            match self.fails.refuses {
                Some((refused, error)) if refused == place => self.acknowledge(message, -error.raw_os_error()),
                _ if message.flags & flag::ACK != 0 => self.acknowledge(message, 0),
                _ => (),
            }
        }
        if self.fails.refuses.is_none() {
            self.held = messages;
        }
    }

    fn acknowledge(&mut self, message: &Message, code: i32) {
        self.answer(&[Message::answer(Kind::Error, message.sequence, code.to_ne_bytes().to_vec())]);
    }

    fn dump(&mut self, question: &Message) {
        let kind = match question.kind {
            Kind::GetTable => Kind::NewTable,
            Kind::GetChain => Kind::NewChain,
            Kind::GetRule => Kind::NewRule,
            _ => Kind::NewElements,
        };
        let mut found: Vec<Message> = self.held.iter().filter(|message| message.kind == kind).cloned().collect();
        match kind {
            Kind::NewTable => self.sets = sets(&self.held),
            Kind::NewRule => {
                let chain = Fields::read(question.attributes()).unwrap().text(2).unwrap().to_owned();
                found.retain(|message| Fields::read(message.attributes()).unwrap().text(2) == Some(&chain));
                if let Some(hidden) = self.fails.hides.take_if(|hidden| *hidden < found.len()) {
                    found.remove(hidden);
                }
            }
            Kind::NewElements => found = self.sets.pop_front().expect("a set is asked for once"),
            _ => (),
        }
        let flags = if self.fails.interrupts > 0 { flag::INTERRUPTED } else { 0 };
        self.fails.interrupts = self.fails.interrupts.saturating_sub(1);
        for message in &mut found {
            message.sequence = question.sequence;
            message.flags = flags;
        }
        found.push(Message::answer(Kind::Done, question.sequence, vec![0; 4]));
        self.answer(&found);
    }

    fn answer(&mut self, messages: &[Message]) {
        self.answers.push_back(Message::datagram(messages));
    }
}

fn sets(held: &[Message]) -> VecDeque<Vec<Message>> {
    let mut sets = VecDeque::new();
    for message in held {
        match message.kind {
            Kind::NewSet => sets.push_back(Vec::new()),
            Kind::NewElements => sets.back_mut().expect("a set comes before its elements").push(message.clone()),
            _ => (),
        }
    }
    sets
}

#[test]
fn the_list_is_in_force_or_the_pod_is_closed() {
    let table = Table::of(&rules(&GuardParams::default()));
    let closed = Some("; nothing leaves the pod now");
    let as_before = Some("; nothing was changed");
    let rows = [
        (Fails::default(), 1, None, ""),
        (Fails { interrupts: READS - 1, ..Fails::default() }, 1, None, ""),
        (Fails { interrupts: READS, ..Fails::default() }, 2, closed, "changes while it is read"),
        (Fails { refuses: Some((0, Errno::PERM)), ..Fails::default() }, 1, as_before, "`NET_ADMIN`"),
        (Fails { refuses: Some((0, Errno::OPNOTSUPP)), ..Fails::default() }, 1, as_before, "`nf_tables`"),
        (Fails { refuses: Some((0, Errno::NOMEM)), ..Fails::default() }, 2, closed, "refuses the list"),
        (Fails { refuses: Some((2, Errno::PERM)), ..Fails::default() }, 2, closed, "removal of the table"),
        (Fails { refuses: Some((6, Errno::NOENT)), ..Fails::default() }, 2, closed, "`nft_redir`"),
        (Fails { hides: Some(6), ..Fails::default() }, 2, closed, "the chain `out` has 6 rules instead of 7"),
    ];
    for (fails, transactions, ends_with, words) in rows {
        let mut kernel = Kernel::over(Played { fails, ..Played::default() });
        let result = hold(&mut kernel, &table);
        assert_eq!(kernel.wire.transactions, transactions, "{fails:?}");
        match (result, ends_with) {
            (Ok(rules), None) => assert_eq!(rules, 10),
            (Err(error), Some(end)) => {
                let message = error.to_string();
                assert!(message.ends_with(end) && message.contains(words), "{fails:?}: {message}");
            }
            (result, _) => panic!("{fails:?}: {result:?}"),
        }
    }
}

#[test]
fn a_kernel_that_says_nothing_is_not_waited_for() {
    let mut kernel = Kernel::over(Played { fails: Fails { silent: true, ..Fails::default() }, ..Played::default() });
    assert_eq!(kernel.hold(&Table::closed()), Err(Fault::Silent(5)));
}
