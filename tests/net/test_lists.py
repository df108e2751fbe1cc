# SPDX-License-Identifier: BSD-2-Clause
"""Lists of rules that change while the daemons run."""
import socket

import dns.message
import dns.query
import dns.rcode
import topology
from topology import ADDRESS, PATIENCE, Ersatz, wait_until

CONFIG = f"""\
outbounds:
  proxy: {{ type: socks5, server: "{ADDRESS['proxy']}:1080" }}
rule-sets:
  nets: {{ behavior: ipcidr, path: lists/nets.yaml }}
rules:
  - RULE-SET,lists/ads.txt,REJECT
  - RULE-SET,nets,REJECT,no-resolve
  - MATCH,proxy
"""
ADS = "! names that nobody needs\n||ads.example^\n@@||good.ads.example^\n"
NETS = "payload:\n  - '192.0.2.0/24'\n"
FOLDER = "/etc/ersatz/lists"


def rcode(machine, name):
    query = dns.message.make_query(name, "A")
    with topology.in_network(machine.holder.pid):
        return dns.query.udp(query, "127.0.0.1", timeout=PATIENCE).rcode()


def is_refused(machine, address):
    """Does the relay reset a connection to that address?"""
    with machine.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
        client.settimeout(PATIENCE)
        try:
            client.connect((address, 80))
        except ConnectionRefusedError:
            return True
        return False


def replace(machine, name, text):
    """As programs do that leave no half of a file to read."""
    new = machine.path(f"{FOLDER}/{name}.new")
    new.write_text(text)
    new.rename(machine.path(f"{FOLDER}/{name}"))


def logs_say(machine, count, *words):
    for name in ("dnsd", "routed"):
        wait_until(lambda: all(machine.log(name).count(word) >= count
                               for word in words),
                   f"{name} says {count} times {words}")


def test_lists_that_change_are_read_again_by_both(net, site):
    net.start_microsocks()
    laptop = net.laptop
    ersatz = Ersatz(laptop, CONFIG)
    laptop.path(FOLDER).mkdir()
    replace(laptop, "ads.txt", ADS)
    replace(laptop, "nets.yaml", NETS)
    check = laptop.out(ersatz.command("dnsd", "--check"))
    assert "/lists/ads.txt: adblock list, 1 entry\n" in check
    assert "/lists/nets.yaml: ipcidr list in YAML, 1 entry\n" in check

    ersatz.up()
    assert rcode(laptop, "www.ads.example") == dns.rcode.NXDOMAIN
    assert rcode(laptop, "good.ads.example") == dns.rcode.NOERROR
    assert rcode(laptop, "more.example") == dns.rcode.NOERROR
    assert not is_refused(laptop, ADDRESS["site"])

    replace(laptop, "ads.txt", ADS + "||more.example^\n")
    replace(laptop, "nets.yaml", NETS + f"  - {ADDRESS['site']}/32\n")
    wait_until(lambda: rcode(laptop, "more.example") == dns.rcode.NXDOMAIN,
               "dnsd has the new list")
    wait_until(lambda: is_refused(laptop, ADDRESS["site"]),
               "the relay has the new list")
    logs_say(laptop, 1, "read the lists of the rules again")

    # A broken one is told, and changes nothing; written over in place.
    laptop.path(f"{FOLDER}/nets.yaml").write_text(NETS + "  - site.example\n")
    logs_say(laptop, 1, f"{FOLDER}/nets.yaml:3:5: 'site.example' is wrong",
             "going on as before")
    assert is_refused(laptop, ADDRESS["site"])
    assert rcode(laptop, "more.example") == dns.rcode.NXDOMAIN

    # Gone is as good as broken; back again it is read.
    laptop.path(f"{FOLDER}/nets.yaml").unlink()
    logs_say(laptop, 1, "No such file or directory")
    replace(laptop, "nets.yaml", NETS)
    wait_until(lambda: not is_refused(laptop, ADDRESS["site"]),
               "the relay has the old list again")
    assert rcode(laptop, "more.example") == dns.rcode.NXDOMAIN
    ersatz.down()


def test_a_list_that_only_root_can_read_is_an_error_of_check(net):
    """The relay and a reload of dnsd are not root."""
    laptop = net.laptop
    daemons = Ersatz(laptop, """\
outbounds: { proxy: { type: socks5, server: "203.0.113.2:1080" } }
upstreams: { home: { servers: ["tls://192.0.2.1"], ca-file: /etc/ersatz/ca.pem } }
rules: ["RULE-SET,list.txt,DIRECT", "MATCH,proxy"]
""")
    files = [laptop.path(f"/etc/ersatz/{name}")
             for name in ("list.txt", "ca.pem")]
    for file in files:
        file.write_text("direct.example\n")
        file.chmod(0o644)
    for name in ("dnsd", "routed"):
        assert "correct" in laptop.out(daemons.command(name, "--check"))
    for file in files:
        file.chmod(0o600)
        for name in ("dnsd", "routed"):
            check = laptop.run(daemons.command(name, "--check"), check=False)
            assert check.returncode == 1 and "correct" not in check.stdout
            assert check.stderr.startswith(
                f"/etc/ersatz/{file.name}: user 'ersatz' cannot read it: "
                "Permission denied"), check.stderr
        file.chmod(0o644)
