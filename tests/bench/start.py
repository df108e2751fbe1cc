# SPDX-License-Identifier: BSD-2-Clause
"""How long routed takes from its start until traffic is captured and verified,
and from SIGTERM until the host is as before: medians of some rounds.

    ERSATZ_BUILD=build python3 tests/bench/start.py [ROUNDS]
"""
import os
import pathlib
import select
import signal
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "net"))
import topology  # noqa: E402


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


def main(rounds):
    net = topology.Network()
    try:
        net.start_microsocks()
        for profile in ("open", "closed"):
            daemons = topology.Ersatz(
                net.laptop, topology.Ersatz.DEFAULT +
                f"routed: {{ on-crash: {profile} }}\n")
            daemons.start("dnsd")
            starts, stops = [], []
            for _ in range(rounds):
                cost = enter(net.laptop)
                starts.append(start(daemons) - cost)
                stops.append(stop(daemons))
            daemons.stop("dnsd")
            print(f"{profile:7} start {statistics.median(starts) * 1e3:6.1f} "
                  f"ms (least {min(starts) * 1e3:.1f}), stop "
                  f"{statistics.median(stops) * 1e3:6.1f} ms "
                  f"(least {min(stops) * 1e3:.1f})")
    finally:
        net.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
