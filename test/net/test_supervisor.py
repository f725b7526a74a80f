"""`gatehouse run`: the services of one file, started, held, replaced and ended; and each service alone, started
by a stranger."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

import dns.exception
import dns.message
import dns.query
import dns.rcode
import pytest

import ask
from proc import children, command, gone, status
from service import Service, binary, end_s, queued_s

ZONE = """$TTL 300
@ SOA ns hostmaster 1 7200 3600 1209600 300
@ NS ns
ns A 127.0.0.1
www A 192.0.2.80
"""

AUTHORITY = """authority:
  listen: [127.0.0.1:5300]
  workers: 1
  zones:
    - {origin: example.com, file: example.com.zone}
"""

RESOLVER = """resolver:
  listen: [127.0.0.1:5301]
  workers: 1
  prime: off
  stub:
    - {zone: example.com, to: ["127.0.0.1:5300"]}
"""

PORTS = {"authority": 5300, "resolver": 5301}


@pytest.fixture
def host(net):
    return net.host("host")


def supervisor(host, config=AUTHORITY + RESOLVER):
    return Service(host, "run", config, {"example.com.zone": ZONE})


@pytest.fixture
def running(host):
    return supervisor(host).start()


def child(run, service):
    """The pid of the service's (newest) process, None when there is none right now."""
    return next((pid for pid in reversed(children(run.pid)) if command(pid)[1:2] == [service]), None)


def wait_for(condition, timeout=5):
    until = time.monotonic() + timeout
    while not (found := condition()):
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.005)
    return found


def www(host, port, **options):
    answer = ask.dns_query(host, "127.0.0.1", "www.example.com", port=port, **options)
    return ask.values(answer)


class Load:
    """Asks in a thread, one query after the other, until it is told to stop. Nothing is asked twice."""

    def __init__(self, host, port, name="www.example.com", patience=3.0):
        self.server, self.patience = ("127.0.0.1", port), patience
        self.good, self.lost, self.wrong, self.slowest, self.over = 0, 0, [], 0.0, False
        self.query = dns.message.make_query(name, "A").to_wire()[2:]
        self.read = {}  # what was wrong with an answer, None: nothing; most are alike, but for their numbers
        with host.inside():
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.thread = threading.Thread(target=self.ask_on, daemon=True)

    def ask_on(self):
        while not self.over:
            start = time.monotonic()
            try:
                wrong = self.ask(start + self.patience)
                if wrong:
                    self.wrong.append(wrong)
                else:
                    self.good += 1
            except OSError:
                self.lost += 1
            self.slowest = max(self.slowest, time.monotonic() - start)
            time.sleep(0.001)  # what is loaded is the service, not the processors

    def ask(self, until):
        number = os.urandom(2)
        self.socket.sendto(number + self.query, self.server)
        sender, data = None, b""
        while sender != self.server or data[:2] != number:
            self.socket.settimeout(max(until - time.monotonic(), 0.001))
            data, sender = self.socket.recvfrom(4096)
        if data[2:] not in self.read:
            answer = dns.message.from_wire(data)
            good = answer.rcode() == dns.rcode.NOERROR and answer.answer
            self.read[data[2:]] = None if good else dns.rcode.to_text(answer.rcode())
        return self.read[data[2:]]

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over = True
        self.thread.join(self.patience + 2)
        self.socket.close()


# ---- start


def test_all_services_serve_when_it_says_ready(host):
    run = supervisor(host).start()
    for port in PORTS.values():
        assert www(host, port) == ["192.0.2.80"]
        assert www(host, port, tcp=True) == ["192.0.2.80"]
    assert run.messages.count("READY=1") == 1
    # Before that it said whom it waited for, to those who started it.
    waits = [m for m in run.messages if m.startswith("STATUS=waits for: ")]
    assert waits and run.messages.index(waits[0]) < run.messages.index("READY=1")


def test_nobody_but_the_supervisor_is_root(running):
    assert status(running.pid)["Uid"].split()[0] == "0"
    pids = {command(pid)[1]: pid for pid in children(running.pid)}
    assert sorted(pids) == ["authority", "resolver"]
    for pid in pids.values():
        told = status(pid)
        assert told["Uid"].split()[0] != "0"
        for kind in ("CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert int(told[kind], 16) == 0, kind
        assert told["NoNewPrivs"] == "1"
        assert told["Seccomp"] == "2"


def test_the_plan_is_made_by_another_process_that_has_ended(running):
    assert all(command(pid)[1:2] != ["plan"] for pid in children(running.pid))
    done = running.host.run(binary(), "plan", "--json", "-c", running.config_path)
    kinds = [(record["kind"], record["service"]) for record in json.loads(done.stdout)]
    for service in PORTS:
        for kind in ("service", "udp", "tcp", "unix"):
            assert (kind, service) in kinds


@pytest.mark.parametrize("service", ["authority", "resolver"])
def test_a_service_alone_is_ready_when_udp_and_tcp_accept(host, service):
    """Asked at once, over both, many times anew."""
    config = {"authority": AUTHORITY, "resolver": RESOLVER}[service]
    if service == "resolver":
        Service(host, "authority", AUTHORITY, {"example.com.zone": ZONE}).start()
    alone = Service(host, service, config, {"example.com.zone": ZONE})
    for _ in range(5):
        alone.start()
        assert www(host, PORTS[service], timeout=1) == ["192.0.2.80"]
        assert www(host, PORTS[service], tcp=True, timeout=1) == ["192.0.2.80"]
        assert alone.stop() == 0


def test_a_small_zone_is_served_within_100_ms_of_the_start(host):
    alone = Service(host, "authority", AUTHORITY, {"example.com.zone": ZONE})
    took = []
    for _ in range(5):
        start = time.monotonic() - queued_s()
        alone.start()
        # What it computes and what it waits for; a busy machine's other programs take nothing of it.
        took.append(time.monotonic() - queued_s() - queued_s(alone.pid) - start)
        assert alone.stop() == 0
    assert min(took) < 0.1, took


def test_a_port_that_is_taken_is_told(host):
    with host.inside():
        taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    taken.bind(("127.0.0.1", 5300))
    run = supervisor(host).start(ready=False)
    assert run.wait() == 1
    taken.close()
    assert "127.0.0.1:5300" in run.log()
    assert "Address already in use" in run.log()
    assert not list(run.run_folder.iterdir())


def test_a_configuration_without_a_service_is_refused(host):
    run = supervisor(host, "global:\n  sandbox: on\n").start(ready=False)
    assert run.wait() == 2
    assert "names no service" in run.log()


# ---- descriptors passed by a stranger


def listening(host, kind, port):
    with host.inside():
        made = socket.socket(socket.AF_INET, kind)
    made.bind(("127.0.0.1", port))
    if kind == socket.SOCK_STREAM:
        made.listen(16)
    return made


@pytest.mark.parametrize("service", ["authority", "resolver"])
def test_a_service_serves_the_sockets_it_is_passed(host, service):
    """As systemd would: LISTEN_FDS, LISTEN_FDNAMES and LISTEN_PID."""
    port = PORTS[service]
    config = {"authority": AUTHORITY, "resolver": RESOLVER}[service].replace(
        "workers: 1", "workers: 3"
    )
    if service == "resolver":
        Service(host, "authority", AUTHORITY, {"example.com.zone": ZONE}).start()
    alone = Service(host, service, config, {"example.com.zone": ZONE})
    alone.listen()
    udp, tcp = listening(host, socket.SOCK_DGRAM, port), listening(host, socket.SOCK_STREAM, port)
    control = socket.socket(socket.AF_UNIX)
    control.bind(str(alone.run_folder / "elsewhere.sock"))
    control.listen(8)
    # Asked before it runs: the packet waits in the socket.
    with host.inside():
        early = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    early.settimeout(5)
    early.sendto(
        dns.message.make_query("www.example.com", "A", id=4711).to_wire(), ("127.0.0.1", port)
    )
    passed = [udp.fileno(), tcp.fileno(), control.fileno()]

    def place():
        for n, fd in enumerate(os.dup(fd) for fd in passed):
            os.dup2(fd, 100 + n)
        for n in range(len(passed)):
            os.dup2(100 + n, 3 + n, inheritable=True)

    script = f'export LISTEN_PID=$$; exec "{binary()}" {service} -c "{alone.config_path}"'
    with open(alone.log_path, "ab") as log:
        alone.process = subprocess.Popen(
            host.wrap(["sh", "-c", script]),
            preexec_fn=place,
            close_fds=False,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=alone.folder,
            env={
                **os.environ,
                "NOTIFY_SOCKET": str(alone.notify_path),
                "LISTEN_FDS": "3",
                "LISTEN_FDNAMES": "udp:tcp:control",
            },
        )
    for made in (udp, tcp, control):
        made.close()  # from now on they are its own
    alone.wait_message("READY=1")
    assert dns.message.from_wire(early.recv(4096)).id == 4711
    early.close()
    for _ in range(10):
        assert www(host, port) == ["192.0.2.80"]
        assert www(host, port, tcp=True) == ["192.0.2.80"]
    done = host.run(
        "curl", "-sS", "--unix-socket", alone.run_folder / "elsewhere.sock", "http://x/status"
    )
    assert f'"pid":{alone.pid}' in done.stdout.replace(" ", "")
    assert alone.stop() == 0


# ---- end


@pytest.mark.parametrize("name", ["run", "authority", "resolver"])
def test_sigterm_ends_with_0_under_load(host, name):
    if name == "resolver":
        Service(host, "authority", AUTHORITY, {"example.com.zone": ZONE}).start()
    config = {"run": AUTHORITY + RESOLVER, "authority": AUTHORITY, "resolver": RESOLVER}[name]
    service = Service(host, name, config, {"example.com.zone": ZONE}).start()
    port = PORTS.get(name, 5301)
    with Load(host, port, patience=0.2) as load, Load(host, port, patience=0.2):
        wait_for(lambda: load.good > 100)
        start = time.monotonic()
        assert service.stop() == 0
        assert time.monotonic() - start < 5
    assert not list(service.run_folder.glob("*.sock")) or name != "run"


def test_sigint_ends_it_too(running):
    running.send(signal.SIGINT)
    assert running.wait() == 0


def test_a_service_that_does_not_stop_is_killed(running):
    stubborn = child(running, "authority")
    os.kill(stubborn, signal.SIGSTOP)
    start = time.monotonic()
    assert running.stop() == 0
    assert time.monotonic() - start < 6
    assert "did not stop in time and is killed" in running.log()
    assert gone(stubborn)


def test_a_replaced_service_that_does_not_stop_is_killed_and_its_successor_is_not(running):
    stubborn = child(running, "authority")
    os.kill(stubborn, signal.SIGSTOP)
    running.reload(AUTHORITY.replace("127.0.0.1:5300", "127.0.0.1:5302") + RESOLVER)
    start = time.monotonic() - queued_s(running.pid)
    successor = child(running, "authority")
    assert successor != stubborn
    wait_for(lambda: gone(stubborn), 60)
    assert time.monotonic() - queued_s(running.pid) - start < 6
    assert www(running.host, 5302) == ["192.0.2.80"]
    assert child(running, "authority") == successor


def test_sockets_that_change_while_a_replaced_service_still_runs_are_there_when_it_says_ready(running):
    stubborn, elsewhere = child(running, "authority"), "127.0.0.1:5300"
    os.kill(stubborn, signal.SIGSTOP)
    for port in (5302, 5303, 5304):
        running.reload(AUTHORITY.replace(elsewhere, f"127.0.0.1:{port}") + RESOLVER)
        told = running.log()  # it is killed 4.5 s after the last of these
        assert re.findall("supervisor: .*ready.*|supervisor: started service=authority", told)[-3:] == [
            "supervisor: started service=authority", "supervisor: ready service=authority", "supervisor: ready"
        ], told  # fmt: skip
        assert www(running.host, port) == ["192.0.2.80"]
    assert "ended" not in running.log(), "an end that was asked for is no crash"
    wait_for(lambda: gone(stubborn), 60)


@pytest.mark.parametrize("delay", [0, 0.003, 0.01, 0.02])
def test_sigterm_while_services_start_ends_with_0(host, delay):
    run = supervisor(host).start(ready=False)
    wait_for(lambda: child(run, "authority"))
    time.sleep(delay)
    assert end_s(run) < 1
    assert run.wait() == 0
    assert not list(run.run_folder.iterdir())


def test_no_child_outlives_a_killed_supervisor(running):
    pids = children(running.pid)
    assert len(pids) == 2
    running.kill()
    wait_for(lambda: all(gone(pid) for pid in pids), 2)
    # And nothing holds the ports.
    again = supervisor(running.host)
    again.start()
    assert www(running.host, 5301) == ["192.0.2.80"]


# ---- crash


def test_a_killed_service_is_back_within_a_second(running):
    for service in PORTS:
        old = child(running, service)
        start = time.monotonic() - queued_s(running.pid)
        os.kill(old, signal.SIGKILL)
        wait_for(lambda: gone(old))
        start -= queued_s()
        assert www(running.host, PORTS[service], timeout=30) == ["192.0.2.80"]  # waits in the socket
        new = child(running, service)
        assert time.monotonic() - sum(map(queued_s, ("thread-self", running.pid, new))) - start < 1
        assert new != old


def test_queries_sent_while_it_is_down_are_answered(running):
    """The supervisor holds the sockets: 50 questions wait there for the next process."""
    host = running.host
    with host.inside():
        asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    asking.settimeout(3)
    old = child(running, "authority")
    os.kill(old, signal.SIGKILL)
    wait_for(lambda: gone(old))
    for n in range(50):
        asking.sendto(
            dns.message.make_query("www.example.com", "A", id=n).to_wire(), ("127.0.0.1", 5300)
        )
    with host.inside():
        stream = socket.create_connection(("127.0.0.1", 5300), 3)  # accepted by the kernel
    found = {dns.message.from_wire(asking.recv(4096)).id for _ in range(50)}
    assert found == set(range(50))
    asking.close()
    dns.query.send_tcp(stream, dns.message.make_query("www.example.com", "A", id=99))
    assert dns.query.receive_tcp(stream, time.time() + 3)[0].id == 99
    stream.close()


@pytest.mark.parametrize("service", ["authority", "resolver"])
def test_a_loop_of_queries_over_a_kill_loses_what_was_in_its_hands_only(running, service):
    # One client has one query under way at a time: so many can be in the process's hands.
    clients, kills = 4, 3
    port = PORTS[service]
    with contextlib.ExitStack() as stack:
        loads = [stack.enter_context(Load(running.host, port, patience=2)) for _ in range(clients)]
        for _ in range(kills):
            before = loads[0].good
            wait_for(lambda: loads[0].good > before + 50)
            old = child(running, service)
            os.kill(old, signal.SIGKILL)
            wait_for(lambda: child(running, service) not in (None, old))
        before = loads[0].good
        wait_for(lambda: loads[0].good > before + 50)
    lost = sum(load.lost for load in loads)
    assert lost <= clients * kills
    assert [load.wrong for load in loads] == [[]] * clients
    print(f"{sum(load.good for load in loads)} answered, {lost} lost over {kills} kills")


def test_a_service_that_crashes_again_and_again_is_tried_less_and_less_often(host):
    run = supervisor(host, AUTHORITY).start()
    ends, old = [], None
    for _ in range(6):
        pid = wait_for(lambda: (found := child(run, "authority")) not in (None, old) and found)
        ends.append(time.monotonic())
        os.kill(pid, signal.SIGKILL)
        old = pid
    waits = [b - a for a, b in zip(ends, ends[1:])]
    assert waits[-1] > 0.6  # 50, 100, 200, 400, 800 ms
    assert waits[-1] > 2 * waits[1]
    wait_for(lambda: child(run, "authority") not in (None, old))
    assert www(host, 5300) == ["192.0.2.80"]


# ---- reload


def serial(n):
    return ZONE.replace(" 1 7200", f" {n} 7200")


def soa_serial(host, port=5300):
    answer = ask.dns_query(host, "127.0.0.1", "example.com", "SOA", port=port)
    return int(ask.values(answer, "SOA")[0].split()[2])


def test_ready_after_a_reload_means_that_it_is_served(running):
    for n in range(2, 12):
        running.write({"example.com.zone": serial(n)})
        running.reload()
        assert soa_serial(running.host) == n


@pytest.mark.parametrize("service", ["authority", "resolver"])
def test_1000_reloads_under_load_lose_nothing(host, service):
    alone = Service(host, "authority", AUTHORITY, {"example.com.zone": ZONE}).start()
    if service == "resolver":
        alone = Service(host, "resolver", RESOLVER).start()
    port = PORTS[service]
    with Load(host, port) as a, Load(host, port) as b:
        wait_for(lambda: a.good > 20 and b.good > 20)
        before = a.good + b.good
        for n in range(1000):
            if n % 50 == 0 and service == "authority":
                alone.write({"example.com.zone": serial(n)})
            alone.reload()
        assert a.good + b.good > before + 20  # they were asked meanwhile
    assert (a.lost, b.lost, a.wrong, b.wrong) == (0, 0, [], [])
    assert alone.stop() == 0
    print(f"{a.good + b.good} answered, slowest {max(a.slowest, b.slowest) * 1000:.0f} ms")


def test_300_reloads_of_everything_under_load_lose_nothing(running):
    host = running.host
    pids = {service: child(running, service) for service in PORTS}
    with Load(host, 5300) as a, Load(host, 5301) as b:
        wait_for(lambda: a.good > 20 and b.good > 20)
        before = a.good + b.good
        for n in range(300):
            if n % 3:
                running.reload()
            else:
                running.send(signal.SIGHUP)  # and the next comes while this one is under way
        assert a.good + b.good > before + 20
    assert (a.lost, b.lost, a.wrong, b.wrong) == (0, 0, [], [])
    assert {service: child(running, service) for service in PORTS} == pids


def test_sighup_while_services_start_kills_none(host):
    run = supervisor(host).start(ready=False)
    wait_for(lambda: child(run, "authority"))
    for _ in range(5):
        run.send(signal.SIGHUP)
        time.sleep(0.002)
    run.wait_message("READY=1")
    assert "ended" not in run.log()
    assert www(host, 5300) == ["192.0.2.80"]


def test_a_wrong_file_changes_nothing_and_all_its_errors_are_told(running):
    pids = {service: child(running, service) for service in PORTS}
    running.reload(
        (AUTHORITY + RESOLVER).replace("listen", "listn").replace("prime: off", "prime: maybe")
    )
    for text in ("unknown key 'listn'", "did you mean 'listen'?", "found 'maybe'"):
        assert text in running.log()
    assert running.log().count("unknown key 'listn'") == 2
    assert "reload refused; all goes on as it was" in running.log()
    assert {service: child(running, service) for service in PORTS} == pids
    for port in PORTS.values():
        assert www(running.host, port) == ["192.0.2.80"]


def test_a_file_without_services_changes_nothing(running):
    running.reload("global:\n  sandbox: on\n")
    assert "reload refused" in running.log()
    assert www(running.host, 5300) == ["192.0.2.80"]


def test_a_socket_that_cannot_be_opened_changes_nothing(running):
    pids = {service: child(running, service) for service in PORTS}
    with running.host.inside():
        taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    taken.bind(("127.0.0.1", 5302))
    taken.listen(1)
    more = AUTHORITY.replace("[127.0.0.1:5300]", "[127.0.0.1:5300, 127.0.0.1:5302]") + RESOLVER
    running.reload(more)
    assert "reload refused" in running.log()
    assert {service: child(running, service) for service in PORTS} == pids
    assert www(running.host, 5300) == ["192.0.2.80"]
    taken.close()
    running.reload()
    assert www(running.host, 5302) == ["192.0.2.80"]


def test_services_come_and_go_with_the_file(running):
    host = running.host
    authority, resolver = child(running, "authority"), child(running, "resolver")
    running.reload(AUTHORITY)
    wait_for(lambda: gone(resolver))
    assert child(running, "resolver") is None
    assert child(running, "authority") == authority
    assert not (running.run_folder / "resolver.sock").exists()
    with pytest.raises((OSError, dns.exception.Timeout)):
        www(host, 5301, timeout=0.2, tcp=True)
    running.reload(AUTHORITY + RESOLVER)
    assert www(host, 5301) == ["192.0.2.80"]
    assert child(running, "authority") == authority
    assert running.control("GET", "/status", "resolver")[1]["pid"] == child(running, "resolver")


def test_new_sockets_are_served_and_old_ones_lose_nothing(running):
    """A service whose sockets change is replaced: the next process is ready before the old one ends."""
    host = running.host
    one, two = "[127.0.0.1:5300]", '[127.0.0.1:5300, "[::1]:5300"]'
    with Load(host, 5300) as load:
        for n in range(10):
            old = child(running, "authority")
            running.reload(AUTHORITY.replace(one, two if n % 2 == 0 else one) + RESOLVER)
            if n % 2 == 0:
                answer = ask.dns_query(host, "::1", "www.example.com", port=5300)
                assert ask.values(answer) == ["192.0.2.80"]
            assert child(running, "authority") != old
            wait_for(lambda old=old: gone(old))
        before = load.good
        wait_for(lambda: load.good > before + 50)
    assert (load.lost, load.wrong) == (0, [])
    with pytest.raises((OSError, dns.exception.Timeout)):
        ask.dns_query(host, "::1", "www.example.com", port=5300, timeout=0.2, tcp=True)


def test_the_run_folder_may_change(running):
    other = running.folder / "other"
    running.reload(f"global:\n  run: {other}\n" + AUTHORITY + RESOLVER)
    assert sorted(path.name for path in other.iterdir()) == ["authority.sock", "resolver.sock"]
    wait_for(lambda: not list(running.run_folder.iterdir()))
    done = running.host.run(
        "curl", "-sS", "--unix-socket", other / "authority.sock", "http://x/status"
    )
    assert '"service":"authority"' in done.stdout.replace(" ", "")


def test_it_leaves_no_file_behind(running):
    assert sorted(path.name for path in running.run_folder.iterdir()) == [
        "authority.sock",
        "resolver.sock",
    ]
    assert running.stop() == 0
    assert not list(running.run_folder.iterdir())
