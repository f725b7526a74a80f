"""The lab's site behind its gateway's translation: pages by name, a forward, hairpin, and what `lab watch` says of
datagrams beside the datagrams themselves, heard by a socket of ours on the same devices; and its two web servers behind the reverse proxy."""

import contextlib
import ipaddress
import json
import re
import struct
import subprocess

import pytest

import topology
from lab import Lab
from nat_site import eventually

PUBLIC, WEB, ROAMER, VISITOR, NS1 = "192.0.2.2", "203.0.113.80", "203.0.113.90", "203.0.113.91", "203.0.113.53"


@pytest.fixture(scope="module")
def lab(janitor_process):
    net = topology.Net()
    lab = Lab(net.host("lab"))
    try:
        lab.up().await_translation()
        eventually(lambda: '"host": "192.168.7.' in lab["gateway"].run("gatehouse", "nat", "forwards", "--json").stdout)
        yield lab
    finally:
        lab.down()
        assert not net.close()


HEAR = """
import select, socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
print("hears", flush=True)
while True:
    ready = select.select([s, sys.stdin], [], [])[0]
    if s in ready:
        packet, end = s.recvfrom(65535)
        if end[1] == 0x800:
            print(end[0], packet.hex(), flush=True)
    elif sys.stdin in ready:
        break
"""


@contextlib.contextmanager
def ear(lab, host):
    """[(device, packet)] of all IPv4 that passes the host, whole when the block has ended."""
    heard = []
    words = [lab.program, "lab", "run", host, "/usr/bin/python3", "-c", HEAR]
    process = lab.host.popen(*words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=lab.environment)
    assert process.stdout.readline() == "hears\n"
    try:
        yield heard
    finally:
        out, _ = process.communicate(timeout=20)
        for line in out.splitlines():
            device, packet = line.split()
            heard.append((device, bytes.fromhex(packet)))


def page(host, url):
    done = host.run("busybox", "wget", "-qO-", url)
    assert done.returncode == 0, done.stderr
    found = re.fullmatch(r"(.*); it was asked by (\S+), port (\d+)\.\n", done.stdout)
    return found[1], found[2]


def address_of(lab, host):
    return lab.status()[host]["addresses"][0].split("/")[0]


def ends(packet):
    return [ipaddress.ip_address(packet[at : at + 4]) for at in (12, 16)]


def test_a_web_server_is_reached_by_name_and_sees_the_public_address(lab):
    for client in ("client1", "client2", "client3"):
        assert page(lab[client], "http://www.example.com/") == ("A web server in the internet", PUBLIC)
    assert page(lab["client1"], "http://www.shop.com/")[1] == PUBLIC


def test_a_server_inside_is_reached_by_the_forward_and_from_inside_by_hairpin(lab):
    assert page(lab["roamer"], f"http://{PUBLIC}/") == ("The site's own server", ROAMER)
    assert page(lab["client2"], "http://home.example.com/") == ("The site's own server", PUBLIC)
    told = lab["gateway"].run("gatehouse", "nat", "forwards").stdout
    assert re.search(rf"^80/tcp +nas:80 +{address_of(lab, 'nas')}:80 ", told, re.M)


def test_nothing_private_is_seen_in_the_internet(lab):
    """The provider's router hears each packet of its networks; what went out is among them."""
    with ear(lab, "isp") as heard:
        page(lab["client1"], "http://www.example.com/")
        page(lab["roamer"], f"http://{PUBLIC}/")
        page(lab["client3"], "http://home.example.com/")
        assert lab["client2"].run("dig", "+short", f"@{NS1}", "www.example.com").stdout == f"{WEB}\n"
    private = [ipaddress.ip_network(n) for n in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")]
    met = {address for _, packet in heard for address in ends(packet)}
    assert {ipaddress.ip_address(a) for a in (PUBLIC, WEB, ROAMER, NS1)} <= met
    assert not [address for address in met if any(address in network for network in private)]
    # And there is no way back to the site but by translation.
    for host in ("isp", "web"):
        assert "192.168." not in lab[host].run("ip", "route").stdout
    assert "192.168." not in lab["roamer"].run("ip", "route", "show", "dev", "eth0").stdout


# ---- before and after


def checksum(data):
    total = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


class Datagram:
    """UDP over IPv4, decoded here and not by the program that is tested."""

    def __init__(self, packet):
        head = 4 * (packet[0] & 15)
        self.source, self.destination = map(str, ends(packet))
        self.sport, self.dport, length, self.udp_checksum = struct.unpack("!4H", packet[head : head + 8])
        self.ttl, self.ip_checksum = packet[8], struct.unpack("!H", packet[10:12])[0]
        self.payload = packet[head + 8 : head + length]
        pseudo = packet[12:20] + struct.pack("!BBH", 0, 17, length)
        self.right = checksum(packet[:head]) == 0 and checksum(pseudo + packet[head : head + length]) == 0

    def column(self):
        """As the table has it."""
        return [
            f"{self.source}:{self.sport}",
            f"{self.destination}:{self.dport}",
            str(self.ttl),
            f"0x{self.ip_checksum:04x}",
            f"0x{self.udp_checksum:04x}",
        ]


FIELDS = ["source", "destination", "TTL", "IP checksum", "UDP checksum"]


def tables_in(text):
    """[(what, device before, device after, column before, column after, [what became of it])] of `lab watch`."""
    found = []
    for block in re.findall(r"^(?:QUESTION|ANSWER) .*\n(?:.+\n){5}", text, re.M):
        rows = [re.split(r"  +", line.strip()) for line in block.rstrip("\n").split("\n")]
        what, before, after = rows[0]
        assert [row[0] for row in rows[1:]] == FIELDS
        columns = list(zip(*rows[1:]))[1:]
        found.append((what, before.split()[-1], after.split()[-1], *map(list, columns)))
    return found


def ask_twice(lab):
    """The same port of two hosts, as the tour does."""
    for client in ("client1", "client2"):
        assert lab[client].run("dig", "-b", "0.0.0.0#40000", "+short", f"@{NS1}", "www.example.com").stdout == f"{WEB}\n"


def watched(lab, *options):
    """What `lab watch` printed of ask_twice(), and what our own ear heard meanwhile: {device: [Datagram]}."""
    words = [lab.program, "lab", "run", "gateway", "gatehouse", "lab", "watch", "lan", "eth0", *options]
    with ear(lab, "gateway") as heard:
        process = lab.host.popen(
            *words, "--count", "2", "--seconds", "20",
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=lab.environment,
        )  # fmt: skip
        assert process.stderr.readline().startswith("Watching lan and eth0")  # from here on it hears
        ask_twice(lab)
        out, _ = process.communicate(timeout=30)
        assert process.returncode == 0
    ours = {"lan": [], "eth0": []}
    for device, packet in heard:
        if device in ours and packet[9] == 17:
            ours[device].append(Datagram(packet))
    return out, ours


def one(datagrams, **fields):
    found = [d for d in datagrams if all(getattr(d, key) == value for key, value in fields.items())]
    assert len(found) == 1, [d.column() for d in found]
    return found[0]


def test_the_tables_are_what_passed_both_devices(lab):
    out, heard = watched(lab)
    tables = tables_in(out)
    assert [(t[0], t[1], t[2]) for t in tables] == [("QUESTION", "lan", "eth0"), ("ANSWER", "eth0", "lan")] * 2
    ports = []
    for client, question, answer in (("client1", *tables[:2]), ("client2", *tables[2:])):
        inside = address_of(lab, client)
        asked = one(heard["lan"], source=inside, sport=40000, destination=NS1, dport=53)
        went = one(heard["eth0"], source=PUBLIC, destination=NS1, dport=53, payload=asked.payload)
        came = one(heard["eth0"], source=NS1, destination=PUBLIC, dport=went.sport)
        got = one(heard["lan"], source=NS1, destination=inside, dport=40000)
        ports.append(went.sport)
        assert asked.right and went.right and came.right and got.right
        assert came.payload == got.payload
        assert (went.ttl, got.ttl) == (asked.ttl - 1, came.ttl - 1)
        assert (question[3], question[4]) == (asked.column(), went.column())
        assert (answer[3], answer[4]) == (came.column(), got.column())
        assert question[5][1] == answer[5][0] == "as it was"
        assert question[5][2] == answer[5][2] == "one router less"
    # One host keeps its port, the other cannot.
    assert sorted(port == 40000 for port in ports) == [False, True]
    kept = ports.index(40000)
    said = ["another address, the same port" if i == kept else "another address and port" for i in range(2)]
    assert [tables[0][5][0], tables[2][5][0]] == said
    assert [tables[1][5][1], tables[3][5][1]] == said


def test_watch_refuses_what_it_cannot(lab):
    done = lab["gateway"].run("gatehouse", "lab", "watch", "lan", "nothing")
    assert done.returncode == 1
    assert "lan and nothing: " in done.stderr and "lab run gateway" in done.stderr
    assert lab["gateway"].run("gatehouse", "lab", "watch", "lan", "eth0", "--port", "70000").returncode == 2
    missed = lab["gateway"].run("gatehouse", "lab", "watch", "lan", "eth0", "--port", "9", "--count", "1", "--seconds", "1")
    assert (missed.returncode, missed.stdout) == (1, "")


# ---- through the reverse proxy


CLOUD = "https://cloud.example.com"


def cloud(lab, target="/", *options):
    """What a visitor is answered: (exit status of curl, text)."""
    done = lab["visitor"].run("curl", "-s", "-m", "20", "--cacert", "/run/lab/authority.pem", *options, CLOUD + target)
    return done.returncode, done.stdout


def test_two_web_servers_are_one_behind_tls(lab):
    """By name, from outside; what is sealed out there goes in clear to the servers, with who asked, whom nobody can invent."""
    told = cloud(lab, "/?[1-4]")[1]
    assert re.findall(r"cloud's (\w+) server; it was asked by 192\.168\.7\.1,", told) in (["first", "second"] * 2, ["second", "first"] * 2)
    with ear(lab, "isp") as outside, ear(lab, "app1") as first, ear(lab, "app2") as second:
        status, arrived = cloud(lab, "/cgi-bin/request.cgi", "--tlsv1.3", "-H", "X-Forwarded-For: 203.0.113.1", "-H", "Via: unheard-of")
    assert status == 0 and f"X-Forwarded-For: {VISITOR}\n" in arrived and "203.0.113.1\n" not in arrived
    seen = [packet for _, packet in first + second]
    assert any(b"\r\nx-forwarded-for: 203.0.113.91\r\n" in p.lower() and b"unheard-of" in p for p in seen), seen
    met = {packet[9] for _, packet in outside if VISITOR in map(str, ends(packet))}
    assert 6 in met and not any(b"unheard-of" in packet or b"request.cgi" in packet for _, packet in outside)
    # Nobody else's authority is believed in its place.
    assert lab["visitor"].run("curl", "-s", "-m", "20", CLOUD).returncode == 60


def test_a_web_server_that_stops_is_missed_by_nobody(lab):
    def state():
        told = json.loads(lab["gateway"].run("gatehouse", "proxy", "backends", "--json").stdout)
        return [b["state"] for b in told["pools"][0]["backends"]]

    lab["app1"].run("sh", "/run/lab/app1/web.sh", "stop")
    try:
        status, told = cloud(lab, "/?[1-20]", "-f")
        assert status == 0 and told.count("The cloud's second server;") == 20
        eventually(lambda: state() == ["down", "up"])
    finally:
        lab["app1"].run("sh", "/run/lab/app1/web.sh", "start")
    eventually(lambda: state() == ["up", "up"])
    assert {"first", "second"} == set(re.findall(r"cloud's (\w+) server", cloud(lab, "/?[1-4]")[1]))
