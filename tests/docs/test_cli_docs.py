"""docs/cli.md is what the command line says of itself, and it leaves nothing out."""

from __future__ import annotations

import pytest
import typer

from taxi_pipelines.cli.main import app
from tests.docs import cli_docs

COMMANDS = dict(cli_docs.commands(typer.main.get_command(app), "taxi"))


def test_the_page_is_fresh() -> None:
    assert cli_docs.PAGE.read_text(encoding="utf-8") == cli_docs.page(), "run: make docs"


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_argument_and_option_has_help(path: str) -> None:
    command = COMMANDS[path]
    assert command.help
    assert [item.name for item in cli_docs.documented(command) if not item.help] == []


@pytest.mark.parametrize("path", [path for path in COMMANDS if path != "taxi"])
def test_the_first_line_of_every_help_fits_the_list_of_commands(path: str) -> None:
    assert not COMMANDS[path].get_short_help_str(66).endswith("...")


def test_every_error_says_what_it_means() -> None:
    assert [kind.__name__ for kind in cli_docs.error_types() if not kind.__doc__] == []


def test_errors_outside_of_the_errors_file_are_documented_too() -> None:
    assert set(cli_docs.BESIDE_WHAT_RAISES_THEM) <= set(cli_docs.error_types())


def test_the_codes_of_errors_are_unique() -> None:
    codes = [kind.code for kind in cli_docs.error_types()]
    assert sorted(codes) == sorted(set(codes))
