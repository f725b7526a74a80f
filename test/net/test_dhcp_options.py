"""What the address server tells whom: options of each place of the configuration, classes, vendors, network boot,
reservations by each identity, pools for classes; and a reload that changes them."""

import pytest

import dhcp_client as dhcp
from dhcp_client import ACK, OFFER, packed
from dhcp_site import Site

CONFIG = """dhcp:
  probe: off
  options:
    domain-name-servers: [192.168.7.1, 192.168.7.2]
    domain-name: home.arpa
    domain-search: [home.arpa, office.home.arpa]
    captive-portal: "https://portal.home.arpa/"
    ipv6-only-preferred: 30m
    "224/u16": 258
    "225/text": "LONG"
  vendor-options:
    - {vendor-class: "ubnt*", options: {"1/address": 192.168.7.5}}
    - {enterprise: 3561, options: {"11/text": acs}}
  classes:
    - {name: phones, match: {mac: "02:00:5e:77:*"}, options: {"224/u16": 772}, lease-time: 30m}
    - {name: http, match: {architecture: http-x64}, boot-file: "http://boot.home.arpa/x.efi"}
    - {name: uefi, match: {architecture: uefi-x64}, boot-file: snponly.efi, next-server: 192.168.7.5}
    - {name: ports, match: {circuit-id: "eth0/1/*", remote-id: "hex:0102"}, options: {"224/u16": 1}}
  networks:
    - subnet: 192.168.7.0/24
      options:
        routers: 192.168.7.1
        classless-static-routes:
          - {to: 0.0.0.0/0, via: 192.168.7.1}
          - {to: 10.0.0.0/8, via: 192.168.7.3}
      pools:
        - {range: 192.168.7.200-192.168.7.210, classes: [phones]}
        - {range: 192.168.7.100-192.168.7.199, options: {domain-name: pool.home.arpa}}
      reservations:
        - {mac: "02:00:5e:00:53:0a", address: 192.168.7.10, name: nas, options: {domain-name: nas.home.arpa}}
        - {client-id: "hex:00:61:62", address: 192.168.7.11}
        - {circuit-id: port 7, address: 192.168.7.150}
""".replace("LONG", "abcdefghij" * 40)


@pytest.fixture
def site(net):
    made = Site(net, CONFIG)
    yield made
    made.close()


@pytest.fixture
def client(site):
    return site.client(mac="02:00:5e:00:54:01")


def asked(client, codes, options=None):
    return client.discover({dhcp.WANTED: bytes(codes), **(options or {})})


def test_options_come_as_asked_and_the_mask_comes_first(client):
    offer = asked(client, [15, 6, 3, 119, 224])
    wanted = [code for code in offer.order if code in (1, 3, 6, 15, 119, 224)]
    assert wanted == [1, 15, 6, 3, 119, 224]
    assert offer.options[15] == b"pool.home.arpa"
    assert offer.options[6] == packed("192.168.7.1") + packed("192.168.7.2")
    assert offer.number(224) == 258
    # RFC 3397: the second name is compressed against the first
    assert offer.options[119] == b"\4home\4arpa\0\6office\xc0\0"


def test_a_long_option_comes_split_and_whole(client):
    offer = asked(client, [225], {dhcp.SIZE: (1472).to_bytes(2, "big")})
    assert offer.options[225] == b"abcdefghij" * 40


def test_classless_routes_take_the_place_of_routers_only_where_they_were_asked_for(client):
    with_routes = asked(client, [3, 121])
    assert 3 not in with_routes.options
    assert with_routes.options[121] == b"\0" + packed("192.168.7.1") + b"\x08\x0a" + packed("192.168.7.3")
    assert asked(client, [3]).address(3) == "192.168.7.1"


def test_ipv6_only_and_the_portal_come_to_who_asks(client):
    offer = asked(client, [108, 114])
    assert offer.number(108) == 1800 and offer.options[114] == b"https://portal.home.arpa/"
    assert offer.yiaddr == "0.0.0.0"  # RFC 8925 3.3: and none is held
    silent = client.discover()  # no list at all: everything but what RFC 8925 reserves
    assert silent.yiaddr.startswith("192.168.7.1")
    assert 108 not in silent.options and 114 in silent.options and silent.address(3)


def test_vendors_get_their_own_space(client):
    offer = asked(client, [43, 125], {dhcp.VENDOR_CLASS: b"ubnt-ap"})
    assert offer.options[43] == b"\1\4" + packed("192.168.7.5")
    assert offer.options[125] == (3561).to_bytes(4, "big") + b"\5\x0b\3acs"
    assert 43 not in asked(client, [43], {dhcp.VENDOR_CLASS: b"other"}).options


def test_a_class_has_its_pool_its_options_and_its_times(site, client):
    phone = site.again(client, "02:00:5e:77:00:01")
    ack = phone.bind({dhcp.WANTED: bytes([224])})
    assert ack.yiaddr.startswith("192.168.7.2") and ack.number(224) == 772
    assert ack.number(dhcp.LEASE_TIME) == 1800 and ack.number(dhcp.T1) == 900
    other = client.bind({dhcp.WANTED: bytes([224])})
    assert other.yiaddr.startswith("192.168.7.1") and other.number(224) == 258
    assert other.number(dhcp.LEASE_TIME) == 43200


ARCHITECTURE, FILE_NAME = 93, 67


def test_each_architecture_boots_its_own_file(client):
    pxe = asked(client, [66, 67], {ARCHITECTURE: bytes([0, 7]), dhcp.VENDOR_CLASS: b"PXEClient:Arch:00007"})
    assert pxe.siaddr == "192.168.7.5" and pxe.file.rstrip(b"\0") == b"snponly.efi"
    assert pxe.options[FILE_NAME] == b"snponly.efi" and dhcp.VENDOR_CLASS not in pxe.options
    http = asked(client, [3], {ARCHITECTURE: bytes([0, 16]), dhcp.VENDOR_CLASS: b"HTTPClient:Arch:00016"})
    # UEFI 2.10, 24.7: no offer is taken without these two
    assert http.options[dhcp.VENDOR_CLASS] == b"HTTPClient"
    assert http.options[FILE_NAME] == b"http://boot.home.arpa/x.efi"
    plain = asked(client, [66, 67])
    assert plain.siaddr == "0.0.0.0" and FILE_NAME not in plain.options


def test_reservations_by_mac_identifier_and_port(site, client):
    nas = site.again(client, "02:00:5e:00:53:0a")
    ack = nas.bind({dhcp.WANTED: bytes([12, 15])})
    assert ack.yiaddr == "192.168.7.10"
    assert ack.options[12] == b"nas" and ack.options[15] == b"nas.home.arpa"
    assert client.bind({dhcp.CLIENT_ID: b"\0ab"}).yiaddr == "192.168.7.11"
    # Nobody else gets what is reserved, though he asks for it.
    thief = site.again(client, "02:00:5e:00:55:01")
    offer = thief.discover({dhcp.REQUESTED: packed("192.168.7.10")})
    assert offer.type == OFFER and offer.yiaddr != "192.168.7.10"


def relayed(client, port, relay=b""):
    """Option 82 as a relay on the link would add it (RFC 3046)."""
    sub = bytes([1, len(port)]) + port + (bytes([2, len(relay)]) + relay if relay else b"")
    return client.discover({dhcp.WANTED: bytes([224]), dhcp.RELAY: sub})


def test_who_is_behind_a_port_is_known_by_it(client):
    assert relayed(client, b"port 7").yiaddr == "192.168.7.150"
    assert relayed(client, b"eth0/1/3", b"\1\2").number(224) == 1
    assert relayed(client, b"eth0/1/3", b"\1\3").number(224) == 258


def test_a_reload_changes_what_is_told_and_a_wrong_one_changes_nothing(net):
    site = Site(net, CONFIG)
    try:
        client = site.client()
        lease = client.bind({dhcp.WANTED: bytes([224])})
        site.service.reload(CONFIG.replace('"224/u16": 258', '"224/u16": 515'))
        again = client.bind({dhcp.WANTED: bytes([224])})
        assert again.type == ACK and again.yiaddr == lease.yiaddr and again.number(224) == 515
        site.service.reload(CONFIG.replace('"224/u16": 258', '"224/u16": 65536'))
        assert client.bind({dhcp.WANTED: bytes([224])}).number(224) == 515
    finally:
        site.close()
