# SPDX-License-Identifier: BSD-2-Clause
"""Lists of rules that change while the daemons run."""
import fcntl
import os
import signal
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


GEOSITE = f"""\
outbounds:
  proxy: {{ type: socks5, server: "{ADDRESS['proxy']}:1080" }}
geo: {{ site: /run/lists/geosite.dat }}
rules:
  - GEOSITE,ads,REJECT
  - MATCH,proxy
"""


def geosite(names):
    """A geosite.dat with one list, "ADS", of short names."""
    def field(number, content):
        size = len(content)
        return bytes([number << 3 | 2, size & 127 | 128, size >> 7]) + content

    domains = (field(2, b"\x08\x02" + field(2, name.encode()))
               for name in names)
    return field(1, field(1, b"ADS") + b"".join(domains))


class Gate:
    """A file that nobody can open until it is let go (fcntl(2), leases)."""

    F_SETSIG = 10

    def __init__(self, path):
        self.fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        fcntl.fcntl(self.fd, self.F_SETSIG, signal.SIGURG)  # SIGIO would end us
        fcntl.fcntl(self.fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)

    def wait_for_somebody(self):
        wait_until(lambda: fcntl.fcntl(self.fd, fcntl.F_GETLEASE) !=
                   fcntl.F_WRLCK, "somebody wants to open the file")

    def open(self):
        fcntl.fcntl(self.fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        os.close(self.fd)


def test_queries_are_answered_while_lists_are_read(net):
    """However long it takes: the file is one that cannot be opened yet."""
    laptop = net.laptop
    daemons = Ersatz(laptop, GEOSITE)
    laptop.path("/run/lists").mkdir()

    def put(*names):
        new = laptop.path("/run/lists/new")
        new.write_bytes(geosite(names))
        new.chmod(0o644)
        gate = Gate(new)
        new.rename(laptop.path("/run/lists/geosite.dat"))
        return gate

    put("one.example").open()
    daemons.start("dnsd")

    def answers(number):
        """What is refused, a name that is kept, and new ones."""
        for each in range(20):
            assert rcode(laptop, "one.example") == dns.rcode.NXDOMAIN
            assert rcode(laptop, "old.example") == dns.rcode.NOERROR
            assert rcode(laptop, f"n{each}.round{number}.example") == \
                dns.rcode.NOERROR

    answers(0)
    # The whole configuration; a second signal waits for the first.
    gate = put("one.example", "two.example")
    os.kill(daemons.pid("dnsd"), signal.SIGHUP)
    gate.wait_for_somebody()
    os.kill(daemons.pid("dnsd"), signal.SIGHUP)
    answers(1)
    assert rcode(laptop, "two.example") == dns.rcode.NOERROR
    assert "reloaded" not in laptop.log("dnsd")
    gate.open()
    wait_until(lambda: "reloaded" in laptop.log("dnsd"), "it is reloaded")
    wait_until(lambda: rcode(laptop, "two.example") == dns.rcode.NXDOMAIN,
               "the new list is in effect")

    # A list alone, by itself.
    gate = put("one.example", "three.example")
    gate.wait_for_somebody()
    answers(2)
    assert rcode(laptop, "three.example") == dns.rcode.NOERROR
    gate.open()
    wait_until(lambda: rcode(laptop, "three.example") == dns.rcode.NXDOMAIN,
               "the new list is in effect")
    assert rcode(laptop, "two.example") == dns.rcode.NOERROR

    # The end comes after what is being read, and is no failure.
    gate = put("one.example")
    gate.wait_for_somebody()
    process = daemons.started.pop("dnsd")
    os.kill(daemons.pid("dnsd"), signal.SIGTERM)
    gate.open()
    assert process.wait(timeout=PATIENCE) == 0


# Name, rule, how it is set, the good version; the name below "refused" is what
# it refuses, and nothing else does.
FORMS = {
    "text": ("RULE-SET,lists/text", None, "+.text.example\n"),
    "domain": ("RULE-SET,domain", "behavior: domain, format: text",
               "+.domain.example\n"),
    "classical": ("RULE-SET,classical", "behavior: classical, format: text",
                  "DOMAIN-SUFFIX,classical.example\n"),
    "yaml": ("RULE-SET,yaml", "behavior: domain, format: yaml",
             "payload:\n  - '+.yaml.example'\n"),
    "rules": ("RULE-SET,rules", "behavior: classical, format: yaml",
              "payload:\n  - DOMAIN-SUFFIX,rules.example\n"),
    "dnsmasq": ("RULE-SET,dnsmasq", "format: dnsmasq",
                "server=/dnsmasq.example/192.0.2.1\n"),
    "hosts": ("RULE-SET,hosts", "format: hosts",
              "0.0.0.0 a.hosts.example\n"),
    "adblock": ("RULE-SET,adblock", "format: adblock",
                "! ads\n||adblock.example^\n"),
    "v2fly": ("RULE-SET,v2fly", "format: v2fly", "domain:v2fly.example\n"),
    "geosite": ("GEOSITE,ads", "geo", geosite(["geosite.example"])),
}
# All ways to break one: tests/unit/test_rules_broken.c.
BROKEN = (b"", b"<html><body>\n404\n</body></html>\n")


def forms_config():
    rules = "".join(f"  - {rule},REJECT\n" for rule, _, _ in FORMS.values())
    sets = "".join(f"  {name}: {{ path: lists/{name}, {keys} }}\n"
                   for name, (_, keys, _) in FORMS.items()
                   if keys and keys != "geo")
    return f"""\
outbounds:
  proxy: {{ type: socks5, server: "{ADDRESS['proxy']}:1080" }}
geo: {{ site: lists/geosite }}
rule-sets:
{sets}rules:
{rules}  - MATCH,proxy
"""


def test_a_broken_list_of_any_form_leaves_the_old_one(net):
    laptop = net.laptop
    daemons = Ersatz(laptop, forms_config())
    laptop.path(FOLDER).mkdir()

    def put(name, content):
        if isinstance(content, str):
            content = content.encode()
        new = laptop.path(f"{FOLDER}/{name}.new")
        new.write_bytes(content)
        new.chmod(0o644)
        new.rename(laptop.path(f"{FOLDER}/{name}"))

    def is_all_refused():
        return all(rcode(laptop, f"a.{name}.example") == dns.rcode.NXDOMAIN
                   for name in FORMS)

    def seen(word):
        return laptop.log("dnsd").count(word)

    for name, (_, _, good) in FORMS.items():
        put(name, good)
    daemons.start("dnsd")
    assert is_all_refused()
    for name, (_, _, good) in FORMS.items():
        for broken in BROKEN:
            before = seen("going on as before")
            put(name, broken)
            wait_until(lambda: seen("going on as before") > before,
                       f"{name} with {broken} is refused")
            assert is_all_refused()
        # The control: this one is taken.
        before = seen("read the lists of the rules again")
        put(name, good)
        wait_until(lambda: seen("read the lists of the rules again") > before,
                   f"{name} is read again")
    # So would a broken one have been, which refuses nothing.
    put("text", "# nothing\nother.example\n")
    wait_until(lambda: not is_all_refused(), "the new list is in effect")
    daemons.stop("dnsd")
