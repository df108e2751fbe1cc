# SPDX-License-Identifier: BSD-2-Clause
"""SIGKILL of dnsd at random moments under load: no name ever changes its
address, and no address ever belongs to two names.

ERSATZ_ROUNDS sets how often; `make crash-rounds` runs a thousand.
"""
import itertools
import os
import random
import select
import signal
import socket
import sqlite3
import struct
import subprocess
import time

import pytest
import topology

ROUNDS = int(os.environ.get("ERSATZ_ROUNDS", "40"))
PORT = 5353

CONFIG = """\
outbounds:
  proxy: { type: socks5, server: 203.0.113.2:1080 }
rules: [ "MATCH,proxy" ]
dnsd: { listen: ["127.0.0.1:%d"] }
""" % PORT


@pytest.fixture
def machine(tmp_path):
    machine = topology.Machine("alone", tmp_path)
    tmp_path.chmod(0o755)
    yield machine
    machine.close()


def query(number, name):
    labels = b"".join(bytes([len(p)]) + p for p in name.encode().split(b"."))
    return struct.pack(">6H", number, 0x100, 1, 0, 0, 0) + labels + \
        b"\0\0\1\0\1"


def answer_of(packet):
    """(number, address) of an answer with one A record, else None."""
    number, flags, _, answers = struct.unpack(">4H", packet[:8])
    if flags & 15 or answers != 1:
        return None
    return number, socket.inet_ntoa(_rdata(packet))


def _rdata(packet):
    """Past the question and a compressed owner name."""
    at = 12
    while packet[at]:
        at += 1 + packet[at]
    at += 1 + 4 + 2 + 8  # root, type and class; owner; type, class, TTL
    length = struct.unpack(">H", packet[at:at + 2])[0]
    return packet[at + 2:at + 2 + length]


def ask_until(sock, deadline, known, fresh):
    """Bursts of old and new names; what was answered, by name."""
    told, asked = {}, {}
    for first in itertools.count(0, 64):
        if time.monotonic() >= deadline:
            return told
        names = [next(fresh) for _ in range(40)]
        names += random.sample(sorted(known), min(24, len(known)))
        # An answer that comes late bears the number of an earlier burst.
        burst = {(first + i) % 65536: name for i, name in enumerate(names)}
        asked |= burst
        try:
            for number, name in burst.items():
                sock.send(query(number, name))
            while select.select([sock], [], [], 0.005)[0]:
                got = answer_of(sock.recv(1500))
                if got and got[0] in asked:
                    told.setdefault(asked[got[0]], set()).add(got[1])
        except ConnectionRefusedError:
            return told


def test_names_keep_their_addresses_through_sigkill(machine):
    daemons = topology.Ersatz(machine, CONFIG)
    fresh = (f"n{i}.example.net" for i in range(10 ** 9))
    known = {}
    random.seed(4711)
    for number in range(ROUNDS):
        daemon = subprocess.Popen(
            machine.enter(daemons.command("dnsd", "-f")),
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        topology.wait_until(
            lambda: machine.listens(PORT, "udp") or daemon.poll() is not None,
            "dnsd listens")
        assert daemon.poll() is None, daemon.stderr.read()
        sock = machine.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.connect(("127.0.0.1", PORT))
        end = time.monotonic() + random.uniform(0.01, 0.12)
        told = ask_until(sock, end, known, fresh)
        # The last burst is under way when the signal comes.
        for i in range(64):
            sock.send(query(i, next(fresh)))
        os.kill(daemons.pid("dnsd"), signal.SIGKILL)
        daemon.wait(timeout=topology.PATIENCE)
        daemon.stderr.close()
        sock.close()
        for name, addresses in told.items():
            assert len(addresses) == 1, (number, name, addresses)
            address = addresses.pop()
            assert known.setdefault(name, address) == address, (number, name)
        assert len(set(known.values())) == len(known), number
    assert len(known) > ROUNDS * 10  # the control: answers did come
    assert_map_agrees(machine, daemons, known)


def assert_map_agrees(machine, daemons, known):
    file = machine.path("/var/lib/ersatz/map.db")
    copy = machine.folder / "map.db"
    machine.run(f"cp /var/lib/ersatz/map.db* {machine.folder}/")
    assert file.exists()
    with sqlite3.connect(copy) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [
            ("ok",)]
        rows = dict(database.execute("SELECT name, slot FROM name"))
        assert len(set(rows.values())) == len(rows)
    base = struct.unpack(">I", socket.inet_aton("198.18.0.0"))[0]
    for name, address in known.items():
        slot = struct.unpack(">I", socket.inet_aton(address))[0] - base
        assert rows[name] == slot
