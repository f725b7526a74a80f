"""Reads C well enough for tools/tidy: takes comments and strings out, finds functions and objects.
Knows no rule of the house. Not a compiler: macros are not expanded."""

import re
from dataclasses import dataclass, field


@dataclass
class Comment:
    first: int  # line of its opening, from 1
    last: int
    text: str


@dataclass
class Function:
    first: int  # line where its head begins
    body: int  # line of {
    last: int  # line of }
    head: str
    text: str  # between the braces


@dataclass
class Object:
    line: int
    text: str  # the declaration, without its initialiser


@dataclass
class Source:
    path: str
    raw: str
    code: str = ""  # same length and lines as raw: comments and the insides of literals are blanks
    plain: str = ""  # code with preprocessor lines blanked as well
    comments: list = field(default_factory=list)
    includes: list = field(default_factory=list)  # (line, "<" or '"', path)
    functions: list = field(default_factory=list)
    objects: list = field(default_factory=list)  # at file scope, and static ones inside functions

    def line_of(self, offset):
        return self.raw.count("\n", 0, offset) + 1


LEXEME = re.compile(
    r'/\*.*?\*/|//(?:\\\n|[^\n])*|"(?:\\.|[^"\\\n])*"|' + r"'(?:\\.|[^'\\\n])+'", re.S
)


def blanked(text):
    return re.sub(r"[^\n]", " ", text)


def take_out(source):
    def replace(match):
        text = match.group(0)
        if text[0] == "/":
            first = source.line_of(match.start())
            source.comments.append(Comment(first, first + text.count("\n"), text))
            return blanked(text)
        return text[0] + blanked(text[1:-1]) + text[-1]

    source.code = LEXEME.sub(replace, source.raw)
    source.plain = re.sub(
        r"^[ \t]*#(?:\\\n|[^\n])*", lambda m: blanked(m.group(0)), source.code, flags=re.M
    )


def find_includes(source):
    for match in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', source.raw, re.M):
        source.includes.append((source.line_of(match.start()), match.group(1), match.group(2)))


TYPE_BODY = re.compile(
    r"\b(?:struct|union|enum)\b(?:\s*__attribute__\s*\(\(.*?\)\))*\s*\w*\s*$", re.S
)
MACRO_LINES = re.compile(r"\A(?:\s*[A-Z_][A-Z0-9_]*\s*\([^()]*\)[ \t]*\n)+")


def closing(text, at):
    """Offset of the brace that closes the one at `at`, or the end."""
    depth = 0
    for match in re.compile(r"[{}]").finditer(text, at):
        depth += 1 if match.group(0) == "{" else -1
        if depth == 0:
            return match.start()
    return len(text)


def is_function_head(head):
    flat = re.sub(r"\([^()]*\)", "()", head)
    while re.search(r"\([^()]+\)", flat):
        flat = re.sub(r"\([^()]+\)", "()", flat)
    return "=" not in flat and "(" in flat and not TYPE_BODY.search(head)


def find_definitions(source):
    """Walks the file scope: a chunk ends with `;` or with a function's body."""
    text, start, at, chunk = source.plain, 0, 0, []

    def put(begin, end):
        chunk.append(text[begin:end])

    piece = 0
    for_next = re.compile(r"[;{]")
    while True:
        match = for_next.search(text, at)
        if not match:
            break
        put(piece, match.start())
        here = match.start()
        if match.group(0) == ";":
            add_object(source, start, "".join(chunk))
            start = piece = at = here + 1
            chunk = []
            continue
        end = closing(text, here)
        head = "".join(chunk)
        if is_function_head(head):
            add_function(source, start, head, here, end)
            start = piece = at = end + 1
            chunk = []
        else:
            chunk.append("{}")
            piece = at = end + 1


def first_line(source, start, text):
    lines = MACRO_LINES.match(text)
    skip = lines.end() if lines else 0
    skip += len(text[skip:]) - len(text[skip:].lstrip())
    return source.line_of(start + skip), text[skip:]


def add_function(source, start, head, opening, end):
    line, head = first_line(source, start, head)
    body = source.plain[opening + 1 : end]
    source.functions.append(
        Function(line, source.line_of(opening), source.line_of(end), head, body)
    )
    for match in re.finditer(r"(?:^|[;{}:])\s*((?:static|_Thread_local|__thread)\b)", body):
        line = source.line_of(opening + 1 + match.start(1))
        source.objects.append(Object(line, declaration_at(body, match.start(1))))


def declaration_at(text, start):
    """The declaration that begins at start, up to its initialiser, with the bodies of types as {}."""
    found, at = "", start
    for match in re.compile(r"[;={]").finditer(text, start):
        if match.start() < at:
            continue
        found += text[at : match.start()]
        if match.group(0) != "{":
            break
        at = closing(text, match.start()) + 1
        found += "{}"
    return found


NOT_AN_OBJECT = re.compile(r"\A(?:typedef|static_assert|_Static_assert)\b")
ATTRIBUTE = re.compile(
    r"__attribute__\s*\(\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)\)|_Alignas\s*\([^()]*\)"
)


def add_object(source, start, chunk):
    line, text = first_line(source, start, chunk)
    text = ATTRIBUTE.sub(" ", text).strip()
    if not text or NOT_AN_OBJECT.match(text):
        return
    text = text.split("=")[0].strip()
    if re.search(r"\w\s*\(", re.sub(r"\(\s*\*[^()]*\)\s*\(", "@", text)):
        return  # a prototype, or a macro that ends with ;
    if re.fullmatch(r"(?:struct|union|enum)\b\s*\w*\s*(?:\{\})?", text):
        return  # only a type
    source.objects.append(Object(line, text))


def is_const(declaration):
    """May the object of this declaration never be written?"""
    pointer = re.search(r"\(\s*\*([^()]*)\)\s*\(", declaration)
    if pointer:
        return bool(re.search(r"\bconst\b", pointer.group(1)))
    return bool(re.search(r"\bconst\b", declaration.rpartition("*")[2]))


def read(path, raw):
    source = Source(path, raw)
    take_out(source)
    find_includes(source)
    find_definitions(source)
    return source
