"""gatehouse dhcp probe: which DHCP servers answer on a link, the rogue one too."""

import json

from dhcp_servers import Dnsmasq, Kea6
from service import binary


def probe(host, *words):
    return host.run(binary(), "dhcp", "probe", *words)


def drawn(net, rogue=False):
    host, switch = net.host("host"), net.switch("switch")
    interface = net.plug(host, "", switch)
    for name, address, wanted in (("good", "192.0.2.1", True), ("rogue", "192.0.2.66", rogue)):
        if wanted:
            server = net.host(name)
            port = net.plug(server, f"{address}/24", switch)
            Dnsmasq(server, port, address=address, options={"dns": "192.0.2.53"}).start()
    return host, interface


def test_shows_what_a_server_offers(net):
    host, interface = drawn(net)
    done = probe(host, interface, "--seconds=1", "--json")
    assert done.returncode == 0, done.stderr
    (server,) = json.loads(done.stdout)
    assert server["server"] == server["from"] == "192.0.2.1" and server["offered"].startswith("192.0.2.")
    assert server["routers"] == "192.0.2.1" and server["dns"] == "192.0.2.53" and server["lease_s"] == 120
    assert server["mask"] == "255.255.255.0" and server["expected"] is True


def test_finds_the_server_that_is_not_expected(net):
    host, interface = drawn(net, rogue=True)
    done = probe(host, interface, "--seconds=1", "--expect=192.0.2.1")
    assert done.returncode == 1
    assert {line.split()[0]: line.endswith("not expected") for line in done.stdout.splitlines()[1:]} == {
        "192.0.2.1": False,
        "192.0.2.66": True,
    }
    assert probe(host, interface, "--seconds=1", "--expect=192.0.2.1,192.0.2.66").returncode == 0
    # Nothing was taken: no lease was made, no address set.
    assert host.ip("-4", "addr", "show", interface) == ""


def test_says_when_nobody_answers_and_what_is_wrong(net):
    host, switch = net.host("host"), net.switch("switch")
    interface = net.plug(host, "", switch)
    done = probe(host, interface, "--seconds=1")
    assert done.returncode == 0 and "No DHCP server answers" in done.stdout
    assert "no such device" in probe(host, "nowhere", "--seconds=1").stderr.lower()
    assert probe(host, interface, "--seconds=0").returncode == 2
    assert probe(host, interface, "--expect=x").returncode == 2
    host.link(interface, False)
    assert probe(host, interface, "--seconds=1").returncode == 1


def test_servers_of_both_families_answer(net):
    host, isp = net.host("host"), net.host("isp")
    interface, port = net.cable(host, "", isp, "192.0.2.1/24 2001:db8:1::1/64")
    Dnsmasq(isp, port).start()
    Kea6(isp, port).start()
    done = probe(host, interface, "--seconds=2", "--json")
    assert done.returncode == 0, done.stderr
    four, six = json.loads(done.stdout)
    assert four["family"] == 4 and six["family"] == 6 and six["from"].startswith("fe80::")
    assert six["server"] == "00:03:00:01:02:00:00:00:00:99" and six["dns"] == "2001:db8::53"
    assert "2001:db8:1::1" in six["offered"] and "/56" in six["offered"]
    assert probe(host, interface, "--seconds=2", f"--expect=192.0.2.1,{six['from']}").returncode == 0
    done = probe(host, interface, "--seconds=2", "--expect=192.0.2.1")
    assert done.returncode == 1 and "not expected" in done.stdout.splitlines()[-1]
