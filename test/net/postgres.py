"""A PostgreSQL server of the tests' own, on a unix socket in a folder of its own, as a user who is not root.

    server = Postgres(folder).start()
    url = server.empty()     what `store:` takes
    server.rows()            the leases in it, by address
    server.stop(); server.kill(); server.start()
"""

import contextlib
import ipaddress
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path

import proc

# Nothing here cuts the power: what the kernel was given outlives whatever is killed.
SETTINGS = {
    "client_min_messages": "warning",
    "listen_addresses": "", "fsync": "off", "shared_buffers": "16MB", "max_connections": "40",
    "log_min_messages": "fatal", "autovacuum": "off",
    "dynamic_shared_memory_type": "mmap",  # in its folder, which goes: of /dev/shm a kill leaves what it had
}
VERSIONS = range(19, 12, -1)
STATES = {2: "bound", 3: "released", 4: "expired", 5: "declined", 6: "conflict"}
STATES6 = {2: "bound", 3: "ended", 4: "declined"}


def programs():
    """The folder of the newest one here; None."""
    for version in VERSIONS:
        folder = Path(f"/usr/lib/postgresql/{version}/bin")
        if (folder / "postgres").exists() and (folder / "initdb").exists():
            return folder
    return None


def why_not():
    return None if programs() else "no PostgreSQL server is installed"


class Postgres:
    def __init__(self, folder):
        self.folder, self.programs, self.process = Path(folder), programs(), None
        self.user = "postgres" if any(u.pw_name == "postgres" for u in pwd.getpwall()) else "nobody"
        self.folder.mkdir()
        self.folder.chmod(0o755)
        shutil.chown(self.folder, self.user)
        self.run("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8", "--locale=C")

    @property
    def data(self):
        return self.folder / "data"

    def words(self, program, *arguments):
        """It refuses to be root; and it ends with us, however we end."""
        user = ["setpriv", f"--reuid={self.user}", f"--regid={pwd.getpwnam(self.user).pw_gid}", "--clear-groups"]
        return [*user, "--pdeathsig", "KILL", str(self.programs / program), *map(str, arguments)]

    def run(self, program, *arguments):
        done = subprocess.run(
            self.words(program, *arguments), capture_output=True, text=True, cwd=self.folder, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, timeout=30):
        settings = [word for key, value in SETTINGS.items() for word in ("-c", f"{key}={value}")]
        until = time.monotonic() + timeout
        while True:
            with open(self.folder / "log", "ab") as log:
                self.process = subprocess.Popen(
                    self.words("postgres", "-D", self.data, "-k", self.folder, *settings),
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                )
            while self.process.poll() is None:
                with contextlib.suppress(AssertionError):
                    self.sql("SELECT 1")
                    return self
                assert time.monotonic() < until, self.log()
                time.sleep(0.02)
            # After a kill the last of its processes may still hold its memory.
            assert time.monotonic() < until, self.log()
            time.sleep(0.1)

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def stop(self):
        """In order; connections are ended."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(20)

    def kill(self):
        """All its processes at once, as by a loss of power."""
        for pid in [self.process.pid, *proc.children(self.process.pid)]:
            proc.kill(pid)
        self.process.wait(20)

    def pause(self, sign=signal.SIGSTOP):
        """It neither answers nor closes; SIGCONT lets it go on."""
        for pid in [self.process.pid, *proc.children(self.process.pid)]:
            proc.kill(pid, sign)

    def resume(self):
        self.pause(signal.SIGCONT)

    @property
    def alive(self):
        return self.process is not None and self.process.poll() is None

    def close(self):
        if self.alive:
            self.kill()
        # By this memory one knows that another runs in its folder; a kill leaves it, and the kernel has room for 4096.
        told = self.data / "postmaster.pid"
        if told.exists():
            subprocess.run(["ipcrm", "-m", told.read_text().split("\n")[6].split()[1]], check=True, timeout=20)
        shutil.rmtree(self.folder, ignore_errors=True)

    def sql(self, text):
        return self.run("psql", "-X", "-A", "-t", "-q", "-h", self.folder, "-U", "postgres", "-c", text)

    def empty(self):
        """As it was before anybody used it; returns the URL that `store:` takes."""
        tables = "gatehouse_store, gatehouse_table, gatehouse_row"
        self.sql(f"DROP TABLE IF EXISTS {tables}; DROP SEQUENCE IF EXISTS gatehouse_version")
        return f"postgresql:///postgres?host={self.folder}&user=postgres"

    def leases(self):
        """The durable rows of leases, as pairs of octets."""
        text = self.sql(
            "SELECT encode(key, 'hex'), encode(value, 'hex') FROM gatehouse_row JOIN gatehouse_table ON tab = id"
            " WHERE name = 'leases' AND removed IS NULL",
        )
        return [tuple(bytes.fromhex(word) for word in line.split("|")) for line in text.split()]

    def rows(self):
        """What is durable: {address: (state, MAC, Unix time of the end)}."""
        found = {}
        for key, value in self.leases():
            assert key[0] == 4 and value[0] == 1, (key, value)
            mac = value[12 : 12 + value[11]]
            found[str(ipaddress.IPv4Address(key[1:5]))] = (
                STATES[value[1]], ":".join(f"{octet:02x}" for octet in mac), int.from_bytes(value[6:10], "big"),
            )
        return found

    def rows6(self):
        """The same of IPv6: {address or prefix: (state, DUID, Unix time of the end)}."""
        found = {}
        for key, value in self.leases():
            assert key[0] == 6 and value[0] == 1, (key, value)
            lease = ipaddress.IPv6Network((key[1:17], key[17]))
            found[str(lease.network_address if key[17] == 128 else lease)] = (
                STATES6[value[2]], value[22 : 22 + value[21]], int.from_bytes(value[13:17], "big"),
            )
        return found
