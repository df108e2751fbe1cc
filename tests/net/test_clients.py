# SPDX-License-Identifier: BSD-2-Clause
"""What clients of dnsd see: cookies, time-outs, crowds of them by TCP."""
import contextlib
import json
import resource
import socket
import struct

import dns.edns
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import pytest
import topology
from test_dnsd import (OUTBOUNDS, RULES, ask, data, error, is_fake, laptop,
                       start)
from topology import ADDRESS, wait_until

assert laptop and start  # fixtures

COOKIE, KEEPALIVE = dns.edns.OptionType(10), dns.edns.OptionType(11)
PLACES = 2048


def option(answer, kind):
    for item in answer.options:
        if item.otype == kind:
            return item.to_wire()
    return None


def asks_with(*options):
    return [dns.edns.GenericOption(kind, wire) for kind, wire in options]


def test_options_of_edns(laptop, start):
    start()
    client = b"8 bytes!"
    # Ours and an upstream's answers alike; unknown options are not echoed.
    for name in ("a.example", "direct.example"):
        answer = ask(laptop, name, options=asks_with(
            (COOKIE, client), (KEEPALIVE, b""), (65001, b"who?"),
            (3, b""), (8, b"\0\1\x18\0\xc0\0\2")))
        assert answer.rcode() == dns.rcode.NOERROR
        kinds = {int(item.otype) for item in answer.options}
        assert kinds <= {10, 15}
        assert option(answer, COOKIE)[:8] == client
        assert len(option(answer, COOKIE)) == 24
        answer = ask(laptop, name, how=dns.query.tcp,
                     options=asks_with((KEEPALIVE, b"")))
        assert struct.unpack(">H", option(answer, KEEPALIVE)) == (100,)
    # dig completes its cookie, and checks what comes back.
    for server in ("127.0.0.1",):
        out = laptop.out(f"dig @{server} +cookie=0123456789abcdef a.example")
        assert "(good)" in out
    wrong = ask(laptop, "a.example", options=asks_with((COOKIE, b"short")))
    assert wrong.rcode() == dns.rcode.FORMERR
    assert "EDNS: version: 0" in laptop.out(
        "dig @127.0.0.1 +edns=7 +noednsneg a.example")


def test_what_we_made_names_its_rule(laptop, start):
    start(OUTBOUNDS + RULES + "dnsd: { fake: { ipv6: off } }\n")
    for name, rdtype, code, words in (
            ("a.example", "A", 4,
             "rule 'DST-PORT,22,DIRECT' (/etc/ersatz/ersatz.yaml:10)"),
            ("a.example", "AAAA", 4, "rule 'DST-PORT,22,DIRECT'"),
            ("bound.example", "A", 4, "DOMAIN-SUFFIX,bound.example,bound"),
            ("rejected.example", "A", 15, "rejected.example,REJECT"),
            ("a.example", "AXFR", 21, "type is not served")):
        got, text = error(ask(laptop, name, rdtype))
        assert (got, words in text) == (code, True), (name, rdtype, text)
    got, text = error(ask(laptop, "a.example", rdclass="CH"))
    assert got == 21 and "class" in text


def hoard(stack, machine, count, first=b"\0"):
    sockets = []
    for _ in range(count):
        sock = stack.enter_context(
            machine.socket(socket.AF_INET, socket.SOCK_STREAM))
        sock.settimeout(5)
        sock.connect(("127.0.0.1", 53))
        sock.send(first)
        sockets.append(sock)
    return sockets


def is_closed(sock):
    sock.setblocking(False)
    try:
        return sock.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def status(laptop, daemons):
    lines = laptop.out(daemons.command("dnsd", "--status", "--json"))
    return json.loads(lines.splitlines()[0])


def test_thousands_of_tcp_clients_keep_nobody_out(laptop, start):
    """Silent ones, cut ones, and ones that ask and do not read."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < PLACES + 1024:
        pytest.skip("the limit of descriptors is too low here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    daemons = start()
    query = dns.message.make_query("a.example", "A").to_wire()
    query = struct.pack(">H", len(query)) + query
    with contextlib.ExitStack() as stack:
        idle = hoard(stack, laptop, PLACES - 200)
        cut = hoard(stack, laptop, 200, query[:-1])
        wait_until(lambda: status(laptop, daemons)["tcp_open"] == PLACES,
                   "all places are taken")
        # Not one too many: nobody had to go yet.
        assert status(laptop, daemons)["tcp_evicted"] == 0
        assert not is_closed(idle[0])
        full = ask(laptop, "d.example", how=dns.query.tcp,
                   options=asks_with((KEEPALIVE, b"")))
        assert is_fake(data(full)[0])
        assert struct.unpack(">H", option(full, KEEPALIVE)) == (0,)
        # The idlest went, the later ones did not.
        wait_until(lambda: is_closed(idle[0]), "the idlest sees the close")
        assert not is_closed(idle[-1]) and not is_closed(cut[-1])
        # A new crowd takes from the old one; each new client is answered.
        for number in range(50):
            hoard(stack, laptop, 2)
            answer = ask(laptop, f"n{number}.example", how=dns.query.tcp)
            assert is_fake(data(answer)[0])
        # One that was cut may go on, if it is still there.
        cut[-1].setblocking(True)
        cut[-1].sendall(query[-1:])
        assert cut[-1].recv(2)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_clients_that_do_not_read_keep_nobody_out(laptop, start):
    start()
    query = dns.message.make_query("a.example", "A").to_wire()
    query = struct.pack(">H", len(query)) + query
    with contextlib.ExitStack() as stack:
        for _ in range(80):
            sock = stack.enter_context(
                laptop.socket(socket.AF_INET, socket.SOCK_STREAM))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            sock.connect(("127.0.0.1", 53))
            sock.setblocking(False)
            with contextlib.suppress(BlockingIOError, ConnectionError):
                for _ in range(400):
                    sock.send(query * 50)
        assert is_fake(data(ask(laptop, "d.example", how=dns.query.tcp))[0])
        assert is_fake(data(ask(laptop, "e.example"))[0])


def test_few_descriptors_are_enough(laptop, start):
    """With 200 in all, clients and queries have to share."""
    config = OUTBOUNDS + RULES
    daemons = topology.Ersatz(laptop, config)
    process = laptop.start(["prlimit", "--nofile=200",
                            *daemons.command("dnsd", "-f")], log="few")
    laptop.wait_listening(53, "udp")
    with contextlib.ExitStack() as stack:
        hoard(stack, laptop, 300)
        for name in ("d.example", "direct.example"):
            answer = ask(laptop, name, how=dns.query.tcp)
            assert data(answer)
            if name == "direct.example":
                assert data(answer) == [ADDRESS["site"]]
    laptop.kill(process)
