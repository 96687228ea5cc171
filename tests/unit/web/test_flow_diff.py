"""What differs between two texts."""

from __future__ import annotations

from taxi_pipelines.web.flow_diff import changed_lines, diff_lines


def test_changed_lines_stand_among_a_few_that_are_the_same_and_the_others_are_counted() -> None:
    before = "\n".join(map(str, range(20)))
    after = before.replace("10", "ten\neleven")
    shown = [(line.kind[0], line.before, line.after, line.text) for line in diff_lines(before, after)]
    assert shown == [
        ("g", None, None, "7 the same"),
        ("s", 8, 8, "7"),
        ("s", 9, 9, "8"),
        ("s", 10, 10, "9"),
        ("r", 11, None, "10"),
        ("a", None, 11, "ten"),
        ("a", None, 12, "eleven"),
        ("s", 12, 13, "11"),
        ("s", 13, 14, "12"),
        ("s", 14, 15, "13"),
        ("g", None, None, "6 the same"),
    ]
    assert (changed_lines(before, after).added, changed_lines(before, after).removed) == (2, 1)


def test_the_same_text_does_not_differ() -> None:
    assert diff_lines("a\nb", "a\nb") == []
