"""Compiles headers by themselves for tools/tidy, with each compiler that is here.
Knows no rule of the house."""

import os
import shlex
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor

FOR_KERNEL = ["-target", "bpf", "-idirafter", f"/usr/include/{os.uname().machine}-linux-gnu"]


def library_folders():
    """-I… of the libraries whose headers do not lie in /usr/include itself."""
    try:
        asked = subprocess.run(
            ["pkg-config", "--cflags-only-I", "libpq"], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return []
    return asked.stdout.split()


def without_driver(words):
    """What clang's driver would run for these words. It begins once for many files, which it compiles each by itself; the
    driver begins it anew for each, and that takes five times as long as a header does. [] when it does not say."""
    asked = subprocess.run([*words, "-###", "-"], capture_output=True, text=True, check=False)
    lines = [line for line in asked.stderr.split("\n") if line.startswith(' "')]
    return shlex.split(lines[-1])[:-1] if asked.returncode == 0 and len(lines) == 1 else []


def all_compile(root, words, headers):
    """Whether clang's compiler takes all of them; it does not say whose a failure is."""
    with tempfile.TemporaryDirectory(prefix="gatehouse-tidy-") as folder:
        files = []
        for n, path in enumerate(headers):
            files.append(f"{folder}/{n}.c")
            with open(files[-1], "w", encoding="utf-8") as file:
                file.write(twice(path))
        done = subprocess.run([*words, *files], cwd=root, capture_output=True, check=False)
        return done.returncode == 0


def twice(path):
    name = path.removeprefix("src/")
    return f'#include "{name}"\n#include "{name}"\n'


def failures(root, headers, kernel_headers):
    """[(path, message)] of those that do not compile: kernel_headers by clang for the kernel's machine."""
    compilers = [name for name in ("gcc", "clang") if shutil.which(name)]
    folders = library_folders()
    at_once = os.cpu_count() or 2

    def words(compiler, flags):
        standard = [compiler, "-std=gnu17", "-D_GNU_SOURCE", "-fsyntax-only", "-Isrc", "-I."]
        return [*standard, *folders, *flags, "-x", "c"]

    def compile_one(job):
        compiler, flags, path = job
        return subprocess.run(
            [*words(compiler, flags), "-"],
            cwd=root,
            input=twice(path),
            capture_output=True,
            text=True,
            check=False,
        )

    with ThreadPoolExecutor(max_workers=at_once) as pool:
        jobs = [("gcc", [], path) for path in headers if "gcc" in compilers]
        for flags, paths in (([], headers), (FOR_KERNEL, kernel_headers)):
            quick = without_driver(words("clang", flags)) if "clang" in compilers else []
            shares = [share for n in range(at_once) if (share := paths[n::at_once])]
            # Of a share with a failure each is compiled once more by itself, to tell whose it is.
            fine = pool.map(lambda share: bool(quick) and all_compile(root, quick, share), shares)
            bad = [path for share, ok in zip(shares, fine) if not ok for path in share]
            jobs += [("clang", flags, path) for path in bad if "clang" in compilers]
        for (compiler, flags, path), result in zip(jobs, pool.map(compile_one, jobs)):
            if result.returncode != 0:
                error = next((e for e in result.stderr.split("\n") if "error:" in e), "failed")
                by = compiler + (" for the kernel" if flags else "")
                yield path, f"does not compile alone with {by}: {error.strip()}"
