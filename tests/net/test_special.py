# SPDX-License-Identifier: BSD-2-Clause
"""Names that are special: what stays on this network, and what breaks.

The public resolver is a name server on the proxy's machine (203.0.113.2); the
one at home is that of the router (192.168.7.1).
"""
import json
import os
import signal

import dns.rcode
from nameserver import Nameserver
from test_dnsd import (OUTBOUNDS, ask, data, error, is_fake, is_nodata,
                       laptop, reload_is_over, start)
from topology import ADDRESS, ROUTER, Ersatz, wait_until

assert laptop and start  # fixtures

PUBLIC = f'public: {{ servers: ["{ADDRESS["proxy"]}"] }}'
HOME = f'home: {{ servers: ["{ROUTER["laptop"]}:5999"] }}'
NAMES = (("nas.local", "A"), ("nas.home.arpa", "AAAA"), ("db.internal", "A"),
         ("printer", "A"), ("tv.lan", "HTTPS"), ("x.test", "TXT"),
         ("1.7.168.192.in-addr.arpa", "PTR"), ("9.9.10.in-addr.arpa", "SOA"),
         ("1.0.20.172.in-addr.arpa", "PTR"),
         ("8.e.f.ip6.arpa", "NS"), ("b.d.f.ip6.arpa", "PTR"))


def explain(laptop, daemons, *words):
    return json.loads(laptop.out(daemons.command(
        "dnsd", "--json", "--explain", *words)))


def names(server):
    return [str(query.name) for query in server.queries]


def test_names_of_this_network_never_reach_a_public_resolver(net, laptop,
                                                             start):
    public = Nameserver(net.proxy, 53, address=ADDRESS["proxy"])
    daemons = start(f"""\
{OUTBOUNDS}
upstreams: {{ {PUBLIC} }}
rules:
  - DOMAIN-SUFFIX,given.internal,DIRECT,upstream=public
  - DOMAIN-SUFFIX,lan,DIRECT
  - DOMAIN-SUFFIX,carried.internal,proxy
  - DOMAIN-SUFFIX,direct.example,DIRECT
  - MATCH,proxy
""")
    # The control: it is asked what is not special.
    assert data(ask(laptop, "direct.example"))
    assert names(public) == ["direct.example."]
    for name, rdtype in NAMES:
        answer = ask(laptop, name, rdtype)
        apex = name in ("8.e.f.ip6.arpa",)
        assert answer.rcode() == (dns.rcode.NOERROR if apex
                                  else dns.rcode.NXDOMAIN), name
        assert answer.authority and error(answer)[1], name
    assert names(public) == ["direct.example."]
    # Who means such a name is obeyed.
    assert data(ask(laptop, "given.internal"))
    assert names(public)[-1] == "given.internal."
    assert is_fake(data(ask(laptop, "carried.internal"))[0])
    told = explain(laptop, daemons, "nas.local")
    assert told["decision"] == "site" and told["answer"] == "NXDOMAIN"
    assert "RFC 6762" in told["reason"] and "public" in told["reason"]
    public.close()


def test_the_resolver_of_this_network_hears_its_names(net, laptop, start):
    public = Nameserver(net.proxy, 53, address=ADDRESS["proxy"])
    home = Nameserver(net.router, 5999, address=ROUTER["laptop"])
    daemons = start(f"""\
{OUTBOUNDS}
upstreams: {{ {PUBLIC}, {HOME} }}
rules: [ "MATCH,proxy" ]
""")
    for name, rdtype in NAMES:
        assert ask(laptop, name, rdtype).rcode() == dns.rcode.NOERROR, name
    assert names(home) == [f"{name}." for name, _ in NAMES]
    assert not public.queries
    told = explain(laptop, daemons, "nas.local")
    assert told["upstream"] == "home" and told["decision"] == "site"
    public.close()
    home.close()


def test_names_that_are_special_everywhere(laptop, start):
    daemons = start(OUTBOUNDS + """\
rules: ["DOMAIN-SUFFIX,tor.onion,proxy", "MATCH,proxy"]
""")
    assert data(ask(laptop, "LocalHost")) == ["127.0.0.1"]
    assert data(ask(laptop, "a.localhost", "AAAA")) == ["::1"]
    assert data(ask(laptop, "1.0.0.127.in-addr.arpa", "PTR")) == ["localhost."]
    assert is_nodata(ask(laptop, "_dns.resolver.arpa", "SVCB"))
    for name in ("use-application-dns.net", "a.invalid", "x.alt", "a.onion"):
        answer = ask(laptop, name)
        assert answer.rcode() == dns.rcode.NXDOMAIN, name
        assert answer.authority and error(answer)[1], name
    assert is_fake(data(ask(laptop, "a.tor.onion"))[0])
    assert is_nodata(ask(laptop, "a.tor.onion", "TXT"))
    assert explain(laptop, daemons, "a.onion")["special"].endswith(
        "(RFC 7686)")


def test_names_that_break_when_faked_are_not(net, laptop, start):
    home = Nameserver(net.router, 5999, address=ROUTER["laptop"])
    config = OUTBOUNDS + f"""\
upstreams: {{ {HOME} }}
rules: ["DOMAIN,time.nist.gov,proxy", "DST-PORT,22,DIRECT", "MATCH,proxy"]
"""
    daemons = start(config)
    breaking = ("time.apple.com", "0.pool.ntp.org", "stun1.l.google.com",
                "www.msftconnecttest.com", "wpad.example.com")
    for name in breaking:
        assert data(ask(laptop, name)) == ["192.0.2.1"], name
        assert not is_fake(str(ask(laptop, name, "AAAA")))
    # The controls: what is not on the list, and what a rule means.
    assert is_fake(data(ask(laptop, "www.apple.com"))[0])
    assert is_fake(data(ask(laptop, "time.nist.gov"))[0])
    told = laptop.out(daemons.command("dnsd", "--explain", "time.apple.com"))
    assert "built-in list" in told and "time server" in told
    daemons.write(config + "dnsd: { builtin-direct: off }\n")
    os.kill(daemons.pid("dnsd"), signal.SIGHUP)
    reload_is_over(daemons, "reloaded")
    for name in breaking:
        assert is_fake(data(ask(laptop, name))[0]), name
    home.close()


HOSTS = """\
hosts:
  nas.lan: [192.0.2.5, "2001:db8::5"]
  "+.dev.test": 192.0.2.6
"""


def test_written_addresses_come_first_and_are_read_again(laptop, start):
    hosts = laptop.path("/etc/hosts")
    hosts.write_text("127.0.0.1 localhost\n192.0.2.7 seven.example seven\n"
                     "192.0.2.8 nas.lan\n")
    daemons = start(OUTBOUNDS + HOSTS + """\
rules: ["DOMAIN-SUFFIX,seven.example,REJECT", "MATCH,proxy"]
""")
    assert data(ask(laptop, "Seven.example")) == ["192.0.2.7"]
    assert data(ask(laptop, "seven")) == ["192.0.2.7"]
    assert is_nodata(ask(laptop, "seven.example", "AAAA"))
    for rdtype in ("HTTPS", "SVCB", "ANY"):
        assert is_nodata(ask(laptop, "seven.example", rdtype))
    assert data(ask(laptop, "7.2.0.192.in-addr.arpa", "PTR")) == [
        "seven.example."]
    # The configuration hides the file.
    assert data(ask(laptop, "nas.lan")) == ["192.0.2.5"]
    assert data(ask(laptop, "nas.lan", "AAAA")) == ["2001:db8::5"]
    assert data(ask(laptop, "a.b.dev.test")) == ["192.0.2.6"]
    # What it says nothing of goes the usual way, but exists.
    assert is_nodata(ask(laptop, "nas.lan", "TXT"))
    assert is_fake(data(ask(laptop, "a.seven.exampl"))[0])
    code, text = error(ask(laptop, "seven.example"))
    assert code == 4 and text == "/etc/hosts:2"
    told = explain(laptop, daemons, "seven.example")
    assert told["decision"] == "hosts" and told["hosts"] == "/etc/hosts:2"
    assert "written down in /etc/hosts:2" in told["reason"]
    # Replaced, as most programs do it, and written over.
    new = laptop.path("/etc/hosts.new")
    new.write_text("192.0.2.9 seven.example\n")
    laptop.run("mv /etc/hosts.new /etc/hosts")
    wait_until(lambda: data(ask(laptop, "seven.example")) == ["192.0.2.9"],
               "the new file is read")
    hosts.write_text("192.0.2.10 seven.example\n")
    wait_until(lambda: data(ask(laptop, "seven.example")) == ["192.0.2.10"],
               "what is written over it is read")
    # Without the daemon the same is told.
    daemons.stop("dnsd")
    assert explain(laptop, daemons, "seven.example")["answer"] == "192.0.2.10"
    daemons.start("dnsd")
    daemons.write(OUTBOUNDS + 'rules: ["MATCH,proxy"]\n'
                  "dnsd: { hosts-file: off }\n")
    os.kill(daemons.pid("dnsd"), signal.SIGHUP)
    reload_is_over(daemons, "reloaded")
    assert is_fake(data(ask(laptop, "seven.example"))[0])


def test_this_hosts_own_lines_are_not_told_to_others(net, laptop, start):
    """127.0.1.1 of the file is this host; to the LAN it would be the asker."""
    hosts = laptop.path("/etc/hosts")
    hosts.write_text("127.0.0.1 localhost\n127.0.1.1 laptop.example\n"
                     "::1 laptop.example\n127.0.0.1 both.example\n"
                     "192.0.2.7 both.example\n")
    daemons = start(OUTBOUNDS + """\
hosts: { "written.example": 127.0.0.9 }
dnsd: { listen: ["0.0.0.0:53"] }
rules: ["MATCH,proxy"]
""")
    own, lan = (laptop, "127.0.0.1"), (net.router, ADDRESS["laptop"])
    for machine, server in (own, (laptop, ADDRESS["laptop"])):
        def told(name, rdtype="A"):
            return data(ask(machine, name, rdtype, server=server))
        assert told("laptop.example") == ["127.0.1.1"]
        assert told("laptop.example", "AAAA") == ["::1"]
        assert told("both.example") == ["127.0.0.1", "192.0.2.7"]
    machine, server = lan
    for rdtype in ("A", "AAAA"):
        assert is_nodata(ask(machine, "laptop.example", rdtype, server=server))
    assert data(ask(machine, "both.example", server=server)) == ["192.0.2.7"]
    assert data(ask(machine, "localhost", server=server)) == ["127.0.0.1"]
    assert data(ask(machine, "written.example",
                    server=server)) == ["127.0.0.9"]
    told = explain(laptop, daemons, "laptop.example")
    assert told["answer"] == "127.0.1.1"
    told = explain(laptop, daemons, "laptop.example", "--from", "192.168.7.1")
    assert told["answer"] == "no data"


def test_hosts_that_make_no_sense_are_told(laptop):
    daemons = Ersatz(laptop)
    for wrong, words in (('"a..b": 192.0.2.1', "is no name"),
                         ("a.lan: b.lan", "expected an address"),
                         ("a.lan: 198.18.0.5", "inside the fake pool"),
                         ('"a.*": 192.0.2.1', "*.lan")):
        daemons.write(OUTBOUNDS + f"hosts:\n  {wrong}\n"
                      'rules: ["MATCH,proxy"]\n')
        result = laptop.run(daemons.command("dnsd", "--check"), check=False)
        assert result.returncode == 1 and words in result.stderr, result
        assert "ersatz.yaml:5:" in result.stderr, result.stderr
