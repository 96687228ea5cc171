"""YAML: what its values are, where they stand, and what is refused."""

from __future__ import annotations

import time

import pytest

from taxi_pipelines.flowspec.problems import FlowInvalid
from taxi_pipelines.flowspec.yaml_text import MAX_CHARACTERS, decode, read_document

BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9)
)

VALUES = [
    ("yes", "yes"),
    ("on", "on"),
    ("true", True),
    ("False", False),
    ("null", None),
    ("~", None),
    ("", None),
    ("010", 10),
    ("0x1F", "0x1F"),
    ("1_000", "1_000"),
    ("1.50", 1.5),
    (".5", 0.5),
    ("1e3", 1000.0),
    ("1e999", "1e999"),
    ("2024-01-31", "2024-01-31"),
    ("09:30:00", "09:30:00"),
    ("'04'", "04"),
    ('"04"', "04"),
    ("!!str 5", "5"),
    ("-", [None]),
    ("|\n  a\n  b\n", "a\nb\n"),
    (">-\n  a\n  b\n", "a b"),
    ("[1, {b: c}]", [1, {"b": "c"}]),
]


@pytest.mark.parametrize(("written", "value"), VALUES)
def test_values_are_those_of_json(written: str, value: object) -> None:
    document = read_document(f"key:\n  {written}\n" if written == "-" else f"key: {written}\n")
    assert (document.value, document.problems) == ({"key": value}, [])


REFUSED = [
    ("", "1:1: the text is empty; a flow has at least id, namespace and tasks"),
    ("a: 1\na: 2\n", "2:1: a: 'a' stands here twice; keep one of them"),
    ("? [x]\n: 3\n", "1:3: a key must be text"),
    ("a: 1\n---\nb: 2\n", "2:1: a second document begins here; a file holds one flow; remove the `---`"),
    ("a:\n\tb: 1\n", "2:1: not valid YAML: found character that cannot start any token; YAML is indented with spaces, not tabs"),
    ("a: 'x", "1:6: not valid YAML: found unexpected end of stream; while scanning a quoted scalar"),
    ("a: !ruby x\n", "1:4: the tag !ruby means nothing here; remove it"),
    ("a: !!python/object:os.system x\n", "1:4: the tag tag:yaml.org,2002:python/object:os.system means nothing here; remove it"),
    ("a: !!int x\n", "1:4: 'x' is no int"),
    ("a: *b\n", "1:4: *b is defined nowhere above"),
    ("a: &a [*a]\n", "1:8: *a stands inside itself"),
    ("a: 1\n<<: 5\n", "2:1: `<<` takes a map, or a list of maps"),
    ("a: b\nc: \x00\n", "2:4: not valid YAML: the character U+0000 cannot stand in a text; remove it, or write it as an escape in double quotes"),
    ("a: \ud800\n", "1:4: not valid YAML: half of a character (a lone surrogate) cannot stand in a text; remove it, or write it as an escape in double quotes"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "problem"), REFUSED)
def test_what_is_wrong_has_its_place(text: str, problem: str) -> None:
    assert [str(one) for one in read_document(text).problems] == [f"flow:{problem}"]


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, "- " * 100_000, "{a: " * 50_000, "? " * 100_000, BOMB, "a: " + "9" * MAX_CHARACTERS],
    ids=["lists", "dashes", "maps", "keys", "aliases", "size"],
)
def test_bombs_are_refused_at_once(text: str) -> None:
    start = time.perf_counter()
    document = read_document(text)
    assert (document.value, len(document.problems)) == (None, 1)
    assert time.perf_counter() - start < 1


def test_merge_keys_bring_what_is_not_written() -> None:
    document = read_document(
        "base: &base {x: 1, y: 1}\nmore: &more {y: 2, z: 2}\nhere:\n  y: 3\n  <<: [*base, *more]\n"
    )
    assert document.value["here"] == {"x": 1, "y": 3, "z": 2}
    assert document.place(("here",)) == (4, 3)
    assert document.place(("here", "y")) == (4, 6)
    assert document.place(("here", "x")) == (4, 3), "what is merged stands where the map stands"


@pytest.mark.parametrize(
    "data", [b"\xef\xbb\xbfid: a\r\nb: |\r\n  c\r\n", b"id: a\nb: |\n  c\n"], ids=["windows", "unix"]
)
def test_byte_order_marks_and_carriage_returns_do_not_matter(data: bytes) -> None:
    document = read_document(decode(data))
    assert document.value == {"id": "a", "b": "c\n"}
    assert document.place(("b",)) == (2, 4)


def test_bytes_that_are_not_utf8_are_found() -> None:
    with pytest.raises(FlowInvalid, match=r"f\.yaml:2:4: the byte 0xe9 is not UTF-8; save the file as UTF-8"):
        decode("a: 1\nb: caf\u00e9".replace("caf", "").encode("latin-1"), "f.yaml")
