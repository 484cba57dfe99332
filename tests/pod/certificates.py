"""What hosts outside show and those who ask them trust. Not here: anything that serves."""

import subprocess
from pathlib import Path


def certificates(folder, names):
    """An authority, and one certificate for all names: `authority.pem`, `host.pem` and `host.key`."""
    folder = Path(folder)
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *key, "-days", "30", "-subj", "/CN=authority", "-keyout", folder / "authority.key", "-out", folder / "authority.pem")
    openssl("req", *key, "-subj", "/CN=host", "-keyout", folder / "host.key", "-out", folder / "host.csr")
    (folder / "names").write_text("subjectAltName=" + ",".join(f"DNS:{name}" for name in names) + "\n")
    signed = ["-CA", folder / "authority.pem", "-CAkey", folder / "authority.key", "-CAcreateserial", "-days", "30"]
    openssl("x509", "-req", "-in", folder / "host.csr", *signed, "-extfile", folder / "names", "-out", folder / "host.pem")


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
