# SPDX-License-Identifier: BSD-2-Clause
"""What a process of ours can do once somebody has taken it over.

`inject` makes a running daemon make a system call, with the user, the filters
and the descriptors that it has: nobody who gets in has more.
"""
import ctypes
import errno
import json
import os
import platform
import pwd
import signal
import socket
import struct

import pytest
from topology import BUILD, PATIENCE, Ersatz, wait_until

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64" or
    "-DHAVE_SECCOMP=1" not in (BUILD / "Makefile").read_text(),
    reason="needs libseccomp, and a machine that inject knows")

# Numbers of x86_64.
OPEN, CLOSE, SOCKET, SENDTO, RECVFROM = 2, 3, 41, 44, 45
EXECVE, SETNS, BPF = 59, 308, 321
O_RDONLY, O_WRONLY, O_CREAT = 0, 1, 0o100
LANDLOCK = ctypes.CDLL(None).syscall(444, None, 0, 1)
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
    ersatz.is_taken_over = True
    words = [BUILD / "tests/net/inject", str(pid), str(number),
             *(str(a) for a in arguments)]
    told = ersatz.machine.out([str(w) for w in words]).split()
    if len(told) == 2:
        return int(told[0]), bytes.fromhex(told[1])
    return told[0] if told[0] == "killed" else int(told[0])


def text(path):
    return "x:" + (path.encode() + b"\0").hex()


def inject_open(ersatz, pid, path, flags):
    """0 if it can, or why not."""
    fd = inject(ersatz, pid, OPEN, text(path), flags, 0o600)
    if fd >= 0:
        inject(ersatz, pid, CLOSE, fd)
    return min(fd, 0)


def inject_route(ersatz, pid):
    """Asks the kernel for a route to 192.0.2.99; what it says, 0 or -errno."""
    body = struct.pack("=8BI", 2, 32, 0, 0, 254, 4, 253, 1, 0)
    body += struct.pack("=HH4s", 8, 1, socket.inet_aton("192.0.2.99"))
    body += struct.pack("=HHI", 8, 4, 1)  # by way of lo
    message = struct.pack("=IHHII", 16 + len(body), 24, 0x405, 1, 0) + body
    fd = inject(ersatz, pid, SOCKET, socket.AF_NETLINK, socket.SOCK_RAW, 0)
    assert fd >= 0
    assert inject(ersatz, pid, SENDTO, fd, "x:" + message.hex(), len(message),
                  0, 0, 0) == len(message)
    _, answer = inject(ersatz, pid, RECVFROM, fd, "o:64", 64, 0, 0, 0)
    inject(ersatz, pid, CLOSE, fd)
    assert struct.unpack_from("=H", answer, 4)[0] == 2  # NLMSG_ERROR
    return struct.unpack_from("=i", answer, 16)[0]


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


def test_status_tells_what_each_may(ersatz):
    def told(daemon):
        lines = ersatz.machine.out(ersatz.command(daemon, "--status",
                                                  "--json"))
        return json.loads(lines.splitlines()[0])

    uid = pwd.getpwnam("ersatz").pw_uid
    dnsd, routed = told("dnsd"), told("routed")
    for status, who in ((dnsd, "process"), (routed, "relay")):
        assert status[f"{who}_uid"] == uid
        assert status[f"{who}_capabilities"] == "0x0"
        assert status[f"{who}_seccomp"] is True
        assert status[f"{who}_landlock"] == max(LANDLOCK, 0)
    assert routed["process_uid"] == 0
    assert routed["process_capabilities"] == "0x83004"
    assert routed["process_seccomp"] is True
    assert routed["process_landlock"] == 0
    text = ersatz.machine.out(ersatz.command("routed", "--status"))
    assert "routed: user 0, 4 capabilities, seccomp, no Landlock" in text
    assert f"relay: user {uid}, no capability, seccomp" in text


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


@pytest.mark.parametrize("who", ("relay", "spawner", "dnsd"))
def test_only_the_parent_can_change_the_network(net, ersatz, who):
    pids = pids_of(ersatz)
    before = net.laptop.state()
    assert inject_route(ersatz, pids[who]) == -errno.EPERM
    assert net.laptop.state() == before
    # Positive control: the same message of one who may.
    assert inject_route(ersatz, pids["parent"]) == 0
    assert "192.0.2.99 dev lo" in net.laptop.out("ip route show")
    net.laptop.run("ip route del 192.0.2.99 dev lo")


@pytest.mark.skipif(LANDLOCK < 1, reason="needs Landlock")
@pytest.mark.parametrize("daemon,key", (("dnsd", "query-log"),
                                        ("routed", "flow-log")))
def test_a_log_in_another_folder_takes_a_restart_and_says_so(
        net, ersatz, daemon, key):
    net.laptop.run("install -d -o ersatz /etc/logs")
    ersatz.write(f"{daemon}: {{ {key}: /etc/logs/log }}\n" + Ersatz.DEFAULT)
    os.kill(ersatz.pid(daemon), signal.SIGHUP)
    wait_until(lambda: f"takes a restart of {daemon}"
               in net.laptop.log(daemon), "the remedy is told")
    assert net.laptop.out(FETCH) == "welcome to the site\n"
    ersatz.stop(daemon)
    ersatz.start(daemon)
    assert net.laptop.out(FETCH) == "welcome to the site\n"
    wait_until(lambda: "site.example" in net.laptop.out("cat /etc/logs/log"),
               "it is logged")


@pytest.mark.skipif(LANDLOCK < 3, reason="needs Landlock 3")
@pytest.mark.parametrize("who", ("relay", "dnsd"))
def test_files_are_changed_where_it_is_needed_alone(net, ersatz, who):
    """Modes would allow all of it."""
    pid = pids_of(ersatz)[who]
    folder = net.laptop.path("/etc/open")
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    (folder / "file").write_text("text")
    (folder / "file").chmod(0o666)
    refused = -errno.EACCES
    assert inject_open(ersatz, pid, "/etc/open/file", O_WRONLY) == refused
    assert inject_open(ersatz, pid, "/etc/open/new",
                       O_WRONLY | O_CREAT) == refused
    assert inject_open(ersatz, pid, "/etc/shadow", O_RDONLY) == refused
    # Positive controls: reading; the map; the same for one of that user.
    assert inject_open(ersatz, pid, "/etc/open/file", O_RDONLY) == 0
    assert inject_open(ersatz, pid, "/var/lib/ersatz/map.db-shm",
                       O_WRONLY) == 0
    net.laptop.run("echo x >> /etc/open/file; echo x > /etc/open/new",
                   user="ersatz")
