#!/usr/bin/python3
"""Shows tidy small trees: for each rule one that it must refuse and one that it must accept."""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
TOOLS = Path(__file__).resolve().parent
sys.path.insert(0, str(TOOLS))
import tidy_c  # noqa: E402

HEAD = "/* A thing. Knows nothing of others. */\n"


def run(files):
    """{rule: [lines]} that tidy says of a tree of these files; a MAP.md is added if there is none."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in {"MAP.md": "src/ tools/ test/\n" + folders_of(files), **files}.items():
            at = Path(root) / path
            at.parent.mkdir(parents=True, exist_ok=True)
            at.write_bytes(text if isinstance(text, bytes) else text.encode())
        done = subprocess.run(
            [sys.executable, str(TOOLS / "tidy"), "--root", root, "--json"],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.stderr:
            raise AssertionError(done.stderr)
        found = {rule: lines for rule, lines in json.loads(done.stdout).items() if lines}
        assert done.returncode == (1 if found else 0)
        return found


def folders_of(files):
    parents = {str(parent) for path in files for parent in Path(path).parents}
    return "".join(f"`{p}/`\n" for p in sorted(parents - {"."}))


class Tidy(unittest.TestCase):
    def refuses(self, rule, files, count=1):
        found = run(files)
        self.assertEqual(list(found), [rule], found)
        self.assertEqual(len(found[rule]), count, found)
        return found[rule]

    def accepts(self, files):
        self.assertEqual(run(files), {})

    # ---- who may include whom

    def test_refuses_include_upwards(self):
        lines = self.refuses(
            "include",
            {"src/base/a.c": '\n#include "os/b.h"\n', "src/os/b.h": HEAD},
        )
        self.assertEqual(lines, ["src/base/a.c:2: include: base may not include os/b.h"])

    def test_accepts_include_downwards(self):
        self.accepts({"src/os/a.c": '#include "base/b.h"\n', "src/base/b.h": HEAD})

    def test_refuses_one_service_that_includes_another(self):
        self.refuses(
            "include",
            {
                "src/service/dhcp/main.c": '#include "service/authority/zone.h"\n',
                "src/service/authority/zone.h": HEAD,
            },
        )

    def test_refuses_engine_that_includes_os(self):
        self.refuses(
            "include",
            {"src/service/dhcp/engine.c": '#include "os/loop.h"\n', "src/os/loop.h": HEAD},
        )

    def test_refuses_engine_that_includes_a_front_room(self):
        self.refuses(
            "include",
            {
                "src/service/dhcp/engine.c": '#include "service/dhcp/io_udp.h"\n',
                "src/service/dhcp/io_udp.h": HEAD,
            },
        )

    def test_accepts_front_rooms_that_include_os(self):
        text = '#include "os/loop.h"\n#include "service/dhcp/engine.h"\n'
        rooms = ("main", "control", "worker", "io_udp")
        files = {f"src/service/dhcp/{room}.c": text for room in rooms}
        self.accepts(
            {**files, "src/os/loop.h": HEAD, "src/service/dhcp/engine.h": HEAD},
        )

    def test_refuses_a_service_inside_for_cli(self):
        self.refuses(
            "include",
            {
                "src/cli/a.c": '#include "service/dhcp/engine.h"\n',
                "src/service/dhcp/engine.h": HEAD,
            },
        )

    def test_accepts_service_header_for_cli(self):
        self.accepts(
            {
                "src/cli/a.c": '#include "service/dhcp/service.h"\n',
                "src/service/dhcp/service.h": HEAD,
            },
        )

    def test_refuses_user_space_in_programs_for_the_kernel(self):
        text = '#include "base/a.h"\n#include "service/nat/flow.h"\n'
        heads = {"src/base/a.h": HEAD, "src/service/nat/flow.h": HEAD}
        self.refuses("include", {"src/service/nat/bpf/a.bpf.c": text, **heads}, count=2)
        self.refuses("library", {"src/service/nat/bpf/a.bpf.c": "#include <stdio.h>\n"})

    def test_refuses_the_kernels_side_in_user_space(self):
        files = {
            "src/service/nat/io_bpf.c": '#include "service/nat/bpf/a.h"\n',
            "src/service/nat/bpf/a.h": HEAD + '#include "service/nat/bpf/b.h"\n',
            "src/service/nat/bpf/b.h": HEAD + "#include <linux/bpf.h>\n",
        }
        self.refuses("include", files)
        self.refuses("library", {"src/service/nat/io_bpf.c": "#include <bpf/libbpf.h>\n"})

    def test_accepts_programs_for_the_kernel_and_what_they_share(self):
        shared = HEAD + "#include <linux/types.h>\nstatic const __u8 number = 1;\n"
        text = "#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\nint packets;\n"
        files = {
            "src/service/nat/flow.c": '#include "service/nat/bpf/shared.h"\n',
            "src/service/nat/bpf/shared.h": shared.replace("\n#", "\n#pragma once\n#"),
            "src/service/nat/bpf/a.bpf.c": text + '#include "service/nat/bpf/shared.h"\n',
            "src/os/bpf.c": "#include <bpf/libbpf.h>\n",
        }
        self.accepts(files)

    def test_refuses_configuration_in_supervisor(self):
        self.refuses(
            "include",
            {"src/supervisor/a.c": '#include "config/b.h"\n', "src/config/b.h": HEAD},
        )

    def test_refuses_dns_in_supervisor(self):
        self.refuses(
            "include",
            {"src/supervisor/a.c": '#include "proto/dns/b.h"\n', "src/proto/dns/b.h": HEAD},
        )

    def test_refuses_include_without_folder(self):
        self.refuses("include", {"src/base/a.c": '#include "b.h"\n', "src/base/b.h": HEAD})

    def test_accepts_anything_in_a_test(self):
        self.accepts({"src/base/a_test.c": '#include "os/b.h"\n', "src/os/b.h": HEAD})

    def test_accepts_include_with_reason(self):
        text = '/* why-include: the reason */\n#include "os/b.h"\n'
        self.accepts({"src/base/a.c": text, "src/os/b.h": HEAD})

    def test_refuses_kernel_header_outside_os(self):
        self.refuses("kernel-header", {"src/cli/a.c": "#include <sys/socket.h>\n"})

    def test_accepts_kernel_header_in_os(self):
        self.accepts({"src/os/a.c": "#include <sys/socket.h>\n#include <linux/if.h>\n"})

    def test_refuses_libraries_outside_their_folders(self):
        text = "#include <openssl/evp.h>\n#include <sodium.h>\n#include <libfyaml.h>\n"
        self.refuses("library", {"src/os/a.c": text}, count=3)

    def test_accepts_libraries_in_their_folders(self):
        self.accepts(
            {
                "src/crypto/a.c": "#include <openssl/evp.h>\n#include <sodium.h>\n",
                "src/config/a.c": "#include <libfyaml.h>\n",
                "src/control/a.c": "#include <jansson.h>\n",
            },
        )

    def test_refuses_clock_and_descriptors_in_an_engine(self):
        text = "#include <time.h>\n#include <unistd.h>\n"
        self.refuses("purity", {"src/service/dhcp/engine.c": text}, count=2)

    def test_accepts_clock_and_descriptors_in_main(self):
        text = "#include <time.h>\n#include <unistd.h>\n"
        self.accepts({"src/service/dhcp/main.c": text})

    # ---- calls

    def test_refuses_banned_calls(self):
        text = "void f(char *a)\n{\n\tstrcpy(a, a);\n\tsprintf (a, a);\n\t(void)atoi(a);\n}\n"
        lines = self.refuses("banned", {"src/os/a.c": text}, count=3)
        self.assertTrue(lines[0].startswith("src/os/a.c:3: banned: strcpy"))

    def test_accepts_banned_words_that_are_no_calls(self):
        text = 'void f(struct x *a)\n{\n\t/* strcpy( */\n\tg("strcpy(");\n\tmy_strcpy(a);\n'
        self.accepts({"src/os/a.c": text + "\ta->gets(a);\n\tsnprintf(0, 0, 0);\n}\n"})

    def test_refuses_malloc_and_clock_in_proto(self):
        text = "void f(void)\n{\n\tfree(malloc(1));\n\ttime(0);\n}\n"
        self.refuses("proto-call", {"src/proto/dns/a.c": text}, count=3)

    def test_refuses_stdio_in_proto(self):
        self.refuses("proto-call", {"src/proto/dns/a.c": "#include <stdio.h>\n"})

    def test_accepts_malloc_in_base_and_in_tests_of_proto(self):
        text = "void f(void)\n{\n\tfree(malloc(1));\n}\n"
        self.accepts({"src/base/a.c": text, "src/proto/dns/a_test.c": text})

    def test_accepts_a_member_called_free_in_proto(self):
        self.accepts({"src/proto/dns/a.c": "void f(struct x *a)\n{\n\ta->free(a);\n}\n"})

    def test_refuses_memcpy_out_of_a_reader(self):
        text = "void f(struct reader *r, void *x)\n{\n\tmemcpy(x, r->data + r->pos, 4);\n}\n"
        self.refuses("reader-copy", {"src/proto/dns/a.c": text})

    def test_refuses_memcpy_out_of_a_reader_in_a_struct(self):
        header = HEAD + "#ifndef M\n#define M\nstruct m {\n\tstruct reader *whole;\n};\n#endif\n"
        text = "void f(struct m *m, void *x)\n{\n\tmemcpy(x, m->whole->data, 4);\n}\n"
        self.refuses("reader-copy", {"src/proto/dns/a.c": text, "src/proto/dns/m.h": header})

    def test_accepts_memcpy_out_of_a_span(self):
        text = (
            "void f(struct reader *r, struct span s, void *x)\n{\n\tmemcpy(x, s.data, s.len);\n}\n"
        )
        self.accepts({"src/proto/dns/a.c": text})

    # ---- shape

    def test_refuses_ifdef_in_a_function(self):
        text = "void f(void)\n{\n#ifdef X\n\tg();\n#endif\n}\n"
        self.refuses("ifdef", {"src/os/a.c": text})

    def test_accepts_ifdef_around_a_function(self):
        self.accepts({"src/os/a.c": "#ifdef X\nvoid f(void)\n{\n}\n#endif\n"})

    def test_refuses_mutable_globals(self):
        text = """int a;
static int b = 1;
static const char *c[] = {"x"};
static int (*d)(void);
static struct x { int y; } e;
extern int g;
DEFINE_SOMETHING(struct x, x_free)
static _Thread_local int h;
void f(void)
{
	static int counter;
	static char text[4] = {0};
	static struct { const int n; } z;
}
"""
        lines = self.refuses("global", {"src/base/a.c": text}, count=10)
        places = [int(line.split(":")[1]) for line in lines]
        self.assertEqual(sorted(places), [1, 2, 3, 4, 5, 6, 8, 11, 12, 13])

    def test_accepts_constants_types_and_prototypes(self):
        text = """#define G(x) int x = 1;
static const int b = 1;
static const char *const c[] = {"x;", "{"};
static int (*const d)(void) = 0;
static const struct { int y; } e[] = {{1}, {2}};
struct x { int y; int (*cb)(void); };
enum e { A, B = 2 };
typedef int (*fn)(int a);
extern const struct service s;
int f(int a, int (*cb)(void *)) __attribute__((nonnull(2)));
__attribute__((format(printf, 1, 2))) static void g(const char *a, ...);
static_assert(sizeof(int) == 4, "int");
static inline struct x h(void)
{
	static const int k = 1;
	static const struct {
		const char *name;
		int n;
	} table[] = {{"a", 1}};
	int static_thing = 0;
	struct x y = {.y = k};
	return y;
}
"""
        self.accepts({"src/base/a.c": text})

    def test_accepts_mutable_globals_in_os_and_in_tests(self):
        self.accepts({"src/os/a.c": "static int b;\n", "src/base/a_test.c": "static int b;\n"})

    def test_accepts_global_with_reason(self):
        self.accepts({"src/base/a.c": "/* why-global: the reason */\nstatic int b;\n"})

    def test_refuses_typedef_of_struct(self):
        self.refuses("typedef", {"src/os/a.c": "typedef struct x {\n\tint a;\n} x;\n"})
        self.refuses("typedef", {"src/os/a.c": "typedef struct x y;\n"})

    def test_accepts_typedef_of_function(self):
        self.accepts({"src/os/a.c": "typedef struct x *(*maker)(struct y *a);\n"})

    def test_refuses_empty_names_of_files(self):
        for name in ("util.c", "dns_helper.c", "common.py", "misc.h"):
            self.refuses("name", {f"src/os/{name}": HEAD})

    def test_refuses_empty_names_of_types(self):
        self.refuses("name", {"src/os/a.c": "struct query_context {\n\tint a;\n};\n"})

    def test_accepts_names_that_contain_such_a_word(self):
        self.accepts({"src/os/utility.c": "struct contextual {\n\tint a;\n};\n"})

    def test_refuses_long_function(self):
        body = "\tg();\n" * 58
        text = f"int x(void)\n{{\n}}\n\nstatic void f(void)\n{{\n{body}}}\n"
        lines = self.refuses("long-function", {"src/os/a.c": text})
        self.assertEqual(lines, ["src/os/a.c:5: long-function: f: 61 lines, 60 at most"])

    def test_accepts_function_of_60_lines(self):
        body = "\tg();\n" * 57
        self.accepts({"src/os/a.c": f"void f(void)\n{{\n{body}}}\n"})

    def test_accepts_long_function_with_reason(self):
        body = "\tg();\n" * 99
        text = f"/* why-long: one table */\nvoid f(void)\n{{\n{body}}}\n"
        self.accepts({"src/os/a.c": text})
        text = f"void f(void)\n{{\n\t/* why-long: one table */\n{body}}}\n"
        self.accepts({"src/os/a.c": text})

    def test_refuses_long_function_whose_neighbour_has_the_reason(self):
        body = "\tg();\n" * 99
        text = (
            f"/* why-long: one table */\nvoid f(void)\n{{\n{body}}}\n\nvoid h(void)\n{{\n{body}}}\n"
        )
        self.refuses("long-function", {"src/os/a.c": text})
        text = f"void h(void)\n{{\n{body}}}\n\nvoid f(void)\n{{\n\t/* why-long: x */\n{body}}}\n"
        self.refuses("long-function", {"src/os/a.c": text})

    def test_refuses_long_file(self):
        self.refuses("long-file", {"src/os/a.c": "\n" * 601, "tools/a.py": "\n" * 601}, count=2)

    def test_accepts_long_file_with_reason(self):
        text = "/* why-long: one table. */\n" + "\n" * 700
        self.accepts({"src/os/a.c": text, "src/os/b.c": "\n" * 600})

    def test_refuses_wide_lines_with_tabs_counted(self):
        self.refuses("columns", {"src/os/a.c": "\t/* " + "x" * 90 + " */\n"})

    def test_accepts_100_columns(self):
        self.accepts({"src/os/a.c": "\t/* " + "x" * 86 + " */\n"})

    def test_refuses_header_without_two_sentences(self):
        self.refuses("header-comment", {"src/os/a.h": "#define A\n"})
        self.refuses("header-comment", {"src/os/a.h": "/* A thing, of RFC 1035 4.1.4. */\n"})

    def test_accepts_header_with_two_sentences(self):
        self.accepts({"src/os/a.h": "/* A thing (RFC 1035 4.1.4).\n * Knows no\n * other. */\n"})

    # ---- the whole tree

    def test_refuses_blanks_at_the_end(self):
        self.refuses("whitespace", {"src/os/a.c": "int f(void); \n", "a.md": "x\t\n"}, count=2)

    def test_refuses_file_without_last_newline(self):
        self.refuses("whitespace", {"src/os/a.c": "int f(void);"})

    def test_accepts_blanks_in_inputs_of_tests(self):
        self.accepts({"test/data/good/a.zone": "x \n", "test/fuzz/corpus/t/b": b"x\0 \n"})

    def test_refuses_paths_of_a_machine(self):
        text = "cd /wo" + "rk/main\n# deb.deb" + "ian.org\nls /ro" + "ot/x\n"
        self.refuses("machine-path", {"doc.md": text}, count=3)

    def test_refuses_paths_of_a_machine_even_with_reason(self):
        text = "/* why-machine-path: no reason is good enough */ /* /wo" + "rk/x */\n"
        self.refuses("machine-path", {"src/os/a.c": text})

    def test_accepts_like_paths(self):
        self.accepts({"doc.md": "home" + "/ro" + "ot/x, net" + "/wo" + "rk/, /workshop/\n"})

    def test_refuses_include_cycle(self):
        guard = "#ifndef {0}\n#define {0}\n"
        a = HEAD + guard.format("A") + '#include "base/b.h"\n#endif\n'
        b = HEAD + guard.format("B") + '#include "base/a.h"\n#endif\n'
        lines = self.refuses("cycle", {"src/base/a.h": a, "src/base/b.h": b})
        self.assertIn("src/base/a.h -> src/base/b.h -> src/base/a.h", lines[0])

    def test_accepts_diamond(self):
        self.accepts(
            {
                "src/base/a.h": HEAD + '#include "base/b.h"\n#include "base/c.h"\n',
                "src/base/b.h": HEAD + '#include "base/d.h"\n',
                "src/base/c.h": HEAD + '#include "base/d.h"\n',
                "src/base/d.h": HEAD,
            },
        )

    def test_refuses_header_that_does_not_compile_alone(self):
        lines = self.refuses("alone", {"src/os/a.h": HEAD + "uint8_t f(void);\n"}, count=2)
        self.assertIn("clang", lines[0])
        self.assertIn("gcc", lines[1])

    def test_refuses_header_without_guard(self):
        self.refuses("alone", {"src/os/a.h": HEAD + "struct x {\n\tint a;\n};\n"}, count=2)

    def test_accepts_header_that_compiles_alone(self):
        self.accepts({"src/os/a.h": HEAD + "#include <stdint.h>\nuint8_t f(void);\n"})

    def test_refuses_folder_without_line_in_map(self):
        files = {"src/os/a.c": "\n", "src/osx/a.c": "\n", "doc/a": "\n"}
        lines = self.refuses("map", {**files, "MAP.md": "`src/osx/` the rest of src/\n"}, count=2)
        self.assertIn("src/os/", lines[1])

    def test_accepts_folder_told_of_by_what_is_in_it(self):
        self.accepts(
            {"doc/man/a": "\n", "src/proto/dns/meson.build": "\n", "MAP.md": "doc/man/ src/\n"}
        )

    def test_refuses_tree_without_map(self):
        with tempfile.TemporaryDirectory() as root:
            done = subprocess.run(
                [sys.executable, str(TOOLS / "tidy"), "--root", root],
                capture_output=True,
                text=True,
                check=False,
            )
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout, "MAP.md:1: map: there is none\n")

    def test_every_rule_has_a_case_here(self):
        rules = subprocess.run(
            [sys.executable, str(TOOLS / "tidy"), "--rules"],
            capture_output=True,
            text=True,
            check=True,
        )
        here = Path(__file__).read_text(encoding="utf-8")
        for rule in rules.stdout.split():
            self.assertRegex(here, rf'refuses\(\s*"{rule}"', rule)


class Reading(unittest.TestCase):
    """What the rules stand on: tidy_c."""

    def test_comments_and_strings_hide_braces(self):
        text = 'void f(void)\n{\n\t/* } */\n\tg("}", \'}\', "\\"}");\n\t// }\n}\nint x;\n'
        source = tidy_c.read("a.c", text)
        self.assertEqual([(f.first, f.last) for f in source.functions], [(1, 6)])
        self.assertEqual([o.line for o in source.objects], [7])

    def test_macros_hide_braces(self):
        text = "#define A { \\\n\t{\n#define B }\nvoid f(void)\n{\n}\n"
        source = tidy_c.read("a.c", text)
        self.assertEqual([(f.first, f.last) for f in source.functions], [(4, 6)])

    def test_function_starts_after_a_macro_line(self):
        source = tidy_c.read("a.c", "DEFINE_AUTO(struct x, x_free)\n\nvoid\nf(void)\n{\n}\n")
        self.assertEqual([(f.first, f.body, f.last) for f in source.functions], [(3, 5, 6)])

    def test_initialiser_is_no_function(self):
        source = tidy_c.read("a.c", "static const struct x a = X(1, {2});\nint f(void)\n{\n}\n")
        self.assertEqual([f.first for f in source.functions], [2])


if __name__ == "__main__":
    unittest.main()
