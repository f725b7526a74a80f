"""What a core dump of the tunnels' service would hold. Its memory is read as root while it runs, from /proc/PID/mem:
every mapping that can be written, which is what a core has. Keys of a tunnel that is up may be there; what was
typed, told, or has ended may not.

    left: `gatehouse vpn` 192.0.2.2, inside 10.9.0.1     right: wireguard-go, a phone that must sign in
"""

import base64
import json
import os
import re
import subprocess
import time
from pathlib import Path
from urllib.parse import quote_plus

import pytest

import service
import topology
from test_vpn_signin import Browser, code_of
from tunnel_keys import Session, x25519
from tunnels import INNER, LEFT, World, eventually, new_key, ping_until, udp_socket

CONFIG = """
vpn:
  sign-in:
    name: login.vpn.home.arpa
    password: {memory: 8K, passes: 1}
  interfaces:
    $NAME:
      listen: "0.0.0.0:51820"
      addresses: 10.9.0.1/24
      private-key: file:key
      clients: {endpoint: "192.0.2.2:51820"}
      peers:
        phone:
          public-key: "$PHONE"
          allowed-ips: 10.9.0.2
          sign-in: required
          users: anna
"""


PAGE = os.sysconf("SC_PAGE_SIZE")


def memory(pid):
    """All that can be written, in pieces; but no pages that nothing was written to yet (proc(5), pagemap: neither in memory
    nor swapped out), as most of the threads' stacks are."""
    found = []
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem, \
         open(f"/proc/{pid}/pagemap", "rb", 0) as pagemap:  # fmt: skip
        for line in maps:
            where, rights = line.split()[:2]
            if not rights.startswith("rw"):
                continue
            begin, end = (int(x, 16) for x in where.split("-"))
            pagemap.seek(begin // PAGE * 8)
            # The highest octet of each word of 64 bits, of which the two highest bits say it.
            pages = pagemap.read((end - begin) // PAGE * 8)[7::8]
            assert len(pages) == (end - begin) // PAGE
            for run in re.finditer(b"[\x40-\xff]+", pages):
                mem.seek(begin + run.start() * PAGE)
                left = len(run[0]) * PAGE
                while left and (part := mem.read(left)):
                    found.append(part)
                    left -= len(part)
    return found


def shared(private, public):
    """What X25519 makes of the two, both in base64."""
    return x25519(base64.b64decode(private), base64.b64decode(public))


class Secrets:
    """A service that was told secrets; each of them is looked for as soon as it is of no more use."""

    def __init__(self, net):
        self.world = World(net, "ours", "go")
        self.ours, self.phone = self.world.left, self.world.right
        self.service = self.ours.service
        text = CONFIG.replace("$NAME", self.ours.name).replace("$PHONE", self.phone.public)
        self.service.configure(text)
        self.world.up()

    def cli(self, *words, stdin=None):
        done = subprocess.run(
            [service.binary(), *words, "--json", "--control", self.service.run_folder / "vpn.sock"],
            input=stdin, capture_output=True, text=True, check=False, timeout=30,
        )  # fmt: skip
        assert done.returncode == 0, (words[:3], done.stderr)
        return json.loads(done.stdout)

    def file(self, text):
        path = self.service.folder / "preshared"
        path.write_text(text, encoding="ascii")
        return path

    def there(self, wanted):
        """The names of those that the memory has."""
        kept = memory(self.service.pid)
        return {name for name, value in wanted.items() if any(value in part for part in kept)}

    def gone(self, wanted):
        """None of them is there any more; what was hung up a moment ago is being freed."""
        until = time.monotonic() + 5
        while found := self.there(wanted):
            assert time.monotonic() < until, f"still in memory: {sorted(found)}"
            time.sleep(0.1)


@pytest.fixture(scope="module")
def secrets(janitor_process):
    net = topology.Net()
    try:
        made = Secrets(net)
        yield made
        made.world.down()
    finally:
        troubles = net.close()
    assert not troubles, "\n".join(troubles)


def texts_of(name, key):
    """The forms by which a key comes and goes."""
    forms = {"base64": key.encode(), "hex": base64.b64decode(key).hex().encode()}
    return {f"{name}, in {form}": text for form, text in forms.items()}


def forms_of(password):
    return {f"password {password}": password.encode(), f"{password} in a form": quote_plus(password).encode()}


def test_there_is_no_core_dump(secrets):
    pid = secrets.service.pid
    limits = Path(f"/proc/{pid}/limits").read_text(encoding="ascii")
    assert re.search(r"^Max core file size +0 +0 ", limits, re.M)
    # Files below /proc of a process that is not dumpable are root's, whoever it runs as (proc(5)).
    runs_as = re.search(r"^Uid:\t(\d+)", Path(f"/proc/{pid}/status").read_text(encoding="ascii"), re.M)
    assert int(runs_as[1]) != 0
    assert os.stat(f"/proc/{pid}/environ").st_uid == 0


def test_preshared_keys_are_there_only_as_long_as_their_peers(secrets):
    ours, phone = secrets.ours, secrets.phone
    preshared, gone = new_key()[0], new_key()[0]
    ours.meet(phone, ["10.9.0.2"], preshared=preshared)
    phone.meet(ours, ["10.9.0.0/24"], f"{LEFT}:{ours.port}", preshared)
    ping_until(phone.host, INNER["left"][0])
    _, other = new_key()
    ours.wg("set", ours.name, "peer", other, "preshared-key", secrets.file(gone), "allowed-ips", "10.9.0.99")
    added = secrets.cli("vpn", "add", "tablet")
    used = {
        "a peer's": base64.b64decode(gone),
        "the added peer's": base64.b64decode(added["preshared_key"]),
        "what our key and a peer's make": shared(ours.private, other),
        "what our key and the added peer's make": shared(ours.private, added["client_public_key"]),
    }
    assert ours.show()[other].preshared == gone
    # Found while it is there: whoever looks for what is gone looks in the right place.
    assert secrets.there(used) == set(used)
    told = texts_of("the phone's", preshared) | texts_of("a peer's", gone)
    told |= texts_of("the added peer's", added["preshared_key"])
    told["our private key, in hex"] = base64.b64decode(ours.private).hex().encode()
    secrets.gone(told)
    ours.wg("set", ours.name, "peer", other, "remove")
    secrets.cli("vpn", "remove", "tablet")
    secrets.gone(used | told)
    assert secrets.there({"the phone's": base64.b64decode(preshared)})


def test_keys_of_a_session_go_with_it_and_those_of_a_handshake_at_once(secrets):
    ours, (private, public) = secrets.ours, new_key()
    ours.wg("set", ours.name, "peer", public, "allowed-ips", "10.9.0.50/32")
    line = udp_socket(secrets.phone.host)
    line.settimeout(10)
    sessions = []

    def shake():
        made = Session(private, ours.public)
        line.sendto(made.initiation(), (LEFT, ours.port))
        before = ours.show()[public].received
        line.sendto(made.answered(line.recv(2048)), (LEFT, ours.port))
        eventually(lambda: ours.show()[public].received > before)
        secrets.gone(made.passing)
        sessions.append(made)

    def kept():
        return [bool(secrets.there(s.keys)) for s in sessions]

    shake()
    assert secrets.there(sessions[0].keys) == set(sessions[0].keys)
    for _ in range(3):  # two before the last are kept, for what is on its way
        shake()
    secrets.gone(sessions[0].keys)
    assert kept() == [False, True, True, True]
    ours.wg("set", ours.name, "peer", public, "remove")
    for session in sessions:
        secrets.gone(session.keys)
    line.close()


def test_what_people_type_and_are_told_is_gone_with_the_answer(secrets):
    first, wrong, second = "quince-Velvet 8121!", "walnut-Harbor 2958!", "marble-Otter 6407!"
    secret = secrets.cli("user", "add", "anna", "--password-stdin", stdin=first + "\n")["secret"]
    told = {"second factor": secret.encode()}
    secrets.gone(forms_of(first) | told)
    browser = Browser(secrets.phone.host)
    assert browser.sign_in("anna", wrong, code_of(secret))[0] != 303
    secrets.gone(forms_of(wrong))
    status, page = browser.sign_in("anna", first, code_of(secret))
    assert status == 200
    codes = re.findall(r"\b[A-Z2-7]{4}(?:-[A-Z2-7]{4}){3}\b", page)
    assert len(codes) == 10 and "__Host-session" in browser.cookies
    told |= {f"one-time code {code}": code.encode() for code in codes}
    told |= {f"cookie {name}": value.encode() for name, value in browser.cookies.items()}
    secrets.gone(forms_of(first) | told)
    _, page = browser.ask("GET", "/password")
    fields = {"password": first, "new": second, "again": second, "code": codes[0]}
    assert browser.send_from(page, "/password/change", **fields)[0] == 303
    secrets.gone(forms_of(first) | forms_of(second) | told)
    reset = secrets.cli("user", "passwd", "anna", "--generate")["password"]
    secrets.gone({"generated password": reset.encode()} | told)
