"""Each MUST and SHOULD of RFC 9111 has a test: test_cache_rfc9111_3.py and its neighbours quote the sentences in the docstrings
of their tests, this file has those that no test can be of, and knows how many there are of each section."""

import inspect
import re
from collections import Counter

import test_cache_rfc9111_3
import test_cache_rfc9111_4
import test_cache_rfc9111_4_3
import test_cache_rfc9111_5

WORDS = re.compile(r"\b(MUST NOT|MUST|SHOULD NOT|SHOULD|SHALL NOT|SHALL|REQUIRED|NOT RECOMMENDED|RECOMMENDED)\b")

# How often the words stand in each section's text, but for 1.1, which only names them. Sections that are not here have none.
COUNTS = {
    "1.2.2": 1,
    "3": 1, "3.1": 3, "3.2": 2, "3.3": 3, "3.4": 1, "3.5": 1,
    "4": 5, "4.1": 2, "4.2": 4, "4.2.2": 1, "4.2.3": 1, "4.2.4": 2,
    "4.3.1": 2, "4.3.2": 5, "4.3.3": 1, "4.3.4": 2, "4.3.5": 4, "4.4": 2,
    "5.1": 2, "5.2": 1, "5.2.1.1": 1, "5.2.1.2": 1, "5.2.1.3": 1, "5.2.1.5": 4, "5.2.1.7": 1,
    "5.2.2": 1, "5.2.2.1": 1, "5.2.2.2": 4, "5.2.2.3": 2, "5.2.2.4": 2, "5.2.2.5": 5, "5.2.2.6": 1, "5.2.2.7": 3, "5.2.2.8": 1,
    "5.2.2.10": 2, "5.2.3": 1, "5.2.4": 1, "5.3": 4,
}  # fmt: skip

QUOTED_FORM = "the origin's or the client's, who write it; what we read is tested in 4.2.1"
WITHOUT_TEST = {
    ("3.4", "When combining the new response with one or more stored responses, a cache MUST update the stored response header "
     "fields using the header fields provided in the new response"): "we combine no parts",
    ("4", "A cache without a clock MUST revalidate stored responses upon every use."): "we have a clock",
    ("4.3.2", "If a stored response contains only partial content, the cache MUST NOT include its entity tag in the union unless "
     "the request is for a range that would be fully satisfied by that partial stored response."): "we store no parts",
    ("5.2.1.1", "A sender MUST NOT generate the quoted-string form."): QUOTED_FORM,
    ("5.2.1.2", "A sender MUST NOT generate the quoted-string form."): QUOTED_FORM,
    ("5.2.1.3", "A sender MUST NOT generate the quoted-string form."): QUOTED_FORM,
    ("5.2.2.1", "A sender MUST NOT generate the quoted-string form."): QUOTED_FORM,
    ("5.2.2.3", "A response that contains the must-understand directive SHOULD also contain the no-store directive."): "an origin's",
    ("5.2.2.4", "A sender SHOULD NOT generate the token form (even if quoting appears not to be needed for single-entry lists)."):
        QUOTED_FORM,
    ("5.2.2.7", "A sender SHOULD NOT generate the token form (even if quoting appears not to be needed for single-entry lists)."):
        QUOTED_FORM,
    ("5.2.2.10", "A sender MUST NOT generate the quoted-string form."): QUOTED_FORM,
    ("5.2.4", "A registration MUST include the following fields:"): "that of a registry",
    ("5.3", "An origin server without a clock ... MUST NOT generate an Expires header field unless its value represents a fixed time "
     "in the past (always expired) or its value has been associated with the resource by a system with a clock."): "an origin's",
}  # fmt: skip


def quotes():
    """(section, sentence) of all docstrings of tests: 'SECTION: "SENTENCE"' at a line's begin, to a quotation mark at its end."""
    found = set()
    for module in (test_cache_rfc9111_3, test_cache_rfc9111_4, test_cache_rfc9111_4_3, test_cache_rfc9111_5):
        for name, test in inspect.getmembers(module, inspect.isfunction):
            if name.startswith("test_"):
                for section, text in re.findall(r'^\s*([\d.]+): "(.+?)"\s*$', test.__doc__ or "", re.MULTILINE | re.DOTALL):
                    found.add((section, " ".join(text.split())))
    return found


def test_each_sentence_has_a_test_or_a_reason():
    counted = Counter()
    for section, sentence in quotes() | set(WITHOUT_TEST):
        counted[section] += len(WORDS.findall(sentence))
    assert {section: n for section, n in counted.items() if n} == COUNTS


def test_no_sentence_has_both():
    assert not quotes() & set(WITHOUT_TEST)
