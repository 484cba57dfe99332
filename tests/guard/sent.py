#!/usr/bin/env python3
"""Prints what `nft` sends to the kernel for a script on standard input: one message a line, its expressions below it.

The unit tests of `kars-router guard` compare with it, so that both load the same rules:
    cargo run -p kars-contract --example guard-rules -- --dual-stack --loopback-port 18789 |
        tests/guard/sent.py >runtime-router/router/src/guard/batch/sent-by-nft.txt
Needs root; loads the script in a network of its own. Left out are what only `nft` reads, how it numbers sets, and the kind
of a bitwise expression, which it says or not where it is the usual one.
"""

import re
import subprocess
import sys

NAMES = {
    0x10: "Begin",
    0x11: "End",
    0xA00: "NewTable",
    0xA02: "DelTable",
    0xA03: "NewChain",
    0xA06: "NewRule",
    0xA09: "NewSet",
    0xA0C: "NewElements",
}
NESTED = 0x8000


def messages(dump):
    """The number and the body of each message in the output of `nft --debug=mnl`."""
    found = []
    for line in re.sub(r"\x1b\[[0-9;]*m", "", dump).splitlines():
        if "| message length |" in line:
            found.append([None, bytearray()])
        elif match := re.match(r"\| (\d+) \| .{4} \|\s*\|  type", line):
            found[-1][0] = int(match[1])
        elif match := re.match(r"\|((?: [0-9a-f]{2}){4})  \|\s*\|\s*(?:data|extra)", line):
            found[-1][1] += bytes.fromhex(match[1])
        elif match := re.match(r"\|(\d{5})\|(.).\|(\d{5})\|", line):
            number = int(match[3]) | (NESTED if match[2] == "N" else 0)
            found[-1][1] += int(match[1]).to_bytes(2, sys.byteorder) + number.to_bytes(2, sys.byteorder)
    return found


def attributes(body):
    while body:
        length = int.from_bytes(body[:2], sys.byteorder)
        number = int.from_bytes(body[2:4], sys.byteorder)
        yield number & ~NESTED, bool(number & NESTED), bytes(body[4:length])
        body = body[(length + 3) & ~3 :]


def shown(number, nested, value):
    if nested:
        return f"{number}{{{' '.join(shown(*inside) for inside in attributes(value))}}}"
    if len(value) > 2 and value[-1] == 0 and all(32 <= byte < 127 for byte in value[:-1]):
        return f'{number}="{value[:-1].decode()}"'
    return f"{number}={value.hex()}"


def told(kind, body, first_set):
    """A message; sets are numbered from one, elements of lists are not numbered."""
    parts, below = [], []
    for number, nested, value in attributes(body[4:]):
        if kind == "NewSet" and number == 13:
            continue
        if (kind, number) in (("NewSet", 10), ("NewElements", 4)):
            value = (int.from_bytes(value, "big") - first_set + 1).to_bytes(4, "big")
        if (kind, number) in (("NewRule", 4), ("NewElements", 3)):
            below = [shown(1, *inside[1:]).replace(" 6=00000000", "") for inside in attributes(value)]
        else:
            parts.append(shown(number, nested, value))
    numbered = re.compile(r'(1="__set%d" 4=)([0-9a-f]{8})')
    below = [numbered.sub(lambda match: f"{match[1]}{int(match[2], 16) - first_set + 1:08x}", line) for line in below]
    return "\n  ".join([f"{kind} {' '.join(parts)}", *below])


def main():
    command = ["unshare", "--net", "nft", "--debug=mnl", "-f", "-"]
    dump = subprocess.run(command, stdin=sys.stdin, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
    sent = [(NAMES.get(number), body) for number, body in messages(dump)]
    begin, end = (next(i for i, (name, _) in enumerate(sent) if name == bound) for bound in ("Begin", "End"))
    sent = sent[begin + 1 : end]
    sets = (value for name, body in sent if name == "NewSet" for number, _, value in attributes(body[4:]) if number == 10)
    first_set = int.from_bytes(next(sets, b"\0\0\0\1"), "big")
    for name, body in sent:
        print(told(name, body, first_set))


if __name__ == "__main__":
    main()
