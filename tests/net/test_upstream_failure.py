# SPDX-License-Identifier: BSD-2-Clause
"""dnsd and upstreams that fail: silent, refusing, late, or of no use.

As in test_upstream.py, whose laptop this is.
"""
import contextlib
import resource
import socket

import dns.message
import dns.rcode
import pytest
from nameserver import FORGED, GOOD, gives, honest, says, silent
from test_upstream import addresses, ede, is_failure, laptop  # noqa: F401
from topology import wait_until


def test_records_that_cannot_be_read_are_refused(laptop):
    def conduct(query):
        wire = bytearray(query.reply().to_wire())
        wire[7] += 1  # one record more than there are
        query.send(bytes(wire))

    laptop.server(conduct)
    laptop.start(timeout="300ms")
    answer = laptop.ask(use_edns=0)
    assert is_failure(answer)
    assert "cannot be read" in ede(answer)


@pytest.mark.parametrize("address, kind", [
    ("198.18.0.77", "A"), ("198.19.255.255", "A"), ("2001:2::4d", "AAAA")])
def test_an_address_of_our_own_pool_is_refused(laptop, address, kind):
    laptop.server(gives(address))
    laptop.start()
    answer = laptop.ask(kind=kind, use_edns=0)
    assert is_failure(answer)
    assert address in ede(answer) and "our own pool" in ede(answer)


@pytest.mark.parametrize("address, kind", [
    ("198.17.255.255", "A"), ("198.20.0.0", "A"), ("2001:3::4d", "AAAA")])
def test_control_an_address_beside_the_pool_arrives(laptop, address, kind):
    laptop.server(gives(address))
    laptop.start()
    assert addresses(laptop.ask(kind=kind)) == [address]


# --- servers that fail -----------------------------------------------------

@pytest.mark.parametrize("conduct", [
    silent, says(dns.rcode.SERVFAIL), says(dns.rcode.REFUSED),
    gives("198.18.0.77")])
def test_the_next_server_answers_in_place_of_one_that_does_not(laptop,
                                                               conduct):
    first = laptop.server(conduct)
    second = laptop.server()
    laptop.start(timeout="20s")
    assert addresses(laptop.ask("a.example")) == [GOOD]
    assert len(first.queries) == 1 and len(second.queries) == 1
    # The one that answered goes first from then on.
    assert addresses(laptop.ask("b.example")) == [GOOD]
    assert len(first.queries) == 1 and len(second.queries) == 2


def test_a_port_where_nobody_listens_costs_no_time_out(laptop):
    laptop.server()
    laptop.start(["127.0.0.1:5399", "127.0.0.1:5301"], timeout="60s")
    assert addresses(laptop.ask()) == [GOOD]


def test_silence_ends_in_a_failure_that_says_why(laptop):
    server = laptop.server(silent)
    laptop.start(timeout="300ms")
    answer = laptop.ask(use_edns=0)
    assert is_failure(answer)
    assert ede(answer) == (
        "upstream 'home': 127.0.0.1:5301 did not answer, "
        "rule 'MATCH,DIRECT' (/etc/ersatz/ersatz.yaml:4)")
    assert len(server.queries) >= 2, "a lost datagram is asked for again"
    ids = {query.message.id for query in server.queries}
    assert len(ids) == len(server.queries)


@pytest.mark.parametrize("rcode", ["SERVFAIL", "REFUSED", "FORMERR", "NOTIMP"])
def test_a_refusal_ends_in_a_failure_that_says_why(laptop, rcode):
    server = laptop.server(says(dns.rcode.from_text(rcode)))
    laptop.start(timeout="60s")
    answer = laptop.ask(use_edns=0)
    assert is_failure(answer)
    assert ede(answer) == (
        f"upstream 'home': 127.0.0.1:5301 answered {rcode}, "
        "rule 'MATCH,DIRECT' (/etc/ersatz/ersatz.yaml:4)")
    assert len(server.queries) <= 2, "who refuses is not asked for ever"


def test_all_servers_are_named_in_the_failure(laptop):
    laptop.server(silent)
    laptop.server(says(dns.rcode.REFUSED))
    laptop.start(timeout="300ms")
    answer = laptop.ask(use_edns=0)
    assert is_failure(answer)
    assert "none of 2 servers helped" in ede(answer)
    assert "answered REFUSED" in ede(answer)


def test_a_late_answer_still_wins_and_comes_once(laptop):
    """The first server answers when the second has been asked already."""
    held = []
    first = laptop.server(held.append)

    def conduct(query):
        for late in held:
            late.send(late.reply())
        query.send(query.reply(FORGED))

    second = laptop.server(conduct)
    laptop.start(timeout="20s")
    with laptop.client() as client:
        query = dns.message.make_query("late.example", "A")
        client.send(query.to_wire())
        answer = dns.message.from_wire(client.recv(65535))
        assert query.is_response(answer)
        assert len(addresses(answer)) == 1
        assert first.queries and second.queries
        # Nothing more comes for it: the next datagram answers the next query.
        second.conduct = honest
        first.conduct = honest
        query = dns.message.make_query("next.example", "A")
        client.send(query.to_wire())
        assert query.is_response(dns.message.from_wire(client.recv(65535)))


def test_an_answer_after_the_end_harms_nobody(laptop):
    held = []
    server = laptop.server(held.append)
    laptop.start(timeout="200ms")
    assert is_failure(laptop.ask())
    server.conduct = honest
    for late in held:
        late.send(late.reply(FORGED))
    assert addresses(laptop.ask("other.example")) == [GOOD]


def test_five_hundred_queries_at_once_are_all_answered(laptop):
    """More than a soft limit of 1024 descriptors would carry comfortably."""
    held = []
    seen = set()

    def conduct(query):
        held.append(query)
        seen.add(query.name)
        if len(seen) == 500:
            for one in held:
                one.send(one.reply())
            held.clear()

    laptop.server(conduct)
    laptop.start(timeout="60s")
    with contextlib.ExitStack() as stack:
        # Ten clients, as a socket holds only so many unread answers.
        clients = [stack.enter_context(laptop.client()) for _ in range(10)]
        wanted = {}
        for i in range(500):
            wanted[i] = dns.message.make_query(f"n{i}.example", "A", id=i)
            clients[i % 10].send(wanted[i].to_wire())
            if i % 25 == 0:
                # Its socket, too, holds only so many unread queries.
                wait_until(lambda n=i: len(seen) > n, f"query {i} arrived")
        for i in range(500):
            answer = dns.message.from_wire(clients[i % 10].recv(65535))
            assert wanted.pop(answer.id).is_response(answer)
            assert addresses(answer) == [GOOD]


def few_descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, 512))


def test_a_silent_upstream_does_not_hold_up_another(laptop):
    """More queries than dnsd may have under way, to servers that are silent,
    by UDP or once they have taken a connection."""
    laptop.server(silent, port=5301)
    slow = laptop.machine.socket(socket.AF_INET, socket.SOCK_STREAM)
    slow.bind(("127.0.0.1", 5303))
    slow.listen(256)
    laptop.server(port=5302)
    laptop.start(["127.0.0.1:5302"], timeout="60s", more="""\
  silent: { servers: ["127.0.0.1:5301"] }
  slow: { servers: ["tcp://127.0.0.1:5303"] }
""", rules="""\
rules:
  - DOMAIN-SUFFIX,silent.example,DIRECT,upstream=silent
  - DOMAIN-SUFFIX,slow.example,DIRECT,upstream=slow
  - MATCH,DIRECT
""", preexec_fn=few_descriptors)
    for group in ("silent", "slow"):
        with laptop.client() as client:
            for i in range(250):
                query = dns.message.make_query(f"n{i}.{group}.example", "A")
                client.send(query.to_wire())
            # Those that found no room have their answer at once.
            assert is_failure(dns.message.from_wire(client.recv(65535)))
            answer = laptop.ask(use_edns=0)
            assert addresses(answer) == [GOOD], ede(answer)
    slow.close()


def test_an_upstream_that_comes_and_goes_does_not_flood_the_log(laptop):
    def conduct(query):
        is_bad = str(query.name).startswith("bad")
        query.send(query.reply("198.18.0.77" if is_bad else GOOD))

    laptop.server(conduct)
    laptop.start()
    for i in range(30):
        for k in range(3):
            assert is_failure(laptop.ask(f"bad{k}.n{i}.example"))
        assert addresses(laptop.ask(f"good.n{i}.example")) == [GOOD]
    log = laptop.machine.log("dnsd")
    assert 0 < log.count("get no answer from upstream 'home'") < 30
    assert log.count("get no answer") == log.count("answers again")


# --- rules that want the address -------------------------------------------
