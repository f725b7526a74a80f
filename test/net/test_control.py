"""The control socket as an outsider uses it: curl, the program's own `status` and `events`, Prometheus."""

import http.client
import json
import re
import socket
import subprocess
import threading
import time

import pytest

import ask
from proc import status, threads
from service import Service, UnixConnection, binary

ZONE = """$TTL 300
@ SOA ns hostmaster 1 7200 3600 1209600 300
@ NS ns
ns A 127.0.0.1
www A 192.0.2.80
"""

AUTHORITY = """authority:
  listen: [127.0.0.1:5300]
  workers: 2
  zones:
    - {origin: example.com, file: example.com.zone}
"""

RESOLVER = """resolver:
  listen: [127.0.0.1:5301]
  workers: 2
  prime: off
  stub:
    - {zone: example.com, to: ["127.0.0.1:5300"]}
"""


@pytest.fixture
def host(net):
    return net.host("host")


@pytest.fixture
def authority(host):
    return Service(host, "authority", AUTHORITY, {"example.com.zone": ZONE}).start()


@pytest.fixture(params=["authority", "resolver"])
def service(request, host):
    if request.param == "authority":
        return request.getfixturevalue("authority")
    return Service(host, "resolver", RESOLVER).start()


def curl(service, path, *options):
    socket_path = service.run_folder / f"{service.name}.sock"
    done = service.host.run(
        "curl",
        "-sS",
        "--max-time",
        "10",
        "--unix-socket",
        socket_path,
        *options,
        f"http://localhost{path}",
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def gatehouse(service, *words):
    """The program as a client, with the service's configuration."""
    return service.host.run(binary(), *words[:1], "-c", service.config_path, *words[1:])


# ---- what it says of itself


def test_curl_is_a_client(service):
    listed = json.loads(curl(service, "/"))
    assert listed["service"] == service.name
    offered = {(verb["method"], verb["path"]) for verb in listed["verbs"]}
    assert {
        ("GET", "/status"),
        ("GET", "/metrics"),
        ("GET", "/events"),
        ("POST", "/reload"),
    } <= offered
    assert all(verb["help"] for verb in listed["verbs"])
    status = json.loads(curl(service, "/status"))
    assert status["service"] == service.name
    assert status["pid"] == service.pid
    head = curl(service, "/status", "--head").split("\n")
    assert head[0] == "HTTP/1.1 200 OK"
    assert "Content-Type: application/json" in head


def test_the_sandbox_is_as_it_says(service):
    layers = json.loads(curl(service, "/status"))["sandbox"]
    for layer in ("user", "capabilities", "no-new-privileges", "mounts", "seccomp"):
        assert layer in layers
    tasks = threads(service.pid)
    assert service.pid in tasks
    for told in filter(None, (status(f"{service.pid}/task/{task}") for task in tasks)):
        assert set(told["Uid"].split()) == set(told["Uid"].split()) - {"0"}
        assert set(told["Gid"].split()) == set(told["Gid"].split()) - {"0"}
        for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert int(told[kind], 16) == 0, kind
        assert told["NoNewPrivs"] == "1"
        assert told["Seccomp"] == "2"


def test_the_sandbox_can_be_switched_off(host):
    config = "global:\n  sandbox: off\n" + AUTHORITY
    service = Service(host, "authority", config, {"example.com.zone": ZONE}).start()
    assert json.loads(curl(service, "/status"))["sandbox"] == []
    assert status(service.pid)["Seccomp"] == "0"
    assert "the sandbox is off" in service.log()


def test_the_program_is_a_client_too(authority):
    done = gatehouse(authority, "status")
    assert done.returncode == 0
    rows = {line.split()[0]: line.split()[1:] for line in done.stdout.split("\n") if line}
    assert rows["SERVICE"][:3] == ["STATE", "PID", "UP"]
    assert rows["authority"][:2] == ["running", str(authority.pid)]
    assert rows["resolver"][:2] == ["not", "running"]
    told = json.loads(gatehouse(authority, "status", "authority", "--json").stdout)
    assert told["pid"] == authority.pid
    assert (
        f"pid                          {authority.pid}\n"
        in gatehouse(authority, "status", "authority").stdout
    )
    everything = json.loads(gatehouse(authority, "status", "--json").stdout)
    assert everything["authority"]["pid"] == authority.pid
    authority.stop()
    assert gatehouse(authority, "status").returncode == 1
    assert gatehouse(authority, "status", "authority").returncode == 1


# ---- metrics


SAMPLE = re.compile(
    r'(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(?P<labels>[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
    r'(?:,[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*")*)\})? (?P<value>[0-9]+(?:\.[0-9]+)?)'
)


def metrics_of(text):
    """{(name, labels): value}; judges the text by the exposition format 0.0.4 on the way."""
    assert text.endswith("\n")
    helps, types, samples, families = {}, {}, {}, []
    for line in text.rstrip("\n").split("\n"):
        if line.startswith("# "):
            _, what, name, rest = line.split(" ", 3)
            into = {"HELP": helps, "TYPE": types}[what]
            assert name not in into, f"{name} has two lines of {what}"
            assert name not in families, f"{what} of {name} stands behind its samples"
            into[name] = rest
            continue
        match = SAMPLE.fullmatch(line)
        assert match, f"no sample: {line}"
        key = match["name"], match["labels"] or ""
        assert key not in samples
        samples[key] = float(match["value"])
        if not families or families[-1] != match["name"]:
            assert match["name"] not in families, f"samples of {match['name']} stand apart"
            families.append(match["name"])
    for name in families:
        assert helps[name]
        assert types[name] in ("counter", "gauge")
        assert name.endswith("_total") == (types[name] == "counter"), name
    assert set(helps) == set(types) == set(families)
    return samples


def test_metrics_are_well_formed_and_count(authority):
    answer = curl(authority, "/metrics", "--include")
    assert "\nContent-Type: text/plain; version=0.0.4; charset=utf-8\n" in answer
    before = metrics_of(curl(authority, "/metrics"))
    for _ in range(20):
        ask.dns_query(authority.host, "127.0.0.1", "www.example.com", port=5300)
    after = metrics_of(curl(authority, "/metrics"))
    assert set(after) == set(before)
    grown = {key[0] for key in after if after[key] - before[key] >= 20}
    assert any("quer" in name for name in grown)
    assert all(after[key] >= before[key] for key in after if key[0].endswith("_total"))


def test_metrics_of_the_resolver_are_well_formed(host):
    resolver = Service(host, "resolver", RESOLVER).start()
    assert metrics_of(curl(resolver, "/metrics"))


# ---- events


def read_events(service, command, into):
    def read():
        for line in process.stdout:
            into.append(json.loads(line))

    process = service.host.popen(*command, stdout=subprocess.PIPE, text=True)
    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return process, thread


def wait_for(condition, timeout=5):
    until = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.01)


def test_a_replaced_service_leaves_nobody_unanswered(host):
    """Who was accepted by the old process is answered by it; all others wait for the next one."""
    run = Service(host, "run", AUTHORITY, {"example.com.zone": ZONE}).start()
    told, over, faults = set(), threading.Event(), []

    def ask_on():
        while not over.is_set():
            try:
                told.add(run.control("GET", "/status", "authority")[1]["pid"])
            except (OSError, http.client.HTTPException) as fault:
                faults.append(repr(fault))

    asking = [threading.Thread(target=ask_on, daemon=True) for _ in range(4)]
    for thread in asking:
        thread.start()
    one, two = "[127.0.0.1:5300]", "[127.0.0.1:5300, 127.0.0.1:5302]"
    for n in range(12):
        run.reload(AUTHORITY.replace(one, two if n % 2 == 0 else one))
        wait_for(lambda n=n: run.log().count("replaced") == n + 1)
    over.set()
    for thread in asking:
        thread.join(15)
    assert not faults
    assert len(told) > 6


@pytest.mark.parametrize("client", ["curl", "gatehouse"])
def test_events_arrive_as_they_happen(authority, client):
    commands = {
        "curl": [
            "curl",
            "-sSN",
            "--unix-socket",
            authority.run_folder / "authority.sock",
            "http://x/events",
        ],
        "gatehouse": [binary(), "events", "authority", "-c", authority.config_path, "--json"],
    }
    events = []
    process, thread = read_events(authority, commands[client], events)
    while not events:  # what happened before it listens is not told
        authority.reload()
        time.sleep(0.1)
    for _ in range(2):
        told = len(events)
        authority.reload()
        wait_for(lambda told=told: len(events) > told)
    for event in events:
        assert (event["event"], event["service"]) == ("reload", "authority")
        assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ", event["time"])
    authority.stop()
    assert process.wait(5) in (0, 18)  # curl: the stream ended in its middle
    thread.join(5)


def test_past_events_are_told_when_asked_for(authority):
    for _ in range(3):
        authority.reload()
    events = []
    command = [binary(), "events", "authority", "-c", authority.config_path, "--json", "--last=2"]
    process, thread = read_events(authority, command, events)
    wait_for(lambda: len(events) == 2)
    process.terminate()
    process.wait(5)
    thread.join(5)
    for wrong in ("257", "-1", "x"):
        status, answer = authority.control("GET", f"/events?last={wrong}")
        assert status == 400 and "last" in answer["error"]


# ---- verbs and their refusals


def test_reload_is_a_verb(authority):
    authority.write({"example.com.zone": ZONE.replace("192.0.2.80", "192.0.2.81")})
    status, _ = authority.control("POST", "/reload")
    assert status == 200
    answer = ask.dns_query(authority.host, "127.0.0.1", "www.example.com", port=5300)
    assert ask.values(answer) == ["192.0.2.81"]


WRONG = (
    AUTHORITY.replace("listen", "listn").replace("workers: 2", "workers: two") + "  edns-size: 1\n"
)


def test_a_wrong_file_is_refused_with_all_its_errors_and_the_old_stays(service):
    before = service.log()
    service.configure(
        WRONG if service.name == "authority" else "resolver:\n  a: 1\n  b: 1\n  c: 1\n"
    )
    status, answer = service.control("POST", "/reload")
    assert 400 <= status < 500
    assert "wrong" in answer["error"] or "configuration" in answer["error"]
    told = service.log()[len(before) :]
    path = service.config_path
    assert len(re.findall(rf"^{re.escape(str(path))}:\d+:\d+: ", told, re.M)) == 3
    assert service.alive
    if service.name == "authority":
        for text in (
            "unknown key 'listn'",
            "did you mean 'listen'?",
            "found 'two'",
            "out of bounds",
        ):
            assert text in told
        answer = ask.dns_query(service.host, "127.0.0.1", "www.example.com", port=5300)
        assert ask.values(answer) == ["192.0.2.80"]
    # And with SIGHUP; once the file is right again it is taken.
    service.reload()
    assert (
        len(re.findall(rf"^{re.escape(str(path))}:\d+:\d+: ", service.log()[len(before) :], re.M))
        == 6
    )
    service.configure(AUTHORITY if service.name == "authority" else RESOLVER)
    assert service.control("POST", "/reload")[0] == 200


def test_what_is_not_there_is_refused(service):
    assert service.control("GET", "/nothing")[0] == 404
    assert service.control("POST", "/status")[0] == 405
    assert service.control("GET", "/reload")[0] == 405
    assert service.control("DELETE", "/")[0] == 405


SMUGGLED = [
    "GET /status HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "GET /status HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "GET /status HTTP/1.1\r\nHost : x\r\n\r\n",
    "GET /status HTTP/1.1\r\nHost: x\r\n folded: y\r\n\r\n",
    "GET /status HTTP/1.1\nHost: x\n\n",
    "GET /status HTTP/1.1\r\n\r\n",
]


@pytest.mark.parametrize("request_text", SMUGGLED)
def test_what_smuggling_is_made_of_is_refused(authority, request_text):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(str(authority.run_folder / "authority.sock"))
        client.sendall(request_text.encode())
        assert client.recv(4096).startswith(b"HTTP/1.1 400 ")


def test_a_connection_serves_many_requests(authority):
    connection = UnixConnection(authority.run_folder / "authority.sock", 5)
    for _ in range(50):
        connection.request("GET", "/status")
        assert json.loads(connection.getresponse().read())["pid"] == authority.pid
    connection.close()


def test_idle_and_half_done_clients_keep_nobody_out(authority):
    path = str(authority.run_folder / "authority.sock")
    clients = []
    try:
        for n in range(100):
            client = socket.socket(socket.AF_UNIX)
            client.settimeout(5)
            client.connect(path)
            client.sendall(b"GET /sta" if n % 2 else b"")
            clients.append(client)
        with pytest.raises((TimeoutError, OSError, http.client.HTTPException)):
            authority.control("GET", "/status", timeout=0.3)  # as many as it takes are there
        for client in clients:
            client.close()
        wait_for(lambda: authority.control("GET", "/status")[0] == 200)
    finally:
        for client in clients:
            client.close()
    answer = ask.dns_query(authority.host, "127.0.0.1", "www.example.com", port=5300)
    assert ask.values(answer) == ["192.0.2.80"]


def test_a_reader_that_does_not_read_is_cut_off(authority):
    """Its events wait up to a bound, and the service goes on."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(authority.run_folder / "authority.sock"))
        client.sendall(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
        for _ in range(20):
            assert authority.control("POST", "/reload")[0] == 200
    assert authority.control("GET", "/status")[0] == 200


def test_the_socket_is_for_its_owner_and_group(service):
    mode = (service.run_folder / f"{service.name}.sock").stat().st_mode
    assert mode & 0o777 == 0o660


# ---- who may ask


def asks(service, uid, gid, name="authority"):
    """curl's exit status as that user in that group alone: 0, or 7 where it may not connect."""
    user = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups"]
    path = service.run_folder / f"{name}.sock"
    return service.host.run(*user, "curl", "-sS", "--unix-socket", path, "http://x/status").returncode


def granted(config, group="4711"):
    return f'global:\n  control-group: "{group}"\n{config}'


@pytest.mark.parametrize("name", ["run", "authority"])
def test_members_of_the_control_group_need_not_be_root(host, name):
    service = Service(host, name, granted(AUTHORITY), {"example.com.zone": ZONE}).start()
    assert asks(service, 4712, 4711) == 0
    assert asks(service, 4712, 4712) == 7
    assert service.control("GET", "/status", "authority")[0] == 200


def test_without_a_control_group_only_root_may_ask(authority):
    assert asks(authority, 4712, 4711) == 7


def test_a_reload_gives_the_control_sockets_to_another_group_and_ends_nobody(host):
    run = Service(host, "run", AUTHORITY, {"example.com.zone": ZONE}).start()
    pid = run.control("GET", "/status", "authority")[1]["pid"]
    assert asks(run, 4712, 4711) == 7
    run.reload(granted(AUTHORITY))
    assert asks(run, 4712, 4711) == 0
    run.reload(AUTHORITY)
    assert asks(run, 4712, 4711) == 7
    assert run.control("GET", "/status", "authority")[1]["pid"] == pid


@pytest.mark.parametrize("name", ["run", "authority"])
@pytest.mark.parametrize("group, told", [("no-such-group", "there is no"), ("nogroup", "run")])
def test_a_control_group_that_is_none_or_the_services_own_is_refused(host, name, group, told):
    config = granted(AUTHORITY, group).replace("global:\n", "global:\n  user: nobody\n")
    service = Service(host, name, config, {"example.com.zone": ZONE}).start(ready=False)
    assert service.wait() != 0
    assert told in service.log() and group in service.log()
