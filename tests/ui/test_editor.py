"""The editor of flows: completion, problems at their lines, topology, saving, the form, blueprints."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import PHONE, Visitor, visiting
from tests.support.service import Served, serving

FLOW = """\
# Greets.
id: greet
namespace: demo

inputs:
  - id: name   # who
    type: STRING
    defaults: world   # this stays

tasks:
  - id: hello
    type: log
    message: Hello {{ inputs.name }}!

triggers:
  - id: daily
    type: schedule
    cron: "0 9 * * *"
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("editor")) as found:
        yield found


@pytest.fixture
def url(served: Served) -> str:
    return str(served.client.base_url).rstrip("/")


def edit(visitor: Visitor, served: Served, name: str, text: str = FLOW) -> Page:
    """The editor of a flow of that id, ready."""
    served.save(text.replace("id: greet", f"id: {name}"))
    visitor.open(f"/flows/demo/{name}/edit")
    return ready(visitor)


def ready(visitor: Visitor) -> Page:
    expect(visitor.page.locator("#editor[data-ready][data-valid]")).to_be_attached()
    return visitor.page


def text_of(page: Page) -> str:
    return "\n".join(page.locator(".cm-line").all_text_contents())


def at_end_of(page: Page, line: str) -> None:
    """Puts the cursor there."""
    page.locator(".cm-line", has_text=line).first.click()
    page.keyboard.press("End")


def offers(page: Page, *names: str) -> None:
    """These are in the list of completions, sooner or later."""
    for name in names:
        expect(page.locator(".cm-completionLabel").get_by_text(name, exact=True)).to_be_visible()


def test_a_mistake_is_told_at_its_line_and_mended_by_a_click(browser: Browser, served: Served, url: str) -> None:
    with visiting(browser, url) as visitor:
        page = edit(visitor, served, "mistake")
        expect(page.locator("#editor-count")).to_have_text("No problems")
        expect(page.locator("#editor-picture [data-node]").first).to_be_visible()
        at_end_of(page, "type: log")
        page.keyboard.press("Shift+Home")
        page.keyboard.type("type: logg")
        problem = page.locator("#editor-list li")
        expect(problem).to_contain_text("Line 12")
        expect(problem).to_contain_text("logg")
        expect(page.locator("#editor-stale")).to_be_visible()
        problem.get_by_role("button", name="Write log").click()
        expect(page.locator("#editor-count")).to_have_text("No problems")
        assert visitor.complaints == []


def test_types_their_properties_and_names_in_expressions_are_offered(
    browser: Browser, served: Served, url: str
) -> None:
    with visiting(browser, url) as visitor:
        page = edit(visitor, served, "complete")
        at_end_of(page, "message: Hello")
        page.keyboard.press("Enter")
        page.keyboard.press("Home")
        page.keyboard.type("  - id: load")
        page.keyboard.press("Enter")
        page.keyboard.type("type: taxi.")
        offers(page, "taxi.load", "taxi.extract")
        page.keyboard.type("extr")
        page.keyboard.press("Enter")
        page.keyboard.press("Enter")
        page.keyboard.press("Control+Space")
        offers(page, "taxi", "month", "retry")
        assert "id" not in page.locator(".cm-completionLabel").all_text_contents(), "it is there already"
        page.keyboard.type("month: {{ inputs.")
        offers(page, "name")
        page.keyboard.press("Escape")
        page.locator(".editor-key", has_text="message").first.hover()
        expect(page.locator(".cm-tooltip-hover")).to_contain_text("One line, or a list of several.")


def test_saving_counts_revisions_and_asks_where_somebody_else_has_saved(
    browser: Browser, served: Served, url: str
) -> None:
    with visiting(browser, url) as visitor:
        page = edit(visitor, served, "saving")
        at_end_of(page, "message: Hello")
        page.keyboard.type("!")
        expect(page.locator("#editor-unsaved")).to_be_visible()
        page.keyboard.press("Control+s")
        expect(page.get_by_text("Saved as revision 2")).to_be_visible()
        expect(page.locator("#editor-unsaved")).to_be_hidden()
        served.save(FLOW.replace("id: greet", "id: saving").replace("Hello", "Good day"))
        at_end_of(page, "message: Hello")
        page.keyboard.type("!")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_role("heading", name="Revision 3 was saved meanwhile")).to_be_visible()
        expect(page.locator("#editor-conflict-diff")).to_contain_text("Good day")
        page.get_by_role("button", name="Save mine").click()
        expect(page.get_by_text("Saved as revision 4")).to_be_visible()
        assert "}}!!!" in served.json("GET", "/flows/demo/saving?source=true")["source"]
        page.get_by_role("button", name="Save and run").click()
        page.wait_for_url("**/flows/demo/saving/execute")


def test_the_form_changes_one_value_and_leaves_the_rest_as_it_was(browser: Browser, served: Served, url: str) -> None:
    with visiting(browser, url) as visitor:
        page = edit(visitor, served, "form")
        page.get_by_role("button", name="Form").click()
        page.locator("details.editor-item", has_text="name STRING").locator("summary").click()
        page.get_by_label("defaults").fill("Ada")
        expect(page.locator(".cm-content")).to_contain_text("defaults: Ada   # this stays")
        page.locator("details.editor-item", has_text="daily").locator("summary").click()
        page.get_by_label("cron required").fill("0 6 * * MON")
        expect(page.locator(".editor-slots")).to_contain_text("on Mondays at 06:00 (UTC)")
        page.get_by_label("enabled").uncheck()
        page.get_by_label("Task", exact=True).select_option("hello")
        page.get_by_label("message").fill("Good day {{ inputs.name }}")
        assert visitor.faults() == []
        changed = FLOW.replace("world", "Ada").replace('"0 9 * * *"', '"0 6 * * MON"\n    disabled: true')
        changed = changed.replace("Hello {{ inputs.name }}!", "Good day {{ inputs.name }}").replace(
            "id: greet", "id: form"
        )
        assert text_of(page) == changed
        page.get_by_role("button", name="Add an input").click()
        expect(page.locator(".cm-content")).to_contain_text("id: name_2")
        page.get_by_role("button", name="Remove name_2").click()
        assert text_of(page) == changed
        assert visitor.complaints == []


def test_a_blueprint_opens_and_becomes_a_flow(browser: Browser, url: str) -> None:
    with visiting(browser, url) as visitor:
        visitor.open("/flows/new")
        visitor.page.get_by_label("Search in blueprints").fill("smallest")
        expect(visitor.page.locator("#blueprints > li:visible")).to_have_count(1)
        assert visitor.faults() == []
        visitor.page.keyboard.press("Enter")
        page = ready(visitor)
        expect(page.locator(".cm-content")).to_contain_text("id: hello")
        page.get_by_role("button", name="Save", exact=True).click()
        page.wait_for_url("**/flows/nyc.taxi/hello/edit")
        expect(page.get_by_text("Saved as revision 1")).to_be_visible()
        assert visitor.complaints == []


def test_from_where_a_new_flow_runs_the_way_back_leads_to_its_text(browser: Browser, url: str) -> None:
    with visiting(browser, url) as visitor:
        visitor.open("/flows/new?blueprint=zones")
        page = ready(visitor)
        page.get_by_role("button", name="Save and run").click()
        page.wait_for_url("**/flows/nyc.taxi/zones/execute")
        page.go_back()
        page.wait_for_url("**/flows/nyc.taxi/zones/edit")
        expect(ready(visitor).locator(".cm-content")).to_contain_text("id: zones")
        expect(page.get_by_text("Saved as revision 1")).to_have_count(0)
        assert visitor.complaints == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_editor_is_legible_on_a_phone(browser: Browser, served: Served, url: str, dark: bool) -> None:
    with visiting(browser, url, size=PHONE, dark=dark) as visitor:
        page = edit(visitor, served, "phone")
        expect(page.locator("#editor-text")).to_be_visible()
        assert visitor.faults() == []
        for name, shown in (
            ("Topology", ".editor-topology"),
            ("Form", ".editor-form"),
            ("Problems", ".editor-problems"),
        ):
            page.get_by_role("button", name=name).click()
            expect(page.locator(shown)).to_be_visible()
            assert visitor.faults() == []
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
        assert visitor.complaints == []


EDITS: list[tuple[str, str, list[Any], str]] = [
    # text, function, arguments after the text, the text afterwards
    ("a: 1 # one\nb: 'x'\n", "setAt", [["a"], 2], "a: 2 # one\nb: 'x'\n"),
    ("a: 1 # one\nb: 'x'\n", "setAt", [["b"], "it's"], "a: 1 # one\nb: 'it''s'\n"),
    ("a:\nb: 1\n", "setAt", [["a"], "yes"], "a: yes\nb: 1\n"),
    ("a: 1\n", "setAt", [["b"], "x: y"], 'a: 1\nb: "x: y"\n'),
    ("l:\n  - id: a # first\n    v: 1\n", "setAt", [["l", 0, "w"], True], "l:\n  - id: a # first\n    v: 1\n    w: true\n"),
    ("l:\n  - id: a\n    v: 1\n", "setAt", [["l", 0, "id"]], "l:\n  - v: 1\n"),
    ("l:\n  - id: a\n    v: 1 # gone\n# end\n", "setAt", [["l", 0, "v"]], "l:\n  - id: a\n# end\n"),
    ("l: [{id: a, v: 1}]\n", "setAt", [["l", 0, "v"], "x"], "l: [{id: a, v: x}]\n"),
    ("l: [{id: a}]\n", "setAt", [["l", 0, "v"], "x"], 'l: [{id: a, v: "x"}]\n'),
    ("a: 1\nm:\n  k: |\n    one\n  n: 2\n", "setAt", [["m", "k"], "two\nlines\n"], "a: 1\nm:\n  k: |\n    two\n    lines\n  n: 2\n"),
    ("a: 1\nm:\n  k: v # c\n", "setAt", [["m"], {"yaml": "x: 1\ny: 2\n"}], "a: 1\nm:\n  x: 1\n  y: 2 # c\n"),
    ("r: &x # c\n  # d\n  k: 1\nz: *x\n", "setAt", [["r"], {"yaml": "# d\nk: 2"}], "r: &x # c\n  # d\n  k: 2\nz: *x\n"),
    ("m:\n  k: v\nz: 1\n", "setAt", [["m"], {"yaml": "[]"}], "m: []\nz: 1\n"),
    ("id: f\nnamespace: n\n\ntasks:\n  - id: t\n", "setAt", [["description"], "d"], "id: f\nnamespace: n\ndescription: d\n\ntasks:\n  - id: t\n"),
    ("l:\n- id: a\n\n# about b\n- id: b\n", "append", [["l"], {"id": "c"}], "l:\n- id: a\n\n# about b\n- id: b\n\n- id: c\n"),
    ("id: f\ntasks: []\n", "append", [["inputs"], {"id": "c"}], "id: f\n\ninputs:\n  - id: c\ntasks: []\n"),
    ("l:\n  - id: a\n\n  # about b\n  - id: b\n\n  - id: c\nz: 1\n", "removeAt", [["l", 1]], "l:\n  - id: a\n\n  - id: c\nz: 1\n"),
    ("l:\n  - id: a\n\n  - id: b\n\nz: 1\n", "removeAt", [["l", 1]], "l:\n  - id: a\n\nz: 1\n"),
    ("a: 1\n\nl:\n  - id: a\n\nz: 1\n", "removeAt", [["l", 0]], "a: 1\n\nz: 1\n"),
]  # fmt: skip


OFFERS: list[tuple[str, list[str], list[str]]] = [
    # text with the cursor at ¦, some that are offered, some that are not
    ("id: a\n¦", ["namespace", "tasks", "triggers"], ["id", "taskDefaults", "message"]),
    ("tasks:\n  - id: a\n    type: log\n    ¦", ["message", "level", "retry"], ["id", "commands"]),
    ("tasks:\n  - ¦", ["id", "type", "retry"], ["message"]),
    ("tasks:\n  - type: ¦", ["log", "forEach", "taxi.month"], ["schedule", "STRING"]),
    ("tasks:\n  - type: forEach\n    tasks:\n      - type: subflow\n        ¦\n    values: []", ["flowId"], ["values"]),
    ("tasks:\n  - id: a\n    type: log\n    retry:\n      ¦", ["interval", "maxAttempts"], ["minInterval", "message"]),
    ("tasks:\n  - type: log\n    retry:\n      type: ¦", ["constant", "exponential"], ["log"]),
    ("tasks:\n  - type: log\n    disabled: ¦\n  - broken: [", ["true", "false"], []),
    ("tasks:\n- id: a\n  type: log\n  ¦", ["message"], ["tasks"]),
    ("inputs:\n  - id: a\n    type: SEL¦", ["SELECT"], ["log"]),
    ("inputs:\n  - id: a\n    type: SELECT\n    ¦", ["values", "required"], ["min", "options"]),
    ("triggers:\n  - type: schedule\n    ¦", ["cron", "timezone", "conditions"], ["scheduleConditions"]),
    ("triggers:\n  - type: schedule\n    conditions:\n      - type: ¦", ["weekend"], ["log"]),
    ("inputs:\n  - id: taxi\ntasks:\n  - id: a\n    message: {{ inputs.¦", ["taxi"], ["a"]),
    ("tasks:\n  - id: get\n    type: taxi.extract\n  - id: b\n    message: |\n      x {{ outputs.¦ }}", ["get"], []),
    ("tasks:\n  - id: get\n    type: http.request\n  - id: b\n    message: \"{{ outputs.get.¦", ["body", "code"], []),
    ("variables:\n  when: 1\ntasks:\n  - message: {{ vars.¦", ["when"], []),
    ("tasks:\n  - message: {{ now() | d¦", ["date", "dateAdd"], ["now"]),
    ("tasks:\n  - message: {{ ¦", ["inputs", "outputs", "kv"], ["upper"]),
    ("tasks:\n  - message: |\n      ty¦", [], ["type"]),
    ("tasks:\n  - id: a # ty¦", [], ["type"]),
]  # fmt: skip


def test_completion_knows_its_place_in_unfinished_text(browser: Browser, served: Served, url: str) -> None:
    with visiting(browser, url) as visitor:
        visitor.open("/flows/new?blueprint=empty")
        page = ready(visitor)
        script = page.locator("script[src*='/editor.js']").get_attribute("src") or ""
        made = page.evaluate(
            """async ([folder, texts]) => {
                const { completions } = await import(`${folder}editor-complete.js`);
                const { Knowledge } = await import(`${folder}editor-knowledge.js`);
                const { EditorState } = await import(`${folder}vendor/codemirror.js`);
                const source = completions(await Knowledge.load());
                return texts.map((text) => {
                    const pos = text.indexOf("¦");
                    const state = EditorState.create({ doc: text.replace("¦", "") });
                    return (source({ state, pos, explicit: true })?.options ?? []).map((one) => one.label);
                });
            }""",
            [script.replace("editor.js", ""), [text for text, *_ in OFFERS]],
        )
        for (text, some, others), found in zip(OFFERS, made, strict=True):
            assert set(some) <= set(found), text
            assert not set(others) & set(found), text


def test_an_edit_touches_nothing_else(browser: Browser, served: Served, url: str) -> None:
    with visiting(browser, url) as visitor:
        visitor.open("/flows/new?blueprint=empty")
        page = ready(visitor)
        script = page.locator("script[src*='/editor.js']").get_attribute("src") or ""
        made = page.evaluate(
            """async ([module, edits]) => {
                const known = await import(module);
                return edits.map(([text, name, given]) => {
                    const change = known[name](text, ...given);
                    return change ? text.slice(0, change.from) + change.insert + text.slice(change.to) : text;
                });
            }""",
            [script.replace("editor.js", "editor-edits.js"), [edit[:3] for edit in EDITS]],
        )
        shown = page.evaluate(
            """async (module) => {
                const { parse, valueAt } = await import(module);
                const document = parse("l:\\n  - id: a\\n    m: # c\\n      # d\\n      - 1 # e\\n\\n      - 2\\n    n: [1, 2] # f\\n");
                return [valueAt(document, ["l", 0, "m"]).yaml, valueAt(document, ["l", 0, "n"]).yaml];
            }""",
            script.replace("editor.js", "editor-edits.js"),
        )
        assert shown == ["# d\n- 1 # e\n\n- 2", "[1, 2]"], "comments are shown, so that they are kept"
        for (text, name, given, expected), found in zip(EDITS, made, strict=True):
            assert found == expected, f"{name}{json.dumps(given)} of\n{text}"
