# SPDX-License-Identifier: BSD-2-Clause
"""What real stub resolvers make of our answers.

glibc, musl (static), c-ares, dnspython, Go's own, and systemd-resolved as a
client of ours; with search lists, ndots, truncated answers and with EDNS on
and off.  (Go by a program that Debian has: its compiler takes 450 MB.)
"""
import os
import pathlib
import re
import subprocess
import sys

import dns.flags
import dns.query
import dns.rrset
import pytest
from nameserver import Nameserver
from test_dnsd import OUTBOUNDS, ask, data, is_fake, laptop, start
from topology import TOP, wait_until

assert laptop and start  # fixtures

HERE = pathlib.Path(__file__).parent
RESOLVED = [pathlib.Path("/lib/systemd/systemd-resolved"),
            TOP / "build/resolved/lib/systemd/systemd-resolved"]
MANY = [f"192.0.2.{n}" for n in range(1, 101)]  # more than fits by UDP
CONFIG = OUTBOUNDS + """\
upstreams: { one: { servers: ["127.0.0.1:5999"] } }
rules: ["DOMAIN-SUFFIX,real.example,DIRECT", "MATCH,proxy"]
"""
PYTHON = """\
import sys, dns.resolver
resolver = dns.resolver.Resolver()
if sys.argv[1] == "edns":
    resolver.use_edns(0, 0, 1232)
for name in sys.argv[2:]:
    found = []
    for rdtype in ("A", "AAAA"):
        try:
            answer = resolver.resolve(name, rdtype, search=True,
                                      tcp=sys.argv[1] == "tcp")
            found += [item.address for item in answer]
        except (dns.resolver.NoAnswer, dns.resolver.NXDOMAIN):
            pass
    print(name, *(found or ["!"]))
"""


def zone(query):
    """What the upstream knows; as a server by UDP it truncates."""
    name = str(query.name).lower()
    kind = query.question.rdtype
    addresses = {"one.real.example.": ["192.0.2.7"],
                 "many.real.example.": MANY}.get(name)
    reply = query.reply(records=[])
    if addresses is None:
        reply.set_rcode(3)
    elif kind == 1 and len(addresses) > 20 and not query.is_tcp:
        reply.flags |= dns.flags.TC
    elif kind == 1:
        reply.answer = [dns.rrset.from_text_list(query.name, 60, "IN", "A",
                                                 addresses)]
    query.send(reply)


@pytest.fixture
def upstream(laptop):
    server = Nameserver(laptop, 5999, zone)
    yield server
    server.close()


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stubs")
    folder.chmod(0o755)
    folder.parent.chmod(0o755)
    made = {}
    for name, compiler, source, more in (
            ("glibc", "gcc", "stub_libc.c", []),
            ("musl", "musl-gcc", "stub_libc.c", ["-static"]),
            ("c-ares", "gcc", "stub_ares.c", ["-lcares"])):
        made[name] = folder / name
        subprocess.run([compiler, "-O1", "-D_GNU_SOURCE", "-o", made[name],
                        HERE / source, *more], check=True)
    script = folder / "python"
    script.write_text(PYTHON)
    made["dnspython"] = script
    return made


def resolv_conf(laptop, *lines):
    laptop.path("/etc/resolv.conf").write_text(
        "nameserver 127.0.0.1\n" + "".join(f"{line}\n" for line in lines))


def look_up(laptop, command, *names):
    """Name to its addresses; None where there are none."""
    found = {}
    for line in laptop.out([*command, *names]).splitlines():
        name, *words = line.split()
        found[name] = None if words[0] == "!" else words
    return found


def is_all(addresses, stub):
    """All of them; musl before 1.2.4 takes what is in the cut answer."""
    if stub == "musl":
        return addresses and set(addresses) <= set(MANY)
    return sorted(addresses) == sorted(MANY)


def check(found, stub, suffix=""):
    fake = found["fake" + suffix]
    assert fake and all(is_fake(address) for address in fake), found
    assert any(":" in address for address in fake), found
    assert found["one.real" + suffix] == ["192.0.2.7"], found
    assert is_all(found["many.real" + suffix], stub), found
    assert found["none.real" + suffix] is None, found


FULL = [f"{name}.example" for name in ("fake", "one.real", "many.real",
                                       "none.real")]


@pytest.mark.parametrize("stub", ("glibc", "musl", "c-ares", "dnspython"))
def test_a_stub_resolves_all_there_is(laptop, start, upstream, programs,
                                      stub):
    start(CONFIG)
    flags = {"glibc": [[]], "musl": [[]],
             "c-ares": [[], ["tcp"], ["edns"]],
             "dnspython": [["plain"], ["tcp"], ["edns"]]}[stub]
    program = [sys.executable] * (stub == "dnspython") + [programs[stub]]
    options = [[], ["options edns0 trust-ad"], ["options use-vc"]]
    for lines in options if stub == "glibc" else [[]]:
        for words in flags:
            resolv_conf(laptop, *lines)
            check(look_up(laptop, [*program, *words], *FULL), stub, ".example")
            # A proxy may know any name, so the first suffix that is carried
            # ends the search; one that is not is looked for.
            resolv_conf(laptop, "search elsewhere.example real.example",
                        "options ndots:2", *lines)
            found = look_up(laptop, [*program, *words], "one")
            assert all(is_fake(address) for address in found["one"]), found
            resolv_conf(laptop, "search real.example", "options ndots:2",
                        *lines)
            found = look_up(laptop, [*program, *words], "one", "many", "none")
            assert found["one"] == ["192.0.2.7"], found
            assert is_all(found["many"], stub), found
            assert found["none"] is None, found


def told_at_once(laptop):
    """No address that is resolved here can be connected to."""
    laptop.run("ip route replace unreachable 192.0.2.0/24;"
               "ip route replace unreachable 198.18.0.0/15;"
               "ip -6 route replace unreachable 2001:2::/48")


def test_gos_own_resolver(laptop, start, upstream):
    """hey(1) is written in Go, and tells what it dialled."""
    def dialled(name):
        result = laptop.run(["hey", "-n", "1", "-c", "1", "-t", "60",
                             f"http://{name}/"], check=False,
                            env=dict(os.environ, GODEBUG="netdns=go+1"))
        assert "forcing use of Go's resolver" in result.stderr, result.stderr
        return result.stdout

    start(CONFIG)
    resolv_conf(laptop, "search real.example")
    told_at_once(laptop)
    for name, words in (("fake.example", r"dial tcp (\[2001:2::|198\.18\.)"),
                        ("one.real.example", r"dial tcp 192\.0\.2\.7:80"),
                        ("one", r"dial tcp 192\.0\.2\.7:80"),
                        ("many.real.example", r"dial tcp 192\.0\.2\."),
                        ("none.real.example", "no such host")):
        told = dialled(name)
        assert re.search(words, told), f"{name}: {told}"


def test_systemd_resolved_as_a_client(laptop, start, upstream):
    program = next((path for path in RESOLVED if path.exists()), None)
    if not program:
        pytest.skip("there is no systemd-resolved (./setup check unpacks it)")
    start(CONFIG)
    laptop.run("getent passwd systemd-resolve || useradd --system "
               "--no-create-home --shell /usr/sbin/nologin systemd-resolve;"
               "mkdir -p /run/systemd/resolve /etc/systemd;"
               "chown systemd-resolve: /run/systemd/resolve")
    for more in ("", "DNSOverTLS=opportunistic\n"):
        laptop.path("/etc/systemd/resolved.conf").write_text(
            "[Resolve]\nDNS=127.0.0.1\nDomains=~. real.example\n"
            "LLMNR=no\nMulticastDNS=no\n" + more)
        process = laptop.start([program], log="resolved", env={
            **os.environ, "SYSTEMD_LOG_LEVEL": "debug"})
        wait_until(lambda: process.poll() is not None or
                   "127.0.0.53" in laptop.out("ss -Hlun"),
                   "resolved listens")
        assert process.poll() is None, laptop.log("resolved")
        stub = "127.0.0.53"
        for rdtype in ("A", "AAAA"):
            assert is_fake(data(ask(laptop, "fake.example", rdtype,
                                    server=stub))[0])
        # Its client is small: truncated there, whole by TCP.
        whole = data(ask(laptop, "many.real.example", server=stub,
                         how=dns.query.tcp))
        assert sorted(whole) == sorted(MANY)
        assert ask(laptop, "none.real.example", server=stub).rcode() == 3
        # TXT that no upstream knows does not take the address away.
        assert not ask(laptop, "fake.example", "TXT", server=stub).answer
        assert is_fake(data(ask(laptop, "fake.example", server=stub))[0])
        assert data(ask(laptop, "one.real.example", server=stub)) == [
            "192.0.2.7"]
        laptop.kill(process)


def test_getent_and_curl_find_their_way(laptop, start, upstream):
    """The tools that people try first."""
    start(CONFIG)
    resolv_conf(laptop)
    assert is_fake(laptop.out("getent ahosts fake.example").split()[0])
    told_at_once(laptop)
    said = laptop.run("curl -sv http://one.real.example/",
                      check=False).stderr
    assert "192.0.2.7" in said
