# SPDX-License-Identifier: BSD-2-Clause
"""Users without privilege: what they may see of both daemons, and what not.

Three on the laptop: alice and bob, each with a flow of TCP and one of UDP, and
carol, who is in the group 'ersatz' or not.
"""
import json
import socket

import pytest
from topology import ADDRESS, Ersatz, wait_until

ALICE, BOB, CAROL = "4001", "4002", "4003"
KNOCK = """
import socket, sys, time
tcp = socket.create_connection((sys.argv[1], 80), timeout=60)
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.connect((sys.argv[2], 7))
udp.send(b"x")
time.sleep(1000)
"""
CONFIG = f"""\
outbounds:
  proxy: {{ type: socks5, server: "{ADDRESS['proxy']}:1080" }}
rules:
  - NETWORK,udp,DIRECT
  - MATCH,proxy
"""


@pytest.fixture
def ersatz(net, site):
    net.start_microsocks()
    for user in ("alice", "bob"):
        net.knows_site(net.proxy, f"{user}.example")
    daemons = Ersatz(net.laptop, CONFIG).up()
    yield daemons
    daemons.down()


@pytest.fixture
def flows(net, ersatz):
    sink = net.site.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sink.bind(("0.0.0.0", 7))
    for user, name in ((ALICE, "alice.example"), (BOB, "bob.example")):
        net.laptop.start(["/usr/bin/python3", "-c", KNOCK, name,
                          ADDRESS["site"]], user=user)
    wait_until(lambda: len(seen_by(net, ersatz, "0")) == 4,
               "two users have two flows each")
    yield
    sink.close()


def ask(net, ersatz, daemon, *words, user, groups=None):
    """As that user; `groups` are his beside the first one."""
    keep = ["--groups", groups] if groups else ["--clear-groups"]
    return net.laptop.run(
        ["setpriv", f"--reuid={user}", f"--regid={user}", *keep,
         *ersatz.command(daemon, *words)], check=False)


def seen_by(net, ersatz, user, groups=None):
    told = ask(net, ersatz, "routed", "--flows", "--json", user=user,
               groups=groups)
    assert told.returncode == 0, told.stderr
    lines = [json.loads(line) for line in told.stdout.splitlines()]
    return sorted(line["name"] or line["dst"] for line in lines)


def test_everybody_sees_his_own_flows(net, ersatz, flows):
    datagrams = f"{ADDRESS['site']}:7"
    mine = sorted(["alice.example", datagrams])
    others = sorted(["bob.example", datagrams])
    every = sorted(mine + others)
    assert seen_by(net, ersatz, ALICE) == mine
    assert seen_by(net, ersatz, BOB) == others
    assert seen_by(net, ersatz, CAROL) == []
    assert "no flows that this user may see" in ask(
        net, ersatz, "routed", "--flows", user=CAROL).stdout
    # Positive control: in the group she sees them.
    assert seen_by(net, ersatz, CAROL, groups="ersatz") == every
    assert seen_by(net, ersatz, "0") == every


def test_read_only_verbs_are_for_everybody(net, ersatz):
    """With the same result as for root, without any group."""
    for daemon, words in (
            ("routed", ["--diff", "--json"]),
            ("routed", ["--explain", "new.example", "443", "--json"]),
            ("dnsd", ["--explain", "new.example", "--json"])):
        mine = ask(net, ersatz, daemon, *words, user=ALICE)
        assert mine.returncode == 0, mine.stderr
        assert mine.stdout == ask(net, ersatz, daemon, *words,
                                  user="0").stdout
        assert "No daemon runs" not in mine.stdout
    for daemon in ("routed", "dnsd"):
        told = ask(net, ersatz, daemon, "--status", "--json", user=ALICE)
        first = json.loads(told.stdout.splitlines()[0])
        assert first["pid"] == ersatz.pid(daemon)
    assert ask(net, ersatz, "routed", "--plan", user=ALICE).returncode == 0
    assert ask(net, ersatz, "routed", "--doctor", "--json",
               user=ALICE).stderr == ""


def test_what_changes_something_is_for_root(net, ersatz, flows):
    """Each is refused in words, and nothing is changed."""
    told = ask(net, ersatz, "dnsd", "--flush", user=ALICE)
    assert told.returncode == 1 and "only root may do this" in told.stderr
    told = ask(net, ersatz, "routed", "--recover", user=ALICE)
    assert told.returncode == 1 and "only root may do" in told.stderr
    assert len(seen_by(net, ersatz, "0")) == 4

    lines = ask(net, ersatz, "routed", "--flows", "--json", user="0").stdout
    flow = next(json.loads(line) for line in lines.splitlines()
                if "alice.example" in line)
    close = {"verb": "close", "network": "tcp", "src": flow["src"],
             "dst": flow["dst"]}
    direct = {"verb": "direct", "addresses": "192.0.2.1", "ttl": 60}
    for path, request in (("routed", close), ("routed", direct),
                          ("dnsd", {"verb": "flush"}),
                          ("dnsd", {"verb": "hold", "slots": "3"}),
                          ("dnsd", {"verb": "resolve", "name": "a.example"}),
                          ("dnsd", {"verb": "watch"}),
                          ("dnsd", {"verb": "used"})):
        for user in (ALICE, CAROL):
            assert "error" in talk(net, path, request, user), request
    assert len(seen_by(net, ersatz, "0")) == 4
    # Positive control: root closes it.
    assert "error" not in talk(net, "routed", close, "0")
    wait_until(lambda: len(seen_by(net, ersatz, "0")) == 3, "it is closed")


def talk(net, daemon, request, user):
    """The last line of the answer, of a program that is not ours."""
    script = ("import socket, sys\n"
              "sock = socket.socket(socket.AF_UNIX)\n"
              "sock.settimeout(30)\n"
              f"sock.connect('/run/ersatz/{daemon}.sock')\n"
              "sock.sendall(sys.argv[1].encode() + b'\\n')\n"
              "text = b''\n"
              "while b'\"end\":true' not in text:\n"
              "    text += sock.recv(65536)\n"
              "print(text.decode().splitlines()[-1])\n")
    return json.loads(net.laptop.out(
        ["/usr/bin/python3", "-c", script, json.dumps(request)], user=user))


def test_watching_is_for_root_and_the_group(net, ersatz):
    told = ask(net, ersatz, "dnsd", "--watch", user=ALICE)
    assert told.returncode == 1
    assert "only root and the group" in told.stderr


CROWD = """
import contextlib, socket
sockets = []
while True:
    sock = socket.socket(socket.AF_UNIX)
    sock.connect("/run/ersatz/routed.sock")
    with contextlib.suppress(OSError):  # another one has taken its place
        sock.send(b'{"verb":"diff"}\\n' * 10)
    sockets.append(sock)
    if len(sockets) == 200:
        print("there", flush=True)
    if len(sockets) > 200:
        sockets.pop(0).close()
"""


def test_a_crowd_of_strangers_holds_nobody_up(net, ersatz):
    """All places that strangers have, taken and talked from."""
    crowd = [net.laptop.start(["/usr/bin/python3", "-c", CROWD], user=BOB, log="crowd")
             for _ in range(2)]
    wait_until(lambda: net.laptop.log("crowd").count("there") == 2,
               "the crowd is there", seconds=60)
    for _ in range(5):
        told = ask(net, ersatz, "routed", "--status", "--json", user="0")
        assert told.returncode == 0, told.stderr
    assert "site.example" in net.laptop.out(
        ["curl", "-s", "http://site.example/who"])
    for process in crowd:
        assert process.poll() is None, net.laptop.log("crowd")
        net.laptop.kill(process)
