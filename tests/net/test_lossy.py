# SPDX-License-Identifier: BSD-2-Clause
"""A bad way to a real resolver: loss, delay, duplicates, another order.

    laptop (a network of its own)
      test --> dnsd --+--> the test's own bad way 127.0.0.1:5301 --+
                      +------------------------------------------> unbound :5300
"""
import contextlib
import random
import socket
import threading

import dns.message
import pytest
from test_encrypted import resolver  # noqa: F401
from test_upstream import addresses, ede, is_failure, laptop  # noqa: F401

NAMES = 150

CONFIG = """\
upstreams:
  bad: {{ servers: ["127.0.0.1:5301"] }}
  good: {{ servers: ["127.0.0.1:5300"] }}
rules:
  - DOMAIN-SUFFIX,bad.many.example,DIRECT,upstream=bad
  - MATCH,DIRECT,upstream=good
dnsd: {{ timeout: {timeout} }}
"""


class BadWay:
    """Carries datagrams to unbound and back, as badly as it is told."""

    def __init__(self, machine):
        self.machine = machine
        self.socket = machine.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 5301))
        self.random = random.Random(7)
        self.loss = self.doubles = self.delay = 0.0
        self.held = None  # a list: nothing goes on, for now
        self.lost = 0
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while True:
            try:
                wire, peer = self.socket.recvfrom(65535)
            except OSError:
                return
            if not wire:
                return
            with self.lock:
                if self.held is not None:
                    self.held.append((wire, peer))
                    continue
            self.carry(wire, peer)

    def carry(self, wire, peer):
        """Each of them by itself, so that one may overtake the other."""
        for _ in range(2 if self.random.random() < self.doubles else 1):
            if self.random.random() < self.loss:
                self.lost += 1
                continue
            threading.Timer(self.random.random() * self.delay, self._ask,
                            (wire, peer)).start()

    def _ask(self, wire, peer):
        # What is late finds the test, and its machine, at their end.
        with contextlib.suppress(OSError):
            self._ask_and_reply(wire, peer)

    def _ask_and_reply(self, wire, peer):
        with self.machine.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            out.settimeout(30)
            out.sendto(wire, ("127.0.0.1", 5300))
            reply = out.recv(65535)
        for _ in range(2 if self.random.random() < self.doubles else 1):
            self.socket.sendto(reply, peer)

    def release(self):
        with self.lock:
            held, self.held = self.held, None
        for wire, peer in held:
            self.carry(wire, peer)

    def close(self):
        with self.machine.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", 5301))
        self.thread.join(timeout=10)
        self.socket.close()


@pytest.fixture
def way(resolver):  # noqa: F811
    way = BadWay(resolver.machine)
    yield way
    way.close()


def start(laptop, timeout):  # noqa: F811
    laptop.ersatz.write(CONFIG.format(timeout=timeout))
    laptop.ersatz.start("dnsd")


def ask_all(client, names):
    wanted = {}
    for number, name in enumerate(names):
        wanted[number] = dns.message.make_query(name, "A", id=number,
                                                use_edns=0)
        client.send(wanted[number].to_wire())
    return wanted


def take(client, wanted):
    answer = dns.message.from_wire(client.recv(65535))
    query = wanted.pop(answer.id)  # once each, or KeyError
    assert query.is_response(answer)
    return answer


def test_each_question_has_one_answer_over_a_bad_way(laptop,  # noqa: F811
                                                     way):
    way.loss, way.doubles, way.delay = 0.25, 0.2, 0.3
    start(laptop, "3s")
    with laptop.client() as client:
        wanted = ask_all(client, [f"n{i}.bad.many.example"
                                  for i in range(NAMES)])
        answers = [take(client, wanted) for _ in range(NAMES)]
    good = [a for a in answers if addresses(a) == ["192.0.2.7"]]
    # What is not the right address is a failure that says why.
    assert all(is_failure(a) and "upstream 'bad'" in ede(a)
               for a in answers if a not in good)
    # It was bad, and asking again mends what it can (on a slow machine less).
    assert way.lost >= NAMES / 10 and len(good) >= NAMES / 10


def test_a_way_that_stands_still_holds_up_nobody_else(laptop,  # noqa: F811
                                                      way):
    way.held = []
    start(laptop, "60s")
    names = [f"n{i}.bad.many.example" for i in range(NAMES)]
    names += [f"n{i}.many.example" for i in range(NAMES)]
    with laptop.client() as client:
        wanted = ask_all(client, names)
        for _ in range(NAMES):
            number = take(client, wanted)
            assert number.id >= NAMES
            assert addresses(number) == ["192.0.2.7"]
        # The control: the others were asked, and are answered now.
        assert way.held and len(wanted) == NAMES
        way.release()
        for _ in range(NAMES):
            assert addresses(take(client, wanted)) == ["192.0.2.7"]
