# SPDX-License-Identifier: BSD-2-Clause
"""The processes of routed: what each may do, and how they are spoken to.

    routed (root, four capabilities)
      `- spawner (ersatz, none)
           `- routed: relay (ersatz, none; alone has the TUN)
"""
import json
import os
import pwd
import signal
import socket

import pytest
from topology import ADDRESS, PATIENCE, Ersatz, wait_until

KEPT = {"CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13, "CAP_SYS_PTRACE": 19,
        "CAP_DAC_READ_SEARCH": 2}


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file
                    if ":\t" in line)


def links_of(pid):
    folder = f"/proc/{pid}/fd"
    return {int(fd): os.readlink(f"{folder}/{fd}")
            for fd in os.listdir(folder)}


def status(daemons):
    return json.loads(daemons.machine.out(
        daemons.command("routed", "--status", "--json")))


def explain(daemons, *words):
    return json.loads(daemons.machine.out(
        daemons.command("routed", "--explain", *words, "--json")))


@pytest.fixture
def pids(ersatz):
    relay = ersatz.relay_pid()
    return {"parent": ersatz.pid("routed"), "relay": relay,
            "spawner": int(status_of(relay)["PPid"])}


def test_parent_keeps_four_capabilities(pids):
    wanted = sum(1 << bit for bit in KEPT.values())
    told = status_of(pids["parent"])
    for key in ("CapPrm", "CapEff", "CapBnd"):
        assert int(told[key], 16) == wanted
    assert told["NoNewPrivs"] == "1"


@pytest.mark.parametrize("who", ("spawner", "relay"))
def test_the_others_are_ersatz_and_keep_none(pids, who):
    told = status_of(pids[who])
    uid = pwd.getpwnam("ersatz").pw_uid
    assert told["Uid"].split() == [str(uid)] * 4
    assert told["Groups"].split() == []
    for key in ("CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(told[key], 16) == 0
    assert told["NoNewPrivs"] == "1"


def test_relay_alone_has_the_tun(pids):
    def tuns(who):
        return [link for link in links_of(pids[who]).values()
                if link.endswith("/net/tun")]

    assert len(tuns("relay")) == 2
    assert tuns("parent") == tuns("spawner") == []


def test_spawner_has_next_to_nothing(pids):
    links = links_of(pids["spawner"])
    more = [t for fd, t in links.items() if fd > 2]
    assert len(more) == 2  # the pair, and SIGCHLD
    assert "anon_inode:[signalfd]" in more


def test_inner_namespace_is_nobodys_and_has_no_name(net, pids):
    """No process lives in it, and it is none that others could enter."""
    host = os.readlink(f"/proc/{pids['parent']}/ns/net")
    for pid in pids.values():
        assert os.readlink(f"/proc/{pid}/ns/net") == host
    assert net.laptop.out("ip netns list") == ""
    # Its listeners are seen from inside alone.
    assert "LISTEN" not in net.laptop.out("ss -Hltn src 127.0.0.1 and "
                                          "sport != :53")


def test_reload_changes_what_begins_and_keeps_what_is_there(net, ersatz):
    fetch = "curl -4 -sS http://site.example/"
    assert net.laptop.out(fetch) == "welcome to the site\n"
    first = ersatz.relay_pid()
    ersatz.write(Ersatz.DEFAULT.replace("MATCH,proxy", "MATCH,REJECT"))
    os.kill(ersatz.pid("routed"), signal.SIGHUP)
    wait_until(lambda: net.laptop.run(fetch, check=False).returncode == 7,
               "the new rule holds")
    ersatz.write(Ersatz.DEFAULT)
    os.kill(ersatz.pid("routed"), signal.SIGHUP)
    wait_until(lambda: net.laptop.run(fetch, check=False).returncode == 0,
               "the old rule holds again")
    assert ersatz.relay_pid() == first


@pytest.mark.parametrize("broken,told", (
    ("nonsense: 1\n", "nonsense"), ("run: /run/other\n", "'run'"),
    ("routed: { tun: other0 }\n", "'routed.tun'"), ("rules: [\n", "expected")))
def test_reload_of_nonsense_changes_nothing(net, ersatz, broken, told):
    ersatz.write(broken + Ersatz.DEFAULT)
    os.kill(ersatz.pid("routed"), signal.SIGHUP)
    wait_until(lambda: "going on as before" in net.laptop.log("routed"),
               "the log says so")
    assert told in net.laptop.log("routed")
    assert "welcome" in net.laptop.out("curl -4 -sS http://site.example/")
    ersatz.write(Ersatz.DEFAULT)


def test_status_tells_what_happens(net, ersatz):
    before = status(ersatz)
    assert before["captured"] and before["resolver"]
    assert before["uplink_ipv4"] == before["uplink_ipv6"] == "eth0"
    assert before["relay_pid"] == ersatz.relay_pid()
    net.laptop.out("curl -4 -sS http://site.example/")
    after = status(ersatz)
    assert after["flows_ever"] == before["flows_ever"] + 1
    assert after["bytes_down"] > before["bytes_down"]
    assert after["loops"] == 0


def test_flows_lists_those_that_are_open(net, ersatz):
    command = ersatz.command("routed", "--flows", "--json")
    assert net.laptop.out(command) == ""
    fake = net.laptop.out("getent ahostsv4 site.example").split()[0]
    sock = net.laptop.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.settimeout(PATIENCE)
    sock.connect((fake, 80))
    sock.send(b"GET / HTTP/1.0\r\n")
    flow = json.loads(wait_until(lambda: net.laptop.out(command),
                                 "the flow is listed"))
    assert flow["name"] == "site.example"
    assert flow["dst"] == f"{fake}:80"
    assert flow["outbound"] == "proxy"
    assert flow["rule"] == "MATCH,proxy"
    text = net.laptop.out(ersatz.command("routed", "--flows"))
    assert "site.example" in text
    sock.close()
    wait_until(lambda: net.laptop.out(command) == "", "it is gone again")


def test_explain_joins_map_rule_and_route(net, ersatz):
    fake = net.laptop.out("getent ahostsv4 site.example").split()[0]
    for target in ("site.example", fake):
        told = explain(ersatz, target, "443")
        assert told["name"] == "site.example"
        assert told["address"] == fake
        assert told["outbound"] == "proxy"
        assert told["rule"] == "MATCH,proxy"
        assert told["file"] == ersatz.config
        assert told["line"] == Ersatz.DEFAULT.split("\n").index(
            "  - MATCH,proxy") + 1
        assert told["device"] == "ersatz0"
        assert told["carried"]
    told = explain(ersatz, "192.168.7.1")
    assert told["device"] == "eth0"
    assert not told["carried"]
    assert "refused at once" in explain(ersatz, "198.18.99.99")["reason"]
    text = net.laptop.out(ersatz.command("routed", "--explain", fake))
    assert text.splitlines()[0].startswith("traffic to site.example")


def test_explain_needs_no_daemon(net, ersatz):
    net.laptop.out("getent ahostsv4 site.example")
    ersatz.stop("routed")
    told = explain(ersatz, "site.example", "443")
    assert told["outbound"] == "proxy"
    assert not told["carried"]
    assert "does not capture" in told["reason"]


GARBAGE = (b"\n", b"{}\n", b"\0\0\0\n", b'{"verb":"none"}\n', b"[" * 70000,
           b'{"verb":"explain"}\n', b'{"verb":"explain","target":7}\n',
           b'{"verb":"explain","target":"x","port":-1}\n',
           b'{"verb":"explain","target":"' + b"a" * 60000 + b'"}\n')


def test_garbage_into_the_control_socket_harms_nobody(net, ersatz):
    path = str(net.laptop.path("/run/ersatz/routed.sock"))
    for bytes_sent in GARBAGE:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(PATIENCE)
            sock.connect(path)
            try:
                sock.sendall(bytes_sent)
                sock.shutdown(socket.SHUT_WR)
                while sock.recv(4096):
                    pass
            except (BrokenPipeError, ConnectionResetError):
                pass
    assert status(ersatz)["captured"]


def test_five_deaths_of_the_relay_withdraw_the_capture(net, ersatz):
    process = ersatz.started.pop("routed")
    for _ in range(5):
        relay = wait_until(ersatz.relay_pid, "a relay runs")
        os.kill(relay, signal.SIGKILL)
        wait_until(lambda: ersatz.relay_pid() != relay, "it is gone")
    assert process.wait(timeout=PATIENCE) == 1
    assert "5 times" in net.laptop.log("routed")
    answer = net.laptop.out(f"curl -sS http://{ADDRESS['site']}/who")
    assert answer.split()[0] == ADDRESS["laptop"]


def test_start_in_the_background_returns_when_it_is_ready(net, site):
    """Nothing keeps the caller's pipe open either."""
    net.start_microsocks()
    daemons = Ersatz(net.laptop)
    before = net.laptop.state()
    net.laptop.run(daemons.command("dnsd"))
    net.laptop.run(f"out=$({' '.join(daemons.command('routed'))} 2>&1)")
    assert status(daemons)["captured"]
    assert "welcome" in net.laptop.out("curl -4 -sS http://site.example/")
    for name in ("routed", "dnsd"):
        os.kill(daemons.pid(name), signal.SIGTERM)
    wait_until(lambda: daemons.relay_pid() is None, "all have ended")
    wait_until(lambda: net.laptop.state() == before, "the state is as before")


def test_start_without_root_is_refused(net):
    daemons = Ersatz(net.laptop)
    result = net.laptop.run(daemons.command("routed", "-f"), check=False,
                            user="ersatz")
    assert result.returncode == 1
    assert "root" in result.stderr


def test_start_beside_a_device_of_that_name_is_refused(net):
    net.laptop.run("ip tuntap add dev ersatz0 mode tun")
    before = net.laptop.state()
    result = net.laptop.run(Ersatz(net.laptop).command("routed", "-f"),
                            check=False)
    assert result.returncode == 1
    assert "routed.tun" in result.stderr
    assert net.laptop.state() == before


def test_recover_does_without_a_configuration(net, ersatz):
    before = ersatz.before
    ersatz.kill("routed")
    ersatz.write("broken: [")
    ersatz.recover()
    ersatz.stop("dnsd")
    assert net.laptop.state() == before


def test_plan_needs_no_privilege_and_changes_nothing(net):
    daemons = Ersatz(net.laptop)
    before = net.laptop.state()
    plan = net.laptop.out(daemons.command("routed", "--plan"), user="ersatz")
    assert "ip rule add" in plan
    assert net.laptop.state() == before


@pytest.mark.parametrize("signum", (signal.SIGTERM, signal.SIGINT))
def test_a_stop_that_comes_during_the_start_is_not_lost(net, signum):
    """It is there already when routed is executed, so never too early."""
    def be_told():
        signal.pthread_sigmask(signal.SIG_BLOCK, {signum})
        os.kill(os.getpid(), signum)

    daemons = Ersatz(net.laptop)
    before = net.laptop.state()
    process = net.laptop.start(daemons.command("routed", "-f"), log="routed",
                               preexec_fn=be_told)
    assert process.wait(timeout=PATIENCE) == 0
    assert "stopping" in net.laptop.log("routed")
    assert net.laptop.state() == before
    assert net.laptop.out("ls -A /run/ersatz") == "routed.pid\n"


def test_a_reload_tells_of_a_server_that_nobody_is(net, ersatz):
    ersatz.write(Ersatz.DEFAULT.replace(
        "rules:", "  here: { type: socks5, server: 127.0.0.1:9 }\n"
        "rules:\n  - DOMAIN,here.example,here"))
    os.kill(ersatz.pid("routed"), signal.SIGHUP)
    wait_until(lambda: "nobody listens"
               in net.laptop.log("routed"), "it is told")
    wait_until(lambda: "reloaded" in net.laptop.log("routed"), "it goes on")
