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
import dns.rrset
import pytest
import topology
from nameserver import Nameserver
from test_dnsd import (OUTBOUNDS, RULES, ask, data, error, is_fake, is_nodata,
                       laptop, start)
from topology import ADDRESS, PATIENCE, wait_until

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


def answers_with(*texts):
    """Name, type and data of each record; NXDOMAIN where nothing fits."""
    def conduct(query):
        kind = dns.rdatatype.to_text(query.question.rdtype)
        fits = any(rdtype == kind for _, rdtype, _ in texts)
        records = [dns.rrset.from_text(name, 60, "IN", rdtype, text)
                   for name, rdtype, text in texts
                   if fits and rdtype in (kind, "CNAME")]
        reply = query.reply(records=records, rcode=(
            dns.rcode.NOERROR if records else dns.rcode.NXDOMAIN))
        reply.flags |= dns.flags.AD
        reply.additional = [dns.rrset.from_text(
            "mail.example.", 60, "IN", "A", "192.0.2.25")]
        query.send(reply)
    return conduct


def test_other_types_of_a_carried_name_fit_it(laptop, start):
    server = Nameserver(laptop, 5999, answers_with(
        ("web.example.", "CNAME", "cdn.example."),
        ("cdn.example.", "HTTPS",
         "1 . mandatory=alpn,ipv4hint alpn=h2,h3 ipv4hint=192.0.2.1 "
         "ech=AAAA ipv6hint=2001:db8::1"),
        ("cdn.example.", "HTTPS", "2 elsewhere.example. alpn=h2"),
        ("web.example.", "MX", "10 mail.example.")))
    start(OUTBOUNDS + """\
upstreams: { one: { servers: ["127.0.0.1:5999"] } }
rules: ["DOMAIN-SUFFIX,direct.example,DIRECT", "MATCH,proxy"]
""")
    for how in (dns.query.udp, dns.query.tcp):
        answer = ask(laptop, "Web.Example", "HTTPS", how=how,
                     want_dnssec=True)
        assert data(answer) == ['1 . mandatory="alpn" alpn="h2,h3" ech="AAAA"']
        assert str(answer.answer[0].name) == "Web.Example."
        assert not answer.flags & dns.flags.AD
    # The control: a name that is not carried keeps all of it.
    assert "192.0.2.1" in str(ask(laptop, "direct.example", "HTTPS"))
    answer = ask(laptop, "web.example", "MX")
    assert data(answer)[-1] == "10 mail.example." and not answer.additional
    assert ask(laptop, "direct.example", "MX").additional
    # It has an address, so it exists, whatever the upstream thinks.
    assert is_nodata(ask(laptop, "web.example", "LOC"))
    assert is_fake(data(ask(laptop, "web.example"))[0])
    server.conduct = lambda query: None
    assert is_nodata(ask(laptop, "other.example", "HTTPS"))
    server.close()


def test_dnssec_is_left_to_who_asks(laptop, start):
    """DO and CD go up, AD comes down to who can use it."""
    server = Nameserver(laptop, 5999, answers_with(
        ("direct.example.", "A", "192.0.2.1")))
    start(OUTBOUNDS + RULES +
          'upstreams: { one: { servers: ["127.0.0.1:5999"] } }\n')
    for do in (False, True):
        answer = ask(laptop, "direct.example", want_dnssec=do,
                     flags=dns.flags.RD | dns.flags.CD)
        asked = server.queries[-1].message
        assert bool(asked.ednsflags & dns.flags.DO) == do
        assert asked.flags & dns.flags.CD and answer.flags & dns.flags.CD
        assert bool(answer.flags & dns.flags.AD) == do
        assert bool(answer.ednsflags & dns.flags.DO) == do
    assert ask(laptop, "direct.example",
               flags=dns.flags.RD | dns.flags.AD).flags & dns.flags.AD
    assert not ask(laptop, "fake.example", want_dnssec=True,
                   flags=dns.flags.RD | dns.flags.AD).flags & dns.flags.AD
    server.close()


def hoard(stack, machine, count, first=b"\0"):
    """Quickly: dnsd closes who has been silent for ten seconds."""
    sockets = []
    with topology.in_network(machine.holder.pid):
        for _ in range(count):
            sock = stack.enter_context(
                socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            sock.settimeout(PATIENCE)
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
        for number in range(20):
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
