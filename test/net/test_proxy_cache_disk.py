"""The disk tier of the proxy's cache: what it keeps through restarts and kills, that no torn answer is ever given, and
that purges last. Each body follows from its address, so that any byte that is not its own shows.

GATEHOUSE_KILLS: how often the process is killed while it writes (10 unless given)."""

import contextlib
import ctypes
import hashlib
import http.client
import http.server
import os
import random
import signal
import threading
import time

import pytest

import topology
from proc import threads
from proxy_servers import wait_for
from service import Service

HOST = "www.home.arpa"
KILLS = int(os.environ.get("GATEHOUSE_KILLS", "10"))
CONFIG = """global:
  log: {level: info}
reverse-proxy:
  listen: 127.0.0.1:8080
  workers: 2
  cache: {memory: %s, object: 1M, disk: {size: %s, object-max: 512K}}
  routes:
    - {host: www.home.arpa, to: "127.0.0.1:9001", cache: {stale-if-error: 1h}}
"""

FORWARD = """global:
  log: {level: info}
forward-proxy:
  listen: 127.0.0.1:8080
  workers: 2
  clients: 127.0.0.0/8
  resolver: 127.0.0.53
  allow-inside: 127.0.0.2/32
  cache: {memory: 4M, object: 1M, disk: {size: 64M, object-max: 512K}}
"""


def body_of(path):
    """/NAME/SIZE: as many bytes, that are of no other path."""
    size = int(path.split("/")[2])
    return hashlib.shake_128(path.encode()).digest(size)


class Origin(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    asked = []

    def do_GET(self):
        self.asked.append(self.path)
        body = body_of(self.path)
        tag = f'"{hashlib.sha256(body).hexdigest()}"'
        same = self.headers.get("If-None-Match") == tag
        self.send_response_only(304 if same else 200)
        self.send_header("Cache-Control", "max-age=36000")
        self.send_header("ETag", tag)
        self.send_header("Cache-Tag", f"all,{self.path.split('/')[1]}")
        if not same:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(b"" if same else body)

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.send_response_only(204)
        self.end_headers()

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_):
        pass


@pytest.fixture(scope="module")
def host(janitor_process):
    net = topology.Net()
    try:
        proxy = net.host("proxy")
        with proxy.inside():
            server = Server(("0.0.0.0", 9001), Origin)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield proxy
        server.shutdown()
        server.server_close()
    finally:
        assert not net.close()


@pytest.fixture
def service(host):
    service = Service(host, "reverse-proxy", CONFIG % ("4M", "64M"))
    yield service
    service.close()


class Asker:
    def __init__(self, service):
        # An origin that is asked for by its address needs no names.
        self.before = "http://127.0.0.2:9001" if service.name == "forward-proxy" else ""
        self.http = http.client.HTTPConnection("127.0.0.1", 8080, timeout=20)
        with service.host.inside():
            self.http.connect()
        self.http.auto_open = 0

    def get(self, path, **fields):
        """(status, body, Cache-Status)"""
        headers = {"Host": HOST, **{k.replace("_", "-"): v for k, v in fields.items()}}
        if self.before:
            headers["Host"] = "127.0.0.2:9001"
        self.http.request("GET", self.before + path, headers=headers)
        answer = self.http.getresponse()
        return answer.status, answer.read(), answer.getheader("Cache-Status", "")

    def post(self, path):
        name = "127.0.0.2:9001" if self.before else HOST
        self.http.request("POST", self.before + path, b"x", headers={"Host": name})
        answer = self.http.getresponse()
        answer.read()
        return answer.status

    def kept(self, path):
        """Whether the cache has it; then each byte is right."""
        status, body, said = self.get(path, Cache_Control="only-if-cached")
        if status == 504:
            return False
        assert status == 200 and "hit" in said and body == body_of(path), (path, status, said, len(body))
        return True

    def close(self):
        self.http.close()


def disk(service):
    name = "reverse-proxy" if service.name == "run" else service.name
    return service.control("GET", "/cache?limit=0", service=name)[1]["disk"]


def fill(service, paths):
    """One after another comes to the disk: of too many that wait for a slow one some would not."""
    asker = Asker(service)
    before = disk(service)
    for number, path in enumerate(paths, 1):
        status, body, _ = asker.get(path)
        assert status == 200 and body == body_of(path)
        wait_for(lambda n=number: disk(service)["writes"] == before["writes"] + n)
    asker.close()
    told = disk(service)
    assert told["dropped"] == before["dropped"] and told["errors"] == 0
    return told


def kept(service, paths):
    asker = Asker(service)
    found = [path for path in paths if asker.kept(path)]
    asker.close()
    return found


def test_answers_outlive_the_process_and_there_may_be_more_than_memory_takes(service):
    paths = [f"/a{i}/{size}" for i, size in enumerate([0, 1, 1000, 65535, 65536, 65537, 400000] * 12)]
    service.start()
    assert "the cache's disk is new" in service.log()
    assert fill(service, paths)["count"] == len(paths)
    asked = len(Origin.asked)
    assert kept(service, paths) == paths, "they are in memory, or come from the disk"
    assert disk(service)["reads"] > 0
    for end in (service.stop, service.kill):
        end()
        service.start()
        assert f"objects={len(paths)}" in service.log()
        assert kept(service, paths) == paths and len(Origin.asked) == asked
    # What is kept in memory only, and what is on the disk too.
    asker = Asker(service)
    assert asker.get("/large/600000")[0] == 200
    wait_for(lambda: asker.kept("/large/600000"))
    asker.close()
    told = service.control("GET", "/cache?prefix=http://www.home.arpa/large")[1]
    assert told["disk"]["count"] == len(paths) and [o["tier"] for o in told["objects"]] == ["memory"]
    why = service.control("GET", f"/cache/why?url=http://{HOST}{paths[2]}")[1]
    assert why["disk"] == 1 and all(o["tier"] == "both" for o in why["objects"])
    metrics = service.control("GET", "/metrics")[1]
    assert f"gatehouse_reverse_proxy_cache_disk_objects {len(paths)}\n" in metrics
    assert "gatehouse_reverse_proxy_cache_disk_errors_total 0\n" in metrics


def test_what_is_purged_stays_so_through_a_kill(service):
    paths = [f"/{name}/{size}" for name in ("one", "two", "six") for size in (10, 2000, 70000)]
    one, two, six = paths[:3], paths[3:6], paths[6:]
    service.start()
    fill(service, paths)
    service.stop()
    service.start()
    left = list(paths)
    for query, gone in (
        (f"url=http://{HOST}{one[0]}", one[:1]),
        (f"prefix=http://{HOST}/two/", two),
        ("tag=six", six),
        ("all=1", one[1:]),
    ):
        status, told = service.control("POST", f"/cache/purge?{query}")
        assert status == 200 and told["lasting"] and told["sweeps"] == query.startswith(("prefix", "tag"))
        service.kill()
        service.start()
        left = [path for path in left if path not in gone]
        assert kept(service, paths) == left
        wait_for(lambda: not disk(service)["sweeps"])
        assert disk(service)["count"] == len(left)


class Held:
    """The thread that writes to the disk does nothing from here on: what the others do meanwhile comes into the moment
    before its turn, however short that is."""

    SEIZE, INTERRUPT, WALL = 0x4206, 0x4207, 0x40000000

    def __init__(self, pid):
        self.thread = next(task for task, name in threads(pid).items() if name == "cache-writer")
        libc = ctypes.CDLL(None, use_errno=True)
        libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
        for request in (self.SEIZE, self.INTERRUPT):
            assert libc.ptrace(request, self.thread, None, None) == 0, os.strerror(ctypes.get_errno())
        os.waitpid(self.thread, self.WALL)

    def ended(self):
        os.waitpid(self.thread, self.WALL)


@pytest.mark.parametrize("name, proxy", [("reverse-proxy",) * 2, ("forward-proxy",) * 2, ("run", "reverse-proxy")])
def test_what_was_forgotten_stays_so_through_a_kill_before_it_is_written(host, name, proxy):
    service = Service(host, name, FORWARD if proxy == "forward-proxy" else CONFIG % ("4M", "64M"))
    site = "http://127.0.0.2:9001" if proxy == "forward-proxy" else f"http://{HOST}"
    noted = service.run_folder / f"{proxy}.gone"
    posted, moved, tagged, other, more = paths = [f"/{n}/2000" for n in ("posted", "moved", "tagged", "other", "more")]

    def control(*args, **more):
        return service.control(*args, service=proxy, **more)

    def held():
        return Held(control("GET", "/status")[1]["pid"])

    def kill(pid, thread=None):
        os.kill(pid, signal.SIGKILL)
        if thread:
            thread.ended()
        if name == "run":
            wait_for(lambda: control("GET", "/status")[1]["pid"] != pid)
        else:
            service.kill()
            service.start()

    def purge(query):
        with contextlib.suppress(OSError, http.client.HTTPException):  # killed before it answers
            control("POST", f"/cache/purge?{query}", timeout=60)

    try:
        service.start()
        wait_for(lambda: (service.run_folder / f"{proxy}.sock").exists())
        assert fill(service, paths)["count"] == len(paths)
        assert noted.stat().st_size == 512 << 10 and noted.stat().st_mode & 0o777 == 0o600
        thread, pid = held(), control("GET", "/status")[1]["pid"]
        asker = Asker(service)
        assert asker.post(posted) == 204 and not asker.kept(posted)
        for query, path in ((f"prefix={site}/moved", moved), ("tag=tagged", tagged)):
            threading.Thread(target=purge, args=(query,), daemon=True).start()
            assert wait_for(lambda p=path: not asker.kept(p))
        asker.close()
        kill(pid, thread)
        assert kept(service, paths) == [other, more]
        # By then the disk knows.
        wait_for(lambda: not disk(service)["sweeps"])
        kill(control("GET", "/status")[1]["pid"])
        assert kept(service, paths) == [other, more]
        if name == "run":
            return
        # Without the notes, as after a loss of power, it would come back: that was the moment.
        thread, pid = held(), control("GET", "/status")[1]["pid"]
        asker = Asker(service)
        assert asker.post(other) == 204 and not asker.kept(other)
        asker.close()
        noted.unlink()
        kill(pid, thread)
        assert kept(service, paths) == [other, more]
        # What is no file is done without.
        service.stop()
        noted.unlink()
        noted.mkdir()
        service.start()
        assert "a file for what outlives the process cannot be had" in service.log()
        assert kept(service, paths) == [other, more]
    finally:
        service.close()


def test_who_asks_for_something_newer_has_nothing_written(service):
    service.start()
    assert fill(service, ["/newer/300000"])["count"] == 1
    asker = Asker(service)
    for _ in range(20):
        status, body, said = asker.get("/newer/300000", Cache_Control="no-cache")
        assert status == 200 and body == body_of("/newer/300000") and "fwd-status=304" in said, said
    # What is written after them comes behind them.
    told = fill(service, ["/after/100"])
    assert told["writes"] == 2 and told["count"] == 2
    asker.close()


def test_a_disk_that_cannot_be_had_is_done_without(host, service):
    service.start()
    assert fill(service, ["/x/100"])["count"] == 1
    other = Service(host, "reverse-proxy", (CONFIG % ("4M", "64M")).replace("8080", "8081"))
    other.configure((CONFIG % ("4M", "64M")).replace("8080", "8081").replace("global:", f"global:\n  state: {service.folder}/state"))
    try:
        other.start()
        assert "another process uses the cache's disk" in other.log()
        assert "disk" not in other.control("GET", "/cache")[1]
    finally:
        other.close()
    service.stop()
    # Another size is another file.
    service.configure(CONFIG % ("4M", "32M"))
    service.start()
    assert service.log().count("the cache's disk is new") == 2 and not kept(service, ["/x/100"])
    # What nobody wrote.
    service.stop()
    file = service.folder / "state" / "reverse-proxy" / "cache"
    with open(file, "r+b") as f:
        f.write(b"nobody's")
    service.start()
    assert "it is damaged" in service.log() and disk(service)["count"] == 0


@pytest.mark.parametrize("name", ["reverse-proxy", "run"])
def test_its_file_may_lie_in_another_folder(host, name):
    """Made for the user that the service becomes, by itself or by the supervisor; nobody else may look into it."""
    config = (CONFIG % ("4M", "64M")).replace("disk: {", "disk: {folder: $DIR/elsewhere, ")
    service = Service(host, name, config)
    try:
        service.start()
        wait_for(lambda: "the cache's disk is new" in service.log())
        wait_for(lambda: (service.run_folder / "reverse-proxy.sock").exists())
        folder = service.folder / "elsewhere" / "reverse-proxy"
        file = folder / "cache"
        assert file.stat().st_size == 64 << 20 and folder.stat().st_mode & 0o777 == 0o700
        assert not (service.folder / "state" / "reverse-proxy" / "cache").exists()
        assert fill(service, ["/elsewhere/1000"])["count"] == 1
        service.stop()
        service.start()
        wait_for(lambda: "objects=1" in service.log())
        assert wait_for(lambda: kept(service, ["/elsewhere/1000"]))
        service.stop()
        # A folder that cannot be made.
        service.configure(config.replace("$DIR/elsewhere", "$DIR/gatehouse.yaml"))
        service.start()
        wait_for(lambda: "the cache goes on in memory" in service.log())
        asker = Asker(service)
        assert asker.get("/elsewhere/1000")[0] == 200
        assert asker.kept("/elsewhere/1000")
        asker.close()
    finally:
        service.close()


class Load(threading.Thread):
    """Asks for one thing after another, until it is cut off."""

    def __init__(self, service, seed, seen):
        super().__init__(daemon=True)
        self.asker, self.random, self.seen = Asker(service), random.Random(seed), seen

    def run(self):
        try:
            while True:
                size = self.random.choice((300, 3000, 30000, 70000, 300000))
                path = f"/k{self.random.randrange(400)}/{size}"
                self.seen.add(path)
                status, body, _ = self.asker.get(path)
                assert status != 200 or body == body_of(path)
        except (OSError, http.client.HTTPException):
            pass  # the proxy was killed
        finally:
            self.asker.close()


@pytest.mark.parametrize("name", ["reverse-proxy", "forward-proxy"])
def test_killed_while_it_writes_it_gives_no_torn_answer(host, name):
    service = Service(host, name, FORWARD if name == "forward-proxy" else CONFIG % ("4M", "64M"))
    try:
        kill_and_look(service)
    finally:
        service.close()


def kill_and_look(service):
    seen, found, starts = set(), 0, random.Random(1)
    for number in range(KILLS):
        service.start()
        if number:
            some = sorted(seen)
            found += len(kept(service, starts.sample(some, min(len(some), 300))))
        before = disk(service)["writes"]
        loads = [Load(service, number * 10 + i, seen) for i in range(3)]
        for load in loads:
            load.start()
        wait_for(lambda: disk(service)["writes"] > before)
        time.sleep(starts.random() / 5)  # the moment of the kill is by chance
        service.kill()
        for load in loads:
            load.join(20)
    service.start()
    some = sorted(seen)
    found += len(kept(service, some))
    told = disk(service)
    assert found > KILLS and told["errors"] == 0
    print(f"{KILLS} kills, {len(seen)} addresses, {found} answers from what was there before, {told}")
