# SPDX-License-Identifier: BSD-2-Clause
"""Another program takes away what is ours, again and again: it is named.

    laptop (dnsd, routed; the rival) --- router
"""
import contextlib
import json

import pytest
from topology import Ersatz, wait_until


@pytest.fixture
def daemons(net):
    net.start_microsocks()
    daemons = Ersatz(net.laptop).up()
    yield daemons
    daemons.down()


def status(daemons):
    return json.loads(daemons.machine.out(
        daemons.command("routed", "--json", "--status")).splitlines()[0])


def found(daemons):
    text = daemons.machine.run(daemons.command("routed", "--json", "--doctor"),
                               check=False).stdout
    return {line["finding"]: line for line in map(json.loads,
                                                  text.splitlines())}


@contextlib.contextmanager
def batch(machine):
    """ip(8) as a program that stays: its process, and where it is told."""
    machine.run("mkfifo /run/batch")
    process = machine.start("exec ip -force -batch - < /run/batch")
    with open(machine.path("/run/batch"), "w", encoding="ascii") as told:
        yield process, told
    process.wait()


def is_whole(machine, what):
    return all(word in machine.out("ip rule show") for word in what)


def test_rival_is_named(net, daemons):
    laptop = net.laptop
    with batch(laptop) as (process, told):
        for number in range(1, 4):
            told.write("rule del priority 5001\n")
            told.flush()
            wait_until(lambda n=number: status(daemons)["repairs"] >= n,
                       "it is repaired")
            assert status(daemons)["rival"] is None or number == 3
        name = f"'ip' (process {process.pid})"
        wait_until(lambda: status(daemons)["rival"], "the rival is known")
        assert name in status(daemons)["rival"]
        log = laptop.log("routed")
        assert f"again and again, by {name}" in log
        finding = found(daemons)["rival"]
        assert finding["broken"] and name in finding["what"]
        assert f"rival      {name}" in laptop.out(
            daemons.command("routed", "--status"))


def test_who_changes_something_else_is_none(net, daemons):
    """Nor is the kernel, that takes routes with their link."""
    laptop = net.laptop
    with batch(laptop) as (_, told):
        for number in range(5):
            told.write(f"rule add pref 9 from 192.0.2.{number} lookup 99\n"
                       "rule del pref 9\n")
            told.flush()
            repairs = status(daemons)["repairs"]
            laptop.run("ip link set ersatz0 down")
            wait_until(lambda was=repairs: status(daemons)["repairs"] > was,
                       "the routes into the TUN are back")
    assert status(daemons)["rival"] is None
    assert "rival" not in found(daemons)
