"""Address servers, each configured and started in a folder of its own, and the load of clients. Knows no bench."""

import json
import os
import pwd
import shutil
import subprocess
import time
from pathlib import Path

import pairs

SUBNET, ROUTER, FIRST, LAST = "10.64.0.0/10", "10.64.0.1", "10.112.0.0", "10.127.255.254"
POSTGRES = Path("/usr/lib/postgresql/15/bin")


class Server:
    """How one server is configured and started in a folder of its own; stop() ends all that it started."""

    name = "?"
    durable = ""

    def __init__(self, net, binary):
        self.net, self.binary, self.processes = net, binary, []

    def folder_new(self):
        self.folder = self.net.folder / f"{type(self).__name__.lower()}-{time.monotonic_ns()}"
        self.folder.mkdir()
        self.folder.chmod(0o777)

    def launch(self, *words, **options):
        process = self.net.start(*words, **options)
        self.processes.append(process)
        return process

    def start(self):
        self.folder_new()
        self.configure()
        self.run()
        self.wait()

    def answers(self):
        words = ["ip", "netns", "exec", self.net.load, self.net.load_program, "exchange", pairs.SERVER, pairs.CLIENT, 1, 0.1]
        first = 0xE0000000 + time.monotonic_ns() // 1000 % 0x10000000
        out = subprocess.run(list(map(str, words)), capture_output=True, text=True, env={**os.environ, "FIRST": str(first)}).stdout
        return out and "done 0" not in out.splitlines()

    def wait(self):
        if not pairs.wait_for(lambda: self.answers() or self.dead(), 60) or self.dead():
            log = "".join(p.read_text(errors="replace")[-2000:] for p in sorted(self.net.folder.glob("log-*"))[-2:])
            pairs.fail(f"{self.name} does not answer\n{log}")

    def dead(self):
        return any(p.poll() is not None for p in self.processes)

    def cpu_ns(self):
        return sum(pairs.cpu_ns(p) for p in self.processes)

    def stop(self):
        for process in reversed(self.processes):
            self.net.stop(process)
        self.processes = []
        shutil.rmtree(self.folder, ignore_errors=True)

    def configure(self):
        pass


class Postgres:
    """A database of its own on the server's core, by an unprivileged user; nothing listens but a socket in the folder."""

    def postgres_start(self, name):
        user = pwd.getpwnam("postgres")
        data, self.sockets = self.folder / "pg", self.folder / "sockets"
        for path in (data, self.sockets):
            path.mkdir()
            os.chown(path, user.pw_uid, user.pw_gid)
        as_user = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups"]
        pairs.run(*as_user, POSTGRES / "initdb", "-D", data, "-A", "trust", "-U", name, "--no-locale", "-E", "UTF8", cwd="/")
        self.launch(*as_user, POSTGRES / "postgres", "-D", data, "-k", self.sockets, "-c", "listen_addresses=", cwd="/")
        ready = [POSTGRES / "pg_isready", "-q", "-h", self.sockets, "-U", name]
        if not pairs.wait_for(lambda: subprocess.run(list(map(str, ready))).returncode == 0, 30):
            pairs.fail("PostgreSQL does not start")
        pairs.run(POSTGRES / "createdb", "-h", self.sockets, "-U", name, name)


class Gatehouse(Server):
    name, durable = "gatehouse", "yes"
    store = "sqlite"

    def configure(self):
        (self.folder / "gatehouse.yaml").write_text(f"""
global: {{run: run, state: state, user: nobody}}
dhcp:
  store: {self.store}
  probe: off
  clients-per-second: 0
  lease-time: 12h
  options: {{domain-name-servers: 10.64.0.2, domain-name: example.org}}
  networks:
    - subnet: {SUBNET}
      options: {{routers: {ROUTER}}}
      pools: {{range: {FIRST}-{LAST}, allocate: automatic}}
""")

    def run(self):
        self.launch(self.binary, "dhcp", "-c", self.folder / "gatehouse.yaml")


class GatehousePostgres(Gatehouse, Postgres):
    name = "gatehouse-postgresql"

    def configure(self):
        self.postgres_start("dhcp")
        self.store = f"\"postgresql://dhcp@/dhcp?host={self.sockets}\""
        super().configure()


class Kea(Server):
    name, durable = "kea", "no"
    threads = True

    def database(self):
        return {"type": "memfile", "persist": True, "name": str(self.folder / "leases.csv"), "lfc-interval": 3600}

    def configure(self):
        (self.folder / "kea.json").write_text(json.dumps({"Dhcp4": {
            "interfaces-config": {"interfaces": ["eth0"], "dhcp-socket-type": "udp"},
            "lease-database": self.database(),
            "multi-threading": {"enable-multi-threading": self.threads},
            "valid-lifetime": 43200,
            "option-data": [{"name": "domain-name-servers", "data": "10.64.0.2"}, {"name": "domain-name", "data": "example.org"}],
            "subnet4": [{"subnet": SUBNET, "id": 1, "pools": [{"pool": f"{FIRST} - {LAST}"}],
                         "option-data": [{"name": "routers", "data": ROUTER}]}],
            "loggers": [{"name": "kea-dhcp4", "severity": "ERROR", "output_options": [{"output": "stderr"}]}],
        }}))

    def run(self):
        self.launch("/usr/sbin/kea-dhcp4", "-c", self.folder / "kea.json",
                    env={**os.environ, "KEA_PIDFILE_DIR": str(self.folder), "KEA_LOCKFILE_DIR": str(self.folder)})


class KeaSingle(Kea):
    name, threads = "kea-single-threaded", False


class KeaPostgres(Kea, Postgres):
    name, durable = "kea-postgresql", "yes"

    def database(self):
        return {"type": "postgresql", "name": "kea", "user": "kea", "host": str(self.sockets)}

    def configure(self):
        self.postgres_start("kea")
        pairs.run(POSTGRES / "psql", "-q", "-h", self.sockets, "-U", "kea", "-d", "kea", "-f", "/usr/share/kea/scripts/pgsql/dhcpdb_create.pgsql")
        super().configure()


class Dnsmasq(Server):
    name, durable = "dnsmasq", "no"

    def run(self):
        self.launch("/usr/sbin/dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--user=root", "--no-ping", "--dhcp-authoritative",
                    "--quiet-dhcp", f"--dhcp-range={FIRST},{LAST},255.192.0.0,12h", "--dhcp-lease-max=1000000", f"--dhcp-option=3,{ROUTER}",
                    "--dhcp-option=6,10.64.0.2", "--domain=example.org", f"--dhcp-leasefile={self.folder}/leases", f"--pid-file={self.folder}/pid")


def loaded(net, *words, first):
    """The figures of one run of the generator; answers that were wrong end the bench."""
    result = subprocess.run(["ip", "netns", "exec", net.load, "taskset", "-c", pairs.LOAD_CORE, net.load_program, *map(str, words)],
                            capture_output=True, text=True, env={**os.environ, "FIRST": str(first)})
    figures = {key: float(value) for key, value in (line.split() for line in result.stdout.splitlines())}
    if result.returncode or not figures or figures["naks"]:
        pairs.fail(f"{' '.join(map(str, words))}: {result.stdout} {result.stderr}")
    return figures


def net_new(binary):
    """Two namespaces with addresses of the subnet that is served, the binary and the load generator known."""
    net = pairs.Net()
    net.binary = Path(binary).resolve()
    built = [folder / "bench/dhcp_load" for folder in net.binary.parents]
    net.load_program = next((path for path in built if path.exists()), None)
    if not net.load_program:
        pairs.fail("bench/dhcp_load is not built: ninja -C BUILD bench/dhcp_load")
    bits = SUBNET.split("/")[1]
    for name, address in ((net.server, pairs.SERVER), (net.load, pairs.CLIENT)):
        pairs.run("ip", "-n", name, "address", "delete", f"{address}/24", "dev", "eth0")
        pairs.run("ip", "-n", name, "address", "add", f"{address}/{bits}", "dev", "eth0")
    return net
