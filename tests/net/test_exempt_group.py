# SPDX-License-Identifier: BSD-2-Clause
"""Control groups that are exempt, made before us and after.

laptop -- router -- proxy (microsocks), site (nginx, tells who asks): what is
carried comes from the proxy, what is exempt from the laptop.
"""
import contextlib
import json
import signal

import control_groups
import pytest
import topology
from topology import ADDRESS, ADDRESS6

CONFIG = f"""\
outbounds:
  proxy: {{ type: socks5, server: "{ADDRESS['proxy']}:1080" }}
rules: ["MATCH,proxy"]
routed:
  exempt: {{ cgroup: ["{control_groups.path_of()}"] }}
"""


@pytest.fixture
def laptop(net, site):
    net.start_microsocks()
    return net.laptop


@contextlib.contextmanager
def running(machine, config):
    daemons = topology.Ersatz(machine, config).up()
    try:
        yield daemons
        daemons.down()
    finally:
        daemons.stop("routed")
        daemons.stop("dnsd")


def who(machine, folder=None, family=4):
    """Where the site sees a request come from; None: it does not."""
    host = ADDRESS["site"] if family == 4 else f"[{ADDRESS6['site']}]"
    command = f"curl -sS -g http://{host}/who"
    if folder:
        command = control_groups.inside(folder, command)
    result = machine.run(command, check=False)
    return result.stdout.split()[0] if result.returncode == 0 else None


def wait_told(machine, text, times=1):
    topology.wait_until(lambda: machine.log("routed").count(text) >= times,
                        f"'{text}' in the log")


@pytest.mark.parametrize("on_crash", ["open", "closed"])
def test_group_goes_past_us(laptop, on_crash):
    config = CONFIG + f"  on-crash: {on_crash}\n"
    with control_groups.made() as group, running(laptop, config):
        assert who(laptop, group) == ADDRESS["laptop"]
        assert who(laptop, group, 6) == ADDRESS6["laptop"]
        laptop.run(control_groups.inside(group,
                                         f"ping -c1 -W60 {ADDRESS['site']}"))
        # Positive control: the same, but elsewhere.
        assert who(laptop) == ADDRESS["proxy"]
        assert who(laptop, family=6) == ADDRESS6["proxy"]


def test_socket_that_was_there_before(laptop):
    """Made outside of the group, connected inside."""
    script = laptop.path("/run/late.py")
    with control_groups.made() as group, running(laptop, CONFIG):
        script.write_text(f"""\
import socket, sys
s = socket.socket()
if sys.argv[1] == "inside":
    open("{group}/cgroup.procs", "w").write("0")
s.connect(("{ADDRESS['site']}", 80))
s.sendall(b"GET /who HTTP/1.0\\n\\n")
print(s.makefile().read().split()[-1])
""")
        python = "/usr/bin/python3 /run/late.py"
        assert laptop.out(f"{python} inside").strip() == ADDRESS["laptop"]
        assert laptop.out(f"{python} outside").strip() == ADDRESS["proxy"]


def test_group_comes_and_goes(laptop):
    """As that of a service does; and those below it count."""
    group = control_groups.path_of()
    with running(laptop, CONFIG):
        wait_told(laptop, f"there is no control group '{group}'")
        for i in range(1, 3):
            with control_groups.made() as folder:
                wait_told(laptop, f"control group '{group}' is exempt", i)
                assert who(laptop, folder) == ADDRESS["laptop"]
                with control_groups.made(f"{control_groups.NAME}/below"):
                    assert (who(laptop, folder / "below")
                            == ADDRESS["laptop"])
                assert who(laptop) == ADDRESS["proxy"]
            wait_told(laptop, f"there is no control group '{group}'", i + 1)


def test_reload_exempts_another_one(laptop):
    with control_groups.made() as first, \
            control_groups.made(control_groups.NAME + "-2") as second, \
            running(laptop, CONFIG) as ersatz:
        assert who(laptop, second) == ADDRESS["proxy"]
        ersatz.write(CONFIG.replace(control_groups.NAME,
                                    control_groups.NAME + "-2"))
        laptop.run(["kill", "-HUP", str(ersatz.pid("routed"))])
        wait_told(laptop, f"'{control_groups.path_of()}-2' is exempt")
        assert who(laptop, second) == ADDRESS["laptop"]
        assert who(laptop, first) == ADDRESS["proxy"]


def test_killed(laptop):
    """No mark is made any more, no program stays, and --recover finds the
    rules."""
    with control_groups.made() as group:
        daemons = topology.Ersatz(laptop, CONFIG + "  on-crash: closed\n")
        daemons.up()
        assert who(laptop, group) == ADDRESS["laptop"]
        daemons.kill("routed", signal.SIGKILL)
        # What could not be told from others is closed in.
        topology.wait_until(lambda: who(laptop, group) is None, "it is closed")
        daemons.stop("dnsd")
        daemons.recover()
        daemons.assert_as_before()
        assert who(laptop, group) == ADDRESS["laptop"]


def test_told(laptop):
    group = control_groups.path_of()
    with running(laptop, CONFIG) as ersatz:
        def ask(*args):
            return laptop.run(ersatz.command("routed", *args), check=False)

        def explain(path):
            line = ask("--json", "--explain", ADDRESS["site"], "80",
                       "--cgroup", path).stdout
            return json.loads(line)

        plan = ask("--plan").stdout
        assert f"# sockets of control group '{group}' get the mark" in plan
        assert "fwmark 0x40000000/0x40000000" in plan
        steps = map(json.loads, ask("--json", "--plan").stdout.splitlines())
        assert any(group in step["why"] and step["do"] is None
                   for step in steps)
        exempt = explain(f"{group}/below")
        assert exempt["device"] == "eth0" and not exempt["carried"]
        assert exempt["cgroup"] == f"{group}/below"
        assert explain("/elsewhere")["carried"]
        lost = json.loads(next(
            line for line in ask("--json", "--doctor").stdout.splitlines()
            if json.loads(line)["finding"] == "exempt-cgroup"))
        assert group in lost["what"] and not lost["broken"]
        with control_groups.made():
            assert "exempt-cgroup" not in ask("--doctor").stdout


def test_own_group_is_refused(laptop):
    config = CONFIG.replace(control_groups.path_of(), "/own")
    ersatz = topology.Ersatz(laptop, config)
    with control_groups.made() as group:
        ersatz.write(CONFIG)
        result = laptop.run(control_groups.inside(
            group, " ".join(ersatz.command("routed", "-f"))), check=False)
    assert result.returncode == 1
    assert "that routed itself is in" in result.stderr
