# SPDX-License-Identifier: BSD-2-Clause
"""The whole way: a name is asked, faked, carried, and arrives."""
import concurrent.futures
import errno
import hashlib
import os
import socket

import peer
import pytest
import topology
from topology import ADDRESS, ADDRESS6, PATIENCE, Ersatz

GIB = 1 << 30

INPUT_DROP = """
table inet hostfirewall {
    chain input {
        type filter hook input priority filter; policy drop;
        iif lo accept
        ct state established,related accept
        ct state invalid drop
        icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
    }
}
"""


def fake_of(machine, name, version=4):
    line = machine.out(f"getent ahostsv{version} {name}").split()
    return line[0]


def wait_for_throw(laptop, version):
    """dnsd waits 5 ms for routed, no longer: on a busy machine it may be late,
    and what is asked here is which way a name goes, not how soon."""
    laptop.out(f"getent ahostsv{version} direct.example")
    site = ADDRESS["site"] if version == 4 else ADDRESS6["site"]
    topology.wait_until(lambda: f"throw {site}" in laptop.out(
        f"ip -{version} route show table 197"), "the throw of direct.example")


def target_of(machine, name):
    """The address to connect to, when it leads where the name is to go."""
    if name == "direct.example":
        wait_for_throw(machine, 4)
    return fake_of(machine, name)


def test_fetch_by_name_arrives_through_the_proxy(net, ersatz):
    answer = net.laptop.out("curl -4 -sS http://site.example/who")
    assert answer.split() in ([ADDRESS["proxy"], "site.example"],
                              [ADDRESS6["proxy"], "site.example"])


def test_fetch_by_ipv6_arrives_through_the_proxy(net, ersatz):
    answer = net.laptop.out("curl -6 -sS http://site.example/who")
    assert answer.split()[0] in (ADDRESS["proxy"], ADDRESS6["proxy"])
    assert fake_of(net.laptop, "site.example", 6).startswith("2001:2:")


@pytest.mark.parametrize("version", (4, 6))
def test_real_address_is_carried_too(net, ersatz, version):
    site = ADDRESS["site"] if version == 4 else f"[{ADDRESS6['site']}]"
    answer = net.laptop.out(f"curl -sS http://{site}/who")
    assert answer.split()[0] in (ADDRESS["proxy"], ADDRESS6["proxy"])


@pytest.mark.parametrize("version", (4, 6))
def test_direct_name_has_its_real_address_and_goes_directly(
        net, ersatz, version):
    real = ADDRESS["site"] if version == 4 else ADDRESS6["site"]
    mine = ADDRESS["laptop"] if version == 4 else ADDRESS6["laptop"]
    assert fake_of(net.laptop, "direct.example", version) == real
    wait_for_throw(net.laptop, version)
    answer = net.laptop.out(f"curl -{version} -sS http://direct.example/who")
    assert answer.split()[0] == mine


def test_rejected_name_does_not_exist(net, ersatz):
    answer = net.laptop.out("dig rejected.example")
    assert "NXDOMAIN" in answer
    assert "SOA" in answer
    assert "EDE: 15" in answer
    result = net.laptop.run("curl -sS http://rejected.example/", check=False)
    assert result.returncode == 6  # could not resolve host


@pytest.mark.parametrize("version", (4, 6))
def test_closed_port_is_refused_and_not_accepted(net, ersatz, version):
    with pytest.raises(ConnectionRefusedError):
        peer.connect(net.laptop, fake_of(net.laptop, "site.example", version),
                     81)


@pytest.mark.parametrize("address", ("198.18.200.200", "2001:2::c8c8"))
def test_fake_address_without_a_name_is_refused_at_once(net, ersatz, address):
    with pytest.raises(ConnectionRefusedError):
        peer.connect(net.laptop, address, 80)


@pytest.mark.parametrize("address", ("198.18.200.200", ADDRESS["site"]))
def test_udp_is_answered_with_port_unreachable(net, ersatz, address):
    sock = net.laptop.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(PATIENCE)
    sock.connect((address, 4433))
    sock.send(b"hello")
    with pytest.raises(ConnectionRefusedError):
        sock.recv(100)


def test_ping_is_answered_only_if_the_proxy_works(net, site):
    proxy = net.start_microsocks()
    daemons = Ersatz(net.laptop).up()
    fake = fake_of(net.laptop, "site.example")
    assert "time=" in net.laptop.out(["ping", "-c", "1", "-W", "30", fake])
    net.proxy.kill(proxy)
    topology.wait_until(lambda: "Unreachable" in net.laptop.run(
        ["ping", "-c", "1", "-W", "30", fake], check=False).stdout,
        "the truth, when the second is over")
    daemons.down()


# With hundreds of busy threads microsocks needs long for one more: glibc's
# getaddrinfo() holds a lock that each of them has to be scheduled for.
PATIENT = "routed: { connect-timeout: 60s }\n"


def fetch_in_parallel(net, site, count):
    """`count` bodies of 1 MiB at once, each with the right checksum."""
    body = os.urandom(1 << 20)
    (site / "mib").write_bytes(body)
    folder = net.folder / "fetched"
    folder.mkdir()
    net.laptop.run(["curl", "-sS", "--fail", "--parallel", "--parallel-max",
                    "200", "--parallel-immediate", "-o", f"{folder}/#1",
                    f"http://site.example/mib?[1-{count}]"], timeout=110)
    files = list(folder.iterdir())
    assert len(files) == count
    assert {topology.sha256(f) for f in files} == {
        hashlib.sha256(body).hexdigest()}


def test_200_parallel_fetches_of_1_mib_are_right(net, site):
    net.start_microsocks()
    daemons = Ersatz(net.laptop, Ersatz.DEFAULT + PATIENT).up()
    fetch_in_parallel(net, site, 200)
    daemons.down()


def start_dante(net, user="carrier", password="secret word"):
    """At the proxy; it wants a user of the system and its password.

    The peers of these tests listen by IPv4.  Where IPv6 is tried first, dante
    tries the next address if it is refused at once, but not if that takes a
    moment: so its names have none.
    """
    hosts = net.proxy.path("/etc/hosts")
    hosts.write_text("".join(
        line for line in hosts.read_text().splitlines(keepends=True)
        if not line.startswith(ADDRESS6["site"])))
    net.proxy.run(f"useradd --system {user}; "
                  f"echo '{user}:{password}' | chpasswd")
    net.proxy.path("/etc/danted.conf").write_text("""\
logoutput: stderr
internal: eth0 port = 1081
external: eth0
socksmethod: username
clientmethod: none
user.privileged: root
user.unprivileged: nobody
client pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }
socks pass { from: 0.0.0.0/0 to: 0.0.0.0/0 protocol: tcp }
""")
    net.proxy.start(["danted", "-f", "/etc/danted.conf"], log="danted")
    net.proxy.wait_listening(1081)
    return user, password


def configure_dante(machine, user, password, microsocks="none.example"):
    """Through dante, but for the one name that goes through microsocks."""
    daemons = Ersatz(machine, PATIENT + f"""\
outbounds:
  dante:
    type: socks5
    server: {ADDRESS['proxy']}:1081
    username: {user}
    password-file: /etc/ersatz/password
  microsocks: {{ type: socks5, server: "{ADDRESS['proxy']}:1080" }}
rules:
  - DOMAIN,direct.example,DIRECT
  - DOMAIN,rejected.example,REJECT
  - DOMAIN,{microsocks},microsocks
  - MATCH,dante
""")
    machine.path("/etc/ersatz/password").write_text(password + "\n")
    machine.run("chgrp ersatz /etc/ersatz/password;"
                "chmod 640 /etc/ersatz/password")
    return daemons


@pytest.fixture
def through_dante(net, site):
    """Half-close needs a proxy that passes it on: microsocks does not."""
    user, password = start_dante(net)
    daemons = configure_dante(net.laptop, user, password).up()
    yield daemons
    daemons.down()


def test_user_and_password_are_given_to_the_proxy(net, through_dante):
    answer = net.laptop.out("curl -4 -sS http://site.example/who")
    assert answer.split()[0] == ADDRESS["proxy"]


def test_wrong_password_is_an_error_at_the_application(net, through_dante):
    net.laptop.path("/etc/ersatz/password").write_text("wrong\n")
    through_dante.stop("routed")
    through_dante.start("routed")
    fake = fake_of(net.laptop, "site.example")
    with pytest.raises(OSError) as error:
        peer.connect(net.laptop, fake, 80)
    assert error.value.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH,
                                 errno.ECONNREFUSED, errno.EACCES)


WAYS = ("site.example", "direct.example")


def half_close_both_ways(net, name):
    """Whoever closes first, the other still sends all it has."""
    def answers_after_the_end(sock):
        received = peer.receive_all(sock)
        peer.send_blocks(sock, 1 << 20)
        return received

    def ends_then_listens(sock):
        peer.send_blocks(sock, 1 << 20)
        sock.shutdown(socket.SHUT_WR)
        return peer.receive_all(sock)

    address = target_of(net.laptop, name)
    role = peer.Role(net.site, 7000, answers_after_the_end)
    client = peer.connect(net.laptop, address, 7000)
    sent = peer.send_blocks(client, 1 << 20)
    client.shutdown(socket.SHUT_WR)
    assert peer.receive_all(client)[0] == 1 << 20
    assert role.join() == (1 << 20, sent)

    role = peer.Role(net.site, 7001, ends_then_listens)
    client = peer.connect(net.laptop, address, 7001)
    assert peer.receive_all(client)[0] == 1 << 20
    sent = peer.send_blocks(client, 1 << 20)
    client.close()
    assert role.join() == (1 << 20, sent)


@pytest.mark.parametrize("name", WAYS)
def test_half_close_both_ways(net, through_dante, name):
    half_close_both_ways(net, name)


@pytest.mark.parametrize("name", WAYS)
def test_reset_of_the_server_reaches_the_client(net, through_dante, name):
    role = peer.Role(net.site, 7000, lambda sock: (sock.recv(1),
                                                   peer.reset(sock)))
    client = peer.connect(net.laptop, target_of(net.laptop, name), 7000)
    client.sendall(b"x")
    try:
        while client.recv(1000):
            pass
        ending = "end"
    except ConnectionResetError:
        ending = "reset"
    # A proxy may turn a reset into an end; direct it must be a reset.
    allowed = {"reset"} if name == "direct.example" else {"reset", "end"}
    assert ending in allowed
    role.join()


def test_reset_of_the_client_reaches_the_server(net, through_dante):
    def waits_for_the_reset(sock):
        try:
            while sock.recv(1000):
                pass
        except ConnectionResetError:
            return "reset"
        return "end"

    role = peer.Role(net.site, 7000, waits_for_the_reset)
    client = peer.connect(net.laptop, target_of(net.laptop, "direct.example"),
                          7000)
    client.sendall(b"x")
    peer.reset(client)
    assert role.join() == "reset"


def move_body_both_ways(net, name, size):
    fake = fake_of(net.laptop, name)
    role = peer.Role(net.site, 7002, peer.receive_all)
    client = peer.connect(net.laptop, fake, 7002)
    sent = peer.send_blocks(client, size)
    client.close()
    assert role.join() == (size, sent)

    role = peer.Role(net.site, 7003, lambda sock: peer.send_blocks(sock, size))
    client = peer.connect(net.laptop, fake, 7003)
    received = peer.receive_all(client)
    assert received == (size, role.join())


@pytest.mark.timeout(600)
def test_body_of_1_gib_both_ways(net, through_dante):
    move_body_both_ways(net, "site.example", GIB)


def test_flows_do_not_wait_for_one_that_is_not_read(net, through_dante):
    """A client that does not read stops its own flow and no other."""
    fake = fake_of(net.laptop, "site.example")
    stuck = peer.Role(net.site, 7000,
                      lambda sock: peer.send_blocks(sock, 64 << 20))
    client = peer.connect(net.laptop, fake, 7000)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(
            lambda _: net.laptop.out("curl -sS http://site.example/"),
            range(40)))
    assert answers == ["welcome to the site\n"] * 40
    assert stuck.thread.is_alive()
    assert peer.receive_all(client)[0] == 64 << 20
    stuck.join()


def set_firewall(machine, firewall, rp_filter):
    for device in ("all", "default", "eth0"):
        machine.sysctl(**{f"net__ipv4__conf__{device}__rp_filter": rp_filter})
    if firewall == "input drop":
        machine.path("/etc/fw.nft").write_text(INPUT_DROP)
        machine.run("nft -f /etc/fw.nft")


def test_firewall_of_these_tests_drops(net):
    """The control of what follows: what it is there to stop, it stops."""
    set_firewall(net.laptop, "input drop", 0)
    silent = peer.listen(net.laptop, 7777)
    with pytest.raises(OSError):
        peer.connect(net.router, ADDRESS["laptop"], 7777, timeout=0.3)
    silent.close()


@pytest.mark.parametrize("firewall", ("no firewall", "input drop"))
@pytest.mark.parametrize("rp_filter", (0, 1, 2))
def test_under_firewall_and_rp_filter(net, site, firewall, rp_filter):
    laptop = net.laptop
    set_firewall(laptop, firewall, rp_filter)
    net.start_microsocks()  # it takes 200 at once better than dante does
    net.knows_site(net.proxy, "dante.example")
    user, password = start_dante(net)
    daemons = configure_dante(laptop, user, password, "site.example").up()
    for version in (4, 6):
        answer = laptop.out(f"curl -{version} -sS http://site.example/who")
        assert answer.split()[0] in (ADDRESS["proxy"], ADDRESS6["proxy"])
        wait_for_throw(laptop, version)
        answer = laptop.out(f"curl -{version} -sS http://direct.example/who")
        assert answer.split()[0] in (ADDRESS["laptop"], ADDRESS6["laptop"])
        with pytest.raises(ConnectionRefusedError):
            peer.connect(laptop, fake_of(laptop, "site.example", version), 81)
    assert "NXDOMAIN" in laptop.out("dig rejected.example")
    for server in ("8.8.8.8", "2001:4860:4860::8888"):  # by UDP out of the TUN
        answer = laptop.out(f"dig +short +tries=1 @{server} site.example")
        assert answer.strip() == fake_of(laptop, "site.example", 4)
    fetch_in_parallel(net, site, 200)
    half_close_both_ways(net, "dante.example")
    move_body_both_ways(net, "dante.example", 64 << 20)
    daemons.down()


def test_listener_is_reached_by_captured_flows_only(net, ersatz):
    """Nobody on the host or beside it finds a port that the relay listens on."""
    ports = [line.split()[3].rsplit(":", 1)[1]
             for line in net.laptop.out("ss -Htln").splitlines()]
    assert set(ports) <= {"53"}
    result = net.laptop.run("ss -Htlnp", check=False)
    assert "routed" not in result.stdout


def test_silent_proxy_ends_with_a_timeout_not_with_a_hang(net, site):
    """A proxy that accepts and never answers: the connect time-out ends it."""
    silent = peer.listen(net.proxy, 1080)
    config = Ersatz.DEFAULT + "routed: { connect-timeout: 1s }\n"
    daemons = Ersatz(net.laptop, config).up()
    fake = fake_of(net.laptop, "site.example")
    with pytest.raises(OSError) as error:
        peer.connect(net.laptop, fake, 80)
    # What is out of reach is not the site but the way there.
    assert error.value.errno == errno.ENETUNREACH
    silent.close()
    daemons.down()
