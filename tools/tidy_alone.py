"""Compiles headers by themselves for tools/tidy, with each compiler that is here.
Knows no rule of the house."""

import os
import shutil
import subprocess
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


def failures(root, headers, kernel_headers):
    """[(path, message)] of those that do not compile: kernel_headers by clang for the kernel's machine."""
    compilers = [name for name in ("gcc", "clang") if shutil.which(name)]
    folders = library_folders()

    def compile_one(job):
        compiler, flags, path = job
        name = path.removeprefix("src/")
        standard = [compiler, "-std=gnu17", "-D_GNU_SOURCE", "-fsyntax-only", "-Isrc", "-I."]
        return subprocess.run(
            [*standard, *folders, *flags, "-x", "c", "-"],
            cwd=root,
            input=f'#include "{name}"\n#include "{name}"\n',
            capture_output=True,
            text=True,
            check=False,
        )

    jobs = [(compiler, [], path) for path in headers for compiler in compilers]
    if "clang" in compilers:
        jobs += [("clang", FOR_KERNEL, path) for path in kernel_headers]
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 2) as pool:
        for (compiler, flags, path), result in zip(jobs, pool.map(compile_one, jobs)):
            if result.returncode != 0:
                error = next((e for e in result.stderr.split("\n") if "error:" in e), "failed")
                by = compiler + (" for the kernel" if flags else "")
                yield path, f"does not compile alone with {by}: {error.strip()}"
