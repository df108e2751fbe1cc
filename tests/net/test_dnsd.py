# SPDX-License-Identifier: BSD-2-Clause
"""dnsd alone: what it answers, to whom, and as whom it runs.

The laptop of the usual network; unbound at the router is its upstream.
"""
import contextlib
import json
import os
import re
import signal
import socket
import struct
import time

import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.query
import dns.rcode
import dns.rdatatype
import dns.reversename
import pytest
import topology
from topology import ADDRESS, ADDRESS6, PATIENCE, ROUTER, Ersatz, wait_until

OUTBOUNDS = f"""\
outbounds:
  proxy: {{ type: socks5, server: "{ADDRESS['proxy']}:1080" }}
  bound: {{ type: interface, interface: eth0 }}
"""

RULES = """\
rules:
  - DOMAIN-SUFFIX,direct.example,DIRECT
  - DOMAIN-SUFFIX,home.example,DIRECT
  - DOMAIN-SUFFIX,rejected.example,REJECT
  - DOMAIN-SUFFIX,dropped.example,REJECT-DROP
  - DOMAIN-SUFFIX,bound.example,bound
  - DST-PORT,22,DIRECT
  - MATCH,proxy
"""

WILDCARD = 'dnsd: { listen: ["0.0.0.0:53", "[::]:53"] }\n'


@pytest.fixture
def laptop(net):
    return net.laptop


@pytest.fixture
def start(laptop):
    """Starts dnsd with a configuration; it must stop cleanly at the end."""
    daemons = Ersatz(laptop)

    def starter(config=OUTBOUNDS + RULES, *args):
        daemons.write(config)
        daemons.start("dnsd", *args)
        return daemons

    yield starter
    daemons.stop("dnsd")


def ask(machine, name, rdtype="A", server="127.0.0.1", how=dns.query.udp,
        **more):
    more.setdefault("use_edns", 0)
    query = dns.message.make_query(name, rdtype, **more)
    with topology.in_network(machine.holder.pid):
        answer = how(query, server, timeout=PATIENCE)
    assert answer.question == query.question
    return answer


def data(answer):
    return [str(item) for rrset in answer.answer for item in rrset]


def error(answer):
    """Code and text of the Extended DNS Error, or (None, None)."""
    for option in answer.options:
        if option.otype == dns.edns.OptionType(15):
            wire = option.to_wire()
            return struct.unpack(">H", wire[:2])[0], wire[2:].decode()
    return None, None


def is_nodata(answer):
    return (answer.rcode() == dns.rcode.NOERROR and not answer.answer and
            [r.rdtype for r in answer.authority] == [dns.rdatatype.SOA])


def is_fake(address):
    return address.startswith(("198.18.", "198.19.", "2001:2::"))


def test_a_carried_name_has_fake_addresses_and_nothing_else(laptop, start):
    start()
    answer = ask(laptop, "WwW.Carried.Example")
    assert is_fake(data(answer)[0])
    assert answer.answer[0].ttl == 1
    assert answer.flags & dns.flags.RA
    assert not answer.flags & (dns.flags.AA | dns.flags.AD)
    ipv4 = data(answer)[0]
    ipv6 = data(ask(laptop, "www.carried.example", "AAAA"))[0]
    low = struct.unpack(">I", socket.inet_aton(ipv4))[0] - 0xc6120000
    assert socket.inet_pton(socket.AF_INET6, ipv6)[-4:] == struct.pack(
        ">I", low)
    assert data(ask(laptop, "www.carried.example")) == [ipv4]
    for rdtype in ("HTTPS", "SVCB"):
        assert is_nodata(ask(laptop, "www.carried.example", rdtype)), rdtype
    everything = ask(laptop, "www.carried.example", "ANY")
    assert data(everything) == ['"RFC8482" ""']
    assert everything.answer[0].rdtype == dns.rdatatype.HINFO


def test_the_root_and_the_longest_name(laptop, start):
    start()
    for rdtype in ("A", "AAAA"):
        assert is_nodata(ask(laptop, ".", rdtype))
    longest = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 61])
    fake = data(ask(laptop, longest))[0]
    assert is_fake(fake)
    reverse = dns.reversename.from_address(fake)
    for how in (dns.query.udp, dns.query.tcp):
        assert data(ask(laptop, reverse, "PTR", use_edns=False,
                        how=how)) == [longest + "."]


def test_without_an_ipv6_pool_aaaa_has_no_data(laptop, start):
    start(OUTBOUNDS + RULES + "dnsd: { fake: { ipv6: off } }\n")
    assert is_fake(data(ask(laptop, "a.example"))[0])
    assert is_nodata(ask(laptop, "a.example", "AAAA"))


def test_reverse_names_of_fake_addresses(laptop, start):
    start()
    for rdtype in ("A", "AAAA"):
        fake = data(ask(laptop, "b.example", rdtype))[0]
        reverse = dns.reversename.from_address(fake)
        assert data(ask(laptop, reverse, "PTR")) == ["b.example."]
        assert is_nodata(ask(laptop, reverse, "TXT"))
    answer = ask(laptop, "1.1.19.198.in-addr.arpa", "PTR")
    assert answer.rcode() == dns.rcode.NXDOMAIN
    assert answer.authority[0].rdtype == dns.rdatatype.SOA


def test_direct_names_are_answered_by_the_upstream(laptop, start):
    start()
    for how in (dns.query.udp, dns.query.tcp):
        answer = ask(laptop, "direct.example", how=how)
        assert data(answer) == [ADDRESS["site"]]
        assert data(ask(laptop, "direct.example", "AAAA", how=how)) == [
            ADDRESS6["site"]]


def test_other_types_of_a_carried_name_come_from_the_upstream(laptop, start):
    start()
    assert is_fake(data(ask(laptop, "text.example"))[0])
    assert data(ask(laptop, "text.example", "TXT")) == ['"home"']


def test_a_rejected_name_does_not_exist_and_says_why(laptop, start):
    start()
    answer = ask(laptop, "rejected.example")
    assert answer.rcode() == dns.rcode.NXDOMAIN
    assert answer.authority[0].rdtype == dns.rdatatype.SOA
    code, text = error(answer)
    assert code == 15
    assert "DOMAIN-SUFFIX,rejected.example,REJECT" in text
    assert "ersatz.yaml:7" in text
    assert ask(laptop, "rejected.example", use_edns=False).options == ()


def test_a_rejected_name_may_be_faked(laptop, start):
    start(OUTBOUNDS + RULES + "dnsd: { reject: fake }\n")
    assert is_fake(data(ask(laptop, "rejected.example"))[0])


def test_dropped_and_bound_names_are_faked(laptop, start):
    start()
    assert is_fake(data(ask(laptop, "dropped.example"))[0])
    assert is_fake(data(ask(laptop, "bound.example"))[0])


def test_a_rule_that_wants_the_address_is_asked_with_it(laptop, start):
    start(OUTBOUNDS + f"""\
rules:
  - IP-CIDR,{ADDRESS['site']}/32,DIRECT
  - MATCH,proxy
""")
    assert data(ask(laptop, "direct.example")) == [ADDRESS["site"]]
    assert is_fake(data(ask(laptop, "home.example"))[0])
    # Only the proxy may know it: carried.
    assert is_fake(data(ask(laptop, "site.example"))[0])
    assert is_nodata(ask(laptop, "direct.example", "HTTPS"))


def test_a_silent_upstream_is_servfail_with_a_reason(net, laptop, start):
    start(OUTBOUNDS + RULES + f"""\
upstreams:
  dead: {{ servers: ["{ROUTER['laptop']}:5999"] }}
dnsd: {{ timeout: 1s }}
""")
    answer = ask(laptop, "direct.example")
    assert answer.rcode() == dns.rcode.SERVFAIL
    code, text = error(answer)
    assert code in (22, 23) and text


def test_what_is_no_question_is_told_so(laptop, start):
    start()
    assert ask(laptop, "a.example", rdclass="CH").rcode() == (
        dns.rcode.REFUSED)
    assert "BADVERS" in laptop.out(
        "dig @127.0.0.1 +edns=1 +noednsnegotiation a.example")
    assert ask(laptop, "a.example", "AXFR", how=dns.query.udp).rcode() == (
        dns.rcode.REFUSED)
    update = dns.message.make_query("a.example", "SOA")
    update.set_opcode(dns.opcode.UPDATE)
    with topology.in_network(laptop.holder.pid):
        answer = dns.query.udp(update, "127.0.0.1", timeout=PATIENCE,
                               ignore_trailing=True)
    assert answer.rcode() == dns.rcode.NOTIMP


@pytest.mark.parametrize("server", (ADDRESS["laptop"], "192.168.7.99",
                                    ADDRESS6["laptop"], "2001:db8:7::99"))
def test_a_reply_leaves_from_the_address_asked(net, laptop, start, server):
    laptop.run("ip addr add 192.168.7.99/24 dev eth0;"
               "ip addr add 2001:db8:7::99/64 dev eth0 nodad")
    start(OUTBOUNDS + RULES + WILDCARD)
    # dns.query takes a reply from no other address.
    for how in (dns.query.udp, dns.query.tcp):
        assert is_fake(data(ask(net.router, "c.example", server=server,
                                how=how))[0])


def test_a_link_local_client_is_answered(net, laptop, start):
    start(OUTBOUNDS + RULES + WILDCARD)
    own = wait_until(lambda: re.search(
        r"inet6 (fe80::\S+)/64", laptop.out("ip -6 addr show dev eth0")),
        "the laptop has a link-local address")[1]
    out = net.router.out(f"dig +short +tries=1 @{own}%laptop c.example")
    assert is_fake(out.strip())


def test_a_pipeline_of_queries_by_tcp(laptop, start):
    start()
    sock = laptop.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.settimeout(PATIENCE)
    sock.connect(("127.0.0.1", 53))
    names = [f"{'direct' if n % 3 == 0 else f'n{n}'}.example"
             for n in range(200)]
    stream = b""
    for number, name in enumerate(names):
        query = dns.message.make_query(name, "A")
        query.id = number
        wire = query.to_wire()
        stream += struct.pack(">H", len(wire)) + wire
    # Cut where it hurts, and all answers read only afterwards.
    for at in range(0, len(stream), 777):
        sock.sendall(stream[at:at + 777])
    seen = {}
    file = sock.makefile("rb")
    while len(seen) < len(names):
        length, = struct.unpack(">H", file.read(2))
        answer = dns.message.from_wire(file.read(length))
        seen[answer.id] = data(answer)[0]
    for number, name in enumerate(names):
        if name == "direct.example":
            assert seen[number] == ADDRESS["site"]
        else:
            assert is_fake(seen[number])
    sock.close()


def test_a_tcp_client_that_trickles_is_closed_and_one_that_waits_is_not(
        laptop, start):
    silent = laptop.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(("127.0.0.1", 5999))
    start(OUTBOUNDS + RULES + """\
upstreams: { silent: { servers: ["127.0.0.1:5999"] } }
dnsd: { timeout: 11s }
""")
    query = dns.message.make_query("direct.example", "A", use_edns=0).to_wire()
    query = struct.pack(">H", len(query)) + query
    with contextlib.ExitStack() as stack:
        waiting, trickling = (
            stack.enter_context(laptop.socket(socket.AF_INET,
                                              socket.SOCK_STREAM))
            for _ in range(2))
        waiting.settimeout(PATIENCE)
        trickling.settimeout(0.5)
        for sock in (waiting, trickling):
            sock.connect(("127.0.0.1", 53))
        waiting.send(query)
        # Half a minute's worth of it, if nobody closed.
        with pytest.raises(ConnectionError):
            for byte in struct.pack(">H", 60) + b"\0" * 60:
                trickling.send(bytes([byte]))
                with contextlib.suppress(TimeoutError):
                    if trickling.recv(1) == b"":
                        raise ConnectionError
        with waiting.makefile("rb") as file:
            length, = struct.unpack(">H", file.read(2))
            answer = dns.message.from_wire(file.read(length))
        assert answer.rcode() == dns.rcode.SERVFAIL
        assert "did not answer" in error(answer)[1]
    silent.close()


def test_nobody_is_root(laptop, start):
    daemons = start()
    with open(f"/proc/{daemons.pid('dnsd')}/status", encoding="ascii") as file:
        status = dict(line.rstrip("\n").split(":\t", 1)
                      for line in file if ":\t" in line)
    uid = laptop.out("id -u ersatz").strip()
    assert set(status["Uid"].split()) == {uid}
    for line in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[line], 16) == 0, line
    assert status["NoNewPrivs"] == "1"
    assert status["Groups"].strip() == ""


def test_only_root_writes_to_the_run_folder(laptop, start):
    daemons = start()
    what = "stat -c '%U:%G %a' "
    assert laptop.out(what + "/run/ersatz").strip() == "root:root 755"
    assert laptop.out(what + "/run/ersatz/dnsd.sock").strip() == \
        "root:root 666"
    # Its socket stays when it stops, and is replaced when it starts.
    daemons.stop("dnsd")
    assert laptop.run(daemons.command("dnsd", "--status"),
                      check=False).returncode != 0
    daemons.start("dnsd")
    assert "names" in laptop.out(daemons.command("dnsd", "--status"),
                                 user="daemon")


def test_it_runs_without_root_on_a_high_port(laptop):
    laptop.run("mkdir -p /run/own && chown ersatz /run/own")
    command = [topology.BUILD / "dnsd/dnsd", "--proxy",
               "socks5://127.0.0.1:1080", "--listen", "127.0.0.1:5353",
               "--state", "/run/own/state", "--run", "/run/own/run"]
    process = laptop.start([*command, "-f"], log="own", user="ersatz")
    wait_until(lambda: process.poll() is not None or
               laptop.listens(5353, "udp"), "dnsd listens")
    assert process.poll() is None, laptop.log("own")
    assert is_fake(laptop.out(
        "dig +short -p 5353 @127.0.0.1 a.example").strip())
    assert "names" in laptop.out([*map(str, command), "--status"],
                                 user="ersatz")
    laptop.kill(process)


def test_a_second_one_is_refused(laptop, start):
    daemons = start()
    result = laptop.run(daemons.command("dnsd", "-f"), check=False)
    assert result.returncode == 1
    assert str(daemons.pid("dnsd")) in result.stderr
    assert is_fake(data(ask(laptop, "a.example"))[0])


@pytest.mark.parametrize("kind, tool", ((socket.SOCK_DGRAM, "ss -lunp"),
                                        (socket.SOCK_STREAM, "ss -ltnp")))
def test_a_port_in_use_is_named(laptop, kind, tool):
    taken = laptop.socket(socket.AF_INET, kind)
    taken.bind(("127.0.0.1", 53))
    if kind == socket.SOCK_STREAM:
        taken.listen()
    result = laptop.run(Ersatz(laptop).command("dnsd", "-f"), check=False)
    assert result.returncode == 1
    assert "127.0.0.1:53" in result.stderr and tool in result.stderr
    taken.close()


@pytest.mark.parametrize("address, word, user", (
    ("203.0.113.99", "no interface has it", None),
    ("fe80::1", "listen at [::]", None),
    ("127.0.0.1", "for root", "ersatz"),
))
def test_an_address_that_cannot_be_listened_at_is_explained(laptop, address,
                                                            word, user):
    laptop.run("mkdir -p /run/own && chown ersatz /run/own;"
               "sysctl -qw net.ipv4.ip_unprivileged_port_start=1024")
    result = laptop.run(Ersatz(laptop).command(
        "dnsd", "-f", "--listen", address, "--state", "/run/own/state",
        "--run", "/run/own/run"), check=False, user=user)
    assert result.returncode == 1
    assert address in result.stderr and word in result.stderr


def test_detached_it_returns_when_it_answers(laptop):
    daemons = Ersatz(laptop, OUTBOUNDS + RULES)
    laptop.run(daemons.command("dnsd"))
    assert is_fake(data(ask(laptop, "a.example"))[0])
    pid = daemons.pid("dnsd")
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: pid not in laptop.pids(), "dnsd has ended")


def reload_is_over(daemons, word, count=1):
    wait_until(lambda: daemons.machine.log("dnsd").count(word) >= count,
               f"the log says '{word}'")


def test_a_reload_changes_the_rules_and_keeps_the_addresses(laptop, start):
    daemons = start()
    before = data(ask(laptop, "keep.example"))
    daemons.write(OUTBOUNDS + RULES.replace("direct.example", "x.example"))
    os.kill(daemons.pid("dnsd"), signal.SIGHUP)
    reload_is_over(daemons, "reloaded")
    assert is_fake(data(ask(laptop, "direct.example"))[0])
    assert data(ask(laptop, "keep.example")) == before


def test_a_reload_forgets_no_counter(laptop, start):
    daemons = start()
    ask(laptop, "direct.example")
    ask(laptop, "a.example")

    def status():
        line = laptop.out(daemons.command("dnsd", "--status", "--json"))
        return json.loads(line.splitlines()[0])

    before = status()
    assert before["upstream_answered"] == before["fake"] == 1
    os.kill(daemons.pid("dnsd"), signal.SIGHUP)
    reload_is_over(daemons, "reloaded")
    assert status() == before


@pytest.mark.parametrize("bad, word", (
    ("rules: [ 'MATCH,nowhere' ]\n", "nowhere"),
    (OUTBOUNDS + RULES + "dnsd: { fake: { ipv4: 10.99.0.0/16 } }\n",
     "dnsd.fake"),
    (OUTBOUNDS + RULES + 'dnsd: { listen: ["127.0.0.1:54"] }\n',
     "dnsd.listen"),
))
def test_a_bad_reload_changes_nothing(laptop, start, bad, word):
    daemons = start()
    before = data(ask(laptop, "keep.example"))
    daemons.write(bad)
    os.kill(daemons.pid("dnsd"), signal.SIGHUP)
    reload_is_over(daemons, "going on as before")
    assert word in laptop.log("dnsd")
    assert data(ask(laptop, "direct.example")) == [ADDRESS["site"]]
    assert data(ask(laptop, "keep.example")) == before


def test_reloads_under_load_fail_no_query(laptop, start):
    daemons = start()
    names = ["direct.example", "home.example", "e.example"] * 40
    sock = laptop.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(PATIENCE)
    sock.connect(("127.0.0.1", 53))
    for number in range(5):
        for position, name in enumerate(names):
            query = dns.message.make_query(name, "A")
            query.id = position
            sock.send(query.to_wire())
            if position == 60:
                os.kill(daemons.pid("dnsd"), signal.SIGHUP)
        seen = set()
        while len(seen) < len(names):
            answer = dns.message.from_wire(sock.recv(1500))
            assert answer.rcode() == dns.rcode.NOERROR
            seen.add(answer.id)
        reload_is_over(daemons, "reloaded", number + 1)
    sock.close()


@pytest.mark.parametrize("signum", (signal.SIGTERM, signal.SIGKILL))
def test_names_keep_their_addresses_over_a_restart(laptop, start, signum):
    daemons = start()
    names = [f"n{n}.example" for n in range(300)]
    before = {name: data(ask(laptop, name)) for name in names}
    daemons.kill("dnsd", signum)
    daemons.start("dnsd")
    assert {name: data(ask(laptop, name)) for name in names} == before
    fresh = data(ask(laptop, "fresh.example"))
    assert fresh not in before.values()


def test_a_full_pool_refuses_and_says_so(laptop, start):
    daemons = start(OUTBOUNDS + RULES +
                    "dnsd: { fake: { ipv4: 198.18.0.0/28 } }\n")
    addresses = {data(ask(laptop, f"n{n}.example"))[0] for n in range(12)}
    assert len(addresses) == 12
    answer = ask(laptop, "n12.example")
    assert answer.rcode() == dns.rcode.SERVFAIL
    assert "all fake addresses are given" in error(answer)[1]
    assert data(ask(laptop, "n3.example"))[0] in addresses
    assert "refusing new names" in laptop.log("dnsd")
    status = laptop.out(daemons.command("dnsd", "--status"))
    assert "1 refused as every address is given" in status


def size_of(pid):
    """Its memory in kB, and whether the sanitizer's is among that."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        resident = int(re.search(r"VmRSS:\s+(\d+) kB", file.read())[1])
    with open(f"/proc/{pid}/maps", encoding="ascii") as file:
        return resident, "libasan" in file.read()


def test_reloads_leave_no_memory_behind(laptop, start):
    daemons = start()
    before, is_sanitized = size_of(daemons.pid("dnsd"))
    for number in range(10):
        os.kill(daemons.pid("dnsd"), signal.SIGHUP)
        reload_is_over(daemons, "reloaded", number + 1)
    after, _ = size_of(daemons.pid("dnsd"))
    print(f"{before} kB, {after} kB after ten reloads")
    assert is_sanitized or after < before + 4000


def test_it_starts_quickly_and_stays_small_with_many_names(laptop, start):
    """Loose bounds: what they catch is a scan or a copy for each name."""
    daemons = start()
    lines = "".join(f"n{n}.many.example A\n" for n in range(100000))
    (laptop.folder / "names").write_text(lines)
    laptop.run(f"dnsperf -s 127.0.0.1 -n 1 -d {laptop.folder}/names")
    daemons.stop("dnsd")
    begin = time.monotonic()
    laptop.run(daemons.command("dnsd"))
    took = time.monotonic() - begin
    pid = daemons.pid("dnsd")
    resident, is_sanitized = size_of(pid)
    status = laptop.out(daemons.command("dnsd", "--status"))
    names = int(re.search(r"^ +names +(\d+) of", status, re.MULTILINE)[1])
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: pid not in laptop.pids(), "dnsd has ended")
    print(f"{names} names: {took * 1000:.0f} ms to start, {resident} kB")
    assert names > 99000
    assert is_sanitized or resident < 30000
