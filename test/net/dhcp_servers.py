"""DHCP servers of others in a host of a drawn network: dnsmasq, Kea, ISC dhcpd. Each takes the same words:

    server = Kea(host, interface, lease=30, options={"mtu": 1400})
    server.log()      what it wrote
    server.stop()     it is gone, as if its machine were; start() brings it back with its leases

The network is 192.0.2.0/24, the server 192.0.2.1, the pool 192.0.2.50 to 192.0.2.90 unless told otherwise.
"""

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path


class DhcpServer:
    name, binary = None, None

    def __init__(self, host, interface, lease=120, options=None, pool=("192.0.2.50", "192.0.2.90"), rapid=False,
                 address="192.0.2.1", network="192.0.2.0"):
        self.host, self.interface, self.lease = host, interface, lease
        self.options, self.pool, self.rapid, self.address = dict(options or {}), pool, rapid, address
        self.network = network
        self.folder = Path("/tmp") / f"{host.space}-{self.name}-{len(host.net.services)}"
        self.folder.mkdir()
        self.folder.chmod(0o777)
        self.process = None
        host.net.services.append(self)

    @classmethod
    def why_not(cls):
        return None if shutil.which(cls.binary, path=os.environ["PATH"] + ":/usr/sbin:/sbin") else f"no {cls.binary} here"

    @property
    def log_path(self):
        return self.folder / "log"

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def start(self):
        self.write()
        self.wait_link()
        with open(self.log_path, "ab") as log:
            self.process = self.host.popen(
                *self.command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL, env={**os.environ, **self.environment()}
            )
        self.wait_log(self.ready)
        return self

    def environment(self):
        return {}

    def wait_link(self, timeout=5):
        """Kea opens nothing on a link that the kernel does not call running yet, nor without its own address there."""
        until = time.monotonic() + timeout
        while not self.link_is_ready() and time.monotonic() < until:
            time.sleep(0.05)

    def link_is_ready(self):
        return self.host.netlink.is_up(self.interface) and self.host.netlink.is_ready6(self.interface)

    def wait_log(self, text, count=1, timeout=15):
        until = time.monotonic() + timeout
        while self.log().count(text) < count:
            assert time.monotonic() < until, f"{self.name} never said {text!r}:\n{self.log()}"
            assert self.process is None or self.process.poll() is None, f"{self.name} ended:\n{self.log()}"
            time.sleep(0.05)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(10)
        self.process = None

    def close(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Dnsmasq(DhcpServer):
    """Its shortest lease is two minutes."""

    name, binary, ready = "dnsmasq", "dnsmasq", "IP range"
    words = {"mtu": "option:mtu", "dns": "option:dns-server", "ntp": "option:ntp-server", "domain": "option:domain-name",
             "search": "option:domain-search", "routes": "option:classless-static-route", "renew": "option:T1", "rebind": "option:T2"}

    def write(self):
        pass

    def command(self):
        options = [f"--dhcp-option={self.words.get(k, k)},{v}" for k, v in self.options.items()]
        return [
            "dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--port=0", "--no-ping", "--log-dhcp", "--user=root",
            f"--interface={self.interface}", "--bind-interfaces", f"--dhcp-leasefile={self.folder}/leases",
            f"--dhcp-range={self.pool[0]},{self.pool[1]},255.255.255.0,{self.lease}", "--dhcp-authoritative",
            *(["--dhcp-rapid-commit"] if self.rapid else []), *options,
        ]


class Kea(DhcpServer):
    name, binary, ready = "kea", "kea-dhcp4", "DHCP4_STARTED"
    words = {"mtu": "interface-mtu", "dns": "domain-name-servers", "ntp": "ntp-servers", "domain": "domain-name",
             "search": "domain-search"}

    def write(self):
        given = [("routers", self.address), *self.options.items()]
        options = [{"name": self.words.get(k, k), "data": str(v)} for k, v in given if k not in ("renew", "rebind")]
        subnet = {
            "id": 1, "subnet": f"{self.network}/24", "pools": [{"pool": f"{self.pool[0]} - {self.pool[1]}"}],
            "option-data": options, "interface": self.interface,
        }
        dhcp4 = {
            "interfaces-config": {"interfaces": [self.interface], "dhcp-socket-type": "raw"},
            "lease-database": {"type": "memfile", "persist": True, "name": f"{self.folder}/leases.csv", "lfc-interval": 0},
            "valid-lifetime": self.lease, "min-valid-lifetime": self.lease, "max-valid-lifetime": self.lease,
            "authoritative": True, "subnet4": [subnet],
            "loggers": [{"name": "kea-dhcp4", "severity": "DEBUG", "debuglevel": 50,
                         "output_options": [{"output": "stdout", "flush": True}]}],
        }
        for key, word in (("renew", "renew-timer"), ("rebind", "rebind-timer")):
            if key in self.options:
                dhcp4[word] = int(self.options[key])
        (self.folder / "kea.json").write_text(json.dumps({"Dhcp4": dhcp4}), encoding="utf-8")

    def command(self):
        return ["kea-dhcp4", "-c", self.folder / "kea.json"]

    def environment(self):
        return {"KEA_PIDFILE_DIR": str(self.folder), "KEA_LOCKFILE_DIR": str(self.folder)}


class Dhcpd(DhcpServer):
    name, binary, ready = "dhcpd", "dhcpd", "Server starting service"
    words = {"mtu": "interface-mtu", "dns": "domain-name-servers", "ntp": "ntp-servers", "domain": "domain-name",
             "search": "domain-search", "renew": "dhcp-renewal-time", "rebind": "dhcp-rebinding-time"}
    quoted = {"domain", "search"}

    def write(self):
        leases = self.folder / "leases"
        leases.touch()
        options = "".join(
            f'  option {self.words.get(k, k)} {", ".join(chr(34) + w.strip() + chr(34) for w in str(v).split(",")) if k in self.quoted else v};\n'
            for k, v in self.options.items()
        )
        (self.folder / "dhcpd.conf").write_text(
            f"authoritative;\nddns-update-style none;\nping-check false;\ndhcp-cache-threshold 0;\n"
            f"default-lease-time {self.lease};\nmax-lease-time {self.lease};\nmin-lease-time {self.lease};\n"
            f"subnet {self.network} netmask 255.255.255.0 {{\n  range {self.pool[0]} {self.pool[1]};\n"
            f"  option routers {self.address};\n{options}}}\n",
            encoding="utf-8",
        )

    def command(self):
        return ["dhcpd", "-4", "-d", "-f", "-cf", self.folder / "dhcpd.conf", "-lf", self.folder / "leases", "-pf",
                self.folder / "pid", self.interface]


class Kea6(DhcpServer):
    """DHCPv6: addresses of 2001:db8:1::/64, prefixes of 56 bits out of `prefix`."""

    name, binary, ready = "kea6", "kea-dhcp6", "DHCP6_STARTED"

    def __init__(self, host, interface, lease=120, prefix="2001:db8:1200::/40", preferred=None, rapid=False):
        super().__init__(host, interface, lease=lease, rapid=rapid)
        self.prefix, self.preferred = prefix, preferred or lease

    def write(self):
        network, length = self.prefix.split("/")
        subnet = {
            "id": 1, "subnet": "2001:db8:1::/64", "interface": self.interface, "rapid-commit": self.rapid,
            "pools": [{"pool": "2001:db8:1::100 - 2001:db8:1::1ff"}],
            "pd-pools": [{"prefix": network, "prefix-len": int(length), "delegated-len": 56}],
            "option-data": [{"name": "dns-servers", "data": "2001:db8::53"}, {"name": "domain-search", "data": "six.example"}],
        }
        dhcp6 = {
            "interfaces-config": {"interfaces": [self.interface]},
            "lease-database": {"type": "memfile", "persist": True, "name": f"{self.folder}/leases6.csv", "lfc-interval": 0},
            "server-id": {"type": "LL", "htype": 1, "identifier": "020000000099", "persist": False},
            "valid-lifetime": self.lease, "preferred-lifetime": self.preferred, "renew-timer": self.lease // 4,
            "rebind-timer": self.lease // 2, "subnet6": [subnet],
            "loggers": [{"name": "kea-dhcp6", "severity": "DEBUG", "debuglevel": 50,
                         "output_options": [{"output": "stdout", "flush": True}]}],
        }
        (self.folder / "kea6.json").write_text(json.dumps({"Dhcp6": dhcp6}), encoding="utf-8")

    def command(self):
        return ["kea-dhcp6", "-c", self.folder / "kea6.json"]

    def environment(self):
        return {"KEA_PIDFILE_DIR": str(self.folder), "KEA_LOCKFILE_DIR": str(self.folder)}


class Dhcpd6(DhcpServer):
    """The same of ISC dhcpd."""

    name, binary, ready = "dhcpd6", "dhcpd", "Server starting service"

    def __init__(self, host, interface, lease=120, prefix="2001:db8:1200::/40"):
        super().__init__(host, interface, lease=lease)
        self.prefix = prefix

    def write(self):
        (self.folder / "leases").touch()
        network = self.prefix.split("/")[0]
        last = network.replace("::", ":ff00::") if network.count(":") == 4 else network
        (self.folder / "dhcpd6.conf").write_text(
            f"authoritative;\ndefault-lease-time {self.lease};\npreferred-lifetime {self.lease};\n"
            f"option dhcp6.name-servers 2001:db8::53;\noption dhcp6.domain-search \"six.example\";\n"
            f"subnet6 2001:db8:1::/64 {{\n  range6 2001:db8:1::100 2001:db8:1::1ff;\n"
            f"  prefix6 {network} {last} /56;\n}}\n",
            encoding="utf-8",
        )

    def command(self):
        return ["dhcpd", "-6", "-d", "-f", "-cf", self.folder / "dhcpd6.conf", "-lf", self.folder / "leases", "-pf",
                self.folder / "pid", self.interface]
