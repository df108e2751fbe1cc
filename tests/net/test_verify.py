# SPDX-License-Identifier: BSD-2-Clause
"""dnsd.fake.verify: whether a name that does not exist may be faked.

The names belong to a proxy that is not there; a nameserver of the test says
which ones exist.
"""
import json
import os
import signal

import dns.message
import dns.rcode
import dns.rrset
import pytest
from nameserver import gives, honest, says, silent
from test_cache import asked, codes
from test_upstream import addresses, laptop  # noqa: F401
from topology import wait_until

RULES = """\
outbounds:
  proxy: { type: socks5, server: 203.0.113.2:1080 }
rules:
  - DOMAIN-SUFFIX,address.example,DIRECT
  - MATCH,proxy
"""


def conduct(query):
    """Names with "no" in front do not exist, for a minute."""
    if not query.name.labels[0].lower().startswith(b"no"):
        honest(query)
        return
    message = query.reply(rcode=dns.rcode.NXDOMAIN)
    message.authority = [dns.rrset.from_text(
        "example.", 60, "IN", "SOA", "ns. root. 1 2 3 4 60")]
    query.send(message)


def start(laptop, verify, timeout="20s"):  # noqa: F811
    return laptop.start(rules=RULES,
                        timeout=f"{timeout}, fake: {{ verify: {verify} }}")


def is_fake(answer):
    return [a.startswith(("198.18.", "2001:2:")) for a in
            addresses(answer)] == [True]


def is_missing(answer):
    return answer.rcode() == dns.rcode.NXDOMAIN and not answer.answer


def test_off_asks_nobody(laptop):  # noqa: F811
    server = laptop.server(conduct)
    start(laptop, "off")
    assert is_fake(laptop.ask("nowhere.example"))
    assert is_fake(laptop.ask("nowhere.example"))
    assert server.queries == []


def test_background_fakes_first_and_knows_better_then(laptop):  # noqa: F811
    server = laptop.server(conduct)
    start(laptop, "background")
    assert is_fake(laptop.ask("nowhere.example"))
    answer = wait_until(lambda: (a := laptop.ask("Nowhere.Example", use_edns=0)
                                 ) and is_missing(a) and a, "it is known")
    assert codes(answer) == [0] and "SOA" in str(answer.authority[0])
    assert "upstream 'home' does not know the name" in answer.options[0].text
    # The same for its other type, without another question.
    assert is_missing(laptop.ask("nowhere.example", "AAAA"))
    assert asked(server, "nowhere.example") == 1
    # What exists goes on to be faked, and is asked for once.
    for _ in range(3):
        assert is_fake(laptop.ask("www.example"))
    wait_until(lambda: asked(server, "www.example") == 1, "it is asked for")
    status = json.loads(laptop.machine.out(laptop.ersatz.command(
        "dnsd", "--status", "--json")).splitlines()[0])
    assert status["missing"] >= 2
    # What the first answer will be, and what those behind it.
    text = laptop.machine.out(laptop.ersatz.command(
        "dnsd", "--explain", "nobody.example"))
    assert "it gets a fake address when it is first asked, and NXDOMAIN " \
        "from then on" in text.splitlines()[0]
    assert is_fake(laptop.ask("nobody.example"))
    # Why, says --explain, with the daemon and without.
    for _ in range(2):
        text = laptop.machine.out(laptop.ersatz.command(
            "dnsd", "--explain", "nowhere.example"))
        assert "NXDOMAIN" in text.splitlines()[0]
        assert "dnsd.fake.verify" in text.replace("\n", " ")
        laptop.ersatz.stop("dnsd")


@pytest.mark.parametrize("conduct_of_it", (silent, says(dns.rcode.SERVFAIL)))
def test_without_an_answer_a_name_is_faked(laptop, conduct_of_it):  # noqa: F811
    laptop.server(conduct_of_it)
    start(laptop, "first", "500ms")
    assert is_fake(laptop.ask("nowhere.example"))


def test_first_waits_for_what_the_upstream_says(laptop):  # noqa: F811
    server = laptop.server(conduct)
    start(laptop, "first")
    assert is_missing(laptop.ask("nowhere.example"))
    assert is_missing(laptop.ask("nowhere.example", "AAAA"))
    assert is_fake(laptop.ask("www.example"))
    assert asked(server, "www.example") == 1
    # No slot was given to what does not exist.
    assert "nowhere" not in laptop.machine.out(laptop.ersatz.command(
        "dnsd", "--dump-map"))
    # Under way when the configuration changes: answered by the new one.
    server.conduct = silent
    client = laptop.client()
    client.send(dns.message.make_query("later.example", "A").to_wire())
    wait_until(lambda: asked(server, "later.example") >= 1, "it is asked for")
    server.conduct = gives("192.0.2.5")
    os.kill(laptop.ersatz.pid("dnsd"), signal.SIGHUP)
    assert is_fake(dns.message.from_wire(client.recv(4096)))
    client.close()
