"""Asks securesystemslib about each case of a JSON file, and prints a list of booleans. A case is a bundle and a public key."""

import json
import sys

from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey


def accepted(case):
    envelope = json.loads(case["bundle"])["dsseEnvelope"]
    key = SSlibKey.from_crypto(load_pem_public_key(case["key"].encode()))
    # The bundle names its key beside the envelope, where this library does not look.
    envelope["signatures"] = [one | {"keyid": key.keyid} for one in envelope["signatures"]]
    try:
        Envelope.from_dict(envelope).verify([key], 1)
        return True
    except VerificationError:
        return False


print(json.dumps([accepted(case) for case in json.load(open(sys.argv[1]))]))
