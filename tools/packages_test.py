#!/usr/bin/python3
"""Runs tools/packages beside invented dpkg and apt programs that write down what they are asked."""

import subprocess
import tempfile
import unittest
from pathlib import Path

TOOL = Path(__file__).resolve().parent / "packages"
LIST = "# words\nrun: there gone\nrun: lost\nbuild: there\n"
PROGRAMS = {
    # Asked for all that are there, and what they stand for.
    "dpkg-query": 'echo "installed there, "; echo "installed instead, more (= 2)"; echo "config-files gone, "',
    "apt-cache": 'echo "$*" >>asked; shift; for name; do [ "$name" = new ] || echo "  Candidate: 1.0"; done',
    "apt-get": 'echo "$*" >>calls; ls policy >>calls 2>&1; [ "$2" = update ] || [ -e works ]',
    "id": "echo ${FAKE_UID:-0}",
    "cat": 'if [ "$1" = /proc/1/comm ]; then echo init; else /bin/cat "$@"; fi',
}


class Packages(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "list").write_text(LIST, encoding="utf-8")
        for name, text in PROGRAMS.items():
            program = self.folder / name
            program.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
            program.chmod(0o755)

    def run_tool(self, *arguments, uid=0):
        return subprocess.run(
            [str(TOOL), *arguments],
            cwd=self.folder,
            env={
                "PATH": f"{self.folder}:/usr/bin:/bin",
                "PACKAGES_LIST": str(self.folder / "list"),
                "PACKAGES_POLICY": str(self.folder / "policy"),
                "FAKE_UID": str(uid),
            },
            capture_output=True,
            text=True,
            check=False,
        )

    def calls(self):
        at = self.folder / "calls"
        return at.read_text(encoding="utf-8").split("\n")[:-1] if at.exists() else []

    def test_does_nothing_when_all_is_there(self):
        done = self.run_tool("build")
        self.assertEqual((done.returncode, done.stdout + done.stderr, self.calls()), (0, "", []))

    def test_prints_what_is_missing(self):
        self.assertEqual(self.run_tool("--print", "run", "build").stdout, "gone\nlost\n")

    def test_takes_what_another_package_provides(self):
        (self.folder / "list").write_text("run: instead more there\n", encoding="utf-8")
        self.assertEqual(self.run_tool("--print", "run").stdout, "")

    def test_refuses_purpose_that_is_not_listed(self):
        done = self.run_tool("fun")
        self.assertEqual(done.returncode, 2)
        self.assertIn("'fun'", done.stderr)

    def test_tells_an_ordinary_user_the_one_command(self):
        done = self.run_tool("run", uid=1000)
        self.assertEqual((done.returncode, self.calls()), (1, []))
        self.assertIn("apt-get install -y --no-install-recommends gone lost'", done.stderr)

    def test_installs_as_root_and_keeps_daemons_down_meanwhile(self):
        (self.folder / "works").touch()
        done = self.run_tool("run")
        self.assertEqual(done.returncode, 0, done.stderr)
        calls = self.calls()
        self.assertEqual(len(calls), 2, calls)
        self.assertTrue(calls[0].endswith("install -y --no-install-recommends gone lost"))
        self.assertEqual(calls[1], "policy")
        self.assertFalse((self.folder / "policy").exists())

    def test_leaves_a_policy_that_was_there(self):
        (self.folder / "works").touch()
        (self.folder / "policy").write_text("mine", encoding="utf-8")
        self.assertEqual(self.run_tool("run").returncode, 0)
        self.assertEqual((self.folder / "policy").read_text(encoding="utf-8"), "mine")

    def test_renews_lists_that_do_not_know_a_package(self):
        (self.folder / "works").touch()
        (self.folder / "list").write_text("run: gone new there\n", encoding="utf-8")
        self.assertEqual(self.run_tool("run").returncode, 0)
        self.assertEqual((self.folder / "asked").read_text(encoding="utf-8"), "policy gone new\n")
        calls = self.calls()
        self.assertEqual(calls[0], "-qq update")
        self.assertTrue(calls[2].endswith("install -y --no-install-recommends gone new"), calls)

    def test_renews_old_lists_and_reports_what_does_not_install(self):
        done = self.run_tool("run")
        self.assertEqual(done.returncode, 1)
        verbs = [call.split()[-5:][0] if "install" in call else call for call in self.calls()]
        self.assertEqual(verbs[::2], ["install", "-qq update", "install"])
        self.assertIn("could not install: gone lost", done.stderr)
        self.assertFalse((self.folder / "policy").exists())


if __name__ == "__main__":
    unittest.main()
