# SPDX-License-Identifier: BSD-2-Clause
"""A pool of 12 addresses is used up: idle names lose theirs, others never."""
import itertools
import json
import os
import random
import signal
import socket
import threading
import time

import dns.rcode
import peer
import pytest
import test_dnsd
import topology
from topology import ADDRESS, PATIENCE, Ersatz, wait_until

CONFIG = f"""\
outbounds:
  proxy: {{ type: socks5, server: "{ADDRESS['proxy']}:1080" }}
rules: [ "MATCH,proxy" ]
dnsd:
  fake: {{ ipv4: 198.18.0.0/28, ttl: 0, guard: %s }}
"""


def ask(machine, name):
    """The address of a name, or None and the reason of the failure."""
    answer = test_dnsd.ask(machine, name)
    if answer.rcode() == dns.rcode.SERVFAIL:
        return None, test_dnsd.error(answer)[1]
    return test_dnsd.data(answer)[0], None


def take(machine, name, kept=()):
    """The same once there is one; those that are kept are in use."""
    return wait_until(lambda: ([ask(machine, one) for one in kept],
                               ask(machine, name)[0])[1],
                      f"{name} has an address")


def fetch(client):
    client.sendall(b"GET /who HTTP/1.1\r\nHost: site.example\r\n\r\n")
    return client.recv(1000)


def test_idle_addresses_go_to_other_names_and_used_ones_never(net, site):
    net.start_microsocks()
    laptop = net.laptop
    daemons = Ersatz(laptop, CONFIG % "3s").up()
    held, _ = ask(laptop, "site.example")
    client = peer.connect(laptop, held, 80)
    assert b"200 OK" in fetch(client)
    first = {f"a{i}.example": ask(laptop, f"a{i}.example")[0]
             for i in range(11)}
    assert len({held, *first.values()} - {None}) == 12

    # All given, none idle yet: refused, told why, counted, logged.
    address, text = ask(laptop, "b0.example")
    assert address is None
    assert "all fake addresses are given" in text
    status = json.loads(laptop.out(
        daemons.command("dnsd", "--status", "--json")).splitlines()[0])
    assert status["refused_full"] >= 1 and status["recycled"] == 0
    assert "refusing new names" in laptop.log("dnsd")

    # A guard time later they are, but for the one that a flow uses, although
    # nobody asked for it since.
    second = {f"b{i}.example": take(laptop, f"b{i}.example")
              for i in range(11)}
    assert set(second.values()) == set(first.values())
    assert ask(laptop, "c0.example")[0] is None
    assert b"200 OK" in fetch(client)
    rows = [json.loads(line) for line in laptop.out(
        daemons.command("dnsd", "--dump-map=json")).splitlines()]
    assert {row["name"]: row["ipv4"] for row in rows} == {
        "site.example": held, **second}

    # A kill changes nothing for those who have one; and what was used before
    # is not known after, so nothing is idle at once.
    daemons.kill("dnsd")
    daemons.start("dnsd")
    assert ask(laptop, "d0.example")[0] is None
    assert ask(laptop, "b5.example")[0] == second["b5.example"]

    # The flow ends: in the end its address goes to another name, too.
    client.close()
    third = {}
    for i in range(12):
        name = f"d{i}.example"
        third[name] = take(laptop, name, list(third))
    assert set(third.values()) == {held, *first.values()}
    assert ask(laptop, "site.example")[0] is None
    daemons.down()


ROUNDS = int(os.environ.get("ERSATZ_ROUNDS", "3"))


class Relay(threading.Thread):
    """Tells dnsd, as the relay does, that no flow uses any address."""

    def __init__(self, machine):
        super().__init__(daemon=True)
        self.path = machine.path("/run/ersatz/dnsd.sock")
        self.ended = threading.Event()
        self.start()

    def run(self):
        line = json.dumps({"verb": "hold", "slots": "", "all": True}) + "\n"
        while not self.ended.wait(0.1):
            try:
                with socket.socket(socket.AF_UNIX) as sock:
                    sock.connect(os.fspath(self.path))
                    sock.sendall(line.encode())
                    sock.recv(1000)
            except OSError:
                pass


@pytest.fixture
def machine(tmp_path):
    machine = topology.Machine("alone", tmp_path)
    tmp_path.chmod(0o755)
    yield machine
    machine.close()


def test_no_kill_gives_an_address_away_within_the_guard_time(machine):
    daemons = Ersatz(machine, CONFIG % "1s")
    relay = Relay(machine)
    fresh = (f"n{i}.example.net" for i in itertools.count())
    told = {}  # address: (name, when it was told last)
    given_on = 0
    random.seed(4711)
    for _ in range(ROUNDS):
        daemons.start("dnsd")
        sock = machine.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.connect(("127.0.0.1", 53))
        sock.settimeout(PATIENCE)
        # Nothing is idle for a guard time after the start: 1 to 2 s.
        end = time.monotonic() + random.uniform(2.2, 2.6)
        kept = [old for old, _ in list(told.values())[:4]]
        enough = given_on + 3
        while time.monotonic() < end or given_on < enough:
            name = next(fresh)
            # Some are asked for all the time, so that they stay.
            if kept and random.random() < 0.3:
                name = random.choice(kept)
            before = time.monotonic()
            sock.send(query(name))
            address = answer_of(sock.recv(1500))
            if address is None:
                continue
            old, when = told.get(address, (name, 0))
            if old != name:
                given_on += 1
                # At least as long as it was in truth.
                assert time.monotonic() - when >= 1, (address, old, name)
            told[address] = (name, before)
        daemons.kill("dnsd", signal.SIGKILL)
        sock.close()
    relay.ended.set()
    relay.join()
    assert given_on >= 8  # the control: it does happen
    assert len(told) == 12


def query(name):
    labels = b"".join(bytes([len(p)]) + p for p in name.encode().split(b"."))
    return b"\x12\x34\1\0\0\1\0\0\0\0\0\0" + labels + b"\0\0\1\0\1"


def answer_of(packet):
    if packet[3] & 15 or packet[7] != 1:
        return None
    return socket.inet_ntoa(packet[-4:])
