# SPDX-License-Identifier: BSD-2-Clause
"""Bad input: a clear error with the remedy, nothing overwritten, nobody dead.

The broken configurations are golden files: tests/golden/config.
"""
import os
import random
import socket
import struct

import dns.message
import dns.query
import pytest
import topology
from topology import PATIENCE, Ersatz, sha256

STATE = "/var/lib/ersatz"

CONFIG = """\
outbounds:
  proxy: { type: socks5, server: 203.0.113.2:1080 }
rules: [ "MATCH,proxy" ]
"""


@pytest.fixture
def machine(tmp_path):
    tmp_path.chmod(0o755)
    machine = topology.Machine("alone", tmp_path)
    yield machine
    machine.close()


@pytest.fixture
def daemons(machine):
    return Ersatz(machine, CONFIG)


def make_map(daemons):
    """A map with one name in it, made by dnsd itself."""
    daemons.start("dnsd")
    daemons.machine.out("dig +short @127.0.0.1 first.example")
    daemons.stop("dnsd")
    return daemons.machine.path(f"{STATE}/map.db")


def refuses(daemons, *words):
    """dnsd does not start; what it says has each of the words."""
    result = daemons.machine.run(daemons.command("dnsd", "-f"), check=False)
    assert result.returncode == 1, result.stderr
    for word in words:
        assert word in result.stderr, result.stderr
    return result.stderr


def test_map_that_is_not_sqlite_is_left_alone(daemons):
    file = make_map(daemons)
    file.write_bytes(b"these are the notes of somebody\n" * 200)
    before = sha256(file)
    refuses(daemons, f"{STATE}/map.db", "move it away")
    assert sha256(file) == before


def test_map_of_a_newer_version_is_left_alone(daemons):
    file = make_map(daemons)
    daemons.machine.run(["sqlite3", f"{STATE}/map.db",
                         "PRAGMA user_version = 99"])
    before = sha256(file)
    refuses(daemons, f"{STATE}/map.db", "newer", "99")
    assert sha256(file) == before


def test_map_of_another_pool_is_left_alone(daemons):
    file = make_map(daemons)
    daemons.write(CONFIG + "dnsd: { fake: { ipv4: 10.99.0.0/16 } }\n")
    before = sha256(file)
    refuses(daemons, "198.18.0.0/15", "dnsd.fake")
    assert sha256(file) == before


def test_map_that_is_read_only_is_an_error(daemons):
    make_map(daemons)
    daemons.machine.run(f"mount --bind {STATE} {STATE};"
                        f"mount -o remount,bind,ro {STATE}")
    refuses(daemons, STATE, "read-only")


def test_damaged_map_is_moved_aside_and_said_so(daemons):
    file = make_map(daemons)
    content = bytearray(file.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    file.write_bytes(content)
    daemons.start("dnsd")
    assert "moved" in daemons.machine.log("dnsd")
    aside = [f for f in os.listdir(file.parent) if "corrupt" in f]
    assert aside
    assert daemons.machine.out("dig +short @127.0.0.1 x.example") != ""
    daemons.stop("dnsd")


def test_full_disk_answers_servfail_and_recovers(daemons):
    machine = daemons.machine
    machine.run(f"mkdir -p {STATE} && mount -t tmpfs -o size=400k tmpfs "
                f"{STATE}")
    daemons.start("dnsd")
    first = machine.out("dig +short @127.0.0.1 first.example")
    machine.run(f"dd if=/dev/zero of={STATE}/filler bs=1k", check=False)
    failed = False
    for number in range(20000):
        answer = ask(machine, f"n{number}.example")
        if answer.rcode() == dns.rcode.SERVFAIL:
            failed = True
            break
    assert failed
    assert any(option.otype == 15 for option in answer.options)
    # Names that have an address keep answering; nothing was mixed up.
    assert machine.out("dig +short @127.0.0.1 first.example") == first
    machine.run(f"rm {STATE}/filler")
    topology.wait_until(
        lambda: ask(machine, "later.example").rcode() == dns.rcode.NOERROR,
        "names are answered again")
    daemons.stop("dnsd")
    daemons.start("dnsd")
    assert machine.out("dig +short @127.0.0.1 first.example") == first
    daemons.stop("dnsd")


def ask(machine, name):
    with topology.in_network(machine.holder.pid):
        return dns.query.udp(
            dns.message.make_query(name, "A", use_edns=0), "127.0.0.1",
            timeout=PATIENCE)


def test_garbage_on_port_53_harms_nobody(daemons):
    machine = daemons.machine
    daemons.start("dnsd")
    random.seed(53)
    good = dns.message.make_query("good.example", "A").to_wire()
    udp = machine.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.connect(("127.0.0.1", 53))
    for number in range(5000):
        if number % 2:
            packet = bytearray(good)
            for _ in range(random.randint(1, 6)):
                packet[random.randrange(len(packet))] = random.randrange(256)
        else:
            packet = random.randbytes(random.randint(0, 600))
        udp.send(bytes(packet))
    for _ in range(50):
        tcp = machine.socket(socket.AF_INET, socket.SOCK_STREAM)
        tcp.connect(("127.0.0.1", 53))
        tcp.send(struct.pack(">H", random.randint(0, 65535)) +
                 random.randbytes(random.randint(0, 3000)))
        tcp.close()
    assert ask(machine, "good.example").rcode() == dns.rcode.NOERROR
    daemons.stop("dnsd")


@pytest.mark.parametrize("name", ("dnsd", "routed"))
def test_garbage_on_the_control_socket_harms_nobody(net, site, name):
    net.start_microsocks()
    daemons = Ersatz(net.laptop).up()
    path = str(net.laptop.path(f"/run/ersatz/{name}.sock"))
    random.seed(1)
    silent = []
    for content in (b"", b"\n", b"{\n", b'{"verb":1}\n', b'{"verb":"x"}\n',
                    b"[" * 60000 + b"\n", b"x" * 1000000, b'{"verb":null}\n',
                    b'{"verb":"status"}\n' * 1000, random.randbytes(5000),
                    b'{"verb":"explain"}\n', b'{"verb":"resolve"}\n',
                    b'{"verb":"explain","name":"' + b"a." * 9000 + b'"}\n',
                    b'{"verb":"explain","name":"\\u0000\\ud800"}\n'):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(path)
        try:
            sock.send(content)
        except OSError:
            pass
        silent.append(sock)  # never reads
    assert net.laptop.run(daemons.command(name, "--status")).stdout
    assert "welcome" in net.laptop.out("curl -sS http://site.example/")
    for sock in silent:
        sock.close()
    daemons.down()


def test_many_errors_of_a_config_are_told_at_once(daemons):
    daemons.write("outbound: {}\nrules: [ 'MATCH,nowhere', 'DOMAN,x,DIRECT' ]\n"
                  "dnsd: { fake: { ttl: 99 } }\n")
    for name in ("dnsd", "routed"):
        result = daemons.machine.run(daemons.command(name, "--check"),
                                     check=False)
        assert result.returncode == 1
        for word in ("ersatz.yaml:1:1:", "outbounds", "nowhere", "DOMAN",
                     "DOMAIN", "99"):
            assert word in result.stderr, result.stderr
