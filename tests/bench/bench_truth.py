# SPDX-License-Identifier: BSD-2-Clause
"""How long connect() takes, however it ends: without us, directly by the
relay, and through a SOCKS proxy, beside what is told.

The world is that of tests/net/test_truth.py, which sees to it that the end is
the same one; how long a test takes is nobody's promise.
"""
import statistics
import time

from test_outbounds import error_of
from test_truth import CONFIG, ENDS, make_world, use_way
from topology import Ersatz, Network

ROUNDS = 15
# The kernel itself decides when it is enough: 3 s, with one SYN more.
SLOW = ("filtered",)


def measure(machine):
    """{end: (what connect() said, milliseconds)}, medians."""
    results = {}
    for name, end in ENDS.items():
        took = []
        for _ in range(1 if name in SLOW else ROUNDS):
            begin = time.monotonic()
            said = error_of(machine, *end)
            took.append((time.monotonic() - begin) * 1000)
        results[name] = said, statistics.median(took)
    return results


def bench_truth():
    print(f"\nThe end of connect(), medians of {ROUNDS}: milliseconds, and of "
          "what it takes without us\n  wanted: the same end in the same time; "
          "behind a proxy that of the proxy beyond it")
    net = Network()
    try:
        make_world(net)
        # The router's errors are counted here, not how often it may send one.
        net.router.sysctl(net__ipv4__icmp_ratelimit=0,
                          net__ipv6__icmp__ratelimit=0)
        ways = {"none": measure(net.laptop)}
        daemons = Ersatz(net.laptop, CONFIG.replace("WAY", "DIRECT")).up()
        ways["DIRECT"] = measure(net.laptop)
        use_way(daemons, "microsocks")
        ways["SOCKS"] = measure(net.laptop)
        daemons.down()
    finally:
        net.close()
    print(f"  {'':<14}" + "".join(f"{way:>24}" for way in ways))
    for name in ENDS:
        cells = [ways[way][name] for way in ways]
        print(f"  {name:<14}" + "".join(
            f"{said:>14} {took:>8.2f} " for said, took in cells) +
            "  ratios " + " ".join(f"{took / cells[0][1]:.1f}"
                                   for _, took in cells[1:]))
