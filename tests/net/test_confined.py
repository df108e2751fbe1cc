# SPDX-License-Identifier: BSD-2-Clause
"""What a process of ours can do once somebody has taken it over.

`inject` makes a running daemon make a system call, with the user, the filters
and the descriptors that it has: nobody who gets in has more.
"""
import platform

import pytest
from topology import BUILD, PATIENCE, wait_until

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64" or
    "-DHAVE_SECCOMP=1" not in (BUILD / "Makefile").read_text(),
    reason="needs libseccomp, and a machine that inject knows")

# Numbers of x86_64.
EXECVE, SETNS, BPF = 59, 308, 321
FETCH = "curl -4 -sS http://site.example/"


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file
                    if ":\t" in line)


def pids_of(ersatz):
    relay = ersatz.relay_pid()
    return {"dnsd": ersatz.pid("dnsd"), "parent": ersatz.pid("routed"),
            "relay": relay, "spawner": int(status_of(relay)["PPid"])}


def inject(ersatz, pid, number, *arguments):
    """The result of the call, or "killed"; what it has written behind."""
    words = [BUILD / "tests/net/inject", str(pid), str(number),
             *(str(a) for a in arguments)]
    told = ersatz.machine.out([str(w) for w in words]).split()
    return told[0] if told[0] == "killed" else int(told[0])


def ends(pid):
    def is_gone():
        try:
            return status_of(pid)["State"].startswith("Z")
        except (FileNotFoundError, ProcessLookupError):
            return True

    wait_until(is_gone, f"process {pid} has ended")


def test_every_process_has_a_filter(ersatz):
    for who, pid in pids_of(ersatz).items():
        assert status_of(pid)["Seccomp"] == "2", who
    # Positive control: that of the shell beside them has none.
    told = ersatz.machine.out("cat /proc/self/status")
    assert "Seccomp:\t0" in told


def test_injected_call_is_made(ersatz):
    """Positive control of the tool: getpid(), in each of them."""
    for pid in pids_of(ersatz).values():
        assert inject(ersatz, pid, 39) == pid


def test_dnsd_that_executes_dies_and_says_so(net, ersatz):
    assert inject(ersatz, ersatz.pid("dnsd"), EXECVE, 0, 0, 0) == "killed"
    process = ersatz.started.pop("dnsd")
    assert process.wait(timeout=PATIENCE) == 159
    assert "system call 'execve'" in net.laptop.log("dnsd")
    ersatz.start("dnsd")
    assert net.laptop.out(FETCH) == "welcome to the site\n"


def test_relay_that_executes_dies_and_another_comes(net, ersatz):
    relay = ersatz.relay_pid()
    assert inject(ersatz, relay, EXECVE, 0, 0, 0) == "killed"
    wait_until(lambda: "the relay ended with status 159"
               in net.laptop.log("routed"), "its death is told")
    assert "system call 'execve'" in net.laptop.log("routed")
    wait_until(lambda: net.laptop.run(FETCH, check=False).stdout ==
               "welcome to the site\n", "another relay carries")


@pytest.mark.parametrize("who,number,name", (("parent", EXECVE, "execve"),
                                             ("parent", SETNS, "setns"),
                                             ("spawner", BPF, "bpf")))
def test_routed_that_dies_of_a_call_leaves_the_host_its_network(
        net, ersatz, who, number, name):
    pids = pids_of(ersatz)
    assert inject(ersatz, pids[who], number, -1, 0, 0) == "killed"
    process = ersatz.started.pop("routed")
    assert process.wait(timeout=PATIENCE) == (159 if who == "parent" else 1)
    assert f"system call '{name}'" in net.laptop.log("routed")
    for pid in (pids["spawner"], pids["relay"]):
        ends(pid)
    assert net.laptop.out(
        "curl -4 -sS http://direct.example/") == "welcome to the site\n"
    ersatz.recover()
