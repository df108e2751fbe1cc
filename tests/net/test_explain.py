# SPDX-License-Identifier: BSD-2-Clause
"""What dnsd says of itself: why a name is answered so, and the map."""
import csv
import io
import json
import re

import dns.rcode
import pytest
from nameserver import Nameserver
from topology import Ersatz, Machine

CONFIG = """\
outbounds:
  proxy: { type: socks5, server: "192.0.2.9:1080" }
upstreams:
  home: { servers: ["127.0.0.1:5301"] }
rules:
  - DOMAIN-SUFFIX,direct.example,DIRECT
  - DOMAIN-SUFFIX,bad.example,REJECT
  - RULE-SET,list.txt,DIRECT
  - DOMAIN-SUFFIX,inside.example,proxy
  - IP-CIDR,10.0.0.0/8,DIRECT
  - MATCH,proxy
"""
FILE = "/etc/ersatz/ersatz.yaml"


class Laptop:
    def __init__(self, folder):
        self.machine = Machine("laptop", folder)
        self.ersatz = Ersatz(self.machine, CONFIG)
        self.machine.path("/etc/ersatz/list.txt").write_text(
            "# a list\nlisted.example\n")
        self.server = Nameserver(self.machine, 5301, self.conduct)

    @staticmethod
    def conduct(query):
        name = str(query.name)
        if name == "nobody.example.":
            query.send(query.reply(rcode=dns.rcode.NXDOMAIN))
        else:
            query.send(query.reply("10.1.2.3" if name.startswith("ten")
                                   else "192.0.2.1"))

    def dnsd(self, *args, **more):
        return self.machine.run(self.ersatz.command("dnsd", *args), **more)

    def explain(self, *args):
        return json.loads(self.dnsd("--json", "--explain", *args).stdout)

    def dig(self, *words):
        return self.machine.out(["dig", "@127.0.0.1", "+short",
                                 *words]).strip()

    def close(self):
        try:
            self.ersatz.stop("dnsd")
            self.server.close()
        finally:
            self.machine.close()


@pytest.fixture
def laptop(tmp_path):
    tmp_path.chmod(0o755)
    laptop = Laptop(tmp_path)
    yield laptop
    laptop.close()


QUESTIONS = [["www.direct.example"], ["x.bad.example"], ["listed.example"],
             ["known.inside.example"], ["known.inside.example", "AAAA"],
             ["known.inside.example", "TXT"], ["known.inside.example", "HTTPS"],
             ["never.inside.example"], ["ten.example"], ["far.example"],
             ["nobody.example"], ["3.0.18.198.in-addr.arpa", "PTR"],
             ["9.0.18.198.in-addr.arpa", "PTR"], ["."], [".", "AAAA"]]


def test_the_same_is_told_with_the_daemon_and_without(laptop):
    """What is told is also what is answered."""
    laptop.ersatz.start("dnsd")
    assert laptop.dig("known.inside.example") == "198.18.0.3"
    running = [laptop.explain(*question) for question in QUESTIONS]
    text = [laptop.dnsd("--explain", *question).stdout
            for question in QUESTIONS]
    laptop.ersatz.stop("dnsd")
    for question, told, words in zip(QUESTIONS, running, text):
        # Only the daemon has a cache: of none of these an answer is kept.
        alone = laptop.explain(*question)
        assert alone.pop("cache") is None
        assert told.pop("cache") == (told["upstream"] and "nothing")
        assert alone == told, question
        words = re.sub("  cache .*\n", "", words)
        alone = laptop.dnsd("--explain", *question).stdout
        assert alone == words + "\nNo daemon runs: told from configuration " \
            "and map.\n"
        assert words.startswith(told["reason"] + "\n\n")

    laptop.ersatz.start("dnsd")
    for question, told in zip(QUESTIONS, running):
        # Each of these would get a slot by being asked for real.
        if told["decision"] == "fake" and told["slot"] is None:
            continue
        answer = laptop.dig(*question).rstrip(".")
        wanted = told["answer"]
        nothing = (None, "no data", "NXDOMAIN")
        assert answer == ("" if wanted in nothing else wanted), question


def test_each_decision_names_its_rule(laptop):
    told = laptop.explain("www.direct.example")
    assert (told["outbound"], told["answer"]) == ("DIRECT", "192.0.2.1")
    assert (told["file"], told["line"]) == (FILE, 6)
    assert (told["upstream"], told["servers"]) == ("home", "127.0.0.1:5301")
    told = laptop.explain("listed.example")
    assert (told["list_file"], told["list_line"]) == ("/etc/ersatz/list.txt", 2)
    told = laptop.explain("ten.example")
    assert (told["outbound"], told["resolved"]) == ("DIRECT", "10.1.2.3")
    told = laptop.explain("far.example")
    assert (told["outbound"], told["resolved"]) == ("proxy", "192.0.2.1")
    assert told["rule"] == "MATCH,proxy"
    told = laptop.explain("nobody.example")
    assert (told["outbound"], told["resolved"]) == ("proxy", None)
    steps = laptop.dnsd("--explain", "far.example").stdout
    looked_at = re.findall(r"^  (no|match) +(\S+) +\(\S+:(\d+)\)$", steps,
                           re.MULTILINE)
    assert [line for _, _, line in looked_at] == \
        ["6", "7", "8", "9", "10", "11"]


def test_explaining_changes_nothing(laptop):
    laptop.ersatz.start("dnsd")
    before = laptop.dnsd("--dump-map=json").stdout
    laptop.explain("never.inside.example")
    assert laptop.dnsd("--dump-map=json").stdout == before == ""


@pytest.mark.parametrize("args", [["a..b"], ["a.example", "BANANA"],
                                  ["a.example", "AXFR"],
                                  ["x" * 64 + ".example"]])
def test_what_cannot_be_explained_is_an_error(laptop, args):
    result = laptop.dnsd("--explain", *args, check=False)
    assert result.returncode == 1 and result.stderr and not result.stdout


ODD = "a\\032b\\,\\\"c.example"


def test_the_map_in_four_forms_with_the_daemon_and_without(laptop):
    laptop.ersatz.start("dnsd")
    names = ["one.inside.example", "two.inside.example", ODD]
    for name in names:
        assert laptop.dig(name).startswith("198.18.")

    rows = [json.loads(line)
            for line in laptop.dnsd("--dump-map=json").stdout.splitlines()]
    assert [list(row) for row in rows] == \
        [["slot", "name", "ipv4", "ipv6", "created", "last_used"]] * 3
    assert [row["slot"] for row in rows] == [3, 4, 5]
    assert rows[0]["name"] == names[0]
    assert (rows[0]["ipv4"], rows[0]["ipv6"]) == ("198.18.0.3", "2001:2::3")
    assert all(row["last_used"] >= row["created"] for row in rows)

    text = laptop.dnsd("--dump-map=csv").stdout
    table = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [{**row, "slot": int(row["slot"])} for row in table] == rows

    lines = laptop.dnsd("--dump-map").stdout.splitlines()
    assert lines[0].split() == ["SLOT", "IPV4", "IPV6", "CREATED", "LAST",
                                "USED", "NAME"]
    column = lines[0].index("NAME")
    assert [line[column:] for line in lines[1:]] == \
        [row["name"] for row in rows]

    # The form for hosts(5) is one that getent understands.
    laptop.machine.path("/etc/hosts").write_text(
        laptop.dnsd("--dump-map=hosts").stdout)
    for address in (rows[1]["ipv4"], rows[1]["ipv6"]):
        assert laptop.machine.out(
            f"getent -s hosts:files hosts {address}").split() == \
            [address, "two.inside.example"]

    laptop.ersatz.stop("dnsd")
    alone = [json.loads(line)
             for line in laptop.dnsd("--dump-map=json").stdout.splitlines()]
    assert alone == [{**row, "last_used": None} for row in rows]


def test_no_map_is_an_error_that_says_so(laptop):
    result = laptop.dnsd("--dump-map", check=False)
    assert result.returncode == 1
    assert "there is no map at '/var/lib/ersatz/map.db' yet" in result.stderr


def test_one_who_may_not_look_is_told(laptop):
    laptop.ersatz.start("dnsd")
    laptop.dig("one.inside.example")
    result = laptop.dnsd("--dump-map", check=False, user="daemon")
    assert result.returncode == 1 and "map.db" in result.stderr
    result = laptop.dnsd("--explain", "one.inside.example", check=False,
                         user="daemon")
    assert result.returncode == 0
    assert "198.18.0.3" in result.stdout
    laptop.ersatz.stop("dnsd")
    result = laptop.dnsd("--explain", "one.inside.example", check=False,
                         user="daemon")
    assert "told from configuration and map" in result.stdout


def test_a_full_disk_is_an_error(laptop):
    laptop.ersatz.start("dnsd")
    laptop.dig("one.inside.example")
    command = " ".join(laptop.ersatz.command("dnsd", "--dump-map=csv"))
    result = laptop.machine.run(f"{command} > /dev/full", check=False)
    assert result.returncode == 1 and result.stderr


def test_ten_thousand_names_are_dumped_while_more_come(laptop):
    laptop.ersatz.start("dnsd")
    names = "".join(f"n{i}.inside.example A\n" for i in range(10000))
    laptop.machine.path("/run/names").write_text(names)
    load = laptop.machine.start(["dnsperf", "-s", "127.0.0.1", "-d",
                                 "/run/names", "-n", "1"], log="dnsperf")
    while load.poll() is None:
        rows = laptop.dnsd("--dump-map=json").stdout.splitlines()
        slots = [json.loads(row)["slot"] for row in rows]
        assert slots == list(range(3, 3 + len(slots)))
    rows = laptop.dnsd("--dump-map=json").stdout.splitlines()
    assert len(rows) == 10000
    assert all(json.loads(row)["last_used"] for row in rows)
