"""A program that is loaded once and asked often: see serve.c and ask.c, which are compiled here."""

import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
CC = ["gcc", "-std=gnu17", "-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"]


class Warm:
    """Serves a program until it is closed or its owner ends. folder/NAME stands in the program's place when .variables
    are in the environment, and else starts it."""

    def __init__(self, name, folder, environment):
        folder.mkdir(parents=True, exist_ok=True)
        library = folder / "serve.so"
        for output, *words in ((library, "-shared", "-fPIC", HERE / "serve.c"), (folder / name, HERE / "ask.c")):
            subprocess.run([*CC, "-o", output, *words], env=environment, check=True)
        self.place = tempfile.TemporaryDirectory(prefix="gatehouse-warm-")  # paths of sockets are short
        self.variables = {"WARM": f"{self.place.name}/{name}"}
        # All symbols at once, and its heap in large pages: what forks would else repeat.
        once = {"LD_BIND_NOW": "1", "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1", "LD_PRELOAD": str(library)}
        self.process = subprocess.Popen(
            [name],
            env={**environment, **self.variables, **once},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self.process.stdout.readline()

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()
        self.place.cleanup()
