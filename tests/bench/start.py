# SPDX-License-Identifier: BSD-2-Clause
"""How long routed takes from its start until traffic is captured and verified,
and from SIGTERM until the host is as before; the same with 10,000 prefixes
that go DIRECT; and how long after a death new flows go directly: medians of
some rounds.

    ERSATZ_BUILD=build python3 tests/bench/start.py [ROUNDS]
"""
import os
import pathlib
import select
import signal
import socket
import statistics
import struct
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "net"))
import topology  # noqa: E402

PREFIXES = 10000


def start(daemons):
    """In seconds; the process leaves its parent when it is ready."""
    began = time.monotonic()
    daemons.machine.run(daemons.command("routed"))
    return time.monotonic() - began


def stop(daemons):
    pid = daemons.pid("routed")
    fd = os.pidfd_open(pid)
    began = time.monotonic()
    os.kill(pid, signal.SIGTERM)
    select.select([fd], [], [])
    os.close(fd)
    return time.monotonic() - began


def enter(machine):
    """What entering the machine costs, and is no part of the start."""
    began = time.monotonic()
    machine.run(["true"])
    return time.monotonic() - began


class Route:
    """Asks the kernel, many thousand times a second, for one address."""

    def __init__(self, machine, address):
        self.sock = machine.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        self.sock.bind((0, 0))
        body = struct.pack("=BBBBBBBBI", socket.AF_INET, 32, 0, 0, 0, 0, 0, 0,
                           0) + struct.pack("=HH", 8, 1)
        body += socket.inet_aton(address)
        self.question = struct.pack("=IHHII", 16 + len(body), 26, 1, 1,
                                    0) + body

    def device(self):
        """Its index; 0 if there is no way."""
        self.sock.send(self.question)
        answer = self.sock.recv(4096)
        if struct.unpack_from("=H", answer, 4)[0] != 24:
            return 0
        at = 28
        while at < len(answer):
            length, kind = struct.unpack_from("=HH", answer, at)
            if kind == 4:
                return struct.unpack_from("=I", answer, at + 4)[0]
            at += (length + 3) & ~3
        return 0

    def close(self):
        self.sock.close()


def until_direct(daemons, strike):
    """In seconds, from the blow until the kernel sends it by the uplink."""
    route = Route(daemons.machine, "203.0.113.77")
    uplink = int(daemons.machine.out("ip -o link show eth0").split(":")[0])
    assert route.device() != uplink
    began = time.monotonic()
    strike()
    while route.device() != uplink:
        assert time.monotonic() - began < 10, "it never does"
    took = time.monotonic() - began
    route.close()
    return took


def deaths(daemons):
    """What is struck, and how."""
    def kill(pid):
        return lambda: os.kill(pid, signal.SIGKILL)

    machine = daemons.machine
    index = int(machine.out("ip -o link show ersatz0").split(":")[0])
    netlink = machine.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)

    def delete():
        """The kernel answers later, when it has waited for RCU."""
        question = struct.pack("=IHHIIBBHiII", 32, 17, 1, 1, 0, 0, 0, 0,
                               index, 0, 0)
        threading.Thread(target=netlink.send, args=(question,)).start()

    yield "the relay", kill(daemons.relay_pid())
    yield "routed", kill(daemons.pid("routed"))
    yield "the TUN", delete


def tell(what, seconds):
    print(f"{what:38} {statistics.median(seconds) * 1e3:7.1f} ms "
          f"(least {min(seconds) * 1e3:.1f})", flush=True)


def measure_profile(daemons, name, rounds):
    starts, stops = [], []
    for _ in range(rounds):
        cost = enter(daemons.machine)
        starts.append(start(daemons) - cost)
        stops.append(stop(daemons))
    tell(f"{name}: start", starts)
    tell(f"{name}: stop", stops)


def measure_deaths(daemons, rounds):
    took = {}
    for _ in range(rounds):
        for index in range(3):
            daemons.start("routed")
            name, strike = list(deaths(daemons))[index]
            took.setdefault(name, []).append(until_direct(daemons, strike))
            daemons.recover() if index == 1 else daemons.stop("routed")
            daemons.started.pop("routed", None)
    for name, seconds in took.items():
        tell(f"direct after the death of {name}", seconds)


def many_prefixes(machine):
    """No two of them are neighbours."""
    lines = "".join(f"{11 + i // 5000}.{i // 50 % 100}.{i % 50 * 4}.0/24\n"
                    for i in range(PREFIXES))
    machine.path("/etc/ersatz/many.txt").write_text(lines)
    return topology.Ersatz.DEFAULT.replace(
        "rules:\n", "rules:\n  - RULE-SET,many.txt,DIRECT,no-resolve\n")


def main(rounds):
    net = topology.Network()
    try:
        net.start_microsocks()
        daemons = topology.Ersatz(net.laptop)
        daemons.start("dnsd")
        measure_profile(daemons, "open", rounds)
        measure_deaths(daemons, rounds)
        daemons.write(topology.Ersatz.DEFAULT + "routed: { on-crash: closed }\n")
        measure_profile(daemons, "closed", rounds)
        daemons.write(many_prefixes(net.laptop))
        measure_profile(daemons, f"{PREFIXES} prefixes", rounds)
        daemons.stop("dnsd")
    finally:
        net.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
