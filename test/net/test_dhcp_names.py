"""Leases become names: the address server, and an authority that takes its updates (ours, BIND, Knot).

client, other -- switch -- gateway 192.168.7.1: gatehouse dhcp, and an authority on 127.0.0.1:5300 with the
zones home.arpa and 7.168.192.in-addr.arpa
"""

import base64
import signal
import subprocess
import time

import dns.reversename
import pytest

import ask
import dhcp_client as dhcp
from dhcp_client import packed
from dhcp_site import NETWORK, Site, config, eventually
from service import Service, binary, queued_s
from test_dhcp6 import CONFIG as CONFIG6, Dhclient6, Site6

SECRET = base64.b64encode(bytes(range(32))).decode()
DOMAIN, REVERSE = "home.arpa", "7.168.192.in-addr.arpa"
NAMES = f"""
  names:
    domain: {DOMAIN}
    server: 127.0.0.1:5300
    reverse: [{REVERSE}]
    key: dhcp-key
    secret: {SECRET}
    reserved: [gateway]"""
ZONE = """\
$TTL 60
@ SOA ns.home.arpa. host.home.arpa. 1 7200 3600 1209600 60
@ NS ns.home.arpa.
"""
FILES = {"home.zone": ZONE + "ns A 192.168.7.1\n", "reverse.zone": ZONE}


class Ours:
    def __init__(self, host):
        self.service = Service(
            host,
            "authority",
            f"""authority:
  listen: "127.0.0.1:5300"
  workers: 1
  keys: {{name: dhcp-key, secret: {SECRET}}}
  zones:
    - {{origin: {DOMAIN}, file: home.zone, update: {{key: dhcp-key, types: [A, AAAA, DHCID]}}}}
    - {{origin: {REVERSE}, file: reverse.zone, update: {{key: dhcp-key, types: PTR}}}}
""",
            FILES,
        )

    def start(self):
        self.service.start()

    def stop(self):
        self.service.stop()


class Program:
    """A server of others, in the foreground, in a folder that it may write to."""

    def __init__(self, host):
        self.host, self.process = host, None
        self.folder = Service(host, "authority", "authority: {}\n", FILES).folder
        self.folder.chmod(0o777)
        for name, text in self.files().items():
            (self.folder / name).write_text(text)

    def start(self):
        with open(self.folder / "server.log", "ab") as log:
            self.process = self.host.popen(*self.command(), stdout=log, stderr=log, cwd=self.folder)
        assert eventually(lambda: serves(self.host), 60), (self.folder / "server.log").read_text()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Bind(Program):
    def files(self):
        zone = 'zone "{}" {{ type primary; file "{}"; allow-update {{ key dhcp-key; }}; }};'
        return {
            "named.conf": f"""
key dhcp-key {{ algorithm hmac-sha256; secret "{SECRET}"; }};
options {{ directory "{self.folder}"; listen-on port 5300 {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
  recursion no; pid-file none; session-keyfile "{self.folder}/session.key"; empty-zones-enable no; }};
controls {{ }};
{zone.format(DOMAIN, "home.zone")}
{zone.format(REVERSE, "reverse.zone")}
"""
        }

    def command(self):
        return ["named", "-g", "-n", "1", "-c", self.folder / "named.conf"]


class Knot(Program):
    def files(self):
        return {
            "knot.conf": f"""
server:
  listen: 127.0.0.1@5300
  rundir: {self.folder}
  user: root
database:
  storage: {self.folder}
key:
  - id: dhcp-key
    algorithm: hmac-sha256
    secret: {SECRET}
acl:
  - id: dhcp
    key: dhcp-key
    action: update
template:
  - id: default
    storage: {self.folder}
    acl: dhcp
zone:
  - domain: {DOMAIN}
    file: home.zone
  - domain: {REVERSE}
    file: reverse.zone
"""
        }

    def command(self):
        return ["knotd", "-c", self.folder / "knot.conf"]


def serves(host):
    try:
        return ask.rcode(ask.dns_query(host, "127.0.0.1", DOMAIN, "SOA", port=5300, timeout=0.3)) == "NOERROR"
    except Exception:
        return False


class Named(Site):
    def __init__(self, net, kind=Ours, up=True, more=""):
        super().__init__(net, config(NETWORK, NAMES + more), start=False)
        self.authority = kind(self.gateway)
        if up:
            self.authority.start()
        self.service.start()

    def close(self):
        super().close()
        self.authority.stop()

    def values(self, name, kind="A"):
        return sorted(ask.values(ask.dns_query(self.gateway, "127.0.0.1", name, kind, port=5300), kind))

    def reverse(self, address):
        return self.values(".".join(reversed(address.split("."))) + ".in-addr.arpa", "PTR")

    def bind(self, name, host="client", mac="02:00:5e:00:53:01", **options):
        client = self.client(host, mac)
        wanted = {dhcp.HOST_NAME: name.encode()} if name else {}
        return client, client.bind({**wanted, **options})

    def release(self, client, ack):
        client.send(
            client.message(dhcp.RELEASE, {dhcp.SERVER: packed("192.168.7.1")}, ciaddr=ack.yiaddr)
        )


@pytest.fixture(params=[Ours, Bind, Knot], ids=["ours", "bind", "knot"])
def named(net, request):
    made = Named(net, request.param)
    yield made
    made.close()


@pytest.fixture
def ours(net):
    made = Named(net)
    yield made
    made.close()


def test_a_lease_has_its_names_until_it_is_released(named):
    client, ack = named.bind("Laptop_1")
    assert eventually(lambda: named.values(f"laptop-1.{DOMAIN}") == [ack.yiaddr])
    assert eventually(lambda: named.reverse(ack.yiaddr) == [f"laptop-1.{DOMAIN}."])
    assert len(named.values(f"laptop-1.{DOMAIN}", "DHCID")) == 1
    assert eventually(lambda: named.lease(ack.yiaddr).get("dns"))
    named.release(client, ack)
    assert eventually(lambda: named.values(f"laptop-1.{DOMAIN}") == [])
    assert eventually(lambda: named.reverse(ack.yiaddr) == [])
    assert named.values(f"laptop-1.{DOMAIN}", "DHCID") == []


def test_a_name_stays_with_the_client_that_has_it(named):
    _, first = named.bind("laptop")
    assert eventually(lambda: named.values(f"laptop.{DOMAIN}") == [first.yiaddr])
    _, second = named.bind("laptop", "other", "02:00:5e:00:53:02")
    assert eventually(lambda: named.metric("names_conflicts_total") == 1)
    made = second.yiaddr.replace(".", "-")
    assert eventually(lambda: named.values(f"{made}.{DOMAIN}") == [second.yiaddr])
    assert eventually(lambda: named.reverse(second.yiaddr) == [f"{made}.{DOMAIN}."])
    assert named.values(f"laptop.{DOMAIN}") == [first.yiaddr]


def test_a_client_that_is_renamed_leaves_its_old_name(named):
    client, ack = named.bind("before")
    assert eventually(lambda: named.values(f"before.{DOMAIN}") == [ack.yiaddr])
    assert client.bind({dhcp.HOST_NAME: b"after"}).yiaddr == ack.yiaddr
    assert eventually(lambda: named.values(f"after.{DOMAIN}") == [ack.yiaddr])
    assert eventually(lambda: named.values(f"before.{DOMAIN}") == [])
    assert eventually(lambda: named.reverse(ack.yiaddr) == [f"after.{DOMAIN}."])


def test_names_are_told_to_who_watches_as_they_come_and_go(ours):
    with ours.service.watching() as watched:
        told = lambda kind: [(e["name"], e["address"]) for e in watched() if e["event"] == kind]
        client, first = ours.bind("laptop")
        forward = (f"laptop.{DOMAIN}.", first.yiaddr)
        assert eventually(lambda: forward in told("name-added")), watched()
        _, second = ours.bind("laptop", "other", "02:00:5e:00:53:02")
        assert eventually(lambda: told("name-conflict") == [(forward[0], second.yiaddr)]), watched()
        made = (f"{second.yiaddr.replace('.', '-')}.{DOMAIN}.", second.yiaddr)
        assert eventually(lambda: made in told("name-added")), watched()
        ours.release(client, first)
        assert eventually(lambda: forward in told("name-removed")), watched()
        ours.authority.stop()
        ours.bind("late", "third", "02:00:5e:00:53:03")
        failed = lambda: [e for e in watched() if e["event"] == "name-failed"]
        assert eventually(failed, 10), watched()
        assert failed()[0]["cause"] == "no answer"
        ours.authority.start()


@pytest.mark.parametrize("name", ["wpad", "isatap", "localhost", "gateway", "ns", ""])
def test_names_that_no_client_gets(ours, name):
    _, ack = ours.bind(name)
    made = ack.yiaddr.replace(".", "-")
    assert eventually(lambda: ours.values(f"{made}.{DOMAIN}") == [ack.yiaddr])
    assert ack.yiaddr not in ours.values(f"{name or 'x'}.{DOMAIN}")


def test_the_name_of_a_stored_reservation_is_its_clients_alone(ours):
    kept = ours.cli("lease", "reserve", "192.168.7.20", "--mac", "02:00:5e:00:53:02", "--name", "printer")
    assert kept.returncode == 0, kept.stderr
    _, ack = ours.bind("printer")
    made = ack.yiaddr.replace(".", "-")
    assert eventually(lambda: ours.values(f"{made}.{DOMAIN}") == [ack.yiaddr])
    ours.bind("", "other", "02:00:5e:00:53:02")
    assert eventually(lambda: ours.values(f"printer.{DOMAIN}") == ["192.168.7.20"])


def test_an_ack_waits_for_no_server_and_the_name_comes_when_it_is_there(net):
    site = Named(net, up=False)
    try:
        begun = time.monotonic() - queued_s() - queued_s(site.service.pid)
        _, ack = site.bind("early")
        assert time.monotonic() - queued_s() - queued_s(site.service.pid) - begun < 1
        time.sleep(0.5)
        site.authority.start()
        assert eventually(lambda: site.values(f"early.{DOMAIN}") == [ack.yiaddr], timeout=15)
    finally:
        site.close()


def test_after_a_restart_names_are_withdrawn_and_missing_ones_are_told(net):
    site = Named(net)
    try:
        client, ack = site.bind("told")
        assert eventually(lambda: site.values(f"told.{DOMAIN}") == [ack.yiaddr])
        assert eventually(lambda: site.lease(ack.yiaddr).get("dns"))
        time.sleep(0.2)  # the note of it becomes durable
        site.authority.stop()
        _, missed = site.bind("missed", "other", "02:00:5e:00:53:02")
        site.service.kill()
        site.service.start()
        site.authority.start()
        assert eventually(lambda: site.values(f"missed.{DOMAIN}") == [missed.yiaddr], timeout=15)
        site.release(client, ack)
        assert eventually(lambda: site.values(f"told.{DOMAIN}") == [])
        assert eventually(lambda: site.reverse(ack.yiaddr) == [])
    finally:
        site.close()


def test_the_fqdn_option_is_answered(ours):
    # RFC 4702 2.1: flags E and S; the name in wire form, its domain left to us.
    ours.bind("")
    client = ours.again(ours.clients[0], "02:00:5e:00:53:09")
    ack = client.bind({dhcp.FQDN: b"\x05\0\0\x05phone"})
    assert ack.options[dhcp.FQDN][0] & 0x0F == 0x05
    assert ack.options[dhcp.FQDN][3:] == b"\x05phone\x04home\x04arpa\0"
    assert eventually(lambda: ours.values(f"phone.{DOMAIN}") == [ack.yiaddr])
    # A client that would write its own record is told that we do (S and O).
    other = ours.again(ours.clients[0], "02:00:5e:00:53:0a")
    ack = other.bind({dhcp.FQDN: b"\x04\0\0\x05tower"})
    assert ack.options[dhcp.FQDN][0] & 0x0F == 0x07
    assert eventually(lambda: ours.values(f"tower.{DOMAIN}") == [ack.yiaddr])


def test_a_wrong_key_is_logged_by_its_name(net):
    site = Named(net, up=False)
    wrong = base64.b64encode(bytes(32)).decode()
    try:
        site.authority.service.configure(
            site.authority.service.config_path.read_text().replace(SECRET, wrong)
        )
        site.authority.start()
        site.bind("x")
        assert eventually(lambda: "cause=BADSIG" in site.service.log(), timeout=8), site.service.log()
    finally:
        site.close()


REVERSE6 = "7.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"


def test_a_lease_of_ipv6_has_its_names_until_it_is_released(net):
    names = NAMES.replace(f"[{REVERSE}]", f"[{REVERSE6}]")
    site = Site6(net, CONFIG6.rstrip() + names, start=False)
    authority = Ours(site.gateway)
    text = authority.service.config_path.read_text()
    authority.service.write({"gatehouse.yaml": text.replace(REVERSE, REVERSE6)})
    authority.start()
    site.service.start()
    keep = ["2001:db8:7::5", "--duid", "00:03:00:01:02:00:5e:00:53:99", "--name", "printer"]
    kept = site.gateway.run(binary(), "lease", "reserve", *keep, "--control", site.service.run_folder / "dhcp.sock")
    assert kept.returncode == 0, kept.stderr
    thief = Dhclient6(*site.host("thief"), "-N")
    (thief.folder / "conf").write_text('send fqdn.fqdn "printer"; send fqdn.encoded on; send fqdn.server-update on;\n')
    taken = thief.start().wait("BOUND6")["address"]
    client = Dhclient6(*site.host(), "-N")
    (client.folder / "conf").write_text('send fqdn.fqdn "phone"; send fqdn.encoded on; send fqdn.server-update on;\n')
    client.start()
    address = client.wait("BOUND6")["address"]

    def values(name, kind):
        return sorted(ask.values(ask.dns_query(site.gateway, "127.0.0.1", name, kind, port=5300), kind))

    reverse = dns.reversename.from_address(address)
    assert eventually(lambda: values(f"phone.{DOMAIN}", "AAAA") == [address])
    assert eventually(lambda: values(reverse, "PTR") == [f"phone.{DOMAIN}."])
    assert eventually(lambda: values(dns.reversename.from_address(taken), "PTR"))
    assert values(f"printer.{DOMAIN}", "AAAA") == []
    client.release()
    assert eventually(lambda: values(f"phone.{DOMAIN}", "AAAA") == [])
    assert eventually(lambda: values(reverse, "PTR") == [])
