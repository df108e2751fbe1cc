# SPDX-License-Identifier: BSD-2-Clause
"""DIRECT names at kernel speed: dnsd tells routed, whose throw stands before
the application has its answer.

The nameserver at the router is the test's own: the names below have the site's
addresses, with a TTL of one second.
"""
import json
import os
import re
import signal
import socket

import dns.rcode
import dns.rrset
import peer
import pytest
from nameserver import Nameserver
from topology import ADDRESS, ADDRESS6, BUILD, ROUTER, Ersatz, wait_until

PORT = 5302
SITE = {4: ADDRESS["site"], 6: ADDRESS6["site"]}
LAPTOP = {4: ADDRESS["laptop"], 6: ADDRESS6["laptop"]}
PROXY = (ADDRESS["proxy"], ADDRESS6["proxy"])

RECORDS = {
    "direct.example.": SITE,
    "other.example.": SITE,
    "home.example.": {4: ROUTER["laptop"]},
    "adblock.example.": {4: "0.0.0.0"},
}

RULES = """\
  - DOMAIN-SUFFIX,direct.example,DIRECT
  - DOMAIN-SUFFIX,home.example,DIRECT
  - DOMAIN-SUFFIX,adblock.example,DIRECT
  - MATCH,proxy
"""


def config(rules=RULES, more=""):
    return f"""\
outbounds:
  proxy: {{ type: socks5, server: "{ADDRESS['proxy']}:1080" }}
upstreams:
  home: {{ servers: ["{ROUTER['laptop']}:{PORT}"] }}
rules:
{rules}{more}"""


def answer(query):
    kind, version = ("AAAA", 6) if query.question.rdtype == 28 else ("A", 4)
    name = str(query.name).lower()
    if name not in RECORDS:
        query.send(query.reply(rcode=dns.rcode.NXDOMAIN))
        return
    address = RECORDS[name].get(version)
    records = [dns.rrset.from_text(query.name, 1, "IN", kind, address)] \
        if address else []
    query.send(query.reply(records=records))


@pytest.fixture
def home(net):
    server = Nameserver(net.router, PORT, answer, ROUTER["laptop"])
    yield server
    server.close()


@pytest.fixture
def start(net, site, home):
    """Starts both daemons with those rules; all must end as it began."""
    started = []

    def begin(*args, routed=None, **more):
        net.start_microsocks()
        daemons = Ersatz(net.laptop, config(*args, **more))
        if routed:
            daemons.programs["routed"] = routed
        started.append(daemons.up())
        return started[0]

    yield begin
    for daemons in started:
        daemons.down()


def status(daemons, program):
    lines = daemons.machine.out(
        daemons.command(program, "--status", "--json")).splitlines()
    return json.loads(lines[0])


def throws(machine):
    """What is thrown for single hosts: none of the plan's own are."""
    text = machine.run("ip -4 route show table 197 type throw proto 198;"
                       "ip -6 route show table 197 type throw proto 198",
                       check=False).stdout  # there may be no such table
    return {line.split()[1] for line in text.splitlines()
            if "/" not in line.split()[1]} - {"255.255.255.255"}


def ask(machine, name="direct.example", version=4):
    return machine.out(f"getent ahostsv{version} {name}").split()[0]


def ask_thrown(machine, version=4):
    """Asks for direct.example until its throw stands: on a busy machine an
    answer leaves without it, 5 ms later, as test_throw_stands... says."""
    assert ask(machine, version=version) == SITE[version]
    wait_until(lambda: SITE[version] in throws(machine), "the throw")


def way(machine, address):
    """The link by which the kernel would send what has no source yet."""
    return re.search(r" dev (\S+)", machine.out(
        ["ip", "route", "get", address])).group(1)


def who(machine, host, version=4):
    """From which address the site sees us come."""
    host = f"[{host}]" if ":" in host else host
    return machine.out(
        f"curl -{version} -sS http://{host}/who").split()[0]


class Wiretap:
    """Counts packets of the site's addresses that cross the TUN."""

    def __init__(self, machine):
        self.machine = machine
        machine.start(["tcpdump", "-i", "ersatz0", "-U", "-n", "-l",
                       f"host {SITE[4]} or host {SITE[6]}"], log="tcpdump")
        wait_until(lambda: "listening on" in machine.log("tcpdump"),
                   "tcpdump listens")

    def seen(self):
        return self.machine.log("tcpdump").count(" IP")


@pytest.mark.parametrize("version", (4, 6))
def test_direct_name_takes_the_kernels_own_way(net, start, version):
    start()
    # The control: without its name being asked the address is carried.
    assert way(net.laptop, SITE[version]) == "ersatz0"
    assert who(net.laptop, SITE[version], version) in PROXY
    ask_thrown(net.laptop, version)
    assert way(net.laptop, SITE[version]) == "eth0"
    assert who(net.laptop, "direct.example", version) == LAPTOP[version]
    ping = net.laptop.out(
        f"ping -{version} -c 1 -W 30 direct.example")
    assert "1 received" in ping
    assert "ttl=63" in ping  # one router between


@pytest.mark.parametrize("mode", ("on-crash: closed", "mode: main"))
@pytest.mark.parametrize("version", (4, 6))
def test_direct_name_goes_directly_where_nothing_is_thrown(net, start, mode,
                                                           version):
    """Through the relay, which was told of the address."""
    daemons = start(more=f"routed: {{ {mode} }}\n")
    laptop = net.laptop
    # The control: without its name being asked the address is the proxy's.
    assert who(laptop, SITE[version], version) in PROXY
    assert ask(laptop, version=version) == SITE[version]
    wait_until(lambda: status(daemons, "dnsd")["direct_told"] > 0,
               "routed has heard of it")
    assert throws(laptop) == set()
    assert way(laptop, SITE[version]) == "ersatz0"
    assert who(laptop, SITE[version], version) == LAPTOP[version]
    assert who(laptop, "direct.example", version) == LAPTOP[version]


def test_nothing_of_it_enters_the_tun(net, start):
    start()
    tap = Wiretap(net.laptop)
    for version in (4, 6):
        before = tap.seen()
        who(net.laptop, SITE[version], version)
        wait_until(lambda: tap.seen() >= before + 6, "the control is seen")
    wait_until(lambda: not net.laptop.out(["ss", "-Htn"]).strip(),
               "the control has ended")
    for version in (4, 6):
        ask_thrown(net.laptop, version)
    quiet = tap.seen()
    for version in (4, 6):
        for _ in range(5):
            assert who(net.laptop, "direct.example",
                       version) == LAPTOP[version]
        net.laptop.out(f"ping -{version} -c 3 -i 0.01 direct.example")
    assert tap.seen() == quiet


def test_throw_stands_when_the_answer_comes(net, start):
    """New addresses, one after the other: each first packet knows the way."""
    daemons = start(rules="  - DOMAIN-SUFFIX,many.example,DIRECT\n"
                          "  - MATCH,proxy\n")
    late = 0
    for number in range(50):
        name, address = f"n{number}.many.example", f"203.0.113.{100 + number}"
        RECORDS[f"{name}."] = {4: address}
        assert ask(net.laptop, name) == address
        late += way(net.laptop, address) != "eth0"
    # On a machine under load an answer may leave after 5 ms, and say so.
    assert late <= status(daemons, "dnsd")["direct_late"]
    wait_until(lambda: len(throws(net.laptop)) == 50, "all are thrown")
    assert status(daemons, "routed")["directs"] == 50
    wait_until(lambda: status(daemons, "dnsd")["direct_told"] == 50,
               "dnsd has heard of all")


def test_popular_name_is_told_once(net, start):
    daemons = start()
    for _ in range(20):
        ask(net.laptop)
    wait_until(lambda: status(daemons, "dnsd")["direct_told"] == 1, "told")
    assert status(daemons, "routed")["directs_asked"] == 1


def test_address_that_is_thrown_already_or_never_can_be(net, start):
    daemons = start()
    before = throws(net.laptop)
    assert ask(net.laptop, "home.example") == ROUTER["laptop"]
    wait_until(lambda: status(daemons, "routed")["directs"] == 1, "told")
    assert ask(net.laptop, "adblock.example") == "0.0.0.0"
    assert status(daemons, "routed")["directs"] == 1
    assert throws(net.laptop) == before == set()
    assert "1 received" in net.laptop.out("ping -c 1 -W 30 home.example")


def test_dnsd_alone_answers_at_once(net, site, home):
    daemons = Ersatz(net.laptop, config())
    daemons.start("dnsd")
    laptop = net.laptop
    for _ in range(3):
        assert laptop.out("dig +short @127.0.0.1 direct.example").split() == [
            SITE[4]]
    assert status(daemons, "dnsd")["direct_alone"] == 3
    daemons.stop("dnsd")


def test_routed_that_hangs_holds_no_answer_up(net, start):
    daemons = start()
    os.kill(daemons.pid("routed"), signal.SIGSTOP)
    try:
        for _ in range(3):
            assert ask(net.laptop) == SITE[4]
        assert status(daemons, "dnsd")["direct_late"] == 3
    finally:
        os.kill(daemons.pid("routed"), signal.SIGCONT)
    wait_until(lambda: SITE[4] in throws(net.laptop), "it was told all along")
    assert status(daemons, "dnsd")["direct_told"] >= 1


def test_either_may_be_started_again(net, start):
    daemons = start()
    laptop = net.laptop
    ask_thrown(laptop)
    assert throws(laptop) == {SITE[4]}
    daemons.stop("routed")
    assert throws(laptop) == set()
    daemons.start("routed")
    assert way(laptop, SITE[4]) == "ersatz0"
    ask_thrown(laptop)
    assert who(laptop, "direct.example") == LAPTOP[4]
    assert throws(laptop) == {SITE[4]}
    daemons.stop("dnsd")
    assert throws(laptop) == {SITE[4]}
    daemons.start("dnsd")
    assert who(laptop, "direct.example") == LAPTOP[4]


def test_killed_routed_leaves_throws_that_recover_removes(net, start):
    daemons = start()
    ask_thrown(net.laptop)
    daemons.kill("routed")
    wait_until(lambda: daemons.relay_pid() is None, "the relay is gone")
    assert who(net.laptop, "direct.example") == LAPTOP[4]
    assert throws(net.laptop) == {SITE[4]}
    daemons.recover()
    assert throws(net.laptop) == set()
    # down() compares the rest.


def test_throw_that_others_removed_comes_back(net, start):
    start()
    ask_thrown(net.laptop)
    net.laptop.run(f"ip route del throw {SITE[4]} table 197")
    wait_until(lambda: throws(net.laptop) == {SITE[4]}, "it is back")


def echo(sock):
    """Sends back what comes; how much it was."""
    size = 0
    while True:
        block = sock.recv(1 << 16)
        if not block:
            return size
        sock.sendall(block)
        size += len(block)


def exchange(client, size=1 << 12):
    client.sendall(b"x" * size)
    while size > 0:
        block = client.recv(size)
        assert block, "the flow has ended"
        size -= len(block)


@pytest.mark.parametrize("version", (4, 6))
def test_flow_in_the_tun_stays_there(net, start, version):
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    daemons = start()
    role = peer.Role(net.site, 7000, echo, family)
    client = peer.connect(net.laptop, SITE[version], 7000)
    inside = client.getsockname()[0]
    assert inside != LAPTOP[version]
    exchange(client)
    ask_thrown(net.laptop, version)
    assert way(net.laptop, SITE[version]) == "eth0"
    for _ in range(4):
        exchange(client)
    # And the other way round: it goes while the flow is there.
    daemons.stop("dnsd")
    net.laptop.run(f"ip -{version} route flush table 197 type throw")
    exchange(client)
    client.close()
    assert role.join() == 6 << 12
    daemons.start("dnsd")


def connect_outside(net, version, family):
    """On a busy machine the throw may be gone before the SYN comes."""
    def attempt():
        ask_thrown(net.laptop, version)
        role = peer.Role(net.site, 7000 + version, echo, family)
        client = peer.connect(net.laptop, SITE[version], 7000 + version)
        if client.getsockname()[0] == LAPTOP[version]:
            return role, client
        client.close()
        role.join()
        return None

    return wait_until(attempt, "a connection outside of the TUN")


def test_flow_outside_stays_there_when_the_throw_goes(net, start):
    """Its time is over 6 s after it was asked for, as the TTL is one, and this
    routed lets it go 55 s sooner than others."""
    daemons = start(routed=BUILD / "tests/net/routed_hasty")
    roles, clients = [], []
    for version, family in ((4, socket.AF_INET), (6, socket.AF_INET6)):
        role, client = connect_outside(net, version, family)
        roles.append(role)
        clients.append(client)

    def both_go_on():
        for client in clients:
            exchange(client)
        return True

    wait_until(lambda: both_go_on() and not throws(net.laptop),
               "its time is over")
    assert status(daemons, "routed")["directs"] == 0
    for version in (4, 6):
        assert way(net.laptop, SITE[version]) == "ersatz0"
    both_go_on()
    for client in clients:
        client.close()
    for role in roles:
        assert role.join() > 1 << 12


def test_earlier_rule_about_the_port_means_that_the_relay_decides(net, start):
    start(rules="  - DST-PORT,81,REJECT\n" + RULES)
    laptop = net.laptop
    fake = ask(laptop)
    assert fake.startswith("198.18.")
    assert throws(laptop) == set()
    assert who(laptop, "direct.example") == LAPTOP[4]
    assert throws(laptop) == set()
    with pytest.raises(ConnectionRefusedError):
        peer.connect(laptop, fake, 81)


def test_rule_that_sends_the_address_elsewhere_keeps_its_way(net, start):
    start(rules=f"  - DOMAIN,direct.example,DIRECT\n"
                f"  - IP-CIDR,{SITE[4]}/32,proxy\n"
                f"  - MATCH,DIRECT\n")
    laptop = net.laptop
    # All around it is DIRECT whatever its name (198.51.100.3 is a whole one).
    around = throws(laptop)
    assert SITE[4] not in around
    assert ask(laptop) == SITE[4]
    assert throws(laptop) == around
    assert who(laptop, SITE[4]) in PROXY
    # The other address is in no rule.
    ask_thrown(laptop, 6)
    assert throws(laptop) == around | {SITE[6]}


def test_capture_of_fakes_alone_needs_no_throw(net, start):
    daemons = start(more="routed: { capture: fake }\n")
    assert ask(net.laptop) == SITE[4]
    assert who(net.laptop, "direct.example") == LAPTOP[4]
    assert throws(net.laptop) == set()
    assert status(daemons, "routed")["directs_asked"] == 0


def whole(machine, table):
    """The throws of rules in a table, of both families."""
    text = machine.run(f"ip -4 route show table {table} type throw proto 198;"
                       f"ip -6 route show table {table} type throw proto 198",
                       check=False).stdout
    return {line.split()[1] for line in text.splitlines()}


def reload(daemons, rules, more=""):
    daemons.write(config(rules, more))
    os.kill(daemons.pid("routed"), signal.SIGHUP)


NETS = {4: "198.51.100.0/24", 6: "2001:db8:3::/64"}
PREFIXES = f"""\
  - IP-CIDR,{NETS[4]},DIRECT
  - IP-CIDR6,{NETS[6]},DIRECT
  - MATCH,proxy
"""


def test_prefix_that_rules_send_direct_is_the_kernels(net, start):
    """No name is asked; the control is the same with an earlier rule."""
    daemons = start(rules=PREFIXES)
    laptop = net.laptop
    tap = Wiretap(laptop)
    quiet = tap.seen()
    for version in (4, 6):
        assert way(laptop, SITE[version]) == "eth0"
        assert way(laptop, PROXY[version == 6]) == "ersatz0"
        assert NETS[version] in whole(laptop, 197)
        assert who(laptop, SITE[version], version) == LAPTOP[version]
        laptop.out(f"ping -{version} -c 2 -i 0.01 {SITE[version]}")
    assert tap.seen() == quiet
    # What may say otherwise comes first: the relay has to look at each flow.
    reload(daemons, "  - DST-PORT,81,REJECT\n" + PREFIXES)
    for version in (4, 6):
        wait_until(lambda v=version: way(laptop, SITE[v]) == "ersatz0",
                   "the throw is gone")
        before = tap.seen()
        assert who(laptop, SITE[version], version) == LAPTOP[version]
        wait_until(lambda: tap.seen() >= before + 6, "the relay carries it")
        with pytest.raises(ConnectionRefusedError):
            peer.connect(laptop, SITE[version], 81)
    # An earlier rule about a part of it takes that part alone.
    reload(daemons, f"  - IP-CIDR,{SITE[4]}/32,proxy\n" + PREFIXES)
    wait_until(lambda: way(laptop, SITE[6]) == "eth0" and
               way(laptop, ROUTER["site"]) == "eth0", "it is back")
    assert way(laptop, SITE[4]) == "ersatz0"
    wait_until(lambda: who(laptop, SITE[4]) in PROXY, "the relay knows, too")
    assert NETS[4] not in whole(laptop, 197)
    # Nothing leaves a closed host but by the relay.
    for profile in ("capture: fake", "on-crash: closed"):
        reload(daemons, PREFIXES, f"routed: {{ {profile} }}\n")
        wait_until(lambda: NETS[6] not in whole(laptop, 197),
                   f"none with {profile}")
        reload(daemons, PREFIXES)
        wait_until(lambda: NETS[6] in whole(laptop, 197), "they are back")


def test_ten_thousand_prefixes(net, start):
    """With a list of them everything is the same; the next list counts."""
    laptop = net.laptop
    folder = laptop.path("/etc/ersatz")
    folder.mkdir(exist_ok=True)

    def write(count):
        (folder / "lists.new").write_text("".join(
            f"IP-CIDR,20.{n // 128}.{n % 128 * 2}.0/24\n"
            for n in range(count)))
        (folder / "lists.new").rename(folder / "many.txt")

    rules = "  - RULE-SET,many.txt,DIRECT\n  - MATCH,proxy\n"
    write(10000)
    daemons = start(rules=rules)
    assert len(whole(laptop, 197)) >= 10000
    assert way(laptop, "20.78.30.9") == "eth0"
    assert way(laptop, "20.78.31.9") == "ersatz0"
    write(100)
    reload(daemons, rules)
    wait_until(lambda: len(whole(laptop, 197)) < 200, "most of them are gone")
    assert way(laptop, "20.0.198.9") == "eth0"
    assert way(laptop, "20.0.200.9") == "ersatz0"
