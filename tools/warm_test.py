#!/usr/bin/python3
"""Asks a program that tools/warm serves, and the same program cold."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import warm  # noqa: E402

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}


class Served(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        (cls.folder / "good.c").write_text("int main(void) { return 7; }\n", encoding="utf-8")
        (cls.folder / "bad.c").write_text("int main(void) { return nothing; }\n", encoding="utf-8")
        cls.clang = warm.Warm("clang", cls.folder / "warm", ENVIRONMENT)
        cls.addClassCleanup(cls.clang.close)

    def ask(self, *words, program=None, **variables):
        return subprocess.run(
            [str(program or self.folder / "warm/clang"), *words],
            cwd=self.folder,
            env={**ENVIRONMENT, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def warm(self, *words):
        return self.ask(*words, **self.clang.variables)

    def forks(self):
        """What grows with each fork that has ended: how often one had to fetch a page."""
        words = Path(f"/proc/{self.clang.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return int(words[8])

    def test_compiles_and_links_as_the_cold_one_does(self):
        words = ["-g", "-fsanitize=address", "-MD", "-MF", "good.d", "-c", "good.c", "-o", "good.o"]
        made = {}
        for asked in (self.warm, lambda *w: self.ask(*w, program="/usr/bin/clang")):
            self.assertEqual(asked(*words).returncode, 0)
            made[asked] = [(self.folder / name).read_bytes() for name in ("good.o", "good.d")]
            self.assertEqual(asked("good.o", "-fsanitize=address", "-o", "good").returncode, 0)
            self.assertEqual(self.ask(program=self.folder / "good").returncode, 7)
        first, second = made.values()
        self.assertEqual(first, second)

    def test_it_is_the_served_one_that_works(self):
        before = self.forks()
        self.warm("--version")
        self.warm("--version")  # it takes leave of the first one before it serves
        self.assertGreater(self.forks(), before)

    def test_status_and_words_of_a_failure_arrive(self):
        told = self.warm("-c", "bad.c", "-o", "bad.o")
        self.assertEqual(told.returncode, 1)
        self.assertIn("bad.c:1:25: error:", told.stderr)
        self.assertFalse((self.folder / "bad.o").exists())

    def test_many_at_once(self):
        asked = [
            subprocess.Popen(
                [self.folder / "warm/clang", "-c", "good.c", "-o", f"{n}.o"],
                cwd=self.folder,
                env={**ENVIRONMENT, **self.clang.variables},
            )
            for n in range(20)
        ]
        self.assertEqual([one.wait(120) for one in asked], [0] * 20)
        self.assertEqual(len({(self.folder / f"{n}.o").read_bytes() for n in range(20)}), 1)

    def test_cold_without_a_server(self):
        for variables in ({}, {"WARM": str(self.folder / "nobody")}):
            cold = self.ask("--version", **variables)
            self.assertEqual((cold.returncode, cold.stdout), (0, self.warm("--version").stdout))

    def test_cold_with_more_words_than_a_packet_takes(self):
        told = self.warm("-c", "good.c", "-o", "many.o", *["-DWORD=" + "x" * 100] * 1500)
        self.assertEqual(told.returncode, 0, told.stderr)

    def test_what_it_starts_has_no_preloaded_library(self):
        (self.folder / "ld.shows").write_text("#!/bin/sh\nenv\nexit 3\n", encoding="utf-8")
        (self.folder / "ld.shows").chmod(0o755)
        told = self.warm("good.c", f"--ld-path={self.folder}/ld.shows", "-o", "shown")
        self.assertIn("PATH=", told.stdout)
        self.assertNotIn("LD_PRELOAD", told.stdout)
        self.assertEqual(told.returncode, 3)

    def test_a_crash_is_a_failure(self):
        (self.folder / "crash.c").write_text("#pragma clang __debug crash\n", encoding="utf-8")
        told = self.warm("-fno-crash-diagnostics", "-c", "crash.c")
        self.assertGreater(told.returncode, 1)
        told = self.warm("-cc1", "-emit-obj", "crash.c")  # nothing of clang outlives that one
        self.assertEqual(told.returncode, 1)
        self.assertIn("ended without a status", told.stderr)

    def test_ends_with_its_standard_input(self):
        other = warm.Warm("clang", self.folder / "other", ENVIRONMENT)
        pid = other.process.pid
        other.close()
        self.assertFalse(os.path.exists(f"/proc/{pid}"))
        self.assertFalse(os.path.exists(other.variables["WARM"]))


if __name__ == "__main__":
    unittest.main()
