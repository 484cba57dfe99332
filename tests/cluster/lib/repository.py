"""A Git repository that is served on loopback, and people who sign commits to it. Not here: what is committed."""

import subprocess

from lib.delivery import plain
from lib.process import Failure, Processes

PORT = 9418
REPOSITORY = f"git://127.0.0.1:{PORT}/bundles"


class GitServer(Processes):
    """A repository `bundles` that Argo CD reads, and a checkout of it with two committers."""

    def __init__(self, folder):
        super().__init__(folder / "git")
        self.checkout = self.folder / "checkout"
        self.environment = plain(self.folder, GNUPGHOME=self.folder / "gnupg", GIT_CONFIG_NOSYSTEM="1")

    def __enter__(self):
        (self.folder / "gnupg").mkdir(mode=0o700)
        self.keys = {name: self.key(name) for name in ("committer", "stranger")}
        self.run("git", "init", "--quiet", "--bare", "-b", "main", self.folder / "served/bundles")
        self.run("git", "clone", "--quiet", self.folder / "served/bundles", self.checkout)
        self.start("git-daemon", "git", "daemon", "--listen=127.0.0.1", f"--port={PORT}", "--export-all", "--reuseaddr",
                   f"--base-path={self.folder / 'served'}", environment=self.environment)
        self.wait_for_port("git-daemon", PORT)
        return self

    def key(self, name):
        """Makes a GnuPG key and returns its id of 16 digits."""
        self.run("gpg", "--batch", "--passphrase", "", "--quick-generate-key", f"{name} <{name}@example.org>", "rsa2048", "sign", "never")
        listed = self.run("gpg", "--batch", "--with-colons", "--list-keys", f"{name}@example.org")
        return next(line.split(":")[4] for line in listed.splitlines() if line.startswith("pub:"))

    def public(self, name):
        return self.run("gpg", "--batch", "--armor", "--export", self.keys[name])

    def commit(self, message, signer=None):
        """Commits all files and pushes; returns the commit."""
        git = ("git", "-C", self.checkout, "-c", "user.name=Committer", "-c", "user.email=committer@example.org")
        self.run(*git, "add", "--all")
        self.run(*git, "commit", "--quiet", "-m", message, *([f"-S{self.keys[signer]}"] if signer else []))
        self.run(*git, "push", "--quiet", "origin", "HEAD:main")
        return self.run(*git, "rev-parse", "HEAD").strip()

    def run(self, *command):
        done = subprocess.run([str(word) for word in command], env=self.environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise Failure(f"`{command[0]} {command[1]}` ended with {done.returncode}: {done.stderr}")
        return done.stdout
