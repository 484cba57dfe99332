//! Where the password of a key comes from: `COSIGN_PASSWORD`, a file, or a person at a terminal. Never an argument, which
//! everybody on the machine can read. Not here: the key.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use p256::elliptic_curve::zeroize::Zeroizing;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::outcome::Failure;
use crate::settings::COSIGN_PASSWORD;

/// Where to look for a password.
pub(crate) struct Password {
    /// Its file, which comes before everything else.
    file: Option<PathBuf>,
}

impl Password {
    pub(crate) fn in_file(file: Option<&Path>) -> Self {
        Self { file: file.map(Path::to_owned) }
    }

    /// The password of a key that exists.
    pub(crate) fn for_reading(&self, key: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
        match self.given()? {
            Some(password) => Ok(password),
            None => Terminal::open()?.ask(&format!("password of `{}`: ", key.display())),
        }
    }

    /// The password of a key that is made; a person types it twice.
    pub(crate) fn for_making(&self, key: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
        if let Some(password) = self.given()? {
            return Ok(password);
        }
        let mut terminal = Terminal::open()?;
        let first = terminal.ask(&format!("new password of `{}`: ", key.display()))?;
        let second = terminal.ask("once more: ")?;
        if first == second {
            return Ok(first);
        }
        Err(Failure::Usage("the two passwords are not the same; nothing is written".to_owned()))
    }

    /// What is known without asking anybody. An empty password is one.
    fn given(&self) -> Result<Option<Zeroizing<Vec<u8>>>, Failure> {
        if let Some(path) = &self.file {
            let failed =
                |error| Failure::Environment(format!("the password file `{}` cannot be read: {error}", path.display()));
            let mut bytes = Zeroizing::new(fs::read(path).map_err(failed)?);
            // Editors close the last line.
            if bytes.last() == Some(&b'\n') {
                bytes.pop();
            }
            return Ok(Some(bytes));
        }
        let variable = std::env::var_os(COSIGN_PASSWORD);
        Ok(variable.map(|password| Zeroizing::new(password.into_encoded_bytes())))
    }
}

/// The terminal of the person who runs the command.
struct Terminal {
    device: File,
}

impl Terminal {
    fn open() -> Result<Self, Failure> {
        let device = File::options().read(true).write(true).open("/dev/tty");
        device.map(|device| Self { device }).map_err(|_| {
            let help = format!("set `{COSIGN_PASSWORD}` (it may be empty), or name a file with `--password-file`");
            Failure::Usage(format!("the key needs a password, and there is no terminal to ask at; {help}"))
        })
    }

    /// Asks without showing what is typed.
    fn ask(&mut self, question: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let failed = |error: std::io::Error| Failure::Environment(format!("the terminal cannot be used: {error}"));
        self.device.write_all(question.as_bytes()).map_err(failed)?;
        let before = tcgetattr(&self.device).map_err(|error| failed(error.into()))?;
        let mut silent: Termios = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&self.device, OptionalActions::Flush, &silent).map_err(|error| failed(error.into()))?;
        let mut line = Zeroizing::new(Vec::new());
        let read = BufReader::new(&self.device).read_until(b'\n', &mut line);
        tcsetattr(&self.device, OptionalActions::Flush, &before).map_err(|error| failed(error.into()))?;
        self.device.write_all(b"\n").map_err(failed)?;
        read.map_err(failed)?;
        if line.last() == Some(&b'\n') {
            line.pop();
        }
        Ok(line)
    }
}
