# SPDX-License-Identifier: BSD-2-Clause
"""What is told is what has decided: the Extended DNS Error of each answer that
dnsd made up or refused, and --watch and the query log of each answer."""
import json
import socket
import struct

import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from nameserver import Nameserver
from test_dnsd import data, error
from topology import PATIENCE, Ersatz, Machine, wait_until

FILE = "/etc/ersatz/ersatz.yaml"
LIST = "/etc/ersatz/ads.txt"
LOG = "/run/queries/log"
CONFIG = f"""\
outbounds:
  proxy: {{ type: socks5, server: "192.0.2.9:1080" }}
upstreams:
  far: {{ servers: ["192.0.2.53"], via: proxy }}
  home: {{ servers: ["127.0.0.1:5301"] }}
hosts: {{ "written.example": 192.0.2.5 }}
rules:
  - RULE-SET,ads.txt,REJECT
  - DOMAIN-SUFFIX,dropped.example,REJECT-DROP
  - DOMAIN-SUFFIX,direct.example,DIRECT
  - AND,((DOMAIN,ten.example),(IP-CIDR,10.0.0.0/8)),DIRECT
  - MATCH,proxy
dnsd: {{ query-log: {LOG}, upstream: home }}
"""
BLOCKED = f"rule 'RULE-SET,ads.txt,REJECT' ({FILE}:8, {LIST}:2)"
DROPPED = f"rule 'DOMAIN-SUFFIX,dropped.example,REJECT-DROP' ({FILE}:9)"
DIRECT = f"rule 'DOMAIN-SUFFIX,direct.example,DIRECT' ({FILE}:10)"
TEN = "AND,((DOMAIN,ten.example),(IP-CIDR,10.0.0.0/8)),DIRECT"
MATCH = f"rule 'MATCH,proxy' ({FILE}:12)"
POOL = "fake address: 198.18.0.0/15 is dnsd.fake.ipv4"
FORGED, BLOCKED_CODE, UNSUPPORTED, OTHER = 4, 15, 21, 0

HTTPS = {"hinted": "1 . alpn=h2 ipv4hint=192.0.2.1",
         "plain": "1 . alpn=h2", "alias": "0 other.example."}


def conduct(query):
    """10.1.2.3 of ten.*, NXDOMAIN of no.*, HTTPS by the first label."""
    label = str(query.name).split(".", maxsplit=1)[0]
    rdtype = dns.rdatatype.to_text(query.question.rdtype)
    if label == "no":
        reply = query.reply(rcode=dns.rcode.NXDOMAIN)
        reply.authority = [dns.rrset.from_text(
            "example.", 60, "IN", "SOA", "ns.example. nobody.example. 1 60 60 "
            "60 60")]
        query.send(reply)
    elif label == "silent":
        query.send(query.reply(rcode=dns.rcode.SERVFAIL))
    elif rdtype == "HTTPS" and label in HTTPS:
        query.send(query.reply(records=[dns.rrset.from_text(
            query.name, 60, "IN", "HTTPS", HTTPS[label])]))
    else:
        query.send(query.reply("10.1.2.3" if label == "ten"
                               else "192.0.2.1"))


class Host:
    """dnsd on a machine of its own, somebody who looks on, and a client."""

    def __init__(self, folder, config=CONFIG):
        self.machine = Machine("alone", folder)
        self.machine.run("mkdir /run/queries && chown ersatz /run/queries")
        self.ersatz = Ersatz(self.machine, config)
        self.machine.path(LIST).write_text("# ads\n+.ads.example\n")
        self.machine.path("/etc/hosts").write_text(
            "127.0.0.1 localhost\n192.0.2.7 seven.example\n"
            "192.0.2.8 no.written.example here.ads.example\n")
        self.server = Nameserver(self.machine, 5301, conduct)
        self.ersatz.start("dnsd")
        self.watcher = self.machine.start(
            self.ersatz.command("dnsd", "--watch", "--json"), log="watch")
        self.sock = self.machine.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(("127.0.0.1", 53))
        wait_until(lambda: (self.ask("probe.example"), self.seen())[1],
                   "the watcher is told")

    def send(self, wire):
        self.sock.send(wire)
        return dns.message.from_wire(self.sock.recv(4096))

    def ask(self, name, rdtype="A", **more):
        more.setdefault("use_edns", 0)
        return self.send(dns.message.make_query(name, rdtype,
                                                **more).to_wire())

    def explain(self, *words):
        return json.loads(self.machine.out(self.ersatz.command(
            "dnsd", "--json", "--explain", *words)))

    def seen(self):
        return [json.loads(line) for line in
                self.machine.log("watch").splitlines()]

    def last_seen(self, name, rdtype="A"):
        """What the watcher is told of that question, once."""
        def found():
            return [line for line in self.seen() if
                    (line["name"], line["type"]) == (name, rdtype)]
        wait_until(found, f"{name} {rdtype} is told")
        return found()[-1]

    def logged(self, text):
        wait_until(lambda: text in self.machine.path(LOG).read_text(),
                   f"'{text}' is logged")

    def close(self):
        try:
            self.machine.kill(self.watcher)
            self.ersatz.stop("dnsd")
            self.server.close()
            self.sock.close()
        finally:
            self.machine.close()


@pytest.fixture
def host(tmp_path):
    tmp_path.chmod(0o755)
    host = Host(tmp_path)
    yield host
    host.close()


# Question; code and text of its EDE; verdict, outbound and upstream of --watch.
ANSWERS = (
    ("fake.example", "A", FORGED, MATCH, "fake", "proxy", None),
    ("fake.example", "AAAA", FORGED, MATCH, "fake", "proxy", None),
    ("fake.example", "ANY", FORGED, MATCH, "nodata", "proxy", None),
    ("www.ads.example", "A", BLOCKED_CODE, BLOCKED, "reject", "REJECT", None),
    ("www.ads.example", "TXT", BLOCKED_CODE, BLOCKED, "reject", "REJECT",
     None),
    ("dropped.example", "A", FORGED, DROPPED, "fake", "REJECT-DROP", None),
    ("dropped.example", "TXT", FORGED, DROPPED, "nodata", "REJECT-DROP", None),
    ("3.0.18.198.in-addr.arpa", "PTR", FORGED, POOL, "reverse", None, None),
    ("3.0.18.198.in-addr.arpa", "TXT", FORGED, POOL, "reverse", None, None),
    ("9.9.19.198.in-addr.arpa", "PTR", FORGED, POOL, "reverse", None, None),
    # An upstream's word that had to be mended; and the control, which had not.
    ("no.example", "TXT", FORGED, MATCH, "forward", "proxy", "home"),
    ("no.example", "HTTPS", FORGED, MATCH, "forward", "proxy", "home"),
    ("hinted.example", "HTTPS", FORGED, MATCH, "forward", "proxy", "home"),
    ("alias.example", "HTTPS", FORGED, MATCH, "forward", "proxy", "home"),
    ("plain.example", "HTTPS", None, None, "forward", "proxy", "home"),
    ("some.example", "TXT", None, None, "forward", "proxy", "home"),
    # Real ones.
    ("direct.example", "A", None, None, "forward", "DIRECT", "home"),
    ("no.direct.example", "A", None, None, "forward", "DIRECT", "home"),
    ("ten.example", "A", None, None, "forward", "DIRECT", "home"),
    # What somebody wrote down, and what it means for the rest.
    ("seven.example", "A", FORGED, "/etc/hosts:2", "hosts", None, None),
    ("seven.example", "AAAA", FORGED, "/etc/hosts:2", "hosts", None, None),
    ("written.example", "A", FORGED, f"{FILE}:6", "hosts", None, None),
    ("seven.example", "TXT", None, None, "forward", "proxy", "home"),
    ("no.written.example", "TXT", FORGED, f"{MATCH[:-1]}, /etc/hosts:3)",
     "forward", "proxy", "home"),
    ("here.ads.example", "TXT", FORGED, "/etc/hosts:3", "hosts", None, None),
    # Special ones.
    ("a.localhost", "A", OTHER, "it is this host (RFC 6761, 6303)", "special",
     None, None),
    ("a.onion", "A", OTHER, "'onion' is for Tor, and not for DNS (RFC 7686)",
     "special", None, None),
    ("use-application-dns.net", "A", OTHER,
     "browsers ask for it whether they may use a resolver of their own; they "
     "must not here", "special", None, None),
    ("nas.local", "A", None, None, "site", "DIRECT", "home"),
    ("time.apple.com", "A", None, None, "forward", "DIRECT", "home"),
)


def test_what_was_made_up_names_who_decided(host):
    wrong = []
    for name, rdtype, code, text, verdict, outbound, upstream in ANSWERS:
        got = error(host.ask(name, rdtype))
        if got != (code, text):
            wrong.append((name, rdtype, "EDE", got))
        line = host.last_seen(name, rdtype)
        got = (line["verdict"], line["outbound"], line["upstream"])
        if got != (verdict, outbound, upstream):
            wrong.append((name, rdtype, "watch", got))
        # The rule that is told is that of the answer.
        if line["rule"] and text and text.startswith("rule"):
            place = f"{line['file']}:{line['line']}"
            if line["list_file"]:
                place += f", {line['list_file']}:{line['list_line']}"
            if line["hosts"]:
                place += f", {line['hosts']}"
            assert text == f"rule '{line['rule']}' ({place})"
        if line["verdict"] in ("reverse", "hosts", "special", "site"):
            assert line["rule"] is None, line
    assert not wrong
    assert host.last_seen("ten.example")["rule"] == TEN
    assert host.last_seen("a.localhost")["special"].startswith("it is this host")
    assert host.last_seen("seven.example")["hosts"] == "/etc/hosts:2"
    assert "its addresses are written down in /etc/hosts:3, and for TXT " \
        "upstream 'home'" in host.explain("no.written.example",
                                          "TXT")["reason"]
    assert "a time server" in host.last_seen("time.apple.com")["special"]
    host.logged("www.ads.example A: reject NXDOMAIN, ")
    host.logged(f" us, {BLOCKED}\n")
    host.logged("ten.example A: forward 10.1.2.3, ")
    host.logged(f" us, rule '{TEN}' ({FILE}:11), upstream 'home'\n")
    host.logged(" us, /etc/hosts:2\n")


def test_what_is_refused_has_no_rule(host):
    query = dns.message.make_query("fake.example", "A", use_edns=0)
    chaos = dns.message.make_query("version.bind", "TXT", "CH", use_edns=0)
    notify = dns.message.make_query("fake.example", "SOA", use_edns=0)
    notify.set_opcode(dns.opcode.NOTIFY)
    future = query.to_wire()
    future = future[:-5] + b"\x01" + future[-4:]
    for wire, question, rcode, verdict, words in (
            (chaos.to_wire(), ("version.bind", "TXT"), "REFUSED", "refused",
             "only class IN"),
            (notify.to_wire(), ("fake.example", "SOA"), "NOTIMP", "refused",
             "only queries"),
            (future, ("fake.example", "A"), "BADVERS", "refused",
             "only EDNS 0"),
            (dns.message.make_query("a.example", "AXFR",
                                    use_edns=0).to_wire(),
             ("a.example", "AXFR"), "REFUSED", "refused", "this type"),
            (query.to_wire()[:20], (None, None), "FORMERR", "malformed", "")):
        answer = host.send(wire)
        assert dns.rcode.to_text(answer.rcode()) == rcode
        assert words in (error(answer)[1] or "")
        line = host.last_seen(*question)
        assert (line["rcode"], line["verdict"]) == (rcode, verdict)
        assert line["rule"] is line["outbound"] is line["upstream"] is None
    # The control: another name, asked as it should be.
    assert host.ask("control.example").rcode() == dns.rcode.NOERROR
    assert host.last_seen("control.example")["rule"] == "MATCH,proxy"


def test_what_fails_names_rule_and_reason(host):
    answer = host.ask("silent.direct.example")
    assert answer.rcode() == dns.rcode.SERVFAIL
    code, text = error(answer)
    assert code in (22, 23) and text.endswith(f", {DIRECT}")
    line = host.last_seen("silent.direct.example")
    assert (line["verdict"], line["answer"]) == ("forward", "SERVFAIL")
    assert line["upstream"] == "home"
    # Nobody waits for HTTPS to connect: that is empty, and says why.
    code, text = error(host.ask("silent.example", "HTTPS"))
    assert code in (22, 23) and text.endswith(f", {MATCH}")


def test_names_found_missing_and_full_pools_are_told(host):
    host.ersatz.stop("dnsd")
    host.ersatz.write(CONFIG.replace(
        "upstream: home", "upstream: home, "
        "fake: { verify: first, ipv4: 198.18.0.0/28 }"))
    host.machine.path("/var/lib/ersatz/map.db").unlink()
    host.ersatz.start("dnsd")
    watcher = host.machine.start(
        host.ersatz.command("dnsd", "--watch", "--json"), log="watch2")
    wait_until(lambda: (host.ask("probe.example"),
                        host.machine.log("watch2"))[1], "the watcher is told")

    def last(name):
        def lines():
            return [line for line in
                    map(json.loads, host.machine.log("watch2").splitlines())
                    if line["name"] == name]
        wait_until(lines, f"{name} is told")
        return lines()[-1]

    answer = host.ask("no.example")
    assert answer.rcode() == dns.rcode.NXDOMAIN
    assert error(answer) == (
        OTHER, "upstream 'home' does not know the name (dnsd.fake.verify), "
        f"{MATCH}")
    line = last("no.example")
    assert (line["verdict"], line["upstream"]) == ("missing", "home")
    free = host.explain("full.example")
    assert (free["answer"], free["slots"], free["slots_free"]) == (
        None, 12, 11)
    assert "when it is first asked" in free["reason"]
    for number in range(11):
        assert data(host.ask(f"n{number}.example"))
    full = host.explain("full.example")
    assert (full["answer"], full["slots_free"]) == ("SERVFAIL", 0)
    assert "no fake address, because all are given, and routed has not " \
        "told" in full["reason"]
    assert host.explain("n3.example")["answer"].startswith("198.18.0.")
    status = host.machine.out(host.ersatz.command("dnsd", "--status"))
    assert "names      12 of 12 addresses given" in status
    assert "pool       is full: routed has not told" in status
    answer = host.ask("full.example")
    assert answer.rcode() == dns.rcode.SERVFAIL
    assert error(answer) == (
        OTHER, "all fake addresses are given, and routed has not told which "
        f"ones flows use, {MATCH}")
    assert last("full.example")["verdict"] == "full"
    host.machine.kill(watcher)
    # Without the daemon, too.
    host.ersatz.stop("dnsd")
    assert host.explain("full.example")["answer"] == "SERVFAIL"
    assert host.explain("n3.example")["answer"].startswith("198.18.0.")
    host.ersatz.start("dnsd")
