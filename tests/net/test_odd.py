# SPDX-License-Identifier: BSD-2-Clause
"""No query in any of its shapes goes unanswered, or is answered twice."""
import re
import select
import socket
import struct

import dns.message
import dns.query
import odd_queries
import pytest
import topology
from odd_queries import DROP
from test_dnsd import OUTBOUNDS, RULES, ask, data, is_fake, laptop, start
from topology import ADDRESS, PATIENCE

assert laptop and start  # fixtures

COUNT = 24000
WINDOW = 64


def rcode(answer):
    """With the upper bits out of the OPT, which is the last record."""
    low = answer[3] & 0xf
    return dns.message.from_wire(answer).rcode() if low == 0 else low


def check(query, answer, limit):
    right = odd_queries.expected(query)
    assert right is not DROP, (query, answer)
    assert len(answer) <= limit, query
    flags, questions = struct.unpack(">HH", answer[2:6])
    asked, = struct.unpack(">H", query[2:4])
    assert flags & 0x8080 == 0x8080, query
    assert flags >> 11 & 0xf == asked >> 11 & 0xf, query
    got = rcode(answer)
    assert got in right, (query, answer, right)
    if right == odd_queries.SERVED:
        end = 12 + query[12:].index(b"\0") + 5 if query[12] == 0 else None
        assert questions == 1
        assert answer[12:end or 13] == query[12:end or 13], query


class Exchange:
    """Keeps some queries under way; every number is used once."""

    def __init__(self, queries):
        self.left = list(enumerate(queries))
        self.left.reverse()
        self.waiting = {}
        self.seen = set()

    def next(self):
        number, query = self.left.pop()
        wire = struct.pack(">H", number) + query[2:]
        if len(query) >= 2 and odd_queries.expected(query) is not DROP:
            self.waiting[number] = wire
        return wire if len(query) >= 2 else query

    def take(self, answer, limit):
        number, = struct.unpack(">H", answer[:2])
        assert number not in self.seen, "answered twice"
        self.seen.add(number)
        assert number in self.waiting, answer
        check(self.waiting.pop(number), answer, limit)


def by_udp(machine, queries):
    exchange = Exchange(queries)
    with machine.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", 53))
        sock.settimeout(PATIENCE)
        while exchange.left or exchange.waiting:
            while exchange.left and len(exchange.waiting) < WINDOW:
                sock.send(exchange.next())
            if not exchange.waiting:
                continue
            try:
                exchange.take(sock.recv(65535), 1232)
            except TimeoutError:
                raise AssertionError(
                    f"unanswered: {list(exchange.waiting.values())}") from None
        # What came before this one has been answered, or never will be.
        sock.send(dns.message.make_query("last.example", "A").to_wire())
        assert dns.message.from_wire(sock.recv(65535)).answer
        assert not select.select([sock], [], [], 0)[0]


def by_tcp(machine, queries):
    exchange = Exchange(queries)
    with machine.socket(socket.AF_INET, socket.SOCK_STREAM) as sock, \
            sock.makefile("rb") as file:
        sock.connect(("127.0.0.1", 53))
        sock.settimeout(PATIENCE)
        while exchange.left or exchange.waiting:
            batch = b""
            while exchange.left and len(exchange.waiting) < WINDOW:
                wire = exchange.next()
                batch += struct.pack(">H", len(wire)) + wire
            sock.sendall(batch)
            # Down to half of them, so that answers may overtake each other.
            low = WINDOW // 2 if exchange.left else 0
            while len(exchange.waiting) > low:
                length, = struct.unpack(">H", file.read(2))
                exchange.take(file.read(length), 65535)


def resident_kb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read())[1])


def is_sanitized(pid):
    with open(f"/proc/{pid}/maps", encoding="utf-8") as file:
        return "libasan" in file.read()


def test_every_odd_query_is_answered_once_and_rightly(laptop, start):
    queries = odd_queries.generate(COUNT)
    assert len(queries) >= COUNT
    kinds = [odd_queries.expected(query) for query in queries]
    # The set has every kind in it, and the oracle is no yes-man.
    for kind in (DROP, {odd_queries.FORMERR}, {odd_queries.NOTIMP},
                 {odd_queries.REFUSED}, {odd_queries.BADVERS},
                 odd_queries.SERVED):
        assert kinds.count(kind) > 200, kind
    for query, answer in ((b"\0\0\1\0\0\1" + bytes(6), b"\0\0\x81\x80\0\0"),
                          (bytes(12), b"\0\0\x80\x80" + bytes(8)),
                          (b"\0\0\x80\0" + bytes(8), b"\0\0\x80\x84")):
        with pytest.raises(AssertionError):
            check(query, answer.ljust(12, b"\0"), 1232)
    daemons = start(OUTBOUNDS + RULES)
    pid = daemons.pid("dnsd")
    by_udp(laptop, queries)
    before = resident_kb(pid)
    by_tcp(laptop, queries)
    after = resident_kb(pid)
    if not is_sanitized(pid):
        assert after - before < 1024, f"{before} KB became {after} KB"
    for how in (dns.query.udp, dns.query.tcp):
        assert is_fake(data(ask(laptop, "normal.example", how=how))[0])
        assert data(ask(laptop, "direct.example", how=how)) == [
            ADDRESS["site"]]
    assert topology.wait_until(lambda: daemons.pid("dnsd") == pid,
                               "it is the same process")
