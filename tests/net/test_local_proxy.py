# SPDX-License-Identifier: BSD-2-Clause
"""The SOCKS server on this very host: recognised, not configured."""
import json

import pytest
from topology import ADDRESS, ADDRESS6, Ersatz

LOCAL = """\
outbounds:
  proxy: { type: socks5, server: 127.0.0.1:1080 }
rules:
  - IP-CIDR,192.168.0.0/16,DIRECT,no-resolve
  - MATCH,proxy
"""


def counters(daemons):
    lines = daemons.machine.out(
        daemons.command("routed", "--status", "--json")).splitlines()
    merged = {}
    for line in lines:
        merged.update(json.loads(line))
    return merged


class Ssh:
    """sshd at the proxy, `ssh -D` at the laptop, as one user would."""

    def __init__(self, net):
        self.laptop = net.laptop
        proxy = net.proxy
        proxy.run("ssh-keygen -q -t ed25519 -N '' -f /etc/ssh-host-key")
        self.laptop.run("ssh-keygen -q -t ed25519 -N '' -f /etc/ssh-key")
        key = self.laptop.path("/etc/ssh-key.pub").read_text()
        proxy.path("/etc/authorized").write_text(key)
        proxy.start(["/usr/sbin/sshd", "-D", "-f", "/dev/null", "-h",
                     "/etc/ssh-host-key", "-o", "StrictModes=no", "-o",
                     "AuthorizedKeysFile=/etc/authorized", "-o",
                     "PermitRootLogin=yes", "-o", "UsePAM=no", "-o",
                     "PidFile=none"], log="sshd")
        proxy.wait_listening(22)

    def start(self, host=ADDRESS["proxy"]):
        process = self.laptop.start(
            ["ssh", "-N", "-D", "127.0.0.1:1080", "-F", "/dev/null", "-i",
             "/etc/ssh-key", "-o", "StrictHostKeyChecking=no", "-o",
             "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes",
             f"root@{host}"], log="ssh")
        self.laptop.wait_listening(1080)
        return process


@pytest.fixture
def ssh(net, site):
    return Ssh(net)


def who(machine, name="site.example"):
    """The machine that the site saw; a server may dial by either family."""
    answer = machine.run(f"curl -4 -sS -m 30 http://{name}/who", check=False)
    seen = answer.stdout.split()[:1]
    for machine_name in ADDRESS:
        if seen in ([ADDRESS[machine_name]], [ADDRESS6[machine_name]]):
            return machine_name
    return None


def arrives(machine):
    return who(machine) == "proxy"


def test_ssh_d_works_without_a_line_of_configuration(net, ssh):
    ssh.start()
    daemons = Ersatz(net.laptop, LOCAL).up()
    assert arrives(net.laptop)
    assert counters(daemons)["loops"] == 0
    daemons.down()


def test_ssh_d_restarted_while_everything_is_captured(net, ssh):
    first = ssh.start()
    daemons = Ersatz(net.laptop, LOCAL).up()
    assert arrives(net.laptop)
    for _ in range(3):
        net.laptop.kill(first)
        assert not arrives(net.laptop)  # the control: it is what carries us
        first = ssh.start()
        assert arrives(net.laptop)
    assert counters(daemons)["loops"] == 0
    daemons.down()


def test_ssh_d_restarted_toward_another_server(net, ssh):
    """The far end was never seen before: it enters the TUN and is let out."""
    first = ssh.start()
    daemons = Ersatz(net.laptop, LOCAL).up()
    net.proxy.run("ip addr add 203.0.113.9/24 dev eth0")
    net.laptop.kill(first)
    ssh.start("203.0.113.9")
    assert arrives(net.laptop)
    daemons.down()


def test_ssh_d_restarted_toward_a_faked_name(net, ssh):
    net.router.kill(net.router.processes[0])
    unbound = net.router.path("/etc/unbound.conf")
    unbound.write_text(unbound.read_text().replace(
        "remote-control:",
        f'    local-data: "server.example. 60 IN A {ADDRESS["proxy"]}"\n'
        "remote-control:"))
    net.router.start(["unbound", "-d", "-c", "/etc/unbound.conf"])
    net.router.wait_listening(53, "udp")
    first = ssh.start()
    daemons = Ersatz(net.laptop, LOCAL).up()
    net.laptop.kill(first)
    assert net.laptop.out("getent ahostsv4 server.example").startswith(
        "198.18.")
    ssh.start("server.example")
    assert arrives(net.laptop)
    assert counters(daemons)["loops"] == 0
    daemons.down()


def test_server_of_a_user_of_its_own(net, site):
    """As tor has it: a system user whose traffic is exempt as a whole."""
    laptop = net.laptop
    laptop.run("useradd --system --no-create-home carrier")
    first = net.start_microsocks(laptop, user="carrier")
    net.knows_site(laptop)
    daemons = Ersatz(laptop, LOCAL).up()
    assert "uidrange" in laptop.out("ip rule")
    assert who(laptop) == "laptop"
    laptop.kill(first)
    net.start_microsocks(laptop, user="carrier")
    assert who(laptop) == "laptop"
    assert counters(daemons)["loops"] == 0
    daemons.down()


def test_server_that_asks_us_for_names(net, site):
    """It gets a fake address for its own target; the flow is let out."""
    laptop = net.laptop
    laptop.run("useradd --system --no-create-home carrier")
    net.start_microsocks(laptop, user="carrier")
    daemons = Ersatz(laptop, LOCAL).up()
    assert who(laptop, "direct.example") == "laptop"
    status = counters(daemons)
    assert status["loops"] == 0
    assert status["own_flows"] > 0
    daemons.down()


def test_start_is_refused_when_nobody_listens_there(net, site):
    laptop = net.laptop
    before = laptop.state()
    daemons = Ersatz(laptop, LOCAL)
    result = laptop.run(daemons.command("routed", "-f"), check=False)
    assert result.returncode != 0
    assert "127.0.0.1:1080" in result.stderr
    assert "exempt" in result.stderr
    assert laptop.state() == before


def test_no_other_process_is_let_out(net, ssh):
    """The control of all above: only the server's own traffic is exempt."""
    ssh.start()
    daemons = Ersatz(net.laptop, LOCAL).up()
    assert who(net.laptop, ADDRESS["site"]) == "proxy"
    daemons.down()
