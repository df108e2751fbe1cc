# SPDX-License-Identifier: BSD-2-Clause
"""The whole way of one connection, shown on a network made of namespaces.

Nothing outside of those namespaces is touched, and nothing is left behind.
`make demo` runs it; test_demo.py runs it too and reads what it printed.
"""
import os
import signal
import sys

import topology
from topology import ADDRESS, Ersatz, Network

CONFIG = f"""\
outbounds:
  proxy: {{ type: socks5, server: "{ADDRESS['proxy']}:1080" }}
rules:
  - DOMAIN-SUFFIX,direct.example,DIRECT
  - MATCH,proxy
"""

PICTURE = f"""
   laptop {ADDRESS['laptop']}          proxy {ADDRESS['proxy']}
   dnsd, routed                microsocks on port 1080
        \\                        /
         `-------- router -------'-------- site {ADDRESS['site']}
               (unbound)                   nginx on port 80

   Only the proxy knows the name site.example; only the resolver at the
   router knows direct.example.  Both are the same web server, which answers
   /who with the address that asked.
"""


class Failed(Exception):
    """A step showed something else than it should."""


class Stage:
    """Prints what a user would type, runs it, prints what comes back."""

    def __init__(self, machine, folder):
        self.machine = machine
        self.color = sys.stdout.isatty()
        programs = folder / "bin"
        programs.mkdir()
        for path in ("dnsd/dnsd", "routed/routed", "common/ersatz"):
            (programs / path.split("/")[1]).symlink_to(topology.BUILD / path)
        self.environment = dict(os.environ, ERSATZ_SBINDIR=str(programs),
                                PATH=f"{programs}:{os.environ['PATH']}")

    def say(self, text):
        print(f"\n\033[1m{text}\033[0m" if self.color else f"\n{text}",
              flush=True)

    def type(self, command, expect=0, shows=None, sign="#"):
        """One command; `shows` must be in what it prints."""
        prompt = f"{self.machine.name}{sign} {command}"
        print(f"\033[36m{prompt}\033[0m" if self.color else prompt, flush=True)
        result = self.machine.run(f"exec 2>&1; {command}", check=False,
                                  env=self.environment)
        text = result.stdout
        print(text, end="" if text.endswith("\n") or not text else "\n",
              flush=True)
        if result.returncode != expect or (shows and shows not in text):
            raise Failed(f"'{command}': exit {result.returncode}, expected "
                         f"{expect} and {shows!r}")
        return text


def play(network):
    laptop = network.laptop
    stage = Stage(laptop, network.folder)
    daemons = Ersatz(laptop, CONFIG)
    before = laptop.state()

    print(PICTURE)
    stage.say("1. Without Ersatz the laptop does not know the name.")
    stage.type("getent hosts site.example", expect=2)

    stage.say("2. A configuration of five lines, and up.")
    stage.type("cat /etc/ersatz/ersatz.yaml")
    stage.type("ersatz up", shows="up:")

    stage.say("3. The name now has an address: a fake one, which stands for "
              "the name.")
    fake = stage.type("getent ahostsv4 site.example | head -1",
                      shows="198.18.").split()[0]
    stage.type("dig +short site.example", shows=fake)

    stage.say("4. Traffic for it goes through the proxy; no application was "
              "told.")
    stage.type("curl -sS http://site.example/", shows="welcome")
    stage.type("curl -4 -sS http://site.example/who",
               shows=f"{ADDRESS['proxy']} site.example")

    stage.say("5. A name that the rules send DIRECT has its real address, and "
              "goes the direct way.")
    stage.type("getent ahostsv4 direct.example | head -1",
               shows=ADDRESS["site"])
    # Here it may be a moment late; dnsd waits 5 ms for it, and no longer.
    topology.wait_until(lambda: ADDRESS["site"] in laptop.out(
        "ip route show table 197"), "the route of direct.example")
    stage.type("curl -4 -sS http://direct.example/who",
               shows=ADDRESS["laptop"])

    stage.say("6. A closed port is refused at once, as it would be without "
              "us.")
    stage.type("curl -4 -sv -w 'after %{time_total} s\\n' "
               "http://site.example:81/ 2>&1 | grep -E 'failed:|after .* s$'",
               shows="Connection refused")

    stage.say("7. A crash of the resolver mixes no names up: the map is on "
              "disk before an answer leaves.")
    stage.type("kill -9 $(cat /run/ersatz/dnsd.pid)")
    stage.type("dnsd")
    stage.type("getent ahostsv4 site.example | head -1", shows=fake)
    stage.type("dnsd --dump-map", shows="site.example")

    stage.say("8. What it does, and why.")
    stage.type("routed --status")
    stage.type("ersatz why site.example", shows="MATCH,proxy")
    stage.type("ersatz why direct.example", shows="DIRECT")

    stage.say("9. And down: routes, rules and resolv.conf are as they were.")
    stage.type("ersatz down")
    stage.type("ip rule", shows="lookup main")
    if laptop.state() != before:
        raise Failed("the state of the laptop is not as it was before")


def main():
    if os.geteuid() != 0:
        sys.exit("demo: network namespaces need root: sudo make demo")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    network = Network()
    try:
        network.start_site(has_ipv6=False)
        network.start_microsocks()
        play(network)
    except Failed as failure:
        sys.exit(f"demo: {failure}")
    finally:
        network.close()
    print("\nThat was all of it; nothing is left behind.  Next: README.md, "
          "\"A first use\".")


if __name__ == "__main__":
    main()
