"""Places inside scalars: a line and column of what a value says is found in the file, however it is written."""

from __future__ import annotations

import pytest

from taxi_pipelines.flowspec.yaml_text import read_document

WRITTEN = [
    ("key: x {{ a }} b", (1, 3, 1, 8)),
    ("key: '{{ a }} b'", (1, 4, 1, 10)),
    ('key: "{{ a }} b"', (1, 4, 1, 10)),
    ('key: "{{ \\"q\\" }} b"', (1, 11, 1, 19)),
    ("key: |\n  one\n    {{ two }} b\n", (2, 6, 3, 8)),
    ("key: | # {{ no }}\n  one\n  {{ two }}\n", (2, 4, 3, 6)),
    ("key: |2-\n    one two\n", (1, 7, 2, 9)),
    ("key: >\n  one\n  two {{ three }}\n", (1, 12, 3, 10)),
    ("key: one\n  two {{ three }}\n", (1, 12, 2, 10)),
    ("key: 'one\n  two {{ three }}'\n", (1, 12, 2, 10)),
    ("key: |\n  \n\n  one one one\n", (3, 5, 4, 7)),
    ("key: é 😀 {{ a }}", (1, 5, 1, 10)),
]


@pytest.mark.parametrize(("text", "places"), WRITTEN)
def test_a_place_in_a_value_is_a_place_in_the_file(text: str, places: tuple[int, int, int, int]) -> None:
    document = read_document(text)
    assert document.place_inside(("key",), document.value["key"], *places[:2]) == places[2:]


def test_a_value_without_a_place_has_that_of_what_is_around_it() -> None:
    document = read_document("a:\n  b: [1, 2]\n")
    assert document.place(("a", "b", 1)) == (2, 10)
    assert document.place(("a", "c", "d")) == (2, 3)
    assert document.place_inside(("a", "c"), "text", 1, 1) == (2, 3)
