# SPDX-License-Identifier: BSD-2-Clause
"""What one sees of dnsd: live queries, the log of them, metrics, the dump in
parts, what a reload changed; and that nobody who looks on holds it up."""
import json
import os
import signal
import socket
import threading

import dns.message
import dns.name
import pytest
import topology
from topology import PATIENCE, Ersatz, wait_until

LOG = "/run/queries/log"
CONFIG = """\
outbounds:
  proxy: { type: socks5, server: 203.0.113.2:1080 }
rules:
  - DOMAIN,rejected.example,REJECT
  - MATCH,proxy
dnsd: { metrics: "127.0.0.1:9153", query-log: %s }
"""


@pytest.fixture
def machine(tmp_path):
    machine = topology.Machine("alone", tmp_path)
    tmp_path.chmod(0o755)
    machine.run("mkdir /run/queries && chown ersatz /run/queries")
    yield machine
    machine.close()


@pytest.fixture
def daemons(machine):
    daemons = Ersatz(machine, CONFIG % LOG)
    daemons.start("dnsd")
    yield daemons
    daemons.stop("dnsd")


def client(machine):
    sock = machine.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(PATIENCE)
    sock.connect(("127.0.0.1", 53))
    return sock


def ask(sock, name, rdtype="A"):
    query = dns.message.make_query(dns.name.from_text(name)
                                   if isinstance(name, str) else name, rdtype)
    sock.send(query.to_wire())
    return dns.message.from_wire(sock.recv(4096))


def get(machine, url):
    """The status, type and body that curl gets in there."""
    text = machine.out(["curl", "-sS", "-w", "%{http_code} %{content_type}",
                        url])
    return text


def test_queries_are_watched_logged_and_counted(machine, daemons):
    sock = client(machine)
    watcher = machine.start(daemons.command("dnsd", "--watch", "--json"),
                            log="watch")
    wait_until(lambda: (ask(sock, "probe.example"),
                        machine.log("watch"))[1], "the watcher is told")
    ask(sock, "Faked.example", "AAAA")
    ask(sock, "rejected.example")
    wait_until(lambda: "rejected" in machine.log("watch"), "all is told")
    seen = {line["name"]: line for line in
            map(json.loads, machine.log("watch").splitlines())}
    assert seen["faked.example"]["type"] == "AAAA"
    assert seen["faked.example"]["answer"].startswith("2001:2::")
    assert seen["faked.example"]["rule"] == "MATCH,proxy"
    assert seen["faked.example"]["us"] > 0
    assert seen["rejected.example"]["verdict"] == "reject"
    assert seen["rejected.example"]["answer"] == "NXDOMAIN"
    assert seen["rejected.example"]["line"] == 4
    machine.kill(watcher)

    # The log has the same; after a rotation it goes on in a new file.
    log = machine.path(LOG)
    wait_until(lambda: "rejected.example A: reject NXDOMAIN" in
               log.read_text(), "the query is logged")
    log.rename(f"{log}.1")
    os.kill(daemons.pid("dnsd"), signal.SIGHUP)
    wait_until(log.exists, "the log is opened anew")
    ask(sock, "later.example")
    wait_until(lambda: "later.example" in log.read_text(), "and written to")

    # Three ways to the same numbers.
    text = get(machine, "http://127.0.0.1:9153/metrics")
    assert "200 application/openmetrics-text" in text
    assert 'dnsd_answers_total{kind="rejected"} 1\n' in text
    assert "# EOF\n" in text
    assert "404" in get(machine, "http://127.0.0.1:9153/")
    text = machine.out(daemons.command("dnsd", "--metrics"))
    assert 'dnsd_answers_total{kind="rejected"} 1\n' in text
    status = json.loads(machine.out(daemons.command(
        "dnsd", "--status", "--json")).splitlines()[0])
    assert status["rejected"] == 1 and status["watch_missed"] == 0


ODD = [b"\x1b[31mred", b"=cmd|' /C calc'!A0", b"+1", b"-x", b'a"b', b"a,b",
       b"nl\ncr\r", b"\xff\x00", b"{}", b"back\\slash"]


def test_no_name_breaks_the_dump_in_any_form(machine, daemons):
    sock = client(machine)
    for label in ODD:
        ask(sock, dns.name.Name([label, b"odd", b"example", b""]))
    ask(sock, "Plain.example")
    dump = {form: machine.out(daemons.command("dnsd", f"--dump-map={form}"))
            for form in ("table", "json", "csv", "hosts")}
    for form, text in dump.items():
        allowed = {"\n", "\t"} | {chr(i) for i in range(32, 127)}
        assert set(text) <= allowed, form
        assert "plain.example" in text
    rows = [json.loads(line) for line in dump["json"].splitlines()]
    assert len(rows) == len(ODD) + 1
    assert all(row["last_used"] for row in rows)
    assert {dns.name.from_text(row["name"]) for row in rows} >= {
        dns.name.Name([label.lower(), b"odd", b"example", b""])
        for label in ODD}
    for line in dump["csv"].splitlines()[1:]:
        assert line.split(",")[1].lstrip('"')[0] not in "=+-@"
    assert sum("odd.example" in line for line in
               dump["hosts"].splitlines()) <= 2  # of "-x" and "+1" none

    # Parts of it, and in another order.
    names = machine.out(daemons.command(
        "dnsd", "--dump-map=hosts", "--name", "PL*", "--since", "1h"))
    assert names.splitlines()[1:] == [
        f"{row[key]}\tplain.example" for row in rows
        if row["name"] == "plain.example" for key in ("ipv4", "ipv6")]
    assert len(machine.out(daemons.command(
        "dnsd", "--dump-map=json", "--since", "0s")).splitlines()) == 0
    ordered = [json.loads(line)["name"] for line in machine.out(
        daemons.command("dnsd", "--dump-map=json", "--sort", "name")
    ).splitlines()]
    assert ordered == sorted(row["name"] for row in rows)


def test_a_reload_loses_no_query_and_says_what_changed(machine, daemons):
    sock = client(machine)
    ended = threading.Event()

    def reload_on():
        while not ended.wait(0.01):
            os.kill(daemons.pid("dnsd"), signal.SIGHUP)

    before = CONFIG % "off"
    daemons.write(before
                  .replace("rejected.example,REJECT", "rejected.example,proxy")
                  .replace("off }", "off, timeout: 2s }"))
    os.kill(daemons.pid("dnsd"), signal.SIGHUP)
    wait_until(lambda: "reloaded" in machine.log("dnsd"), "it is reloaded")
    for line in (f"dnsd.query-log: off, was {LOG}",
                 "dnsd.timeout: 2s, was 4s", "rules: 1 added, 1 removed"):
        assert f"changed: {line}\n" in machine.log("dnsd")

    # What is wrong changes nothing, a log that cannot be opened included.
    daemons.write(before.replace("off }", "/nowhere/log, timeout: 3s }"))
    os.kill(daemons.pid("dnsd"), signal.SIGHUP)
    wait_until(lambda: "cannot reload" in machine.log("dnsd"), "it is refused")
    assert "timeout: 3s" not in machine.log("dnsd")
    assert ask(sock, "rejected.example").rcode() == 0

    # And in a storm of reloads every query is answered, once.
    daemons.write(before)
    thread = threading.Thread(target=reload_on)
    thread.start()
    try:
        for batch in range(40):
            for i in range(25):
                query = dns.message.make_query(f"n{batch}-{i}.example", "A")
                query.id = batch * 25 + i
                sock.send(query.to_wire())
            got = {dns.message.from_wire(sock.recv(4096)).id
                   for _ in range(25)}
            assert got == {batch * 25 + i for i in range(25)}
    finally:
        ended.set()
        thread.join()


def test_a_watcher_that_does_not_read_slows_nobody(machine, daemons):
    sock = client(machine)
    watcher = socket.socket(socket.AF_UNIX)
    watcher.connect(os.fspath(machine.path("/run/ersatz/dnsd.sock")))
    watcher.sendall(b'{"verb":"watch"}\n')
    for i in range(3000):
        assert ask(sock, f"n{i}.example").rcode() == 0
    # It is told of what fits into its socket, and dropped in the end.
    watcher.close()
    status = json.loads(machine.out(daemons.command(
        "dnsd", "--status", "--json")).splitlines()[0])
    assert status["fake"] == 3000
