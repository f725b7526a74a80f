#!/usr/bin/python3
"""Runs pytest as tools/warm_pytest.py has loaded it, and the same files with one that is cold."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import warm_pytest  # noqa: E402

ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "PYTHONDONTWRITEBYTECODE": "1",
    "GIVEN_TO_ALL": "yes",
}
FILES = {
    "noun.py": """
        import atexit
        import colorsys
        import os
        import random
        import tempfile

        IMPORTED_BY = os.getpid()
        DRAWN = [random.random(), tempfile.mktemp()]

        def at_the_end(text):
            atexit.register(lambda: open(os.environ["TOLD"], "a").write(text))
        """,
    "verb.py": """
        import colorsys
        import this_is_nowhere
        """,
    "sndhdr.py": """
        OURS = True
        """,
    "test_shadows.py": """
        import sndhdr

        def test_ours():
            assert sndhdr.OURS
        """,
    "test_shadows_too.py": "import sndhdr",
    "conftest.py": """
        import sys

        LOADED_BEFORE = sorted(sys.modules)
        """,
    "test_outcomes.py": """
        import pytest

        def test_passes():
            pass

        def test_fails():
            kept = {"a": 1}
            assert kept == {"a": 2}

        def test_is_skipped():
            pytest.skip("for no reason")

        @pytest.fixture
        def torn():
            yield
            raise RuntimeError("while tidying up")

        def test_fails_afterwards(torn):
            print("said by the test")
        """,
    "test_passes.py": "def test_one(): pass",
    "test_empty.py": "",
    "test_broken.py": "def",
    "test_nowhere.py": """
        import verb
        import this_is_nowhere
        """,
    "test_told.py": """
        import json, os, re, resource, sys, threading
        import conftest, noun

        def descriptor(fd):
            try:
                return re.sub("[:#].*", "", os.readlink(f"/proc/self/fd/{fd}"))  # without the number of what it is
            except FileNotFoundError:
                return "of the listing itself"

        def told():
            status = open("/proc/self/status").read().split("\\n")
            return {
                "signals": [line for line in status if line.startswith(("SigB", "SigI", "SigC"))],
                "umask": [line for line in status if line.startswith("Umask")],
                "descriptors": {fd: descriptor(fd) for fd in os.listdir("/proc/self/fd")},
                "limits": [resource.getrlimit(n) for n in range(16)],
                "folder": os.getcwd(),
                "environment": dict(os.environ),
                "argv": sys.argv,
                "path": sys.path,
                "threads": len(threading.enumerate()),
                "nice": os.nice(0),
                "warnings": sys.warnoptions,
            }

        def test_tells():
            ids = {"pid": os.getpid(), "pgid": os.getpgid(0), "sid": os.getsid(0)}
            same = told()
            own = {"imported_by": noun.IMPORTED_BY, "drawn": noun.DRAWN, "loaded": conftest.LOADED_BEFORE}
            with open(os.environ["TOLD"], "w") as file:
                json.dump({"ids": ids, "same": same, "own": own}, file)
        """,
    "test_ends.py": """
        import os, threading, time
        import noun

        def test_begins():
            noun.at_the_end("atexit")
            threading.Thread(target=lambda: (time.sleep(0.3), open(os.environ["TOLD"], "a").write("thread "))).start()
        """,
    "test_dies.py": """
        import os, signal

        def test_dies():
            os.kill(os.getpid(), signal.SIGKILL)
        """,
    "test_waits.py": """
        import os, subprocess, time

        def test_waits():
            other = subprocess.Popen(["sleep", "100"])
            with open(os.environ["TOLD"], "w") as file:
                file.write(str(other.pid))
            time.sleep(100)
        """,
}


def indented(text):
    first = re.match(r"\n( *)", text)
    return text.replace("\n" + first[1], "\n") if first else text


class Loaded(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        for name, text in FILES.items():
            (cls.folder / name).write_text(indented(text), encoding="utf-8")
        cls.pytest = warm_pytest.WarmPytest(cls.folder, ENVIRONMENT)
        cls.addClassCleanup(cls.pytest.close)

    def words(self, file, report):
        xml = f"--junitxml={self.folder / report}"
        return [f"--rootdir={self.folder}", "-q", "-p", "no:cacheprovider", xml, str(self.folder / file)]

    def start(self, file, report="warm.xml", told="warm.json"):
        return self.pytest.start(self.words(file, report), self.folder, TOLD=str(self.folder / told))

    def warm(self, file, **names):
        run = self.start(file, **names)
        output, nothing = run.communicate(60)
        self.assertIsNone(nothing)
        return run.returncode, output.decode()

    def cold(self, file):
        done = subprocess.run(
            ["/usr/bin/python3", "-m", "pytest", *self.words(file, "cold.xml")],
            cwd=self.folder,
            env={**ENVIRONMENT, "TOLD": str(self.folder / "cold.json")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            start_new_session=True,
        )
        return done.returncode, done.stdout

    def told(self, name="warm.json"):
        return json.loads((self.folder / name).read_text(encoding="utf-8"))

    def await_text(self, name):
        path, until = self.folder / name, time.monotonic() + 30
        while not (path.exists() and path.read_text()):
            self.assertLess(time.monotonic(), until)
            time.sleep(0.01)
        return path.read_text()

    def assert_gone(self, pid):
        until = time.monotonic() + 10
        while True:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z":
                    self.assertLess(time.monotonic(), until, "it is still there")
                    time.sleep(0.01)
                    continue
            return

    def test_status_output_and_report_are_those_of_the_cold_one(self):
        for file, status in (("outcomes", 1), ("passes", 0), ("empty", 5), ("broken", 2), ("nowhere", 2), ("missing", 4)):
            both = []
            for run, report in ((self.warm, "warm.xml"), (self.cold, "cold.xml")):
                found, output = run(f"test_{file}.py")
                self.assertEqual(found, status, output)
                xml = (self.folder / report).read_text() if status != 4 else ""
                for timed in (r' time(stamp)?="[^"]*"', r"\bin [\d.]+s", r"0x\w+", r"(warm|cold)\.xml", r"generated xml.*"):
                    output, xml = re.sub(timed, "", output), re.sub(timed, "", xml)
                both.append((output, xml))
            self.assertEqual(both[0], both[1], file)

    def test_a_run_has_what_a_process_of_its_own_has(self):
        (self.folder / "beside").unlink(missing_ok=True)
        beside = self.start("test_waits.py", report="beside.xml", told="beside")
        self.await_text("beside")
        (self.folder / "warm.json").unlink(missing_ok=True)
        for run in (self.warm, self.cold):
            status, output = run("test_told.py")
            self.assertEqual(status, 0, output)
        os.killpg(beside.pid, signal.SIGKILL)
        warm, cold = self.told(), self.told("cold.json")
        for told in (warm, cold):
            self.assertEqual(len(set(told["ids"].values())), 1)  # it leads its session
            self.assertEqual(told["own"]["imported_by"], told["ids"]["pid"])
            del told["same"]["environment"]["TOLD"]
            told["same"]["argv"] = [word.replace("cold.xml", "warm.xml") for word in told["same"]["argv"]]
        self.assertEqual(warm["same"]["environment"]["GIVEN_TO_ALL"], "yes")
        self.assertEqual(warm["same"]["folder"], str(self.folder))
        for what, value in cold["same"].items():
            self.assertEqual(warm["same"][what], value, what)

    def test_modules_of_others_are_loaded_before_and_the_folders_own_are_not(self):
        self.warm("test_told.py")
        loaded = self.told()["own"]["loaded"]
        self.assertIn("colorsys", loaded)
        self.assertNotIn("noun", loaded)
        self.cold("test_told.py")
        self.assertNotIn("colorsys", self.told("cold.json")["own"]["loaded"])

    def test_the_folders_own_module_is_not_taken_for_another_of_its_name(self):
        status, output = self.warm("test_shadows.py")
        self.assertEqual(status, 0, output)

    def test_runs_draw_different_numbers(self):
        drawn = []
        for _ in range(3):
            self.warm("test_told.py")
            drawn += self.told()["own"]["drawn"]
        self.assertEqual(len(set(drawn)), 6)

    def test_threads_end_and_then_what_was_registered_for_the_end_is_done(self):
        (self.folder / "ends").unlink(missing_ok=True)
        status, output = self.warm("test_ends.py", told="ends")
        self.assertEqual(status, 0, output)
        self.assertEqual((self.folder / "ends").read_text(), "thread atexit")

    def test_the_signal_that_ended_it_is_its_status(self):
        self.assertEqual(self.warm("test_dies.py")[0], -signal.SIGKILL)
        self.assertEqual(self.warm("test_passes.py")[0], 0)

    def test_who_takes_long_is_told_of_and_killed_with_all_it_started(self):
        (self.folder / "waits").unlink(missing_ok=True)
        run = self.start("test_waits.py", told="waits")
        other = int(self.await_text("waits"))
        with self.assertRaises(subprocess.TimeoutExpired):
            run.wait(0)
        with self.assertRaises(subprocess.TimeoutExpired):
            run.communicate(0.1)
        os.killpg(run.pid, signal.SIGKILL)
        run.communicate(10)
        self.assertEqual((run.returncode, run.wait(0)), (-signal.SIGKILL, -signal.SIGKILL))
        self.assert_gone(other)

    def test_many_at_once(self):
        runs = [self.start("test_outcomes.py" if n % 2 else "test_passes.py", report=f"{n}.xml") for n in range(10)]
        self.assertEqual(len({run.pid for run in runs}), 10)
        outputs = [run.communicate(60)[0].decode() for run in runs]
        self.assertEqual([run.returncode for run in runs], [0, 1] * 5)
        for n, output in enumerate(outputs):
            self.assertIn("\n1 failed, 2 passed, 1 skipped, 1 error in" if n % 2 else "\n1 passed in", output)

    def test_ends_with_its_owner_and_leaves_nothing(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        other = warm_pytest.WarmPytest(self.folder, {**ENVIRONMENT, "TMPDIR": place.name})
        run = other.start(self.words("test_told.py", "other.xml"), self.folder, TOLD=str(self.folder / "other.json"))
        run.communicate(60)
        self.assertTrue(list(Path(place.name).rglob("noun*.pyc")))  # the next run does not compile it
        other.close()
        self.assertEqual(other.process.returncode, 0)
        self.assert_gone(other.process.pid)
        self.assertEqual(list(Path(place.name).iterdir()), [])

    def test_without_it_no_run_begins_and_none_is_said_to_have_passed(self):
        place = tempfile.TemporaryDirectory()  # one that is killed leaves its folder
        self.addCleanup(place.cleanup)
        other = warm_pytest.WarmPytest(self.folder, {**ENVIRONMENT, "TMPDIR": place.name})
        self.addCleanup(other.close)
        runs = []
        for name in ("left1", "left2"):
            (self.folder / name).unlink(missing_ok=True)
            told = {"TOLD": str(self.folder / name)}
            runs.append(other.start(self.words("test_waits.py", f"{name}.xml"), self.folder, **told))
            self.await_text(name)
        other.process.kill()
        other.process.wait()
        self.assertEqual([run.wait(10) for run in runs], [1, 1])
        for run in runs:
            os.killpg(run.pid, signal.SIGKILL)
        with self.assertRaises(OSError):
            other.start(self.words("test_passes.py", "no.xml"), self.folder)
        other.close()


if __name__ == "__main__":
    unittest.main()
