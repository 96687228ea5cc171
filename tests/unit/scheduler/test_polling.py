"""Triggers that look again and again, at real folders, servers and buckets."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from taxi_pipelines.domain.manifest import FileFormat
from taxi_pipelines.scheduler.polling.http import look_at_answer
from taxi_pipelines.scheduler.polling.local_files import look_at_folder
from taxi_pipelines.scheduler.polling.look import Found, Look, Watcher
from taxi_pipelines.scheduler.polling.published import look_at_published
from taxi_pipelines.sources import open_source
from taxi_pipelines.sources.published import PublishedMonths
from tests.support.fault_server import FaultServer, Status
from tests.support.metadata import sqlite_file
from tests.support.scheduling import START, Scene, flow, minutes, scene_at


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


@pytest.fixture
def scene(tmp_path: Path, source: Path) -> Iterator[Scene]:
    published = PublishedMonths(open_source(str(source)), FileFormat.PARQUET)
    watchers: Mapping[str, Watcher] = {
        "taxi.published": lambda look: look_at_published(look, published),
        "io.kestra.plugin.fs.local.Trigger": look_at_folder,
        "io.kestra.plugin.core.http.Trigger": look_at_answer,
    }
    with scene_at(sqlite_file(tmp_path), watchers=watchers) as scene:
        yield scene


def publish(source: Path, taxi: str, month: str, content: bytes = b"1") -> None:
    path = source / f"{taxi}_tripdata_{month}.parquet"
    path.write_bytes(content)
    os.utime(path, ns=(len(content), len(content)))


def names(found: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(one["taxi"], one["month"]) for one in found]


HOUR = minutes(70)


def test_new_months_and_changed_files_start_one_execution_each_ever(scene: Scene, source: Path) -> None:
    scene.save(flow("  - {id: t, type: taxi.published, taxi: [green, yellow]}"))
    for month in ("2020-08", "2020-09"):
        publish(source, "green", month)
    first = scene.look()
    assert names(first) == [("green", "2020-09")]
    assert first[0]["uri"] == (source / "green_tripdata_2020-09.parquet").as_uri()
    assert first[0]["etag"] and first[0]["bytes"] == 1
    assert scene.look(HOUR) == []
    publish(source, "green", "2020-10")
    publish(source, "yellow", "2020-10")
    publish(source, "green", "2020-08", b"22")
    assert sorted(names(scene.look(HOUR))) == [("green", "2020-08"), ("green", "2020-10"), ("yellow", "2020-10")]
    publish(source, "green", "2020-08", b"1")
    assert scene.look(HOUR) == []


def test_a_trigger_that_says_since_when_starts_every_month_from_then_on(scene: Scene, source: Path) -> None:
    scene.save(flow("  - {id: t, type: taxi.published, taxi: all, since: 2020-02}"))
    for month in ("2020-01", "2020-02", "2020-03"):
        publish(source, "fhvhv", month)
    assert names(scene.look()) == [("fhvhv", "2020-02"), ("fhvhv", "2020-03")]
    assert scene.state().error is None


def test_one_month_alone_is_waited_for_and_looked_at_once_an_hour_with_jitter(scene: Scene, source: Path) -> None:
    scene.save(flow("  - {id: t, type: taxi.published, taxi: green, month: 2020-02}"))
    publish(source, "green", "2020-01")
    assert scene.look() == []
    pause = (scene.state().next_at or START) - scene.clock.now
    assert minutes(60) <= pause <= minutes(66)
    publish(source, "green", "2020-02")
    assert scene.look(minutes(30)) == []
    assert names(scene.look(HOUR)) == [("green", "2020-02")]


def test_a_source_that_does_not_answer_is_kept_as_the_error_and_asked_again(scene: Scene, source: Path) -> None:
    scene.save(flow("  - {id: t, type: taxi.published, taxi: green}"))
    source.rmdir()
    assert scene.look() == []
    assert "does not exist" in (scene.state().error or "")
    source.mkdir()
    publish(source, "green", "2020-10")
    assert names(scene.look(HOUR)) == [("green", "2020-10")]
    assert scene.state().error is None


def test_months_are_found_over_http_by_their_etags_without_reading_a_file(tmp_path: Path) -> None:
    with FaultServer() as server:
        server.publish("/trip-data/green_tripdata_2020-11.parquet", b"one", etag='"v1"')
        months = PublishedMonths(open_source(f"{server.url}/trip-data"), FileFormat.PARQUET)
        [found] = months.months("green", "2020-11", START)
        assert (found.month, found.mark) == ("2020-11", '"v1"')
        assert {request.method for request in server.requests} == {"HEAD"}


def test_two_schedulers_look_once_and_start_once(scene: Scene, source: Path, tmp_path: Path) -> None:
    looks: list[Look] = []

    def counted(look: Look) -> Found:
        looks.append(look)
        return look_at_folder(look)

    watchers = {"io.kestra.plugin.fs.local.Trigger": counted}
    with (
        scene_at(sqlite_file(tmp_path), watchers=watchers) as one,
        scene_at(sqlite_file(tmp_path), watchers=watchers) as two,
    ):
        one.save(flow(f"  - {{id: t, type: local.trigger, from: {source}}}"))
        (source / "a.csv").write_text("1")
        due = one.parts.triggers.due(START, 1)
        one.step()
        assert not two.scheduler._watching.begin(due[0], START)
        one.look()
        two.step()
        assert (len(looks), len(one.executions())) == (1, 1)


def test_a_flow_saved_during_a_look_does_not_lose_what_it_found(tmp_path: Path) -> None:
    began, goes_on = threading.Event(), threading.Event()

    def slow(look: Look) -> Found:
        began.set()
        goes_on.wait(10)
        return Found(memory={"seen": 1}, events=({"code": 200},))

    with scene_at(sqlite_file(tmp_path), watchers={"io.kestra.plugin.core.http.Trigger": slow}) as scene:
        trigger = "  - {id: t, type: http.trigger, uri: http://localhost/}"
        scene.save(flow(trigger))
        scene.save(flow("  - {id: t, type: schedule, cron: '0 * * * *'}", id="g"))
        scene.step()
        assert began.wait(10)
        scene.save(flow(trigger + "\n  - {id: u, type: webhook, key: k}", description="changed"))
        scene.step("01-01T01:00")
        assert len(scene.dates("g")) == 1  # slots do not wait for a slow look
        scene.triggers.disable("a.f.u")
        goes_on.set()
        scene.look()
        assert [(one.trigger or {})["code"] for one in scene.executions("f")] == [200]


def test_new_and_changed_files_start_one_execution_that_has_them(scene: Scene, source: Path) -> None:
    scene.save(flow(f"  - {{id: t, type: local.trigger, from: {source}, regExp: '.*[.]csv'}}"))
    for name in ("a.csv", "b.csv", "c.txt"):
        (source / name).write_text(name)
    [found] = scene.look()
    assert [file["name"] for file in found["files"]] == ["a.csv", "b.csv"]
    with scene.parts.files.open(found["files"][1]["uri"]) as file:
        assert file.read() == b"b.csv"
    assert scene.look(minutes(2)) == []
    (source / "a.csv").write_text("changed")
    [found] = scene.look(minutes(2))
    assert [file["name"] for file in found["files"]] == ["a.csv"]


@pytest.mark.parametrize("action", ["DELETE", "MOVE"])
def test_files_that_were_found_are_moved_or_deleted(scene: Scene, source: Path, tmp_path: Path, action: str) -> None:
    done = tmp_path / "done"
    more = f"action: {action}, moveDirectory: {done}, recursive: true"
    scene.save(flow(f"  - {{id: t, type: local.trigger, from: {source}, {more}}}"))
    (source / "below").mkdir()
    (source / "below" / "a.csv").write_text("1")
    assert len(scene.look()) == 1
    assert list(source.rglob("*.csv")) == []
    assert (done / "a.csv").exists() is (action == "MOVE")
    (source / "below" / "a.csv").write_text("2")
    assert len(scene.look(minutes(2))) == 1


def test_what_a_crash_left_in_place_is_moved_by_the_next_look_and_starts_nothing(source: Path, tmp_path: Path) -> None:
    (source / "a.csv").write_text("1")
    properties = f"  - {{id: t, type: local.trigger, from: {source}, action: DELETE}}"

    def without_finish(look: Look) -> Found:
        found = look_at_folder(look)
        return Found(memory=found.memory, events=found.events)

    with scene_at(sqlite_file(tmp_path), watchers={"io.kestra.plugin.fs.local.Trigger": without_finish}) as scene:
        scene.save(flow(properties))
        assert len(scene.look()) == 1
        assert (source / "a.csv").exists()
        assert scene.look(minutes(2)) == []
        assert not (source / "a.csv").exists()


def test_an_answer_that_is_as_wanted_starts_an_execution_with_it(scene: Scene) -> None:
    with FaultServer() as server:
        server.publish("/state", b'{"ready": true}', etag=None)
        scene.parts.secrets.set("a", "TOKEN", "s3cret")
        trigger = f"""\
  - id: t
    type: http.trigger
    uri: {server.url}/state
    headers: {{Authorization: "Bearer {{{{ secret('TOKEN') }}}}"}}
    responseCondition: "{{{{ json(response.body).ready }}}}"
"""
        server.script("/state", Status(503))
        scene.save(flow(trigger))
        assert scene.look() == []
        [found] = scene.look(minutes(2))
        assert (found["code"], found["body"]) == (200, '{"ready": true}')
        assert server.requests[-1].headers["authorization"] == "Bearer s3cret"
    scene.save(flow(trigger.replace("/state", "/state?key={{ secret('TOKEN') }}")))
    assert scene.look(minutes(2)) == []
    assert "/state?key=****** does not answer" in (scene.state().error or "")


def test_conditions_of_a_polling_trigger_choose_among_its_events(scene: Scene, source: Path) -> None:
    condition = "conditions: [{type: expression, expression: \"{{ trigger.taxi == 'green' }}\"}]"
    scene.save(flow(f"  - {{id: t, type: taxi.published, taxi: [green, yellow], {condition}}}"))
    publish(source, "green", "2020-10")
    publish(source, "yellow", "2020-10")
    assert names(scene.look()) == [("green", "2020-10")]


def test_a_trigger_that_polls_waits_for_the_execution_it_started(scene: Scene, source: Path) -> None:
    scene.save(flow("  - {id: t, type: taxi.published, taxi: green, interval: PT1M}"))
    publish(source, "green", "2020-10")
    scene.step()
    while scene.scheduler._watching._under_way:
        scene.scheduler.wait(0.05)
        scene.step()
    assert len(scene.executions()) == 1
    publish(source, "green", "2020-11")
    assert scene.look(minutes(5)) == []
    assert names(scene.look(minutes(5))) == [("green", "2020-11")]
