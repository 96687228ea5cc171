"""The check of terraform/ itself: that it sees what Google's provider would refuse."""

from __future__ import annotations

from pathlib import Path

import hcl2
import pytest

from tests.support import terraform as tf

TINY = {
    "resources": {
        "google_thing": {
            "arguments": {"name": True, "size": False},
            "blocks": {
                "rule": {"required": True, "many": False, "arguments": {"age": True}, "blocks": {}},
                "tag": {"required": False, "many": True, "arguments": {"key": False}, "blocks": {}},
            },
            "attributes": ["name", "self_link"],
        }
    }
}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('name = "x"\n rule { age = 1 }', []),
        ('name = "x"\n count = 1\n rule { age = 1 }\n lifecycle { prevent_destroy = true }', []),
        ('name = "x"\n rule { age = 1 }\n tag {}\n tag { key = "k" }', []),
        ('name = "x"\n dynamic "rule" {\n for_each = []\n content { age = 1 }\n }', []),
        ('nmae = "x"\n rule { age = 1 }', [": unknown argument: nmae", ": missing name"]),
        ('name = "x"', [": missing rule"]),
        ('name = "x"\n rule { agee = 1 }', [".rule: unknown argument: agee", ".rule: missing age"]),
        ('name = "x"\n rule { age = 1 }\n rule { age = 2 }', [": more than one block rule"]),
        ('name = "x"\n rule { age = 1 }\n rool { age = 1 }', [": unknown block: rool"]),
        ('name = "x"\n rule = { age = 1 }', [": is a block, not an argument: rule"]),
        ('name = "x"\n rule { age = 1 }\n size { }', [": is an argument, not a block: size"]),
        ('name = "x"\n rule { age = 1 }\n lifecycle { prevent = true }', [": unknown argument lifecycle.prevent"]),
        ('name = "x"\n dynamic "rule" {\n for_each = []\n content { }\n }', [".rule: missing age"]),
    ],
)
def test_it_finds_typos_and_what_is_missing(body: str, said: list[str]) -> None:
    module = {"main.tf": hcl2.loads(f'resource "google_thing" "it" {{\n {body}\n}}\n')}
    found = tf.problems(tf.resources(module), TINY)
    assert [line.removeprefix("main.tf: google_thing.it") for line in found] == said


def test_it_finds_unknown_types() -> None:
    module = {"main.tf": hcl2.loads('data "google_thing" "it" {}\n')}
    assert tf.problems(tf.resources(module), TINY) == ["main.tf: data.google_thing.it: unknown type"]


def test_it_finds_references_to_nothing(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(
        'variable "used" {}\nvariable "idle" {}\nlocals {\n x = var.used\n}\n'
        'resource "google_thing" "it" {\n name = local.x\n}\n'
        'output "o" {\n value = [google_thing.it.self_link, google_thing.it[0].sefl_link, google_thing.other.name, var.usde, local.y]\n}\n'
    )
    assert tf.broken_references(tmp_path, tf.resources(tf.read_module(tmp_path)), TINY) == [
        "unknown local.y",
        "unknown var.usde",
        "unknown attribute google_thing.it.sefl_link",
        "unknown resource google_thing.other",
        "unused var.idle",
    ]
