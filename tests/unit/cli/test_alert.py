"""`taxi alert`."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest

from taxi_pipelines import flow_wiring
from tests.support.json_server import json_server
from tests.unit.cli.conftest import Taxi

RULES = """\
url = "https://taxi.example.com/"
[[alerts]]
on = ["FAILED", "WARNING"]
to = "HOOK"
[[alerts]]
on = ["LATE"]
after = "PT6H"
namespace = "course"
to = "TEAM"
"""


def test_a_test_message_goes_to_the_place_of_each_rule(
    taxi: Taxi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "taxi.toml").write_text(RULES)
    with json_server() as hook:
        monkeypatch.setenv("SECRET_HOOK", b64encode(hook.url.encode()).decode())
        result = taxi("alert", "test")
        assert result.code == 1
        assert result.out.splitlines() == [
            "TEAM: no secret 'TEAM'; set it with: taxi secret set TEAM --namespace course",
            "HOOK: sent",
        ]
        monkeypatch.setenv("SECRET_TEAM", b64encode(hook.url.encode()).decode())
        result = taxi("alert", "test", "--json")
        assert result.code == 0
        assert result.json[1] == {"to": "HOOK", "sent": True, "error": None}
    assert [posted["message"] for posted in hook.posted] == ["Alerts of https://taxi.example.com arrive here."] * 3


def test_without_rules_or_apprise_it_says_what_to_do(
    taxi: Taxi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = taxi("alert", "test")
    assert (result.code, result.err) == (
        2, "error[usage]: there are no rules for alerts; write [[alerts]] in taxi.toml, with on and to\n"
    )  # fmt: skip
    (tmp_path / "taxi.toml").write_text(RULES)
    monkeypatch.setattr(flow_wiring, "find_spec", lambda name: None)
    result = taxi("alert", "test")
    assert result.code == 2
    assert "apprise, which sends them, is missing; install it: pip install 'taxi-pipelines[notify]'" in result.err


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ('on = ["FAILED"]\nto = "json://example.com/t0ken"', "`to` names a secret that holds the URL"),
        ('on = ["LATE"]\nto = "HOOK"', "LATE and `after` belong together"),
        ('on = ["FAILED"]\nto = "HOOK"\nafter = "PT1H"', "LATE and `after` belong together"),
        ('on = ["FAILED"]\nto = "HOOK"\nflows = "x"', "Unexpected keyword argument"),
        ("on = []\nto = 'HOOK'", "`on` names what the rule is for: FAILED, WARNING, LATE"),
    ],
)
def test_a_wrong_rule_is_refused_without_showing_what_it_holds(
    taxi: Taxi, tmp_path: Path, rule: str, said: str
) -> None:
    (tmp_path / "taxi.toml").write_text(f"[[alerts]]\n{rule}\n")
    result = taxi("alert", "test")
    assert result.code == 2
    assert said in result.err
    assert "t0ken" not in result.err
