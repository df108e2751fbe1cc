# SPDX-License-Identifier: BSD-2-Clause
"""dnsd and its upstreams: honest ones, hostile ones, none at all.

    laptop (a network of its own)
      test --> dnsd 127.0.0.1:53 --> nameservers of the test, 127.0.0.1:5301..

Each attack has a control: the same forged address in an answer that passes the
check does arrive, so the test would see it.
"""
import itertools
import json
import os
import signal
import socket
import struct

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
import topology
from nameserver import (FORGED, GOOD, Nameserver, gives, honest, says)
from topology import PATIENCE, Ersatz, Machine, wait_until

RULES = "rules: [\"MATCH,DIRECT\"]"


class Laptop:
    """One machine with dnsd, and nameservers beside it."""

    def __init__(self, folder):
        self.machine = Machine("laptop", folder)
        self.servers = []
        self.ersatz = Ersatz(self.machine)

    def server(self, conduct=honest, port=None):
        port = port or 5301 + len(self.servers)
        self.servers.append(Nameserver(self.machine, port, conduct))
        return self.servers[-1]

    def start(self, servers=None, rules=RULES, timeout="20s", more="",
              **popen):
        """dnsd with those servers, or with all that were made so far."""
        if servers is None:
            servers = [f"127.0.0.1:{s.udp.getsockname()[1]}"
                       for s in self.servers]
        self.ersatz.write(f"""\
upstreams:
  home: {{ servers: {json.dumps(servers)} }}
{more}
{rules}
dnsd: {{ timeout: {timeout} }}
""")
        self.ersatz.start("dnsd", **popen)
        return self

    def ask(self, name="www.example.com", kind="A", **more):
        """The one answer by UDP."""
        query = dns.message.make_query(name, kind, **more)
        with self.client() as client:
            client.send(query.to_wire())
            answer = dns.message.from_wire(client.recv(65535))
        assert query.is_response(answer)
        return answer

    def ask_tcp(self, name="www.example.com", kind="A", **more):
        query = dns.message.make_query(name, kind, **more)
        wire = query.to_wire()
        with self.machine.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
            client.settimeout(PATIENCE)
            client.connect(("127.0.0.1", 53))
            client.sendall(struct.pack("!H", len(wire)) + wire)
            with client.makefile("rb") as file:
                size, = struct.unpack("!H", file.read(2))
                return dns.message.from_wire(file.read(size))

    def client(self):
        client = self.machine.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.settimeout(PATIENCE)
        client.connect(("127.0.0.1", 53))
        return client

    def control(self, **request):
        """All lines that the control socket answers."""
        path = str(self.machine.path("/run/ersatz/dnsd.sock"))
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE)
            client.connect(path)
            client.sendall(json.dumps(request).encode() + b"\n")
            with client.makefile() as file:
                lines = []
                while not lines or "end" not in lines[-1]:
                    lines.append(json.loads(file.readline()))
                return lines

    def dnsd(self, *args, **more):
        return self.machine.run(self.ersatz.command("dnsd", *args), **more)

    def close(self):
        try:
            self.ersatz.stop("dnsd")
            for server in self.servers:
                server.close()
        finally:
            self.machine.close()


@pytest.fixture
def laptop(tmp_path):
    tmp_path.chmod(0o755)
    laptop = Laptop(tmp_path)
    yield laptop
    laptop.close()


def addresses(answer):
    return sorted(str(rdata) for rrset in answer.answer for rdata in rrset
                  if rrset.rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA))


def ede(answer):
    """The texts of the Extended DNS Errors."""
    return " ".join(option.text or "" for option in answer.options
                    if option.otype == dns.edns.OptionType.EDE)


def is_failure(answer):
    return answer.rcode() == dns.rcode.SERVFAIL and not answer.answer


# --- what an honest server says arrives ------------------------------------

def test_an_answer_arrives_as_the_clients_own(laptop):
    server = laptop.server()
    laptop.start()
    answer = laptop.ask("WwW.Example.COM")
    assert addresses(answer) == [GOOD]
    assert str(answer.question[0].name) == "WwW.Example.COM."
    assert answer.flags & dns.flags.RA
    assert not answer.flags & dns.flags.AA
    assert answer.edns == -1
    assert len(server.queries) == 1
    asked = server.queries[0].message
    assert str(asked.question[0].name) == "www.example.com."
    assert asked.edns == 0 and not asked.options


def test_ids_and_ports_are_random(laptop):
    server = laptop.server()
    laptop.start()
    for i in range(64):
        assert addresses(laptop.ask(f"n{i}.example")) == [GOOD]
    ids = [query.message.id for query in server.queries]
    ports = [query.peer[1] for query in server.queries]
    assert len(set(ids)) > 56
    assert len(set(ports)) > 56
    steps = {b - a for a, b in itertools.pairwise(ids)}
    assert len(steps) > 48
    steps = {b - a for a, b in itertools.pairwise(ports)}
    assert len(steps) > 48


def test_flags_and_do_are_handed_on(laptop):
    server = laptop.server()
    laptop.start()
    answer = laptop.ask(flags=dns.flags.RD | dns.flags.CD, want_dnssec=True)
    assert answer.ednsflags & dns.flags.DO
    asked = server.queries[-1].message
    assert asked.flags & dns.flags.CD and asked.ednsflags & dns.flags.DO
    laptop.ask(flags=dns.flags.RD)
    assert not server.queries[-1].message.flags & dns.flags.CD


def test_other_types_and_negative_answers_pass(laptop):
    def conduct(query):
        message = query.reply(rcode=dns.rcode.NXDOMAIN)
        message.authority = [dns.rrset.from_text(
            "example.com.", 60, "IN", "SOA", "ns. root. 1 2 3 4 5")]
        if query.question.rdtype == dns.rdatatype.TXT:
            message = query.reply(records=[dns.rrset.from_text(
                query.name, 60, "IN", "TXT", '"hello"')])
        query.send(message)

    laptop.server(conduct)
    laptop.start()
    answer = laptop.ask()
    assert answer.rcode() == dns.rcode.NXDOMAIN
    assert answer.authority[0].rdtype == dns.rdatatype.SOA
    assert "hello" in laptop.ask(kind="TXT").answer[0].to_text()


def test_a_large_answer_is_cut_for_udp_and_whole_by_tcp(laptop):
    many = [f"192.0.2.{i}" for i in range(1, 200)]

    def conduct(query):
        message = query.reply(records=[dns.rrset.from_text(
            query.name, 60, "IN", "A", *many)])
        if not query.is_tcp:
            message.answer = []
            message.flags |= dns.flags.TC
        query.send(message)

    server = laptop.server(conduct)
    laptop.start()
    answer = laptop.ask()
    assert answer.flags & dns.flags.TC
    assert 0 < len(addresses(answer)) < len(many)
    answer = laptop.ask_tcp()
    assert len(addresses(answer)) == len(many)
    assert not answer.flags & dns.flags.TC
    # The second answer is the first one, which was kept whole.
    assert [q.is_tcp for q in server.queries] == [False, True]


def test_a_truncated_answer_is_asked_for_by_tcp(laptop):
    def conduct(query):
        message = query.reply()
        if not query.is_tcp:
            message = query.reply(FORGED)
            message.flags |= dns.flags.TC
        query.send(message)

    server = laptop.server(conduct)
    laptop.start()
    assert addresses(laptop.ask()) == [GOOD]
    assert [q.is_tcp for q in server.queries] == [False, True]
    ids = {q.message.id for q in server.queries}
    assert len(ids) == 2


def test_a_server_may_be_asked_by_tcp_only(laptop):
    server = laptop.server()
    laptop.start(["tcp://127.0.0.1:5301"])
    assert addresses(laptop.ask()) == [GOOD]
    assert [q.is_tcp for q in server.queries] == [True]


def test_a_server_without_edns_is_asked_without(laptop):
    def conduct(query):
        if query.message.edns >= 0:
            header = query.wire[:2] + b"\x80\x01" + bytes(8)
            query.send(header)
        else:
            query.send(query.reply())

    server = laptop.server(conduct)
    laptop.start()
    assert addresses(laptop.ask()) == [GOOD]
    assert [q.message.edns for q in server.queries] == [0, -1]


# --- forged answers are ignored, and the right one is waited for -----------

def wrong_id(query):
    wire = query.reply(FORGED).to_wire()
    for i in (1, 0x100, 0x8000):
        number = struct.unpack("!H", wire[:2])[0] ^ i
        query.send(struct.pack("!H", number) + wire[2:])


def wrong_source(query):
    query.send(query.reply(FORGED), source=query.server.other)


def wrong_question(query):
    other = dns.message.make_query("www.example.net", "A")
    other.id = query.message.id
    message = dns.message.make_response(other)
    message.answer = [dns.rrset.from_text(query.name, 60, "IN", "A", FORGED)]
    query.send(message)


def wrong_type(query):
    other = dns.message.make_query(query.name, "AAAA")
    other.id = query.message.id
    message = dns.message.make_response(other)
    message.answer = [dns.rrset.from_text(query.name, 60, "IN", "A", FORGED)]
    query.send(message)


def no_question(query):
    message = query.reply(FORGED)
    message.question = []
    query.send(message)


def not_an_answer(query):
    message = query.reply(FORGED)
    message.flags &= ~dns.flags.QR
    query.send(message)


def garbage(query):
    for size in (0, 1, 11, 12, 40):
        query.send(b"\xff" * size)
    query.send(query.wire)


ATTACKS = [wrong_id, wrong_source, wrong_question, wrong_type, no_question,
           not_an_answer, garbage]


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_forged_answer_is_ignored_and_the_right_one_taken(laptop, attack):
    def conduct(query):
        attack(query)
        query.send(query.reply())

    server = laptop.server(conduct)
    laptop.start()
    assert addresses(laptop.ask()) == [GOOD]
    assert len(server.queries) == 1, "the right answer was not waited for"


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_forged_answer_alone_is_no_answer(laptop, attack):
    laptop.server(attack)
    laptop.start(timeout="300ms")
    answer = laptop.ask(use_edns=0)
    assert is_failure(answer)
    assert "did not answer" in ede(answer)


def test_control_what_passes_the_check_arrives(laptop):
    """The forged address itself would be seen: here it is not forged."""
    laptop.server(gives(FORGED))
    laptop.start()
    assert addresses(laptop.ask()) == [FORGED]


def test_a_flood_of_forged_answers_does_not_hide_the_right_one(laptop):
    def conduct(query):
        wire = query.reply(FORGED).to_wire()
        for i in range(1, 200):
            number = struct.unpack("!H", wire[:2])[0] ^ i
            query.send(struct.pack("!H", number) + wire[2:])
        query.send(query.reply())

    laptop.server(conduct)
    laptop.start()
    assert addresses(laptop.ask()) == [GOOD]


NEEDS_ADDRESS = """\
outbounds:
  proxy: { type: socks5, server: "127.0.0.1:1080" }
rules:
  - IP-CIDR,10.0.0.0/8,DIRECT
  - IP-CIDR6,2001:db8::/32,DIRECT
  - MATCH,proxy
"""


def is_fake(answer):
    return [a.startswith(("198.18.", "198.19.", "2001:2:"))
            for a in addresses(answer)] == [True]


def test_a_rule_that_wants_the_address_gets_it(laptop):
    def conduct(query):
        if query.name.labels[0] == b"missing":
            query.send(query.reply(rcode=dns.rcode.NXDOMAIN))
        elif query.name.labels[0] == b"broken":
            query.send(query.reply(rcode=dns.rcode.SERVFAIL))
        elif query.question.rdtype == dns.rdatatype.AAAA:
            query.send(query.reply("2001:db8::1" if query.name.labels[0] ==
                                   b"inside" else None))
        else:
            query.send(query.reply("10.1.2.3" if query.name.labels[0] ==
                                   b"inside" else "192.0.2.1"))

    laptop.server(conduct)
    laptop.start(rules=NEEDS_ADDRESS)
    assert addresses(laptop.ask("inside.example")) == ["10.1.2.3"]
    assert addresses(laptop.ask("inside.example", "AAAA")) == ["2001:db8::1"]
    assert is_fake(laptop.ask("outside.example"))
    # A proxy may know what this upstream does not.
    assert is_fake(laptop.ask("missing.example"))
    assert is_fake(laptop.ask("broken.example"))
    # A name without such an address is told as it is.
    answer = laptop.ask("outside.example", "AAAA")
    assert answer.rcode() == dns.rcode.NOERROR and not answer.answer


# --- the resolvers that the host had before --------------------------------

MARKER = "# Written by routed (ersatz)\n"


def system_server(laptop, address, marker):
    """A resolver at 127.0.0.x:53 that says who it is."""
    laptop.servers.append(Nameserver(laptop.machine, 53, gives(marker),
                                     address))


def test_system_follows_resolv_conf(laptop):
    system_server(laptop, "127.0.0.11", "192.0.2.11")
    system_server(laptop, "127.0.0.12", "192.0.2.12")
    conf = laptop.machine.path("/etc/resolv.conf")
    conf.write_text("nameserver 127.0.0.11\n")
    laptop.start(["system"])
    assert addresses(laptop.ask()) == ["192.0.2.11"]
    conf.write_text("# moved to another network\nnameserver 127.0.0.12\n")
    # What the first one said is another network's, too.
    wait_until(lambda: addresses(laptop.ask()) == ["192.0.2.12"],
               "the new resolver is asked")
    # Once routed has written its own, the copy counts, and only then.
    before = laptop.machine.path("/run/ersatz/resolv.conf.before")
    before.write_text("nameserver 127.0.0.11\n")
    assert addresses(laptop.ask()) == ["192.0.2.12"]
    conf.write_text(f"{MARKER}nameserver 127.0.0.1\n")
    wait_until(lambda: addresses(laptop.ask()) == ["192.0.2.11"],
               "the resolver from before is asked")
    before.unlink()
    wait_until(lambda: is_failure(laptop.ask(use_edns=0)),
               "no resolver is left")


def test_we_are_not_asked_by_ourselves(laptop):
    conf = laptop.machine.path("/etc/resolv.conf")
    conf.write_text("nameserver 127.0.0.1\n")
    laptop.start(["system"])
    answer = laptop.ask(use_edns=0)
    assert is_failure(answer)
    assert "dnsd itself" in ede(answer)
    # The control: another address of loopback is somebody else.
    system_server(laptop, "127.0.0.11", "192.0.2.11")
    conf.write_text("nameserver 127.0.0.1\nnameserver 127.0.0.11\n")
    wait_until(lambda: addresses(laptop.ask()) == ["192.0.2.11"],
               "the other one is asked")


# --- the control socket ----------------------------------------------------

def test_the_verb_resolve_gives_real_addresses_of_a_faked_name(laptop):
    def conduct(query):
        records = [
            dns.rrset.from_text(query.name, 60, "IN", "CNAME", "b.example."),
            dns.rrset.from_text("b.example.", 60, "IN", "A", "192.0.2.7",
                                "192.0.2.8"),
            dns.rrset.from_text("c.example.", 60, "IN", "A", FORGED)]
        if query.name.labels[0] == b"missing":
            query.send(query.reply(rcode=dns.rcode.NXDOMAIN))
        elif query.question.rdtype == dns.rdatatype.A:
            query.send(query.reply(records=records))
        else:
            query.send(query.reply("2001:db8::7"))

    laptop.server(conduct)
    other = laptop.server(gives("192.0.2.99"))
    laptop.start(["127.0.0.1:5301"], rules=NEEDS_ADDRESS,
                 more='  other: { servers: ["127.0.0.1:5302"] }')
    *lines, end = laptop.control(verb="resolve", name="a.example")
    assert end == {"end": True}
    assert sorted(line["address"] for line in lines) == ["192.0.2.7",
                                                         "192.0.2.8"]
    assert laptop.control(verb="resolve", name="a.example", family=6) == [
        {"address": "2001:db8::7"}, {"end": True}]
    assert laptop.control(verb="resolve", name="a.example",
                          upstream="other") == [
        {"address": "192.0.2.99"}, {"end": True}]
    assert len(other.queries) == 1
    for request in ({"name": "missing.example"}, {"name": "a..b"}, {},
                    {"name": "a.example", "upstream": "nobody"},
                    {"name": "a.example", "family": 5}):
        line, = laptop.control(verb="resolve", **request)
        assert line["end"] and line["error"], request


def test_a_client_that_leaves_while_we_resolve_harms_nobody(laptop):
    held = []
    server = laptop.server(held.append)
    laptop.start(timeout="60s")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(laptop.machine.path("/run/ersatz/dnsd.sock")))
        client.sendall(b'{"verb":"resolve","name":"a.example"}\n'
                       b'{"verb":"explain","name":"a.example"}\n')
        wait_until(lambda: held, "the upstream was asked")
    server.conduct = honest
    for late in list(held):
        late.send(late.reply())
    assert addresses(laptop.ask()) == [GOOD]


def test_a_reload_asks_again_what_is_under_way(laptop):
    held = []
    server = laptop.server(held.append)
    laptop.start(timeout="60s")
    with laptop.client() as client, socket.socket(socket.AF_UNIX) as control:
        control.settimeout(PATIENCE)
        control.connect(str(laptop.machine.path("/run/ersatz/dnsd.sock")))
        control.sendall(b'{"verb":"resolve","name":"a.example"}\n')
        query = dns.message.make_query("b.example", "A", use_edns=0)
        client.send(query.to_wire())
        wait_until(lambda: len(held) >= 2, "both were asked upstream")
        server.conduct = honest
        os.kill(laptop.ersatz.pid("dnsd"), signal.SIGHUP)
        answer = dns.message.from_wire(client.recv(65535))
        assert query.is_response(answer) and addresses(answer) == [GOOD]
        # A client of the control socket asks again itself.
        assert "reads its configuration anew" in control.recv(4096).decode()


def test_a_stop_answers_what_is_under_way(laptop):
    held = []
    laptop.server(held.append)
    laptop.start(timeout="60s")
    with laptop.client() as client, socket.socket(socket.AF_UNIX) as control:
        control.settimeout(PATIENCE)
        control.connect(str(laptop.machine.path("/run/ersatz/dnsd.sock")))
        control.sendall(b'{"verb":"resolve","name":"a.example"}\n')
        query = dns.message.make_query("b.example", "A", use_edns=0)
        client.send(query.to_wire())
        wait_until(lambda: len(held) >= 2, "both were asked upstream")
        laptop.ersatz.stop("dnsd")
        answer = dns.message.from_wire(client.recv(65535))
        assert is_failure(answer) and "dnsd stops" in ede(answer)


# --- real parts ------------------------------------------------------------

def test_a_bound_socket_does_not_enter_a_default_route_of_ours(net):
    """The uplink is eth0, whatever lies in front of it.

    The control: a socket that is not bound goes into the device that swallows
    everything, and gets no answer.
    """
    machine = net.laptop
    ersatz = Ersatz(machine, """\
upstreams: { home: { servers: ["192.168.7.1"] } }
rules: ["MATCH,DIRECT"]
dnsd: { timeout: 20s }
""")
    machine.run("ip link add hole type veth peer name drain;"
                "ip link set drain up; ip link set hole up;"
                "ip rule add pref 4000 table 4000;"
                "ip route add 0.0.0.0/1 dev hole table 4000 proto 198;"
                "ip route add 128.0.0.0/1 dev hole table 4000 proto 198")
    ersatz.start("dnsd")
    dig = ["dig", "+short", "+tries=1", "direct.example"]
    assert machine.run([*dig, "+time=1", "@192.168.7.1"],
                       check=False).returncode != 0
    assert machine.out([*dig, "+time=60", "@127.0.0.1"]).strip() == \
        topology.ADDRESS["site"]
    ersatz.stop("dnsd")


def test_unbound_as_upstream(net):
    machine = net.laptop
    ersatz = Ersatz(machine, """\
upstreams: { home: { servers: [system] } }
rules: ["MATCH,DIRECT"]
""")
    ersatz.start("dnsd")
    machine.path("/etc/resolv.conf").write_text("nameserver 192.168.7.1\n")

    def dig(*words):
        return machine.out(["dig", "@127.0.0.1", *words])

    assert dig("+short", "direct.example").strip() == topology.ADDRESS["site"]
    assert dig("+short", "direct.example", "AAAA").strip() == \
        topology.ADDRESS6["site"]
    assert dig("+short", "text.example", "TXT").strip() == '"home"'
    assert "status: NXDOMAIN" in dig("nobody.example")
    assert dig("+short", "+tcp", "direct.example").strip() == \
        topology.ADDRESS["site"]
    # The whole zone of a server that is gone is told, not waited for.
    machine.run("ip link set eth0 down")
    assert "EDE" in dig("+tries=1", "direct.example")
    ersatz.stop("dnsd")
