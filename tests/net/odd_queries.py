# SPDX-License-Identifier: BSD-2-Clause
"""Odd queries by the thousand, and what the standards say to each.

The generator makes the same list each time.  The oracle reads a query by RFC
1035, 6891, 7873, 8906 and 9619 alone: it knows nothing of dnsd but the types
that it refuses, which its manual names.
"""
import random
import struct

DROP = "drop"
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = range(6)
BADVERS = 16
SERVED = {NOERROR, SERVFAIL, NXDOMAIN}
OPT = 41
REFUSED_TYPES = {OPT, *range(249, 253)}

NAMES = (b"\3www\7example\3com\0", b"\1a\7example\0", b"\6direct\7example\0",
         b"\4text\7example\0", b"\0", b"\11localhost\0", b"\3nas\5local\0",
         b"\10rejected\7example\0", b"\3WwW\10MiXeDcAs\7exAMple\0",
         b"\0013\1018\00218\003198\7in-addr\4arpa\0")


class Odd(Exception):
    """What cannot be read."""


def header(flags=0x0100, counts=(1, 0, 0, 0)):
    return struct.pack(">HHHHHH", 0, flags, *counts)


def question(name=NAMES[0], rdtype=1, rdclass=1):
    return name + struct.pack(">HH", rdtype, rdclass)


def opt(options=b"", size=1232, version=0, flags=0, owner=b"\0", length=None):
    return owner + struct.pack(
        ">HHBBHH", OPT, size, 0, version, flags,
        len(options) if length is None else length) + options


def option(code, data=b"", length=None):
    return struct.pack(">HH", code,
                       len(data) if length is None else length) + data


def record(rdtype, data=b"", owner=b"\0", length=None):
    return owner + struct.pack(">HHIH", rdtype, 1, 60,
                               len(data) if length is None else length) + data


def _headers(rng):
    """Every opcode with every combination of the seven flags, and QR."""
    for opcode in range(16):
        for bits in range(128):
            flags = opcode << 11 | (bits & 0x7) << 8 | (bits >> 3) << 4
            yield header(flags | rng.randrange(16)) + question(
                rng.choice(NAMES))
    for _ in range(300):
        yield header(0x8000 | rng.randrange(0x8000)) + question()


def _types_and_classes(rng):
    for rdtype in (*range(280), 32768, 32769, 65280, 65534, 65535):
        yield header() + question(NAMES[rdtype % len(NAMES)], rdtype)
    for rdclass in (*range(300), 65280, 65535):
        yield header() + question(rdclass=rdclass)
    for _ in range(700):
        yield header() + question(rng.choice(NAMES), rng.randrange(65536),
                                  rng.choice((1, 1, 1, rng.randrange(65536))))


def _names(rng):
    def label(length, alphabet):
        return bytes([length]) + bytes(rng.choice(alphabet)
                                       for _ in range(length))
    alphabets = (b"abcXYZ019-_", bytes(range(256)), b"\0.*\\@", b"\xc3\xa9")
    for length in range(256):
        yield header() + question(bytes([length]) + b"a" * length + b"\0")
    for count in range(1, 140):
        yield header() + question(b"\1a" * count + b"\0")
        yield header() + question(b"\1a" * count)
    for total in range(240, 270):
        whole = b"\x3fb" + b"b" * 62
        rest = total - 1 - 3 * 64
        yield header() + question(whole * 3 + bytes([rest - 1]) +
                                  b"c" * (rest - 1) + b"\0")
    for _ in range(2000):
        name = b"".join(label(rng.randrange(1, 20), rng.choice(alphabets))
                        for _ in range(rng.randrange(1, 8)))
        end = rng.choice((b"\0",) * 8 + (b"", b"\xc0\x0c", b"\xc0", b"\x40",
                                         b"\x80\0", b"\xff\xff"))
        yield header() + question(name + end)


def _edns(rng):
    for version in range(256):
        yield header(counts=(1, 0, 0, 1)) + question() + opt(version=version)
    for size in (*range(0, 2048, 16), 4096, 65535):
        yield header(counts=(1, 0, 0, 1)) + question(
            rng.choice(NAMES)) + opt(size=size, flags=rng.randrange(65536))
    for length in range(64):
        yield header(counts=(1, 0, 0, 1)) + question() + opt(
            option(10, bytes(length)))
        yield header(counts=(0, 0, 0, 1)) + opt(option(10, bytes(length)))
        yield header(counts=(1, 0, 0, 1)) + question() + opt(
            option(10, bytes(8)), length=length)
    for code in range(64):
        for data in (b"", b"\0", b"0123456789"):
            yield header(counts=(1, 0, 0, 1)) + question() + opt(
                option(code, data))
    for section in range(1, 4):
        counts = [1, 0, 0, 0]
        counts[section] = 1
        yield header(counts=counts) + question() + opt()
        counts[section] = 2
        yield header(counts=counts) + question() + opt() * 2
        yield header(counts=counts) + question() + opt() + record(1, b"\0" * 4)
        yield header(counts=counts) + question() + record(250, b"x") + opt()
    for owner in (b"\1x\0", b"\xc0\x0c", b"\xc0", b"\x41x\0", b""):
        yield header(counts=(1, 0, 0, 1)) + question() + opt(owner=owner)
    for _ in range(2500):
        options = b"".join(
            option(rng.choice((3, 8, 10, 11, 12, 15, 65001,
                               rng.randrange(65536))),
                   rng.randbytes(rng.randrange(20)),
                   rng.choice((None,) * 6 + (rng.randrange(40),)))
            for _ in range(rng.randrange(5)))
        yield header(counts=(1, 0, 0, 1)) + question(
            rng.choice(NAMES), rng.choice((1, 28, 65, 16))) + opt(
                options, rng.randrange(65536), rng.choice((0, 0, 0, 1)),
                rng.randrange(65536))


def _counts(rng):
    for _ in range(2000):
        counts = [rng.choice((0, 1, 1, 2, 65535)),
                  *(rng.choice((0, 0, 0, 1, 3, 65535)) for _ in range(3))]
        tail = b"".join(rng.choice((question(), record(1, b"\0" * 4),
                                    record(16, b"\2hi"), opt(),
                                    record(6, b"", length=50)))
                        for _ in range(rng.randrange(5)))
        yield header(counts=counts) + tail


def _cut_and_bent(rng):
    whole = [header(counts=(1, 0, 0, 1)) + question(name) + opt(
        option(10, b"8 bytes!") + option(11)) for name in NAMES]
    for query in whole:
        for length in range(len(query)):
            yield query[:length]
        for extra in (1, 2, 11, 100, 400):
            yield query + rng.randbytes(extra)
    while True:
        query = bytearray(rng.choice(whole))
        for _ in range(rng.choice((1, 1, 2, 4, 16))):
            query[rng.randrange(2, len(query))] = rng.randrange(256)
        yield bytes(query)


def generate(count, seed=20):
    """`count` queries without their IDs; the same ones for the same seed."""
    rng = random.Random(seed)
    queries = []
    for source in (_headers, _types_and_classes, _names, _edns, _counts,
                   _cut_and_bent):
        for query in source(rng):
            queries.append(query)
            if len(queries) == count:
                break
    rng.shuffle(queries)
    return queries


class Reader:
    def __init__(self, wire):
        self.wire, self.at = wire, 0

    def take(self, length):
        if self.at + length > len(self.wire):
            raise Odd
        self.at += length
        return self.wire[self.at - length:self.at]

    def numbers(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))

    def name(self, may_point):
        start = self.at
        while True:
            length, = self.take(1)
            if length == 0:
                break
            if length >= 0xc0 and may_point:
                self.take(1)
                return
            if length > 63:
                raise Odd
            self.take(length)
        if not may_point and self.at - start > 255:
            raise Odd


def _options(data):
    reader = Reader(data)
    has_cookie = False
    while reader.at < len(data):
        code, length = reader.numbers(">HH")
        reader.take(length)
        if code == 10:
            if length != 8 and not 16 <= length <= 40:
                raise Odd
            has_cookie = True
    return has_cookie


def expected(query):
    """DROP, or the set of rcodes that are right."""
    if len(query) < 12:
        return DROP
    reader = Reader(query)
    _, flags, *counts = reader.numbers(">HHHHHH")
    if flags & 0x8000:
        return DROP
    if flags >> 11 & 0xf:
        return {NOTIMP}
    try:
        if counts[0] > 1:
            raise Odd
        rdtype = rdclass = version = None
        has_cookie = False
        if counts[0]:
            reader.name(may_point=False)
            rdtype, rdclass = reader.numbers(">HH")
        for number in range(sum(counts[1:])):
            start = reader.at
            reader.name(may_point=True)
            kind, _, ttl, length = reader.numbers(">HHIH")
            data = reader.take(length)
            if kind != OPT or number < counts[1] + counts[2]:
                continue
            if query[start] or version is not None:
                raise Odd
            version = ttl >> 16 & 0xff
            has_cookie = version == 0 and _options(data)
    except Odd:
        return {FORMERR}
    if version:
        return {BADVERS}
    if not counts[0]:
        return {NOERROR} if has_cookie else {FORMERR}
    if rdclass != 1 or rdtype in REFUSED_TYPES:
        return {REFUSED}
    return SERVED
