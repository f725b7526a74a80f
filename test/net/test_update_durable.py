"""What an update changed outlives restarts, kill -9, reloads, a torn journal and a full disk."""

import random
import subprocess
import threading
import time

import dns.exception
import dns.query
import dns.rcode
import pytest

from service import Service
from updates import CONFIG, FILES, ZONE, new, rcode, send, serial, values


@pytest.fixture
def server(net):
    return Service(net.host("server"), "authority", CONFIG, FILES).start()


def test_updates_outlive_a_restart(server):
    message = new()
    message.add("kept", 60, "A", "192.0.2.70")
    message.delete("www", "A", "192.0.2.10")
    message.delete("txt")
    assert send(server, message) == "NOERROR"
    server.stop()
    server.start()
    assert values(server, "kept.example.com") == ["192.0.2.70"]
    assert values(server, "www.example.com") == ["192.0.2.11"]
    assert rcode(server, "txt.example.com", "TXT") == "NXDOMAIN"
    assert serial(server) == 101


def test_a_file_edited_with_a_higher_serial_overrules_and_keeps_what_was_added(server):
    message = new()
    message.add("kept", 60, "A", "192.0.2.70")
    message.add("taken", 60, "A", "192.0.2.71")
    message.delete("txt")
    assert send(server, message) == "NOERROR"
    edited = ZONE.replace(" 100 7200", " 200 7200") + "taken CNAME www\nfresh A 192.0.2.72\n"
    server.write({"example.com.zone": edited})
    server.reload()
    for _ in range(2):
        assert values(server, "kept.example.com") == ["192.0.2.70"]
        assert values(server, "taken.example.com", "CNAME") == ["www.example.com."]
        assert values(server, "fresh.example.com") == ["192.0.2.72"]
        assert values(server, "txt.example.com", "TXT") == ['"a text"']
        assert serial(server) == 200
        server.stop()
        server.start()
    message = new()
    message.add("later", 60, "A", "192.0.2.73")
    assert send(server, message) == "NOERROR"
    assert serial(server) == 201


def test_a_reload_of_an_unchanged_file_loses_nothing(server):
    for number in range(20):
        message = new()
        message.add(f"r{number}", 60, "A", "192.0.2.80")
        assert send(server, message) == "NOERROR"
        server.reload()
        assert values(server, f"r{number}.example.com") == ["192.0.2.80"]
    assert serial(server) == 120


@pytest.mark.parametrize("seed", range(3))
def test_no_acknowledged_update_is_lost_by_kill_9(server, seed):
    rng = random.Random(seed)
    known, going = {}, threading.Event()

    def client(which):
        number = 0
        while not going.is_set():
            number += 1
            name, value = f"c{which}-{number % 40}", f"192.0.2.{number % 250}"
            message = new()
            gone = number % 7 == 0
            if gone:
                message.delete(name, "A")
            else:
                message.replace(name, 60, "A", value)
            known[name] = None  # not sure what holds until it is acknowledged
            try:
                with server.host.inside():
                    answer = dns.query.udp(message, "127.0.0.1", timeout=0.5)
            except (dns.exception.Timeout, OSError):
                continue
            if answer.rcode() == dns.rcode.NOERROR:
                known[name] = [] if gone else [value]

    for _ in range(4):
        going.clear()
        clients = [threading.Thread(target=client, args=(n,)) for n in range(4)]
        for thread in clients:
            thread.start()
        until = time.monotonic() + 30
        while sum(value is not None for value in list(known.values())) < 20:
            assert time.monotonic() < until, known
            time.sleep(0.01)
        time.sleep(rng.random() / 4)
        server.kill()
        going.set()
        for thread in clients:
            thread.join()
        server.start()
        sure = {name: value for name, value in known.items() if value is not None}
        assert len(sure) > 10
        for name, value in sure.items():
            assert values(server, f"{name}.example.com") == value, name


@pytest.mark.parametrize(
    "cut", [1, 7, 40], ids=lambda n: f"{n} octets short"
)
def test_a_torn_journal_loses_its_last_entry_only(server, cut):
    for number in range(5):
        message = new()
        message.add(f"t{number}", 60, "A", "192.0.2.90")
        assert send(server, message) == "NOERROR"
    server.stop()
    journal = next((server.folder / "state").rglob("example.com.journal"))
    journal.write_bytes(journal.read_bytes()[:-cut])
    server.start()
    assert "torn" in server.log()
    assert values(server, "t3.example.com") == ["192.0.2.90"]
    assert rcode(server, "t4.example.com") == "NXDOMAIN"
    message = new()
    message.add("t4", 60, "A", "192.0.2.91")
    assert send(server, message) == "NOERROR"
    server.stop()
    server.start()
    assert values(server, "t4.example.com") == ["192.0.2.91"]


def test_reloads_and_rebuilds_lose_no_update_that_is_under_way(server):
    """Updates go on while the file is edited and reloaded, and while delegations come and go, for which
    the zone is built anew."""
    known, going = {}, threading.Event()

    def client(which):
        number = 0
        while not going.is_set():
            number += 1
            name, value = f"k{which}-{number % 50}", f"192.0.2.{number % 250}"
            message = new()
            message.replace(name, 60, "A", value)
            assert send(server, message) == "NOERROR"
            known[name] = value
            assert values(server, f"{name}.example.com") == [value]

    def delegations():
        number = 0
        while not going.is_set():
            number += 1
            message = new()
            message.add("a.cut", 60, "A", "192.0.2.60")
            assert send(server, message) == "NOERROR"
            message = new()
            if number % 2:
                message.add("cut", 60, "NS", "a.cut.example.com.")
            else:
                message.delete("cut", "NS")
            assert send(server, message) == "NOERROR"

    threads = [threading.Thread(target=client, args=(n,)) for n in range(3)]
    threads.append(threading.Thread(target=delegations))
    failures = []
    hook, threading.excepthook = threading.excepthook, lambda a: failures.append(a)
    try:
        for thread in threads:
            thread.start()
        for number in range(12):
            edited = ZONE.replace(" 100 7200", f" {100000 * (number + 1)} 7200")
            server.write({"example.com.zone": edited + f"edit-{number} A 192.0.2.9\n"})
            server.reload()
            time.sleep(0.1)
    finally:
        going.set()
        for thread in threads:
            thread.join()
        threading.excepthook = hook
    assert not failures, failures[0].exc_value
    assert len(known) > 60
    for name, value in known.items():
        assert values(server, f"{name}.example.com") == [value]
    assert values(server, "edit-11.example.com") == ["192.0.2.9"]
    assert rcode(server, "edit-10.example.com") == "NXDOMAIN"
    assert serial(server) >= 1200000


def test_a_full_disk_refuses_and_changes_nothing(net):
    host = net.host("server")
    service = Service(host, "authority", CONFIG, FILES)
    state = service.folder / "state"
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96k,mode=0777", "gatehouse", state], check=True)
    try:
        service.start()
        wanted = {}
        refused = 0
        for number in range(400):
            message = new()
            message.add(f"full-{number}", 60, "TXT", "x" * 250)
            outcome = send(service, message)
            assert outcome in ("NOERROR", "SERVFAIL")
            refused += outcome == "SERVFAIL"
            wanted[number] = outcome == "NOERROR"
            if refused > 3:
                break
        assert refused > 3
        for number, there in wanted.items():
            assert (rcode(service, f"full-{number}.example.com", "TXT") == "NOERROR") == there
        before = serial(service)
        service.kill()
        service.start()
        assert serial(service) == before
        for number, there in wanted.items():
            assert (rcode(service, f"full-{number}.example.com", "TXT") == "NOERROR") == there
    finally:
        service.stop()
        subprocess.run(["umount", "-l", state], check=True)


def test_a_journal_out_of_proportion_is_written_anew(server):
    journal = server.folder / "state"
    wanted = {}
    largest = 0
    for number in range(1000):
        name, value = f"t{number % 20}", " ".join(f"{number}-{part}-" + "x" * 240 for part in range(4))
        message = new()
        message.replace(name, 60, "TXT", value)
        assert send(server, message) == "NOERROR"
        wanted[name] = [" ".join(f'"{part}"' for part in value.split())]
        if number % 30 == 0:
            path = next(journal.rglob("example.com.journal"))
            largest = max(largest, path.stat().st_size)
    path = next(journal.rglob("example.com.journal"))
    assert (1 << 20) * 0.8 < largest < (1 << 20) * 1.2
    assert path.stat().st_size < largest
    before = serial(server)
    server.kill()
    server.start()
    assert serial(server) == before == 1100
    for name, value in wanted.items():
        assert values(server, f"{name}.example.com", "TXT", tcp=True) == value
