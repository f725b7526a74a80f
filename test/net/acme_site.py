"""A gateway that orders its certificates, all in one host: our authority with the zone home.arpa on 127.0.0.1:53, pebble as the
ACME authority (https://ca.home.arpa:14000/dir), the reverse proxy on 127.0.0.1:80 and :443.

Names of the zone lead to 127.0.0.1, but `wrong.home.arpa`, which leads to a server that knows nothing of proofs (127.0.0.2), and
`second.home.arpa`, which leads to a second gateway (127.0.0.3).
"""

import base64
import contextlib
import json
import socket
import ssl
import subprocess
import time
from pathlib import Path

import pytest

import topology
from proxy_site import Daemon
from service import Service

SECRET = base64.b64encode(bytes(range(32))).decode()
PATIENCE_S = 30  # for what takes two seconds on a machine that is not busy
ZONE = """\
$TTL 60
@ SOA ns hostmaster 1 7200 3600 1209600 60
@ NS ns
ns A 127.0.0.1
ca A 127.0.0.1
wrong A 127.0.0.2
second A 127.0.0.3
* A 127.0.0.1
"""
DNS = f"""authority:
  listen: 127.0.0.1
  keys: [{{name: proxy, secret: "{SECRET}"}}]
  zones:
    - origin: home.arpa
      file: home.arpa.zone
      update: {{key: proxy, types: TXT}}
"""
PEBBLE = "https://ca.home.arpa:14000/dir"


def wait_for(what, why, patience_s=PATIENCE_S):
    until = time.monotonic() + patience_s
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < until, why() if callable(why) else why
        time.sleep(0.03)


def config(authorities, certificates, address="127.0.0.1", more=""):
    """authorities: by name, the map's text; certificates: texts of maps."""
    listed = "".join(f"    {name}: {text}\n" for name, text in authorities.items())
    wanted = "".join(f"    - {text}\n" for text in certificates)
    return (
        "global:\n  log: {level: info}\n"
        f"reverse-proxy:\n  listen: [{{address: {address}}}, {{address: {address}, tls: yes}}]\n  workers: 2\n"
        f"  routes: [{{answer: 200}}]\n  authorities:\n{listed}  certificates:\n{wanted}{more}"
    )


class Site:
    def __init__(self, net):
        if not Path("/usr/bin/pebble").exists():
            pytest.skip("pebble is not installed")
        self.net, self.host = net, net.host("gateway")
        self.folder = Path(f"/tmp/{self.host.space}-acme")
        self.folder.mkdir()
        self.folder.chmod(0o755)
        self.ca, key = self.folder / "ca.pem", self.folder / "ca.key"
        topology.command(
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=ca.home.arpa",
            "-addext", "subjectAltName=DNS:ca.home.arpa,IP:127.0.0.1", "-days", "30", "-keyout", key, "-out", self.ca)  # fmt: skip
        self.ca.chmod(0o644)
        self.key = key
        self.dns = Service(self.host, "authority", DNS, {"home.arpa.zone": ZONE}).start()
        self.services = []

    def pebble(self, port=14000, **settings):
        """Another authority; its answers of validity: certificateValidityPeriod=seconds."""
        path = self.folder / f"pebble-{port}.json"
        path.write_text(json.dumps({"pebble": {
            "listenAddress": f"127.0.0.1:{port}", "managementListenAddress": f"127.0.0.1:{port + 1000}",
            "certificate": str(self.ca), "privateKey": str(self.key), "httpPort": 80, "tlsPort": 443,
            "ocspResponderURL": "", "externalAccountBindingRequired": False, **settings}}))  # fmt: skip
        log = open(self.folder / f"pebble-{port}.log", "wb")
        process = self.host.popen(
            "pebble", "-config", path, "-dnsserver", "127.0.0.1:53", stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            env={"PATH": "/usr/bin:/usr/sbin:/bin:/sbin", "PEBBLE_VA_NOSLEEP": "1"})  # fmt: skip
        self.net.services.append(Daemon("pebble", process, log))
        wait_for(lambda: self.opens(port), lambda: Path(log.name).read_text())
        return Path(log.name)

    def opens(self, port, address="127.0.0.1"):
        with self.host.inside(), contextlib.suppress(OSError):
            socket.create_connection((address, port), 5).close()
            return True
        return False

    def gateway(self, text):
        made = Service(self.host, "reverse-proxy", text)
        self.services.append(made)
        return made

    def shown(self, name, address="127.0.0.1"):
        """The certificate that TLS shows for that name (DER), or why there is none."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with self.host.inside():
            plain = socket.create_connection((address, 443), 10)
        try:
            with context.wrap_socket(plain, server_hostname=name) as wrapped:
                return wrapped.getpeercert(binary_form=True)
        except (ssl.SSLError, ConnectionError) as error:
            return str(error)
        finally:
            plain.close()


def told(gateway, name):
    """What `gatehouse proxy certs` would say of the certificate with that name."""
    status, answer = gateway.control("GET", "/certificates")
    assert status == 200
    for c in answer["certificates"]:
        if name in c["names"]:
            return c
    raise AssertionError(f"no certificate for {name} in {answer}")


def issued(gateway, name, other_than=None):
    """Waits until there is one (another than that serial); returns what is told of it."""
    def there():
        c = told(gateway, name)
        return c if c["state"] == "good" and c["serial"] != other_than else None
    return wait_for(there, lambda: f"{told(gateway, name)}\n{gateway.log()}")


def renew(gateway, name):
    status, answer = gateway.control("POST", f"/renew?name={name}")
    assert status == 200, answer
