# SPDX-License-Identifier: BSD-2-Clause
"""What dnsd keeps of its upstreams' answers, seen from outside.

    laptop (a network of its own)
      test --> dnsd 127.0.0.1:53 --> nameservers of the test, 127.0.0.1:5301..

What needs hours is in tests/unit/test_cache_day.c, with a clock of its own.
"""
import json
import os
import signal

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
from nameserver import GOOD, gives, silent
from test_upstream import addresses, is_failure, laptop  # noqa: F401
from topology import wait_until


def asked(server, name):
    """How often it was asked for that name."""
    return sum(str(query.name) == f"{name}." for query in server.queries)


def codes(answer):
    """The codes of the Extended DNS Errors."""
    return [option.code for option in answer.options
            if option.otype == dns.edns.OptionType.EDE]


def with_ttl(ttl, address=GOOD):
    return lambda query: query.send(query.reply(records=[dns.rrset.from_text(
        query.name, ttl, "IN", "A", address)]))


def status(laptop):  # noqa: F811
    return laptop.control(verb="status")[0]


def test_an_answer_is_kept_and_flushed(laptop):  # noqa: F811
    def conduct(query):
        if query.name.labels[0] == b"zero":
            with_ttl(0)(query)
        elif query.name.labels[0] == b"no":
            message = query.reply(rcode=dns.rcode.NXDOMAIN)
            message.authority = [dns.rrset.from_text(
                "example.", 60, "IN", "SOA", "ns. root. 1 2 3 4 60")]
            query.send(message)
        else:
            with_ttl(300)(query)

    server = laptop.server(conduct)
    other = laptop.server(gives("192.0.2.99"))
    laptop.start(["127.0.0.1:5301"],
                 more='  other: { servers: ["127.0.0.1:5302"] }',
                 rules="""\
rules:
  - DOMAIN,other.a.example,DIRECT,upstream=other
  - MATCH,DIRECT
""")
    first = laptop.ask("a.example")
    answer = laptop.ask("A.Example", use_edns=0)
    assert asked(server, "a.example") == 1
    assert addresses(answer) == addresses(first) == [GOOD]
    assert str(answer.question[0].name) == "A.Example."
    assert answer.answer[0].ttl <= 300 and answer.edns == 0
    assert addresses(laptop.ask_tcp("a.example")) == [GOOD]
    # DO and CD are other questions, and RD off is never ours to answer.
    laptop.ask("a.example", want_dnssec=True)
    laptop.ask("a.example", flags=dns.flags.RD | dns.flags.CD)
    laptop.ask("a.example", flags=0)
    laptop.ask("a.example", flags=0)
    assert asked(server, "a.example") == 5
    for _ in range(2):
        assert laptop.ask("no.example").rcode() == dns.rcode.NXDOMAIN
        assert addresses(laptop.ask("zero.example")) == [GOOD]
        assert addresses(laptop.ask("other.a.example")) == ["192.0.2.99"]
    assert asked(server, "no.example") == 1
    assert asked(server, "zero.example") == 2
    assert len(other.queries) == 1

    numbers = status(laptop)
    assert numbers["cache_hits"] == 4 and numbers["cache_entries"] == 5
    assert "4 hits" in laptop.dnsd("--status").stdout
    # The name and what lies below, in each form; the rest stays.
    assert laptop.dnsd("--flush", "a.example").stdout == \
        "4 answers are forgotten\n"
    laptop.ask("a.example")
    laptop.ask("no.example")
    assert asked(server, "a.example") == 6 and asked(server, "no.example") == 1
    assert json.loads(laptop.dnsd("--flush", "--json").stdout) == \
        {"flushed": 2}
    laptop.ask("no.example")
    assert asked(server, "no.example") == 2


def test_what_has_ended_bridges_a_dead_upstream(laptop):  # noqa: F811
    server = laptop.server(with_ttl(1))
    laptop.start(timeout="1s")
    wait_until(lambda: addresses(laptop.ask("a.example")) == [GOOD],
               "it is kept")
    server.conduct = silent
    # Until it has ended it is fresh; what was never known fails.
    wait_until(lambda: codes(laptop.ask("a.example", use_edns=0)) == [3],
               "a stale answer says what it is")
    answer = laptop.ask("a.example", use_edns=0)
    assert addresses(answer) == [GOOD] and answer.answer[0].ttl == 30
    assert addresses(laptop.ask("a.example")) == [GOOD]
    assert is_failure(laptop.ask("b.example"))
    # A failure is not asked for again by the next client.
    before = asked(server, "b.example")
    assert is_failure(laptop.ask("b.example"))
    assert asked(server, "b.example") == before
    assert status(laptop)["upstream_spared"] >= 1
    server.conduct = with_ttl(1, "192.0.2.2")
    wait_until(lambda: addresses(laptop.ask("a.example")) == ["192.0.2.2"],
               "the upstream is asked again")
    wait_until(lambda: addresses(laptop.ask("b.example")) == ["192.0.2.2"],
               "the failure is forgotten")


def test_below_a_name_that_does_not_exist_is_none(laptop):  # noqa: F811
    def validated(query):
        reply = query.reply(rcode=dns.rcode.NXDOMAIN)
        reply.flags |= dns.flags.AD
        reply.authority = [dns.rrset.from_text(
            "example.", 60, "IN", "SOA", "ns.example. nobody.example. 1 60 60 "
            "60 60")]
        query.send(reply)

    server = laptop.server(validated)
    laptop.start()
    assert codes(laptop.ask("no.example", use_edns=0)) == []
    answer = laptop.ask("a.b.no.example", use_edns=0)
    assert answer.rcode() == dns.rcode.NXDOMAIN
    # It was made up of the one above, and says so.
    assert codes(answer) == [29]
    assert asked(server, "a.b.no.example") == 0
    told = json.loads(laptop.dnsd("--json", "--explain",
                                  "a.b.no.example").stdout)
    assert (told["cache"], told["answer"]) == ("cut", "NXDOMAIN")
    assert asked(server, "a.b.no.example") == 0
    # The control: one beside it is asked for.
    assert codes(laptop.ask("yes.example", use_edns=0)) == []
    assert asked(server, "yes.example") == 1


def test_explain_tells_what_is_kept(laptop):  # noqa: F811
    def explain(name):
        return json.loads(laptop.dnsd("--json", "--explain", name).stdout)

    server = laptop.server(lambda query: with_ttl(
        1 if str(query.name) == "short.example." else 300)(query))
    laptop.start(timeout="1s")
    told = explain("a.example")
    assert told["cache"] == "nothing" and told["answer"] == GOOD
    # To explain is not to ask: nothing is kept by it.
    assert explain("a.example")["cache"] == "nothing"
    laptop.ask("a.example")
    before = asked(server, "a.example")
    told = explain("a.example")
    assert (told["cache"], told["answer"]) == ("fresh", GOOD)
    assert told["cache_age_s"] + told["cache_left_s"] in (299, 300)
    assert asked(server, "a.example") == before
    assert " s left\n" in laptop.dnsd("--explain", "a.example").stdout
    laptop.ask("short.example")
    server.conduct = silent
    # Fresh, then stale; what is then told is what a client is given.
    told = wait_until(lambda: (told := explain("short.example")) and
                      told["cache"] == "stale" and told, "it is stale")
    assert told["cache_left_s"] <= 0
    wait_until(lambda: codes(laptop.ask("short.example", use_edns=0)) == [3]
               and explain("short.example")["answer"] == GOOD,
               "the answer that has ended is told")

    def has_failed():
        assert is_failure(laptop.ask("b.example"))
        told = explain("b.example")
        return told["cache"] == "failure" and told["answer"] is None
    # Each time it counts for twice as long.
    wait_until(has_failed, "the failure is told", seconds=60)


def test_equal_questions_are_asked_once(laptop):  # noqa: F811
    held = []
    server = laptop.server(held.append)
    laptop.start(timeout="60s")
    clients = [laptop.client() for _ in range(20)]
    for client in clients:
        client.send(dns.message.make_query("a.example", "A").to_wire())
    wait_until(lambda: held and status(laptop)["upstream_shared"] == 19,
               "the others wait for the first one, which has come")
    server.conduct = with_ttl(60)
    for query in held:
        server.conduct(query)
    for client in clients:
        answer = dns.message.from_wire(client.recv(65535))
        assert addresses(answer) == [GOOD]
        client.close()
    queries = list(server.queries)
    ids = {query.message.id for query in queries}
    assert len(ids) == len(queries), "each try is one of its own"


def test_a_reload_keeps_what_unchanged_upstreams_said(laptop):  # noqa: F811
    home = laptop.server(with_ttl(300))
    lab = laptop.server(with_ttl(300, "192.0.2.2"))
    laptop.server(with_ttl(300, "192.0.2.3"))
    rules = """\
rules:
  - DOMAIN-SUFFIX,lab.example,DIRECT,upstream=lab
  - MATCH,DIRECT
"""
    laptop.start(["127.0.0.1:5301"], rules=rules,
                 more='  lab: { servers: ["127.0.0.1:5302"] }')
    assert addresses(laptop.ask("a.example")) == [GOOD]
    assert addresses(laptop.ask("a.lab.example")) == ["192.0.2.2"]
    # The order of the groups changes too, as does the name of one.
    laptop.ersatz.write("""\
upstreams:
  lab: { servers: ["127.0.0.1:5303"] }
  house: { servers: ["127.0.0.1:5301"] }
rules:
  - DOMAIN-SUFFIX,lab.example,DIRECT,upstream=lab
  - MATCH,DIRECT
dnsd: { timeout: 1s, upstream: house }
""")
    os.kill(laptop.ersatz.pid("dnsd"), signal.SIGHUP)
    wait_until(lambda: addresses(laptop.ask("a.lab.example")) ==
               ["192.0.2.3"], "the reload is done")
    assert addresses(laptop.ask("a.example")) == [GOOD]
    assert len(home.queries) == 1 and len(lab.queries) == 1
