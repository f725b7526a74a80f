"""Who is at the other ends: `wg` of wireguard-tools on our interfaces, `gatehouse vpn` and its peers, their names
in the DNS.

gateway 192.0.2.1 -- 192.0.2.2 client, with wireguard-go

gateway: gatehouse run with the tunnels and an authority on 127.0.0.1:5300, which takes updates of the zones
vpn.home.arpa, 9.10.in-addr.arpa and 9.0.0.0.0.0.d.f.ip6.arpa
"""

import base64
import json
import os
import re
import subprocess
import time
from pathlib import Path

import pytest

import ask
import topology
from service import Service, binary

DEVICE = f"gw{os.getpid()}"  # `wg` looks in one folder of the machine for all network namespaces
SECRET = base64.b64encode(bytes(range(32))).decode()
ZONE = "$TTL 60\n@ SOA ns.home.arpa. host.home.arpa. 1 7200 3600 1209600 60\n@ NS ns.home.arpa.\n"
REVERSE = ["9.10.in-addr.arpa", "9.0.0.0.0.0.d.f.ip6.arpa"]
FILES = {"forward.zone": ZONE, "four.zone": ZONE, "six.zone": ZONE}
SITE = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="
CONFIG = f"""
authority:
  listen: "127.0.0.1:5300"
  workers: 1
  keys: {{name: vpn-key, secret: {SECRET}}}
  zones:
    - {{origin: vpn.home.arpa, file: forward.zone, update: {{key: vpn-key, types: [A, AAAA, DHCID]}}}}
    - {{origin: {REVERSE[0]}, file: four.zone, update: {{key: vpn-key, types: PTR}}}}
    - {{origin: {REVERSE[1]}, file: six.zone, update: {{key: vpn-key, types: PTR}}}}
vpn:
  workers: 1
  interfaces:
    {DEVICE}:
      addresses: [10.9.0.1/24, "fd00:9::1/64"]
      domain: vpn.home.arpa
      clients: {{endpoint: "192.0.2.1:51820", keepalive: 20s}}
      peers:
        site:
          public-key: {SITE}
          allowed-ips: [10.9.0.2, 192.168.8.0/24]
  sign-in:
    name: signin.vpn.home.arpa
  names:
    server: 127.0.0.1:5300
    reverse: [{", ".join(REVERSE)}]
    key: vpn-key
    secret: {SECRET}
"""


def eventually(what, patience=20):
    end = time.monotonic() + patience
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


class Gateway:
    def __init__(self):
        self.net = topology.Net()
        self.host, self.client = self.net.host("gateway"), self.net.host("client")
        self.net.cable(self.host, "192.0.2.1/24", self.client, "192.0.2.2/24")
        self.run = Service(self.host, "run", CONFIG, FILES)
        self.run.start()

    def close(self):
        return self.net.close()

    def wg(self, *words, stdin=None, check=True):
        done = self.host.run("wg", *words, input=stdin)
        assert done.returncode == 0 or not check, done.stderr
        return done

    def show(self, what):
        lines = self.wg("show", DEVICE, what).stdout.splitlines()
        return dict(line.split("\t", 1) for line in lines)

    def vpn(self, *words, status=0):
        done = subprocess.run(
            [binary(), "vpn", *map(str, words), "-c", self.run.config_path],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done

    def peers(self):
        return {p["name"] or p["public_key"]: p for p in json.loads(self.vpn("peers", "--json").stdout)["peers"]}

    def names(self, name, kind):
        return sorted(ask.values(ask.dns_query(self.host, "127.0.0.1", name, kind, port=5300), kind))

    def has_names(self, name, four, six):
        full = f"{name}.vpn.home.arpa"
        reverse = ".".join(reversed((four or "10.9.0.200").split("."))) + ".in-addr.arpa"
        return (
            self.names(full, "A") == ([four] if four else [])
            and self.names(full, "AAAA") == ([six] if six else [])
            and (not four or self.names(reverse, "PTR") == [f"{full}."])
        )


@pytest.fixture(scope="module")
def gateway():
    made = Gateway()
    yield made
    assert made.close() == []


def genkey():
    private = subprocess.run(["wg", "genkey"], capture_output=True, text=True, check=True).stdout
    public = subprocess.run(["wg", "pubkey"], input=private, capture_output=True, text=True, check=True).stdout
    return private.strip(), public.strip()


def values_of(text):
    return dict(line.split(" = ", 1) for line in text.splitlines() if " = " in line and line[0] != "#")


def test_wg_sees_and_sets_what_we_have(gateway):
    assert gateway.show("allowed-ips")[SITE] == "10.9.0.2/32 192.168.8.0/24"
    assert gateway.wg("show", DEVICE, "listen-port").stdout.strip() == "51820"
    _, key = genkey()
    gateway.wg(
        *("set", DEVICE, "peer", key, "allowed-ips", "10.9.0.77/32,fd00:9::77/128,10.50.1.2/16"),
        *("endpoint", "192.0.2.9:5", "persistent-keepalive", "25", "preshared-key", "/dev/stdin"),
        stdin=genkey()[0],
    )
    assert gateway.show("allowed-ips")[key] == "10.9.0.77/32 fd00:9::77/128 10.50.0.0/16"
    assert gateway.show("endpoints")[key] == "192.0.2.9:5"
    assert gateway.show("persistent-keepalive") == {SITE: "off", key: "25"}
    assert gateway.show("preshared-keys")[key] != "(none)"
    assert gateway.peers()[key]["origin"] == "wg"
    whole = gateway.wg("showconf", DEVICE).stdout
    # What it saw is what there is: nothing changes, and the peer of the file keeps its name.
    gateway.wg("syncconf", DEVICE, "/dev/stdin", stdin=whole)
    gateway.wg("setconf", DEVICE, "/dev/stdin", stdin=whole)
    assert gateway.wg("showconf", DEVICE).stdout == whole
    assert gateway.peers()["site"]["public_key"] == SITE
    gateway.wg("set", DEVICE, "peer", key, "remove")
    assert list(gateway.show("allowed-ips")) == [SITE]


def test_what_wg_may_not_set_changes_nothing(gateway):
    _, key = genkey()
    before = gateway.wg("showconf", DEVICE).stdout
    for words in (["listen-port", "7"], ["fwmark", "7"]):
        done = gateway.wg("set", DEVICE, *words, "peer", key, "allowed-ips", "10.9.0.78/32", check=False)
        assert done.returncode == 1 and "not supported" in done.stderr
    assert gateway.wg("showconf", DEVICE).stdout == before


def test_syncconf_takes_a_peer_out_and_a_reload_brings_it_back(gateway):
    whole = gateway.wg("showconf", DEVICE).stdout
    gateway.wg("syncconf", DEVICE, "/dev/stdin", stdin=whole.split("[Peer]")[0])
    assert gateway.show("allowed-ips") == {}
    assert eventually(lambda: gateway.has_names("site", None, None))
    gateway.run.reload()
    assert eventually(lambda: "site" in gateway.peers())
    assert eventually(lambda: gateway.has_names("site", "10.9.0.2", None))


def test_an_added_peer_has_a_file_a_code_and_names_until_it_is_removed(gateway, tmp_path):
    done = gateway.vpn("add", "phone", "--qr")
    head, last, code = done.stdout.partition("PersistentKeepalive = 20\n")
    text = head + last
    file = values_of(text)
    assert file["Address"] == "10.9.0.3/32, fd00:9::3/128"
    assert file["DNS"] == "10.9.0.1, fd00:9::1, vpn.home.arpa"
    assert file["Endpoint"] == "192.0.2.1:51820"
    assert file["AllowedIPs"] == "0.0.0.0/0, ::/0"
    assert file["PublicKey"] == gateway.wg("show", DEVICE, "public-key").stdout.strip()
    assert "10.9.0.3/32" in done.stderr and "█" in code
    key = subprocess.run(
        ["wg", "pubkey"], input=file["PrivateKey"], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert gateway.show("preshared-keys")[key] == file["PresharedKey"]
    assert gateway.show("allowed-ips")[key] == "10.9.0.3/32 fd00:9::3/128"
    assert eventually(lambda: gateway.has_names("phone", "10.9.0.3", "fd00:9::3"))
    # The private key is nowhere: neither text nor octets of it.
    state = gateway.run.folder / "state"
    raw = base64.b64decode(file["PrivateKey"])
    for path in state.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert raw not in data and file["PrivateKey"].encode() not in data
            assert base64.b64decode(file["PresharedKey"]) not in data
    # Once more, without it and with it.
    again = gateway.vpn("config", "phone").stdout
    assert "# PrivateKey" in again and values_of(again) == {k: v for k, v in file.items() if k != "PrivateKey"}
    kept = tmp_path / "phone.conf"
    kept.write_text(text)
    assert gateway.vpn("config", "phone", "--private-key-file", kept).stdout == text
    assert gateway.vpn("qr", "phone", "-p", kept).stdout == code
    assert "--private-key-file is needed" in gateway.vpn("qr", "phone", status=2).stderr
    kept.write_text(genkey()[0])
    assert "key of another peer" in gateway.vpn("config", "phone", "-p", kept, status=1).stderr
    gateway.vpn("remove", "phone")
    assert key not in gateway.show("allowed-ips")
    assert eventually(lambda: gateway.has_names("phone", None, None))


def test_the_printed_file_is_one_that_clients_take(gateway, tmp_path):
    device = f"gc{os.getpid()}"
    path = tmp_path / f"{device}.conf"
    path.write_text(gateway.vpn("add", "laptop").stdout)
    file = values_of(path.read_text())
    stripped = subprocess.run(["wg-quick", "strip", path], capture_output=True, text=True, check=True).stdout
    program = gateway.client.popen(
        "wireguard-go", "-f", device, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "WG_I_PREFER_BUGGY_USERSPACE_TO_POLISHED_KMOD": "1"},
    )
    try:
        assert eventually(lambda: Path(f"/var/run/wireguard/{device}.sock").exists())
        subprocess.run(["wg", "setconf", device, "/dev/stdin"], input=stripped, text=True, check=True)
        for address in file["Address"].split(", "):
            gateway.client.address(device, address)
        gateway.client.ip("link", "set", device, "mtu", file["MTU"], "up")
        for to in ("10.9.0.1", "fd00:9::1"):
            gateway.client.ip("route", "add", to, "dev", device)

        def pings(to):
            return gateway.client.run("ping", "-n", "-c", 1, "-W", 1, to).returncode == 0

        assert eventually(lambda: pings("10.9.0.1")) and eventually(lambda: pings("fd00:9::1"))
        peer = gateway.peers()["laptop"]
        assert peer["handshakes"] >= 1 and peer["endpoint"].startswith("192.0.2.2:")
        assert int(gateway.show("latest-handshakes")[peer["public_key"]]) > time.time() - 60
        gateway.vpn("remove", "laptop")
        assert not pings("10.9.0.1")
    finally:
        program.terminate()
        program.wait(10)


def test_what_cannot_be_added_is_refused(gateway):
    assert "peer of this name" in gateway.vpn("add", "site", status=1).stderr
    assert "another peer has this key" in gateway.vpn("add", "twin", "--public-key", SITE, status=1).stderr
    assert "in the configuration file" in gateway.vpn("remove", "site", status=1).stderr
    for words in (
        ["Phone"],
        ["a.b"],
        ["x", "--expires", "soon"],
        ["x", "--split", "10.0.0.1/8"],
        ["x", "--interface", "none"],
        ["x", "--users", "anna"],
        ["x", "--up", "fast"],
        ["x", "--reach", "nas"],
        ["x", "--keepalive", "70000"],
        ["x", "--full", "--split", "10.0.0.0/8"],
        ["x", "--public-key", "none"],
    ):
        gateway.vpn("add", *words, status=2)
    assert "no added peer" in gateway.vpn("config", "nobody", status=1).stderr
    assert list(gateway.peers()) == ["site"]


def test_added_peers_are_there_after_a_restart(gateway):
    _, key = genkey()
    made = json.loads(
        gateway.vpn(
            *("add", "anna", "--sign-in", "--users", "anna,ben", "--roles", "staff", "--expires", "2037-01-01"),
            *("--split", "192.168.7.0/24,10.9.0.0/24", "--keepalive", "0", "--public-key", key, "--json"),
            *("--reach", "192.168.7.0/24", "--up", "20Mbit", "--down", "100Mbit"),
        ).stdout
    )
    assert "# PrivateKey" in made["file"] and "PersistentKeepalive" not in made["file"]
    assert "AllowedIPs = 192.168.7.0/24, 10.9.0.0/24\n" in made["file"]
    assert eventually(lambda: gateway.has_names("anna", "10.9.0.3", "fd00:9::3"))
    # A person at one host: no network for it, by whomever.
    done = gateway.wg("set", DEVICE, "peer", key, "allowed-ips", "10.9.0.0/16", check=False)
    assert done.returncode == 1 and "not permitted" in done.stderr
    gateway.run.stop()
    gateway.run.start()
    peer = gateway.peers()["anna"]
    assert (peer["public_key"], peer["gate"], peer["origin"]) == (key, "closed", "store")
    assert (peer["users"], peer["roles"]) == (["anna", "ben"], ["staff"])
    assert (peer["up_bits"], peer["down_bits"]) == (20_000_000, 100_000_000)
    assert peer["expires"] == "2037-01-01T00:00:00Z"
    assert sorted(peer["allowed_ips"]) == ["10.9.0.3/32", "fd00:9::3/128"]
    assert json.loads(gateway.vpn("config", "anna", "--json").stdout)["file"] == made["file"]
    shown = gateway.vpn("show", "anna").stdout
    assert re.search(r"sign-in +required", shown) and re.search(r"state +closed", shown)
    # The next one has the next address.
    assert "10.9.0.4/32" in gateway.vpn("add", "tablet").stdout
    gateway.vpn("remove", "tablet")
    gateway.vpn("remove", "anna")
    assert eventually(lambda: gateway.has_names("anna", None, None))


def test_the_page_is_found_by_its_name(gateway):
    assert eventually(lambda: gateway.has_names("signin", "10.9.0.1", "fd00:9::1"))
