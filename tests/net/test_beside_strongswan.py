# SPDX-License-Identifier: BSD-2-Clause
"""strongSwan beside us, with the ESP of its own that needs no kernel's.

The network is that of beside.py; 10.66.0.1 is the vpn, inside.
"""
import contextlib

import beside
import pytest
from beside import PEERS, VPN, Case
from topology import wait_until

SERVER = """\
connections {
  office {
    pools = inside
    local {
      auth = psk
      id = vpn.example
    }
    remote {
      auth = psk
      id = laptop.example
    }
    children {
      office {
        local_ts = 10.66.0.0/24
        esp_proposals = aes128-sha256
      }
    }
  }
}
pools {
  inside {
    addrs = 10.67.0.0/24
  }
}
secrets {
  ike {
    secret = "a long word that nobody guesses"
  }
}
"""


def start_charon(machine):
    process = machine.start(["charon-systemd"], log="charon")
    wait_until(lambda: machine.run("swanctl --stats", check=False)
               .returncode == 0, "charon is there", 60)
    return process


class StrongSwan(Case):
    title = "STRONGSWAN"
    finding = "vpn-strongswan"

    def up(self):
        self.process = start_charon(self.laptop)
        self.recipe.run(self.laptop, "swanctl")

    def down(self):
        self.laptop.kill(self.process)

    def check_alone(self):
        self.reaches("direct.example", "laptop")
        self.pings(VPN["inner"])

    def check_both(self):
        self.check_alone()
        self.reaches("site.example", "proxy")
        self.pings("box.office.example")


pytestmark = beside.needs_peers


@contextlib.contextmanager
def network():
    with contextlib.closing(beside.Beside()) as net:
        for machine in (net.laptop, net.vpn):
            machine.run(f"cp -a {PEERS}/etc/strongswan* {PEERS}/etc/swanctl "
                        "/etc")
        net.vpn.run(f"ip addr add {VPN['inner']}/32 dev lo;"
                    "cd /etc/strongswan.d/charon;"
                    "sed -i s/load.*/load=yes/ kernel-libipsec.conf")
        net.vpn.path("/etc/swanctl/conf.d/office.conf").write_text(SERVER)
        start_charon(net.vpn)
        net.vpn.run("swanctl --load-all")
        yield net


last, net = beside.lasting(network)


@pytest.mark.parametrize("order", [beside.other_first, beside.ersatz_first])
def test_strongswan(net, order):
    order(StrongSwan(net))
