"""The first journey: a name through caching, recursive, root, TLD and authoritative servers, all of them
gatehouse, in the lab; asked with what people have: dig, kdig, drill, host, libc."""

import re
import time

import pytest

import ask
import topology
import walks
from lab import Lab

RESOLVER = "192.168.7.1"
KINDS = ["caching", "recursive", "root", "tld", "authoritative"]


@pytest.fixture(scope="module")
def lab(janitor_process):
    net = topology.Net()
    lab = Lab(net.host("lab"))
    try:
        yield lab.up()
    finally:
        lab.down()
        assert not net.close()


@pytest.fixture
def client(lab):
    return lab["client1"]


@pytest.fixture
def gateway(lab):
    return lab["gateway"]


# ---- the tour, with which `make run` ends


def test_the_tour_shows_the_whole_way_and_then_the_cache(own):
    done = own.gatehouse("lab", "tour", timeout=300)
    assert done.returncode == 0, done.stderr
    assert "gatehouse: " not in done.stderr
    traces = re.split(r"^gateway\$ gatehouse trace ", done.stdout, flags=re.M)[1:]
    cold, warm, split = traces
    assert cold.startswith("www.example.com\n")
    steps, late = walks.printed(cold)
    assert [kind for kind, _ in steps] == KINDS
    for zone, said in ((".", "com."), ("com.", "example.com.")):
        assert f"asked of the zone {zone}  ->  ask the servers of {said}" in cold
    assert "www.example.com. A?  asked of the zone example.com.  ->  answer" in cold
    # Three questions and three answers; over TCP 11 packets for each of the three.
    assert re.search(rf"servers: {6 + late}; this walk takes {6 + late} over UDP .*\n33 over TCP \(11 each", cold)
    assert cold.count("udp, ") == cold.count(", 2 packets") + late == 3 + late
    for endpoint in re.findall(r"(\S+) udp, ", cold + split):
        assert re.fullmatch(r"(\d+\.\d+\.\d+\.\d+|\[[0-9a-f:]+\]):53", endpoint)
    assert "www.example.com. 300 IN A 203.0.113.80" in cold

    assert warm.startswith("www.example.com\n")
    assert [kind for kind, _ in walks.printed(warm)[0]] == ["caching"]
    left = int(re.search(r"in the cache, TTL (\d+) s left", warm)[1])
    assert 290 <= left < 300
    assert "from the cache: no packet went to a server" in warm
    assert "client1$ getent hosts www.example.com\n2001:db8:113::80 " in done.stdout

    assert [kind for kind, _ in walks.printed(split)[0]] == [*KINDS, "authoritative"]
    assert "hanbit.kr.  ->  ask the servers of eng.hanbit.kr." in split
    assert "build.eng.hanbit.kr. 600 IN A 203.0.113.82" in split
    exchange_in(done.stdout)
    translation_in(done.stdout)
    tunnels_in(done.stdout)
    proxy_in(done.stdout)
    out_in(done.stdout)
    assert "lab shell client1" in done.stdout  # what to try next
    assert "\x1b" not in done.stdout
    # A second tour is in the lab that is there.
    again = own.gatehouse("lab", "tour", timeout=300)
    assert again.returncode == 0
    assert "Up already" in again.stdout


def leased(text):
    """client1's address, which the other site's server must have said as well."""
    return re.search(r"The other site's own server; it was asked by (192\.168\.7\.\d+),", text)[1]


def tunnels_in(text):
    """Closed to a key alone, opened by a person, the packet inside beside the one outside, and who is signed in."""
    assert re.search(r"^roamer\$ curl .* http://www\.example\.com/\n303 https://login\.home\.arpa/$", text, re.M)
    assert re.search(r"^roamer\$ sh \S+/sign-in\.sh anna \S+ \d{6}\n200 Your backup codes$", text, re.M)
    inside, outside = re.findall(r"^source +(\S+) +(\S+)$", text, re.M)[-2:]
    assert inside[0].startswith("10.9.7.2:") and inside[1] == "203.0.113.90:51820"
    assert outside == ("192.168.7.1:53", "192.0.2.2:51820")
    for inner, outer in re.findall(r"^octets +(\d+) +(\d+)$", text, re.M):
        assert int(outer) == (int(inner) + 15) // 16 * 16 + 60  # IP, UDP, header and tag
    for clear, sealed in re.findall(r"^what can be read +(.*?)  +(\S+)$", text, re.M):
        assert "nas.home.arpa" in clear and re.fullmatch(r"[0-9a-f]{48}…", sealed)
    assert re.search(r"^anna +roamer +open .* 203\.0\.113\.90:51820$", text, re.M)


def proxy_in(text):
    """Two servers behind one name, in turn; TLS as the visitor sees it and the request as it arrives; one server stopped and back, and no
    answer missing."""
    pages = re.findall(r"^The cloud's (first|second) server; it was asked by 192\.168\.7\.1, port \d+\.$", text, re.M)
    assert len(pages) == 6 and all(a != b for a, b in zip(pages, pages[1:]))
    assert "\nProtocol version: TLSv1.3\n" in text and "\nVerification: OK\n" in text
    arrived = text.split("/cgi-bin/request.cgi\n", 1)[1].split("\n\n")[0].split("\n")
    assert arrived[0] == "GET /cgi-bin/request.cgi HTTP/1.1"
    assert "Forwarded: for=203.0.113.91;host=cloud.example.com;proto=https" in arrived and "X-Forwarded-For: 203.0.113.91" in arrived
    down, up = text.split("app2$ sh /run/lab/app2/web.sh start\n")
    assert re.search(r"^cloud +192\.168\.7\.12:80 +down ", down, re.M) and re.search(r"^cloud +192\.168\.7\.12:80 +up ", up, re.M)
    told = up.split("How often the visitor was answered")[1].split("\n== ")[0]
    assert sorted(re.findall(r"^ +[1-9]\d* (.*)$", told, re.M)) == ["200 The cloud's first server", "200 The cloud's second server"]
    assert "no answer" not in told


def out_in(text):
    """One page fetched for two who ask; what its server sees; a site that is blocked, and the inside, to which no way leads."""
    out = text.split("\n== A page by the forward proxy")[1]
    first, second = re.findall(r"^client[23]\$ curl [^\n]*/news\.cgi\n(.*?)^Written at (\S+)\.$", out, re.M | re.S)
    assert first[1] == second[1]
    assert re.search(r"^cache-status: gatehouse; fwd=uri-miss; .*stored", first[0], re.M | re.I)
    assert re.search(r"^cache-status: gatehouse; hit", second[0], re.M | re.I) and re.search(r"^age: \d", second[0], re.M | re.I)
    seen = out.split("/cgi-bin/request.cgi\n", 1)[1].split("\n\n")[0].split("\n")
    assert seen == ["GET /cgi-bin/request.cgi HTTP/1.1", "Host: www.example.com", "Via: 1.1 gatehouse"]
    blocked, inside = re.findall(r"^client2\$ sh [^\n]*page\.sh http://\S+/\n(.*?)\(403\)$", out, re.M | re.S)
    assert "Shops are for after work." in blocked and "www.shop.com" in blocked
    assert "leads into the inside" in inside and "inside: private" in inside
    assert re.search(r"^www\.example\.com +3 ", out, re.M)


def translation_in(text):
    """A page, two hosts' datagrams, the forward, hairpin, what is remembered of them, and why; that the tables are
    true is test_lab_translation's."""
    pages = re.findall(r"^(\w+)\$ busybox wget -qO- (\S+)\n(.*); it was asked by (\S+), port \d+\.$", text, re.M)
    assert pages == [
        ("client1", "http://www.example.com/", "A web server in the internet", "192.0.2.2"),
        ("roamer", "http://192.0.2.2/", "The site's own server", "203.0.113.90"),
        ("client2", "http://home.example.com/", "The site's own server", "192.0.2.2"),
        ("roamer", "http://nas.home.arpa/", "The site's own server", "10.9.7.2"),
        ("desk", "http://nas.home.arpa/", "The site's own server", "192.168.8.10"),
        ("client1", "http://192.168.8.10/", "The other site's own server", leased(text)),
    ]
    said = re.findall(r"^source +192\.168\.7\.\d+:40000 +192\.0\.2\.2:(\d+) +(another .*)$", text, re.M)
    assert sorted(what for _, what in said) == ["another address and port", "another address, the same port"]
    assert dict((what, port) for port, what in said)["another address, the same port"] == "40000"
    assert len(re.findall(r"^TTL +64 +63 +one router less$", text, re.M)) == 2
    assert len(re.findall(r"^(?:IP|UDP) checksum +0x[0-9a-f]{4} +0x[0-9a-f]{4} ", text, re.M)) == 8
    nas = re.search(r"^80/tcp +nas:80 +(192\.168\.7\.\d+):80 ", text, re.M)[1]
    flows = text.split("gateway$ gatehouse nat flows ")[1].split("== ")[0]
    assert re.search(rf"^tcp .* 203\.0\.113\.90:\d+ +192\.0\.2\.2:80 → {nas}:80 ", flows, re.M)
    for port, _ in said:
        assert re.search(rf"^udp .*192\.168\.7\.\d+:40000 → 192\.0\.2\.2:{port} +203\.0\.113\.53:53 ", flows, re.M)
    in_by_80, in_by_22 = re.findall(r"gatehouse nat explain 203\.0\.113\.90 192\.0\.2\.2 --traffic (\S+)\n((?:.+\n)+)", text)
    assert in_by_80[0] == "80/tcp" and f"leads to {nas}:80" in in_by_80[1]
    assert in_by_22[0] == "22/tcp" and in_by_22[1].rstrip().endswith("dropped: no rule allows it")


def exchange_in(text):
    """The four messages of the laptop's exchange, with what each must say; then its name and its lease."""
    messages = re.findall(r"^([A-Z]+) +(\S+):(\d+) -> (\S+):(\d+)  xid (0x[0-9a-f]{8}).*\n((?:    .*\n)+)", text, re.M)
    assert [message[0] for message in messages] == ["DISCOVER", "OFFER", "REQUEST", "ACK"]
    assert len({message[5] for message in messages}) == 1
    discover, offer, request, ack = messages
    address = re.search(r"yiaddr (192\.168\.7\.\d+)", offer[6])[1]
    assert discover[1:5] == request[1:5] == ("0.0.0.0", "68", "255.255.255.255", "67")
    assert offer[1:5] == ack[1:5] == ("192.168.7.1", "67", address, "68")
    assert re.search(r" 12 host-name +laptop\n", discover[6])
    assert re.search(rf" 50 requested-address +{address}\n", request[6])
    assert re.search(r" 54 server-identifier +192\.168\.7\.1\n", request[6])
    for pattern in (
        rf"yiaddr {address}\n",
        r" 51 lease-time +12h\n",
        r"  1 subnet-mask +255\.255\.255\.0\n",
        r"  3 routers +192\.168\.7\.1\n",
        r" 15 domain-name +home\.arpa\n",
    ):
        assert re.search(pattern, ack[6])
    assert re.search(rf"client1\$ getent hosts laptop\.home\.arpa\n{address} +laptop\.home\.arpa\n", text)
    assert re.search(rf"^{address} +bound +1[12] h .* laptop +192\.168\.7\.0/24$", text, re.M)


# ---- the second journey: an address, and a name with it


def plug_in(lab, name):
    """udhcpc on the laptop, once; the address that it was given."""
    done = lab["laptop"].run("udhcpc", "-f", "-q", "-n", "-i", "eth0", "-x", f"hostname:{name}")
    assert done.returncode == 0, done.stderr
    return re.search(r"lease of (\S+) obtained", done.stderr)[1]


def test_a_name_resolves_the_moment_the_acknowledgement_arrives(lab, client):
    # Asked for just before: what does not exist must not be remembered.
    assert client.run("getent", "hosts", "tablet.home.arpa").returncode == 2
    address = plug_in(lab, "tablet")
    assert client.run("getent", "hosts", "tablet.home.arpa").stdout.split() == [address, "tablet.home.arpa"]
    assert client.run("getent", "hosts", address).stdout.split() == [address, "tablet.home.arpa"]
    assert lab["laptop"].run("getent", "hosts", "www.example.com").returncode == 0
    # The host takes another name: the old one is gone with it.
    assert plug_in(lab, "notebook") == address
    assert client.run("getent", "hosts", "notebook.home.arpa").stdout.split()[0] == address
    assert client.run("getent", "hosts", "tablet.home.arpa").returncode == 2


def test_the_hosts_of_the_site_have_addresses_and_names(lab, client, gateway):
    hosts = lab.status()
    for name in ("client1", "client2", "client3"):
        address = hosts[name]["addresses"][0].removesuffix("/24")
        assert address.startswith("192.168.7.")
        assert client.run("getent", "hosts", name).stdout.split() == [address, f"{name}.home.arpa"]
        told = gateway.run("gatehouse", "lease", "show", address).stdout
        assert re.search(r"^state +bound$", told, re.M)
        assert name in told


def test_a_name_is_gone_when_its_lease_is_given_back(lab, client, gateway):
    address = plug_in(lab, "guest")
    assert client.run("getent", "hosts", "guest.home.arpa").returncode == 0
    done = gateway.run("gatehouse", "lease", "release", address)
    assert done.returncode == 0, done.stderr
    deadline = time.monotonic() + 5
    while client.run("getent", "hosts", "guest.home.arpa").returncode != 2:
        assert time.monotonic() < deadline
    assert client.run("getent", "hosts", address).returncode == 2


def test_watch_shows_an_exchange_as_json_and_says_when_nothing_came(lab, gateway):
    done = gateway.run("gatehouse", "dhcp", "watch", "lan", "--count", "1", "--seconds", "1", "--json")
    assert (done.returncode, done.stdout) == (1, "")
    assert gateway.run("gatehouse", "dhcp", "watch", "nolink", "--count", "1").returncode == 1


# ---- trace


def test_trace_as_json_names_every_step(gateway):
    gateway.flush()
    *steps, summary = gateway.trace("www.example.com")
    assert [step["step"] for step in steps] == list(range(1, len(steps) + 1))
    late, steps = len(walks.silent(steps)), walks.answered(steps)
    assert [step["kind"] for step in steps] == KINDS
    assert [step["event"] for step in steps] == ["miss", "start", "referral", "referral", "answer"]
    assert [step["zone"] for step in steps[2:]] == [".", "com.", "example.com."]
    # Minimised (RFC 9156): each server is shown no more of the name than it needs.
    assert [step["name"] for step in steps[2:]] == ["com.", "example.com.", "www.example.com."]
    servers = [
        {"198.51.100.10", "198.51.100.11", "2001:db8:51::10", "2001:db8:51::11"},
        {"198.51.100.20", "198.51.100.21", "2001:db8:51::20", "2001:db8:51::21"},
        {"203.0.113.53", "203.0.113.54", "2001:db8:113::53", "2001:db8:113::54"},
    ]
    for step, addresses in zip(steps[2:], servers):
        assert step["address"] in addresses
        assert (step["port"], step["transport"], step["packets"]) == (53, "udp", 2)
        assert step["round_trip_us"] > 0
        assert step["records"]
    assert summary["kind"] == "summary"
    assert (summary["name"], summary["type"], summary["rcode"]) == (
        "www.example.com.",
        "A",
        "NOERROR",
    )
    assert (summary["packets"], summary["packets_udp"], summary["packets_tcp"]) == (6 + late, 6 + late, 33)
    assert summary["cached"] is False
    assert summary["answer"] == ["www.example.com. 300 IN A 203.0.113.80"]
    assert summary["time_us"] >= sum(step["round_trip_us"] for step in steps[2:])


def test_the_second_ask_is_one_step_with_a_lower_ttl(gateway):
    gateway.trace("www.example.com")
    before = time.monotonic()
    first = gateway.trace("www.example.com")
    time.sleep(1.1)
    second = gateway.trace("www.example.com")
    passed = time.monotonic() - before
    for steps in (first, second):
        assert [(step["kind"], step.get("event")) for step in steps] == [
            ("caching", "hit"),
            ("summary", None),
        ]
        assert steps[-1]["cached"] is True
        assert steps[-1]["packets"] == 0
    assert 1 <= first[0]["ttl"] - second[0]["ttl"] <= passed + 1


# Its tunnels and leases send datagrams as well, when they like.
COUNTED = """
table inet counted {
    chain in { type filter hook input priority 0; iifname != "lo" udp sport 53 counter; }
    chain out { type filter hook output priority 0; oifname != "lo" udp dport 53 counter; }
}
"""


@pytest.fixture
def datagrams(gateway):
    """How many the gateway and servers elsewhere have sent each other, in both families."""
    assert gateway.run("nft", COUNTED).returncode == 0
    yield lambda: sum(map(int, re.findall(r"counter packets (\d+)", gateway.run("nft", "list", "table", "inet", "counted").stdout)))
    assert gateway.run("nft", "delete table inet counted").returncode == 0


def test_the_packets_counted_are_those_that_went(gateway, datagrams):
    gateway.flush()
    gateway.trace("www.example.com")
    for name in ("www.hanbit.kr", "www.shop.com", "git.eng.hanbit.kr"):
        before = datagrams()
        *steps, summary = gateway.trace(name)
        assert summary["packets"] == summary["packets_udp"] > 0
        # What came too late is no answer, and came all the same.
        assert 0 <= datagrams() - before - summary["packets"] <= len(walks.silent(steps))


def test_trace_tells_of_aliases_and_of_names_that_are_not(gateway):
    gateway.flush()
    steps = gateway.trace("partner.example.com")
    assert steps[-1]["answer"] == [
        "partner.example.com. 300 IN CNAME www.seoul.hanbit.kr.",
        "www.seoul.hanbit.kr. 600 IN A 203.0.113.83",
    ]
    alias = [step for step in steps if step.get("event") == "cname"]
    assert [step["target"] for step in alias] == ["www.seoul.hanbit.kr."]
    assert steps[-1]["packets_tcp"] == 11 * (steps[-1]["packets_udp"] - len(walks.silent(steps))) // 2
    assert gateway.trace("nothing.example.com")[-1]["rcode"] == "NXDOMAIN"
    nodata = gateway.trace("www.example.com", "MX")[-1]
    assert (nodata["rcode"], nodata["answer"]) == ("NOERROR", [])
    done = gateway.run("gatehouse", "trace", "nothing.example.com")
    assert done.returncode == 0
    assert "there is no such name" in done.stdout or "in the cache" in done.stdout


def test_trace_refuses_what_is_no_name(gateway):
    for words in (["a..b"], ["x" * 64 + ".com"], ["www.example.com", "NOTYPE"]):
        done = gateway.run("gatehouse", "trace", *words)
        assert done.returncode == 2
        assert done.stderr.startswith("gatehouse: ")


# ---- what people's programs get


EXPECTED = [
    ("www.example.com", "A", ["203.0.113.80"]),
    ("www.example.com", "AAAA", ["2001:db8:113::80"]),
    ("ftp.example.com", "CNAME", ["www.example.com."]),
    ("example.com", "MX", ["10 mail.example.com.", "20 mail.hanbit.kr."]),
    ("_sip._udp.example.com", "SRV", ["10 60 5060 sip.example.com."]),
    ("example.com", "TXT", ['"v=spf1 mx -all"']),
    ("example.com", "NS", ["ns1.example.com.", "ns2.example.com."]),
    (
        "example.com",
        "SOA",
        ["ns1.example.com. hostmaster.example.com. 2026112301 7200 3600 1209600 300"],
    ),
    ("80.113.0.203.in-addr.arpa", "PTR", ["www.example.com."]),
    ("www.shop.com", "A", ["203.0.113.80", "203.0.113.81", "203.0.113.82", "203.0.113.83"]),
    ("any.thing.wild.example.com", "A", ["203.0.113.83"]),
    ("www.seoul.hanbit.kr", "A", ["203.0.113.83"]),
]
IDS = [f"{name} {kind}" for name, kind, _ in EXPECTED]


@pytest.mark.parametrize("name,kind,values", EXPECTED, ids=IDS)
def test_dig_kdig_and_drill_get_the_answer(client, name, kind, values):
    for tool in (ask.dig, ask.kdig, ask.drill):
        asked = tool(client, RESOLVER, name, kind)
        assert asked.status == 0, asked.text
        assert asked.rcode == "NOERROR", asked.text
        assert sorted(asked.values(kind)) == sorted(values), asked.text
        assert {owner.lower() for owner, _, of, _ in asked.records if of == kind} == {f"{name}."}


@pytest.mark.parametrize("name,kind,values", EXPECTED, ids=IDS)
def test_over_tcp_and_over_ipv6_it_is_the_same(client, name, kind, values):
    assert sorted(ask.dig(client, RESOLVER, name, kind, "+tcp").values(kind)) == sorted(values)
    assert sorted(ask.kdig(client, "fd00:7::1", name, kind).values(kind)) == sorted(values)


HOST_SAYS = {
    ("www.example.com", "A"): "www.example.com has address 203.0.113.80",
    ("www.example.com", "AAAA"): "www.example.com has IPv6 address 2001:db8:113::80",
    ("ftp.example.com", "CNAME"): "ftp.example.com is an alias for www.example.com.",
    ("example.com", "MX"): "example.com mail is handled by 10 mail.example.com.",
    (
        "_sip._udp.example.com",
        "SRV",
    ): "_sip._udp.example.com has SRV record 10 60 5060 sip.example.com.",
    ("example.com", "TXT"): 'example.com descriptive text "v=spf1 mx -all"',
    ("example.com", "NS"): "example.com name server ns1.example.com.",
    (
        "example.com",
        "SOA",
    ): "example.com has SOA record ns1.example.com. hostmaster.example.com. 2026112301",
    ("203.0.113.80", "PTR"): "80.113.0.203.in-addr.arpa domain name pointer www.example.com.",
}


@pytest.mark.parametrize("name,kind", HOST_SAYS)
def test_host_gets_the_answer_by_its_resolv_conf(client, name, kind):
    done = client.run("host", *(["-t", kind] if kind != "PTR" else []), name)
    assert done.returncode == 0, done.stdout + done.stderr
    assert HOST_SAYS[name, kind] in done.stdout


def test_libc_gets_the_answer_by_its_resolv_conf(client):
    def getent(*words):
        done = client.run("getent", *words)
        return done.returncode, [line.split() for line in done.stdout.rstrip("\n").split("\n")]

    assert getent("hosts", "www.example.com") == (0, [["2001:db8:113::80", "www.example.com"]])
    status, lines = getent("ahostsv4", "www.shop.com")
    assert status == 0
    assert {line[0] for line in lines} == {f"203.0.113.{n}" for n in (80, 81, 82, 83)}
    assert getent("hosts", "203.0.113.81") == (0, [["203.0.113.81", "mail.example.com"]])
    status, lines = getent("ahosts", "ftp.example.com")
    assert {"203.0.113.80", "2001:db8:113::80"} == {line[0] for line in lines}
    assert getent("hosts", "nothing.example.com")[0] == 2


def test_what_is_not_is_told_apart(client):
    assert ask.dig(client, RESOLVER, "nothing.example.com").rcode == "NXDOMAIN"
    asked = ask.dig(client, RESOLVER, "www.example.com", "MX")
    assert (asked.rcode, asked.records) == ("NOERROR", [])
    assert ask.dig(client, RESOLVER, "nothing").rcode == "NXDOMAIN"


def test_who_is_not_of_the_site_is_refused(lab):
    """The gateway's own address on the provider's side is not one of the site's."""
    asked = ask.dig(lab["gateway"], RESOLVER, "www.example.com", "A", "-b", "192.0.2.2")
    assert (asked.rcode, asked.records) == ("REFUSED", [])


FIRST = """
import collections, socket, sys, dns.message, dns.rdatatype
first = collections.Counter()
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(5)
s.connect((sys.argv[1], 53))
for n in range(1000):
    s.send(dns.message.make_query("www.shop.com", "A", id=n).to_wire())
    while True:
        data = s.recv(4096)
        if data[:2] == n.to_bytes(2, "big"):
            break
    # one_rr_per_rrset: the records in the order of the message
    answer = dns.message.from_wire(data, one_rr_per_rrset=True).answer
    records = [rrset[0].to_text() for rrset in answer]
    assert len(set(records)) == len(records) == 4, records
    first[records[0]] += 1
for address in sorted(first):
    print(address, first[address])
"""


def test_each_of_four_addresses_comes_first_a_quarter_of_the_time(client):
    done = client.run("/usr/bin/python3", "-c", FIRST, RESOLVER)
    assert done.returncode == 0, done.stderr
    first = dict(line.split() for line in done.stdout.rstrip("\n").split("\n"))
    print(first)
    assert set(first) == {f"203.0.113.{n}" for n in (80, 81, 82, 83)}
    assert sum(map(int, first.values())) == 1000
    assert all(190 <= int(n) <= 310 for n in first.values())


# ---- names in letters


def test_a_name_in_letters_is_asked_and_shown_in_letters(gateway):
    gateway.flush()
    done = gateway.run("gatehouse", "trace", "www.한국.kr", environment={"LC_ALL": "C.UTF-8"})
    assert done.returncode == 0, done.stderr
    assert "asked of the zone kr.  ->  ask the servers of 한국.kr." in done.stdout
    assert "  www.한국.kr. 600 IN A 203.0.113.80" in done.stdout
    assert "xn--" not in done.stdout
    done = gateway.run("gatehouse", "trace", "한국.kr", "NS", environment={"LC_ALL": "C.UTF-8"})
    assert "한국.kr. NS: NOERROR" in done.stdout
    assert re.search(r"^  한국\.kr\. 3[56]\d\d IN NS ns1\.example\.com\.$", done.stdout, re.M)


def test_where_letters_cannot_be_shown_they_stay_as_they_are(gateway):
    done = gateway.run("gatehouse", "trace", "www.xn--3e0b707e.kr", environment={"LC_ALL": "C"})
    assert done.returncode == 0
    assert re.search(r"^  www\.xn--3e0b707e\.kr\. \d+ IN A 203\.0\.113\.80$", done.stdout, re.M)
    assert "한국" not in done.stdout


def test_json_has_names_as_they_are_on_the_wire(gateway):
    steps = gateway.trace("www.한국.kr", environment={"LC_ALL": "C.UTF-8"})
    assert steps[-1]["name"] == "www.xn--3e0b707e.kr."
