# SPDX-License-Identifier: BSD-2-Clause
"""The servers of one upstream: which is asked, and which no longer.

    laptop (a network of its own)
      test --> dnsd 127.0.0.1:53 --> nameservers of the test, 127.0.0.1:5301..
"""
import json
import socket

import dns.edns
import dns.message
from nameserver import GOOD, Nameserver, gives, silent
from test_upstream import (addresses, ede, is_failure, laptop)  # noqa: F401
from topology import PATIENCE, wait_until

RULES = 'rules: ["MATCH,DIRECT"]'


def start(laptop, servers, strategy, timeout="20s"):  # noqa: F811
    laptop.ersatz.write(f"""\
upstreams:
  home: {{ servers: {json.dumps(servers)}, strategy: {strategy} }}
{RULES}
dnsd: {{ timeout: {timeout} }}
""")
    laptop.ersatz.start("dnsd")


def servers_line(laptop):  # noqa: F811
    return laptop.control(verb="status")[1]["servers"]


def test_a_broken_server_is_asked_last_until_it_is_well(laptop):  # noqa: F811
    dead = laptop.server(silent)
    laptop.server(gives("192.0.2.2"))
    start(laptop, ["127.0.0.1:5301", "127.0.0.1:5302"], "order", "2s")
    number = iter(range(1000))

    def is_broken():
        assert addresses(laptop.ask(f"n{next(number)}.example")) == \
            ["192.0.2.2"]
        return "127.0.0.1:5301 (does not answer)" in servers_line(laptop)

    # Its silence is noticed in some queries, each of which is answered.
    wait_until(is_broken, "the first server counts as broken")
    assert "upstream 'home': 127.0.0.1:5301 does not answer" in \
        laptop.machine.log("dnsd")
    before = len(dead.queries)
    for _ in range(5):
        laptop.ask(f"n{next(number)}.example")
    assert len(dead.queries) == before, "others are asked first"
    # It is asked by dnsd itself, not by a client, whether it is well.
    dead.conduct = gives("192.0.2.1")
    wait_until(lambda: "does not answer" not in servers_line(laptop),
               "it is found to be well")
    assert dead.probes and len(dead.queries) == before
    assert "127.0.0.1:5301 answers again" in laptop.machine.log("dnsd")


def test_in_a_race_the_first_answer_counts(laptop):  # noqa: F811
    held = []
    slow = laptop.server(held.append)
    fast = laptop.server(gives("192.0.2.2"))
    start(laptop, ["127.0.0.1:5301", "127.0.0.1:5302"], "race", "60s")
    for i in range(5):
        assert addresses(laptop.ask(f"n{i}.example")) == ["192.0.2.2"]
    # Both were asked each time, at once.
    wait_until(lambda: len(slow.queries) == len(fast.queries) == 5,
               "all were asked")


def test_the_fastest_is_asked_when_latency_counts(laptop):  # noqa: F811
    held = []
    slow = laptop.server(held.append)
    fast = laptop.server(gives("192.0.2.2"))
    start(laptop, ["127.0.0.1:5301", "127.0.0.1:5302"], "latency", "60s")
    query = dns.message.make_query("slow.example", "A")
    # The first one is measured first: it answers when the other has not yet
    # been asked, but late.
    fast.conduct = silent
    with laptop.client() as client:
        client.send(query.to_wire())
        wait_until(lambda: fast.queries, "the next one is asked, too")
        for late in held:
            late.send(late.reply(GOOD))
        assert query.is_response(dns.message.from_wire(client.recv(65535)))
    fast.conduct = gives("192.0.2.2")
    assert addresses(laptop.ask("first.example")) == ["192.0.2.2"]
    before = len(slow.queries)
    for i in range(20):
        assert addresses(laptop.ask(f"n{i}.example")) == ["192.0.2.2"]
    assert len(slow.queries) == before
    assert "ms)" in servers_line(laptop)


def test_a_clients_subnet_is_told_where_it_is_wanted(laptop):  # noqa: F811
    server = laptop.server()
    laptop.ersatz.write("""\
upstreams:
  strip: { servers: ["127.0.0.1:5301"] }
  keep: { servers: ["127.0.0.1:5301"], ecs: keep }
  set: { servers: ["127.0.0.1:5301"], ecs: 203.0.113.0/24 }
rules:
  - DOMAIN-SUFFIX,keep.example,DIRECT,upstream=keep
  - DOMAIN-SUFFIX,set.example,DIRECT,upstream=set
  - MATCH,DIRECT
""")
    laptop.ersatz.start("dnsd")
    own = dns.edns.ECSOption("198.51.100.0", 24)

    def told(name, **more):
        assert addresses(laptop.ask(name, **more)) == [GOOD]
        return [(option.address, option.srclen) for option in
                server.queries[-1].message.options]

    assert told("a.strip.example", options=[own]) == []
    assert told("a.keep.example", options=[own]) == [("198.51.100.0", 24)]
    assert told("b.keep.example") == []
    assert told("a.set.example", options=[own]) == [("203.0.113.0", 24)]
    # What is told of one client is kept for no other, all else is.
    before = len(server.queries)
    for _ in range(2):
        told("a.strip.example", options=[own])
        told("a.set.example")
        told("b.keep.example")
    assert len(server.queries) == before
    told("a.keep.example", options=[own])
    assert len(server.queries) == before + 1


class Loop(Nameserver):
    """One that leads back to dnsd; its canaries go on, too."""

    def _take(self, wire, peer, connection=None):
        if b"ersatz-canary-" in wire:
            with self.machine.socket(socket.AF_INET,
                                     socket.SOCK_DGRAM) as sock:
                sock.settimeout(PATIENCE)
                sock.sendto(wire, ("127.0.0.1", 53))
                self.udp.sendto(sock.recv(65535), peer)
            return
        super()._take(wire, peer, connection)


def test_a_server_that_leads_back_to_us_is_named(laptop):  # noqa: F811
    Loop.machine = laptop.machine
    loop = Loop(laptop.machine, 5301)
    laptop.servers.append(loop)
    good = laptop.server(gives("192.0.2.2"), port=5302)
    start(laptop, ["127.0.0.1:5301", "127.0.0.1:5302"], "order")
    wait_until(lambda: "asks us: left out" in servers_line(laptop),
               "the canary came back")
    assert "cannot use 127.0.0.1:5301 of upstream 'home': it leads back" in \
        laptop.machine.log("dnsd")
    wait_until(lambda: good.canaries, "the other one has its canary, too")
    assert "127.0.0.1:5302 (asks" not in servers_line(laptop)
    assert addresses(laptop.ask("a.example")) == ["192.0.2.2"]
    assert not loop.queries


def test_a_group_that_leads_back_to_us_fails_at_once(laptop):  # noqa: F811
    Loop.machine = laptop.machine
    laptop.servers.append(Loop(laptop.machine, 5301))
    start(laptop, ["127.0.0.1:5301"], "order", "60s")
    wait_until(lambda: "asks us: left out" in servers_line(laptop),
               "the canary came back")
    answer = laptop.ask("a.example", use_edns=0)
    assert is_failure(answer) and "dnsd itself" in ede(answer)
