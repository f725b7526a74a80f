#!/usr/bin/python3
"""Writes the DHCPv6 and Neighbour Discovery messages that the fuzz targets start from: what real
clients, servers and routers say to each other in a network namespace, and what scapy makes of the rest.

Usage: dhcp6_corpus.py CORPUS-DIRECTORY   (as root; holds proto_dhcp6_message_fuzz/ and others)
Transaction ids and clocks differ from run to run.
"""

import contextlib
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "net"))
from dhcp_corpus import Recorder  # noqa: E402
from topology import Net  # noqa: E402

DHCPD = """
default-lease-time 600; preferred-lifetime 300; option dhcp6.name-servers 2001:db8:7::53;
option dhcp6.domain-search "eng.example.com", "example.com"; option dhcp6.info-refresh-time 3600;
option dhcp6.sntp-servers 2001:db8:7::1; option dhcp6.rapid-commit;
subnet6 2001:db8:7::/64 { range6 2001:db8:7::1000 2001:db8:7::1fff; prefix6 2001:db8:f000:: 2001:db8:f0ff:: /56; }
"""
RADVD = """
interface to-client { AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4; AdvManagedFlag on;
  AdvDefaultPreference high; AdvLinkMTU 1480;
  prefix 2001:db8:7::/64 { AdvOnLink on; AdvAutonomous on; };
  route 2001:db8:100::/40 { AdvRoutePreference low; };
  RDNSS 2001:db8:7::53 fd00::53 { }; DNSSL example.com a.example { }; };
"""
# Options that scapy 2.5 does not make: RFC 8781, RFC 8910.
PREF64 = b"\x26\x02\x07\x08\x00\x64\xff\x9b" + bytes(8)
PORTAL = b"\x25\x04https://portal.example/".ljust(32, b"\0")


def payload(frame):
    """What an IPv6 frame carries: ("dhcp6", the UDP payload) or ("ndp", the ICMPv6 message)."""
    if frame[12:14] != b"\x86\xdd":
        return None
    if frame[20] == 17 and frame[56:58] in (b"\x02\x22", b"\x02\x23"):
        return "dhcp6", frame[62:]
    if frame[20] == 58 and 133 <= frame[54] <= 136:
        return "ndp", frame[54:]
    return None


def clients(host, folder):
    """Each client from SOLICIT to its leases, and where it can, to RELEASE."""
    interface = "to-server"
    files = ["-lf", f"{folder}/leases", "-pf", f"{folder}/pid", "-sf", "/bin/true"]
    for name, words in {
        "dhclient": ["-1"],
        "dhclient-prefix": ["-1", "-N", "-P"],
        "dhclient-temporary": ["-1", "-T"],
        "dhclient-stateless": ["-1", "-S"],
        "dhclient-release": ["-r"],
    }.items():
        yield name, lambda words=words: host.run(
            "dhclient", "-6", *words, "-d", *files, interface, timeout=8
        )
    conf = pathlib.Path(folder, "dhcpcd.conf")
    conf.write_text(
        "duid\noption rapid_commit, domain_name_servers, ntp_servers, captive_portal\n"
        "fqdn both\nvendorclassid gatehouse\nuserclass lab\nipv6only\ninterface to-server\n"
        "ia_na 1\nia_pd 2/::/56\n",
        encoding="utf-8",
    )
    yield "dhcpcd", lambda: host.run("dhcpcd", "-6", "-B", "-d", "-f", conf, interface, timeout=8)
    yield "rdisc6", lambda: host.run("rdisc6", "-1", interface, timeout=8)


def servers(folder):
    conf = pathlib.Path(folder, "dhcpd.conf")
    conf.write_text(DHCPD, encoding="utf-8")
    pathlib.Path(folder, "dhcpd.leases").touch()
    files = ["-lf", f"{folder}/dhcpd.leases", "-pf", f"{folder}/dhcpd.pid"]
    yield "dhcpd", [["dhcpd", "-f", "-6", "-cf", conf, *files, "to-client"]]
    radvd = pathlib.Path(folder, "radvd.conf")
    radvd.write_text(RADVD, encoding="utf-8")
    router = ["radvd", "-n", "-C", radvd, "-p", f"{folder}/radvd.pid", "-m", "stderr"]
    yield "radvd", [router]


def record(into):
    net = Net()
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder).chmod(0o777)
        try:
            client, server = net.host("client"), net.router("server")
            net.cable(client, "", server, "2001:db8:7::1/64")
            time.sleep(2)
            for name, commands in servers(folder):
                running = [server.popen(*words, stderr=subprocess.DEVNULL) for words in commands]
                time.sleep(2)
                fresh = pathlib.Path(folder, name)
                fresh.mkdir(mode=0o777)
                for who, run in clients(client, fresh):
                    recorder = Recorder(server, "to-client")
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        run()
                    time.sleep(0.3)
                    recorder.close()
                    for frame in recorder.frames:
                        found = payload(frame)
                        if found:
                            kind, message = found
                            into(kind, f"{who}-{name}-{message[0]}", message)
                for process in running:
                    process.terminate()
                    process.wait()
        finally:
            net.close()


def made():
    """Messages of kinds that no client here sends."""
    from scapy.all import raw
    from scapy.layers import dhcp6, inet6

    duid = dhcp6.DUID_LL(lladdr="02:00:00:00:00:01")
    inner = (
        dhcp6.DHCP6_Solicit(trid=7)
        / dhcp6.DHCP6OptClientId(duid=duid)
        / dhcp6.DHCP6OptIA_NA(iaid=1)
        / dhcp6.DHCP6OptIA_PD(iaid=2)
        / dhcp6.DHCP6OptUserClass(userclassdata=[dhcp6.USER_CLASS_DATA(data=b"iPXE")])
        / dhcp6.DHCP6OptVendorClass(vcdata=[dhcp6.VENDOR_CLASS_DATA(data=b"pc")], enterprisenum=343)
        / dhcp6.DHCP6OptVendorSpecificInfo(enterprisenum=9)
        / dhcp6.DHCP6OptClientFQDN(fqdn="host.example.com", flags=1)
    )
    first = (
        dhcp6.DHCP6_RelayForward(linkaddr="2001:db8:7::1", peeraddr="fe80::1")
        / dhcp6.DHCP6OptIfaceId(ifaceid=b"eth0/7")
        / dhcp6.DHCP6OptRemoteID(enterprisenum=9, remoteid=b"abc")
        / dhcp6.DHCP6OptSubscriberID(subscriberid=b"bob")
        / dhcp6.DHCP6OptClientLinkLayerAddr(clladdr="02:00:00:00:00:01")
        / dhcp6.DHCP6OptRelayAgentERO(reqopts=[37, 38])
        / dhcp6.DHCP6OptRelayMsg(message=inner)
    )
    yield "dhcp6", "relayed", raw(first)
    second = dhcp6.DHCP6_RelayForward(hopcount=1, peeraddr="2001:db8:7::1") / dhcp6.DHCP6OptRelayMsg(
        message=first
    )
    yield "dhcp6", "relayed-twice", raw(second)
    yield "dhcp6", "relay-reply", raw(
        dhcp6.DHCP6_RelayReply(peeraddr="fe80::1")
        / dhcp6.DHCP6OptIfaceId(ifaceid=b"eth0/7")
        / dhcp6.DHCP6OptRelayMsg(message=dhcp6.DHCP6_Reply(trid=7))
    )
    yield "dhcp6", "reconfigure", raw(
        dhcp6.DHCP6_Reconf(trid=0)
        / dhcp6.DHCP6OptServerId(duid=duid)
        / dhcp6.DHCP6OptClientId(duid=duid)
        / dhcp6.DHCP6OptReconfMsg(msgtype=5)
        / dhcp6.DHCP6OptAuth(authinfo=b"\2" + bytes(16))
    )
    yield "dhcp6", "failures", raw(
        dhcp6.DHCP6_Reply(trid=7)
        / dhcp6.DHCP6OptStatusCode(statuscode=5, statusmsg=b"use multicast")
        / dhcp6.DHCP6OptServerUnicast(srvaddr="2001:db8:7::1")
        / dhcp6.DHCP6OptPref(prefval=255)
        / dhcp6.DHCP6OptIA_TA(iaid=3, iataopts=[dhcp6.DHCP6OptIAAddress(addr="2001:db8:7::9")])
        / dhcp6.DHCP6OptSIPDomains(sipdomains=["sip.example."])
        / dhcp6.DHCP6OptBootFileUrl(optdata=b"tftp://[2001:db8::1]/x")
    )
    yield "ndp", "solicit", raw(inet6.ICMPv6ND_RS() / inet6.ICMPv6NDOptSrcLLAddr(lladdr="02:00:00:00:00:01"))
    yield "ndp", "neighbour-solicit", raw(inet6.ICMPv6ND_NS(tgt="2001:db8:7::9"))
    yield "ndp", "neighbour-advert", raw(
        inet6.ICMPv6ND_NA(tgt="2001:db8:7::9") / inet6.ICMPv6NDOptDstLLAddr(lladdr="02:00:00:00:00:01")
    )
    yield "ndp", "routes", raw(
        inet6.ICMPv6ND_RA()
        / inet6.ICMPv6NDOptRouteInfo(prefix="2001:db8::", plen=32, len=2)
        / inet6.ICMPv6NDOptRouteInfo(prefix="2001:db8::1", plen=128, len=3)
        / inet6.ICMPv6NDOptRDNSS(dns=["2001:db8::1", "2001:db8::2"])
        / inet6.ICMPv6NDOptDNSSL(searchlist=["a.example", "example.com"])
    ) + PREF64 + PORTAL


def exchanges():
    """Datagrams for dhcp_v6_fuzz: each behind its length, a second of time and what the store says."""
    from scapy.all import raw
    from scapy.layers import dhcp6

    client = dhcp6.DHCP6OptClientId(duid=dhcp6.DUID_LL(lladdr="02:00:00:00:00:01"))
    server = dhcp6.DHCP6OptServerId(duid=dhcp6.DUID_LL(lladdr="02:00:00:00:00:00"))
    accept = dhcp6.DHCP6OptReconfAccept()
    address = dhcp6.DHCP6OptIAAddress(addr="2001:db8:0:7::10")
    ias = dhcp6.DHCP6OptIA_NA(iaid=1, ianaopts=[address]) / dhcp6.DHCP6OptIA_PD(iaid=2)
    options = dhcp6.DHCP6OptOptReq(reqopts=[23, 67]) / dhcp6.DHCP6OptClientFQDN(fqdn="host", flags=1)
    solicit = dhcp6.DHCP6_Solicit(trid=1) / client / ias / options
    steps = {
        "solicit": solicit,
        "rapid": solicit / dhcp6.DHCP6OptRapidCommit(),
        "request": dhcp6.DHCP6_Request(trid=2) / client / server / accept / ias / options,
        "renew": dhcp6.DHCP6_Renew(trid=3) / client / server / ias,
        "rebind": dhcp6.DHCP6_Rebind(trid=4) / client / ias,
        "confirm": dhcp6.DHCP6_Confirm(trid=5) / client / ias,
        "decline": dhcp6.DHCP6_Decline(trid=6) / client / server / ias,
        "release": dhcp6.DHCP6_Release(trid=7) / client / server / ias,
        "information": dhcp6.DHCP6_InfoRequest(trid=8) / client / options,
        "relayed": dhcp6.DHCP6_RelayForward(linkaddr="2001:db8:0:7::1", peeraddr="fe80::1")
        / dhcp6.DHCP6OptRelayMsg(message=solicit),
    }
    wires = {name: raw(message) for name, message in steps.items()}
    for order in (
        "solicit request renew rebind confirm release",
        "rapid decline solicit request information",
        "relayed request renew renew renew",
    ):
        datagrams = [wires[name] for name in order.split()]
        yield order.replace(" ", "-"), b"".join(
            len(wire).to_bytes(2, "big") + b"\1\2" + wire for wire in datagrams
        )


def answers():
    """Datagrams for dhcp_client_v6_fuzz: each behind its length and half seconds of time."""
    from scapy.all import raw
    from scapy.layers import dhcp6

    client = dhcp6.DHCP6OptClientId(duid=dhcp6.DUID_LL(lladdr="02:00:00:00:00:01"))
    server = dhcp6.DHCP6OptServerId(duid=dhcp6.DUID_LL(lladdr="02:00:00:00:00:00"))
    address = dhcp6.DHCP6OptIAAddress(addr="2001:db8:0:7::10", preflft=60, validlft=90)
    prefix = dhcp6.DHCP6OptIAPrefix(prefix="2001:db8:f000::", plen=56, preflft=60, validlft=90)
    ias = dhcp6.DHCP6OptIA_NA(iaid=1, ianaopts=[address]) / dhcp6.DHCP6OptIA_PD(iaid=1, iapdopt=[prefix])
    rest = dhcp6.DHCP6OptDNSServers(dnsservers=["2001:db8::53"])
    key = dhcp6.DHCP6OptAuth(proto=3, alg=1, rdm=0, authinfo=b"\1" + bytes(16))
    unknown = dhcp6.DHCP6OptIA_NA(iaid=1, ianaopts=[dhcp6.DHCP6OptStatusCode(statuscode=3)])
    steps = {
        "advertise": dhcp6.DHCP6_Advertise() / client / server / dhcp6.DHCP6OptPref(prefval=255) / ias,
        "reply": dhcp6.DHCP6_Reply() / client / server / ias / rest / key,
        "rapid": dhcp6.DHCP6_Reply() / client / server / dhcp6.DHCP6OptRapidCommit() / ias,
        "unknown": dhcp6.DHCP6_Reply() / client / server / unknown,
        "elsewhere": dhcp6.DHCP6_Reply() / client / server / dhcp6.DHCP6OptStatusCode(statuscode=4),
    }
    wires = {name: raw(message) for name, message in steps.items()}
    for order in ("advertise reply reply reply", "rapid unknown reply", "advertise elsewhere rapid"):
        datagrams = [wires[name] for name in order.split()]
        yield order.replace(" ", "-"), b"".join(
            len(wire).to_bytes(2, "big") + b"\x40" + wire for wire in datagrams
        )


def main():
    top = pathlib.Path(sys.argv[1])
    folders = {"dhcp6": top / "proto_dhcp6_message_fuzz", "ndp": top / "proto_ndp_fuzz"}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)

    def into(kind, name, message):
        (folders[kind] / name).write_bytes(message)

    record(into)
    for kind, name, message in made():
        into(kind, name, message)
    for target, sequences in {"dhcp_v6_fuzz": exchanges, "dhcp_client_v6_fuzz": answers}.items():
        (top / target).mkdir(exist_ok=True)
        for name, data in sequences():
            (top / target / name).write_bytes(data)


if __name__ == "__main__":
    main()
