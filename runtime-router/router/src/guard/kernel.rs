//! The conversation with the kernel: replace the table, then read what it holds. Not here: the bytes of either.

use rustix::io::Errno;

use super::attribute::Attributes;
use super::batch::Batch;
use super::fault::Fault;
use super::message::{Kind, Message, flag};
use super::reading::{self, Values};
use super::socket::{PATIENCE, Socket, Wire};
use super::table::{NAME, Table};

/// How often the ruleset is read where something else changes meanwhile.
const READS: usize = 3;

/// Whoever holds the table.
pub(super) struct Kernel<W> {
    wire: W,
    /// The number of the next message.
    next: u32,
}

impl Kernel<Socket> {
    /// The kernel of the network that the process is in.
    pub(super) fn connect() -> Result<Self, Fault> {
        Ok(Self::over(Socket::open().map_err(Fault::of_socket)?))
    }
}

impl<W: Wire> Kernel<W> {
    /// A kernel that answers over `wire`.
    pub(super) fn over(wire: W) -> Self {
        Self { wire, next: 1 }
    }

    /// Makes it hold this table and nothing else under its name, and reads that it does.
    pub(super) fn hold(&mut self, table: &Table) -> Result<(), Fault> {
        self.replace(table)?;
        let found = self.read()?;
        table.difference(&found).map_or(Ok(()), |difference| Err(Fault::Differs(difference)))
    }

    fn replace(&mut self, table: &Table) -> Result<(), Fault> {
        let batch = Batch::of(table, self.next);
        self.next = batch.next();
        self.wire.send(&batch.bytes()).map_err(|error| match error {
            Errno::MSGSIZE | Errno::NOBUFS => Fault::refused("the list", error),
            error => Fault::Socket(error),
        })?;
        let mut due = batch.acknowledged();
        while !due.is_empty() {
            for answer in self.receive()?.iter().filter(|answer| answer.kind == Kind::Error) {
                due.remove(&answer.sequence);
                match answer.outcome() {
                    Err(error) if answer.sequence == batch.first() => return Err(Fault::of_transaction(error)),
                    // Late answers about a transaction before this one are about nothing here.
                    Err(error) if let Some(subject) = batch.subject(answer.sequence) => {
                        return Err(Fault::refused(subject, error));
                    }
                    _ => (),
                }
            }
        }
        Ok(())
    }

    fn read(&mut self) -> Result<Table, Fault> {
        for _ in 0..READS {
            match self.read_once() {
                Err(Fault::Changing) => (),
                found => return found,
            }
        }
        Err(Fault::Changing)
    }

    fn read_once(&mut self) -> Result<Table, Fault> {
        let mut found = None;
        for answer in self.dump(Kind::GetTable, &Attributes::default())? {
            if let Some(fields) = reading::ours(&answer)? {
                found = Some(Table { flags: reading::flags(&fields), chains: Vec::new() });
            }
        }
        let mut found = found.ok_or_else(|| Fault::Differs("there is no table".to_owned()))?;
        for answer in self.dump(Kind::GetChain, &Attributes::default())? {
            if let Some(fields) = reading::ours(&answer)? {
                found.chains.push(reading::chain(&fields)?);
            }
        }
        for chain in &mut found.chains {
            let of_chain = Attributes::default().text(1, NAME).text(2, &chain.name);
            for answer in self.dump(Kind::GetRule, &of_chain)? {
                let Some(fields) = reading::ours(&answer)? else { continue };
                if fields.text(2) == Some(&chain.name) {
                    chain.rules.push(reading::rule(&fields, |set| self.values(set))?);
                }
            }
        }
        Ok(found)
    }

    fn values(&mut self, set: &str) -> Result<Values, Fault> {
        let mut values = Values::new();
        for answer in self.dump(Kind::GetElements, &Attributes::default().text(1, NAME).text(2, set))? {
            if let Some(fields) = reading::ours(&answer)? {
                values.extend(reading::values(&fields)?);
            }
        }
        Ok(values)
    }

    /// All messages that answer a question. It is heard to its end: the kernel takes no second question before that.
    fn dump(&mut self, kind: Kind, attributes: &Attributes) -> Result<Vec<Message>, Fault> {
        let question = Message::new(kind, flag::DUMP, self.next, attributes);
        self.next = self.next.wrapping_add(1);
        self.wire.send(&Message::datagram(std::slice::from_ref(&question))).map_err(Fault::Socket)?;
        let (mut found, mut whole) = (Vec::new(), true);
        loop {
            for answer in self.receive()? {
                if answer.sequence != question.sequence {
                    continue;
                }
                whole &= answer.flags & flag::INTERRUPTED == 0;
                match answer.kind {
                    Kind::Error | Kind::Done => {
                        answer.outcome().map_err(|error| Fault::refused("to show what it holds", error))?;
                        return if whole { Ok(found) } else { Err(Fault::Changing) };
                    }
                    _ => found.push(answer),
                }
            }
        }
    }

    fn receive(&mut self) -> Result<Vec<Message>, Fault> {
        let datagram = self.wire.receive().map_err(|error| match error {
            Errno::AGAIN => Fault::Silent(PATIENCE.as_secs()),
            error => Fault::Socket(error),
        })?;
        Ok(Message::read(&datagram)?)
    }
}

#[cfg(test)]
mod tests;
