# SPDX-License-Identifier: BSD-2-Clause
"""What is rejected, as applications of this host and of a device see it.

Each outbound of type 'reject' has an address of both families; a device is
told the same as this host, by TCP, UDP and pings.
"""
import errno

import pytest
from test_gateway import Scene
from test_outbounds import error_of
from test_udp import refusal_of, udp
from topology import ADDRESS, wait_until

REFUSED, HOST, NET = errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH
# The number of the address; errno by IPv4 and IPv6; what ping says.
KINDS = {
    "reset": (101, REFUSED, REFUSED, "Packet filtered",
              "Administratively prohibited"),
    "port-unreachable": (102, REFUSED, REFUSED, "Destination Port Unreachable",
                         "Port unreachable"),
    "host-unreachable": (103, HOST, HOST, "Destination Host Unreachable",
                         "Address unreachable"),
    "net-unreachable": (104, NET, NET, "Destination Net Unreachable",
                        "No route"),
    "admin-prohibited": (105, HOST, errno.EACCES, "Packet filtered",
                         "Administratively prohibited"),
}
SILENT = 106
# Other words of the same, as people paste them.
WORDS = {"REJECT": 107, "REJECT-NO-DROP": 108, "REJECT-TINYGIF": 109}


def address(number, version):
    return f"198.51.100.{number}" if version == 4 else \
        f"2001:db8:3::{number}"


def rules(number, outbound):
    return (f"  - IP-CIDR,{address(number, 4)}/32,{outbound}\n"
            f"  - IP-CIDR6,{address(number, 6)}/128,{outbound}\n")


CONFIG = "".join((
    "outbounds:\n",
    f'  proxy: {{ type: socks5, server: "{ADDRESS["proxy"]}:1080" }}\n',
    *(f"  {kind}: {{ type: reject, with: {kind} }}\n" for kind in KINDS),
    "  plain: { type: reject }\n",
    "  silent: { type: reject, with: nothing }\n",
    "rules:\n",
    "  - DOMAIN,named.example,host-unreachable\n",
    "  - DOMAIN,plain.example,plain\n",
    "  - DOMAIN,gone.example,REJECT-NO-DROP\n",
    *(rules(kind[0], name) for name, kind in KINDS.items()),
    rules(SILENT, "silent"),
    *(rules(number, word) for word, number in WORDS.items()),
    "  - IP-CIDR,10.0.0.0/8,DIRECT,no-resolve\n",
    "  - MATCH,proxy\n",
    'dnsd: { listen: ["127.0.0.1:53", "10.77.0.1:53"] }\n',
    "routed: { gateway: [lan0] }\n"))


@pytest.fixture
def scene(net):
    made = Scene(net, CONFIG)
    made.daemons.up()
    yield made
    made.daemons.down()


def ping(machine, target):
    return machine.run(["ping", "-n", "-c", "1", "-W", "20", target],
                       check=False)


def test_each_word_is_told_to_each_protocol(net, scene):
    for machine in (scene.box, scene.device):
        for kind, (number, v4, v6, says4, says6) in KINDS.items():
            for version, told, says in ((4, v4, says4), (6, v6, says6)):
                target = address(number, version)
                where = (machine.name, kind, target)
                assert error_of(machine, target, 443) == \
                    errno.errorcode[told], where
                assert refusal_of(machine, target, 443) == told, where
                result = ping(machine, target)
                assert says in result.stdout, (where, result.stdout)
                assert result.returncode == 1, where


def test_words_of_others_are_a_plain_reject(net, scene):
    for number in WORDS.values():
        for version in (4, 6):
            target = address(number, version)
            assert error_of(scene.box, target, 443) == "ECONNREFUSED"
            assert refusal_of(scene.box, target, 443) == REFUSED
    dig = scene.box.out("dig gone.example A")
    assert "NXDOMAIN" in dig and "EDE: 15" in dig


def test_nothing_is_said_where_that_is_wanted(net, scene):
    """The positive controls are above."""
    for machine in (scene.box, scene.device):
        for version in (4, 6):
            target = address(SILENT, version)
            assert error_of(machine, target, 443, 0.5) == "timeout"
            client = udp(machine, version)
            client.settimeout(0.5)
            client.connect((target, 443))
            client.send(b"?")
            with pytest.raises(TimeoutError):
                client.recv(10)
            client.close()
            assert machine.run(["ping", "-n", "-c", "1", "-W", "1", target],
                               check=False).stdout.count("nreachable") == 0


def test_names_of_such_an_outbound_are_answered_by_its_words(net, scene):
    """Or nobody would be told them."""
    for machine in (scene.box, scene.device):
        for version in (4, 6):
            wait_until(lambda: machine.run(
                f"getent ahostsv{version} named.example",
                check=False).returncode == 0, "it has an address")
            fake = machine.out(
                f"getent ahostsv{version} named.example").split()[0]
            assert error_of(machine, fake, 443) == "EHOSTUNREACH"
            fake = machine.out(
                f"getent ahostsv{version} plain.example").split()[0]
            assert error_of(machine, fake, 443) == "ECONNREFUSED"
