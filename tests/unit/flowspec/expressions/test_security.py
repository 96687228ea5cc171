"""No way from a template to a Python object, a file or the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from taxi_pipelines.errors import ExpressionFailed
from tests.support.expressions import failure, render


class Thing:
    """An object that somebody put into the context by mistake."""

    secret = "attribute"

    def method(self) -> str:
        return "called"

    def __str__(self) -> str:
        return "printed"


CONTEXT: dict[str, object] = {
    "thing": Thing(),
    "text": "abc",
    "list": [1],
    "map": {"a": 1},
    "function": len,
    "type": str,
}

REFUSED = [
    "{{ text.__class__ }}",
    "{{ text['__class__'] }}",
    "{{ text.__class__.__mro__ }}",
    "{{ list.__class__.__base__.__subclasses__() }}",
    "{{ map.__init__ }}",
    "{{ map.items }}",
    "{{ map.keys() }}",
    "{{ map.get('a') }}",
    "{{ text.format(1) }}",
    "{{ text.upper() }}",
    "{{ text.getClass() }}",
    "{{ text.class }}",
    "{{ 1.real }}",
    "{{ (1).real }}",
    "{{ list.append }}",
    "{{ loop.__class__ }}",
    "{% for i in list %}{{ loop.__class__ }}{% endfor %}",
    "{% macro m() %}{% endmacro %}{{ m.__globals__ }}",
    "{{ kv.__globals__ }}",
    "{{ kv('x').__class__ }}",
    "{{ range.__self__ }}",
    "{{ __builtins__ }}",
    "{{ __import__('os') }}",
    "{{ self }}",
    "{{ open('/etc/passwd') }}",
    "{{ thing }}",
    "{{ [thing] }}",
    "{{ 'a' ~ thing }}",
    "{{ thing | json }}",
    "{{ thing | yaml }}",
    "{{ thing | string }}",
    "{{ thing | upper }}",
    "{{ thing | className }}",
    "{{ thing.secret }}",
    "{{ thing['secret'] }}",
    "{{ thing.method() }}",
    "{{ thing ? 1 : 2 }}",
    "{{ thing + 1 }}",
    "{{ [thing] | distinct }}",
    "{{ [thing] | sort }}",
    "{{ {thing: 1} }}",
    "{% for x in thing %}{% endfor %}",
    "{{ function('abc') }}",
    "{{ function }}",
    "{{ type }}",
    "{{ '{0.__class__}' | format(1) }}",
    "{{ '%s' % thing }}",
    "{{ '{}'.format(thing) }}",
]


@pytest.mark.parametrize("text", REFUSED)
def test_no_python_object_is_reached(text: str) -> None:
    assert "attribute" not in str(failure(text, CONTEXT))


def test_braces_in_values_are_text() -> None:
    assert (
        render("{{ x }} {{ x | upper }}", {"x": "{0.__class__} %s {{ y }}"})
        == "{0.__class__} %s {{ y }} {0.__CLASS__} %S {{ Y }}"
    )


def test_jq_reads_no_file(tmp_path: Path) -> None:
    (tmp_path / "data.json").write_text('{"found": true}')
    with pytest.raises(ExpressionFailed):
        render("{{ [1] | jq(program) }}", {"program": f'import "data" as $d {{search: "{tmp_path}"}}; $d'})
    assert (tmp_path / "data.json").exists()


def test_the_process_for_patterns_has_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAXI_SECRET_OF_TEST", "hidden")
    assert "hidden" in os.environ.values()
    assert "hidden" not in render("{{ [1] | jq('env | tostring') }}")


def test_a_context_may_be_any_mapping() -> None:
    class Lazy(Mapping[str, object]):
        def __getitem__(self, name: str) -> object:
            if name == "a":
                return 1
            raise KeyError(name)

        def __iter__(self):  # type: ignore[no-untyped-def]
            return iter(["a"])

        def __len__(self) -> int:
            return 1

    assert render("{% set b = 2 %}{{ a + b }}{{ c is defined }}", Lazy()) == "3false"
