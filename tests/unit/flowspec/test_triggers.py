"""Triggers: what may be written, and what is refused before anything waits for a slot that never comes."""

from __future__ import annotations

import pytest

from taxi_pipelines.domain.flow import Trigger
from taxi_pipelines.flowspec.build import parse_flow, read_flow
from taxi_pipelines.tasks.registry import REGISTRY

HEAD = "id: f\nnamespace: taxi\ninputs: [{id: taxi, type: STRING}]\ntasks: [{id: a, type: fail}]\n"


def text(trigger: str) -> str:
    return HEAD + "triggers:\n  - id: t\n    " + trigger.replace("\n", "\n    ") + "\n"


def trigger(written: str) -> Trigger:
    return parse_flow(text(written), REGISTRY).triggers[0]


def test_a_schedule_with_everything() -> None:
    found = trigger(
        """type: io.kestra.core.models.triggers.types.Schedule
description: on workdays
cron: "0 9 1 * *"
timezone: America/New_York
inputs: {taxi: "{{ trigger.date | date('yyyy') }}"}
labels: {backfill: true}
conditions: [{type: io.kestra.core.models.conditions.types.NotCondition, conditions: [{type: weekend}]}]
recoverMissedSchedules: LAST
lateMaximumDelay: PT1H
stopAfter: [FAILED]
disabled: true
logLevel: INFO
allowConcurrent: true"""
    )
    assert (found.id, found.name, found.disabled) == ("t", "io.kestra.plugin.core.trigger.Schedule", True)
    assert found.properties["conditions"][0]["conditions"] == [{"type": "weekend"}]
    assert found.properties["labels"] == {"backfill": True}
    assert found.properties["timezone"] == "America/New_York"


@pytest.mark.parametrize(
    "cron", ["*/15 * * * *", "0 0 9 1 * *", "@monthly", "@daily", "0 9 * * MON-FRI", "0 9 * * 7", "0 0 L * *"]
)
def test_cron_expressions(cron: str) -> None:
    assert trigger(f'type: schedule\ncron: "{cron}"').properties == {"cron": cron}


@pytest.mark.parametrize(
    "written",
    [
        "type: webhook\nkey: \"{{ secret('K') }}\"",
        "type: scheduleOnDates\ndates: [2024-01-31T09:00:00Z]\ntimezone: UTC",
        (
            "type: flow\nstates: [SUCCESS]\npreconditions:\n  id: p\n  flows: [{namespace: taxi, flowId: load, states: [SUCCESS]}]\n"
            "  where: [{id: w, filters: [{field: FLOW_ID, type: EQUAL_TO, value: x}]}]\n  timeWindow: {type: DAILY_TIME_DEADLINE, deadline: '09:00'}"
        ),
        "type: io.kestra.plugin.core.trigger.Flow\nconditions: [{type: executionStatus, in: [FAILED]}]",
        "type: io.kestra.plugin.gcp.gcs.Trigger\nfrom: gs://b/in/\naction: MOVE\nmoveDirectory: gs://b/out/\ninterval: PT5M",
        "type: local.trigger\nfrom: /in\nrecursive: true",
        "type: http.trigger\nuri: https://example.com",
        "type: taxi.published\ntaxi: green",
    ],
)
def test_other_triggers(written: str) -> None:
    assert trigger(written).id == "t"


WRONG = [
    ("cron: x", "6:5: triggers[0]: 'type' is missing; What sets it off."),
    ("type: Schedul", "7:11: triggers[0].type: unknown trigger type 'Schedul'; did you mean 'schedule'?"),
    ("type: schedule", "6:5: triggers[0]: 'cron' is missing; Five fields, six with seconds first, or a nickname such as @monthly."),
    ("type: schedule\ncron: 0 9 1 *", "8:11: triggers[0].cron: '0 9 1 *': a cron expression has 5 fields, or 6 with seconds first; this has 4; Five fields, six with seconds first, or a nickname such as @monthly."),
    ("type: schedule\ncron: 0 25 * * *", "8:11: triggers[0].cron: '0 25 * * *': not a cron expression that ever comes true: [0 25 * * *] is not acceptable, out of range; Five fields, six with seconds first, or a nickname such as @monthly."),
    ('type: schedule\ncron: "{{ inputs.taxi }}"', "8:11: triggers[0].cron: no template can stand here; it is needed before anything is rendered"),
    ("type: schedule\ncron: '@daily'\ntimezone: Paris", "9:15: triggers[0].timezone: 'Paris': not a time zone: did you mean Europe/Paris?; Name of the zone the cron expression is meant in."),
    ("type: schedule\ncron: '@daily'\ntimezone: ../xyz", "9:15: triggers[0].timezone: '../xyz': not a time zone, such as UTC or America/New_York; Name of the zone the cron expression is meant in."),
    ("type: schedule\ncron: 0 9 * * *\nwithSeconds: true", "6:5: triggers[0]: withSeconds is true, but the cron expression has no field for them"),
    ("type: schedule\ncron: '@daily'\ninputs: {taxxi: green}", "9:14: triggers[0].inputs.taxxi: there is no input 'taxxi'; did you mean 'taxi'?"),
    ("type: schedule\ncron: '@daily'\nlabels: {system.x: 1}", "9:13: triggers[0].labels: 'system.x': labels that begin with `system.` are reserved"),
    ("type: schedule\ncron: '@daily'\nlabels: [a]", "9:14: triggers[0].labels[0]: 'a': input should be a valid dictionary; Labels of the executions it starts."),
    ("type: schedule\ncron: '@daily'\nstopAfter: [FAIL]", "9:17: triggers[0].stopAfter[0]: 'FAIL': input should be 'CREATED', 'QUEUED', 'RUNNING', 'PAUSED', 'RESTARTED', 'RETRYING', 'RETRIED', 'KILLING', 'KILLED', 'CANCELLED', 'SKIPPED', 'WARNING', 'FAILED' or 'SUCCESS'; It is disabled once an execution it started has ended in one of these states."),
    ("type: schedule\ncron: '@daily'\nconditions: [{type: weekendd}]", "9:25: triggers[0].conditions[0].type: unknown condition type 'weekendd'; did you mean 'weekend'?"),
    ("type: schedule\ncron: '@daily'\nconditions: [{x: 1}]", "9:18: triggers[0].conditions[0]: 'type' is missing; which condition it is"),
    ("type: schedule\ncron: '@daily'\nconditions: [{type: or, conditions: [{type: dayWeek}]}]", "9:42: triggers[0].conditions[0].conditions[0]: 'dayOfWeek' is missing; MONDAY … SUNDAY."),
    ("type: scheduleOnDates\ndates: [tomorrow]", "8:13: triggers[0].dates[0]: 'tomorrow': not a date and time, such as 2024-01-31T09:00:00; Dates and times, as ISO 8601."),
    ("type: flow\npreconditions: {id: p, flows: [{flowId: x}]}", "8:36: triggers[0].preconditions.flows[0]: 'namespace' is missing; Namespace of the flow."),
]  # fmt: skip


@pytest.mark.parametrize(("written", "problem"), WRONG)
def test_what_is_wrong_with_a_trigger(written: str, problem: str) -> None:
    assert problem in [str(one).removeprefix("flow:") for one in read_flow(text(written), REGISTRY)[1]]


def test_every_trigger_has_its_own_id() -> None:
    twice = text("type: webhook\nkey: k") + "  - {id: t, type: webhook, key: l}\n"
    assert [str(one) for one in read_flow(twice, REGISTRY)[1]] == [
        "flow:9:10: triggers[1].id: the id 't' is taken already"
    ]


def test_plugin_defaults_apply_to_triggers_and_their_conditions() -> None:
    more = """\
pluginDefaults:
  - {type: io.kestra.plugin.core.trigger, values: {timezone: Europe/Paris, recoverMissedSchedules: NONE, key: none}}
  - {type: io.kestra.plugin.core.condition, values: {country: US}}
"""
    flow = parse_flow(text("type: schedule\ncron: '@daily'\nconditions: [{type: publicHoliday}]") + more, REGISTRY)
    assert flow.triggers[0].properties == {
        "cron": "@daily",
        "timezone": "Europe/Paris",
        "recoverMissedSchedules": "NONE",
        "conditions": [{"type": "publicHoliday", "country": "US"}],
    }
