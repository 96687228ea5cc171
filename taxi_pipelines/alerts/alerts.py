"""The alerts of a server: one thread that takes the news of ended executions, looks for what is late, and sends messages.

A message is kept in the transaction that takes the news it is about, and removed after it was sent: at least once, in spite of
any crash. Several servers may share a database: each message is sent by whoever claims it. A place that takes none is asked
less and less often, and comes between no other place and its messages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event

from taxi_pipelines.alerts.late import FlowName, concerns, find_late
from taxi_pipelines.alerts.messages import LAST_LINES, Message, ended_message, late_message, test_message
from taxi_pipelines.domain.alert import SERVER_NAMESPACE, Alert, AlertOn, AlertRule, Place
from taxi_pipelines.engine.lookup import find_secret, no_secret
from taxi_pipelines.engine.parts import Parts
from taxi_pipelines.errors import PipelineError
from taxi_pipelines.flow_interfaces import LogFilter, Page
from taxi_pipelines.trigger_interfaces import Ending

CONSUMER = "alerts"
LOOK_SECONDS = 2.0
"""How often to step: alerts come so late at most."""

LATE_EVERY = timedelta(seconds=30)
"""How often it is looked for what is late."""

AT_ONCE = 100
CLAIM = timedelta(minutes=2)
"""How long sending one message may take; another server sends it then."""

PAUSES = tuple(timedelta(seconds=seconds) for seconds in (10, 30, 120, 600, 1800))
"""Between tries at a place that takes no message, the last of them from then on."""

GIVEN_UP_AFTER = timedelta(days=7)

Send = Callable[[str, str, str], None]
"""URL, title, body. Raises AlertUndelivered."""


@dataclass(frozen=True, slots=True)
class _Trouble:
    """A place that took no message: so often in a row, when it is asked again, and why."""

    tries: int
    until: datetime
    reason: str


class Alerts:
    """All but the constructor belongs to one thread."""

    def __init__(
        self, parts: Parts, rules: Sequence[AlertRule], send: Send, say: Callable[[str], None] = lambda line: None
    ) -> None:
        """`say` is told of places that take no message, once, and of what else nobody would hear of."""
        self._parts = parts
        self._rules = rules
        self._late_rules = [rule for rule in rules if AlertOn.LATE in rule.on]
        self._send = send
        self._say = say
        self._troubles: dict[Place, _Trouble] = {}
        self._next_late: datetime | None = None
        self._complaint = ""

    @property
    def wants_endings(self) -> bool:
        """Whether any rule is about how executions end."""
        return any({AlertOn.FAILED, AlertOn.WARNING} & {*rule.on} for rule in self._rules)

    def run(self, stopping: Event) -> None:
        """Steps until that is set."""
        while not stopping.is_set():
            self.step(self._parts.clock())
            stopping.wait(LOOK_SECONDS)

    def step(self, now: datetime) -> None:
        """Does what there is to do. Never raises: what cannot be done is said once, and tried again."""
        try:
            self._take_endings(now)
            if self._late_rules and (self._next_late is None or now >= self._next_late):
                self._look_for_late(now)
                self._next_late = now + LATE_EVERY
            self._send_all(now)
            self._complaint = ""
        except Exception as error:
            what = str(error) if isinstance(error, PipelineError) else f"{type(error).__name__}: {error}"
            if what != self._complaint:
                self._complaint = what
                self._say(f"the alerts cannot go on: {what}; trying again")

    def test(self) -> dict[Place, str | None]:
        """Sends a test message to the place of each rule; why it failed, None where it did not."""
        return {place: self._try(place, test_message(self._parts.server_url)) for place in self._places()}

    def _places(self) -> list[Place]:
        return sorted({rule.place for rule in self._rules})

    # ------------------------------------------------------------------ what there is to say

    def _take_endings(self, now: datetime) -> None:
        news = self._parts.endings.waiting(CONSUMER, AT_ONCE)
        if news:
            alerts = [alert for ending in news for alert in self._alerts_of(ending, now)]
            self._parts.alerts.put(alerts, [ending.number for ending in news])

    def _alerts_of(self, ending: Ending, now: datetime) -> Iterator[Alert]:
        rules = [rule for rule in self._rules if ending.state in map(str, rule.on)]
        execution = self._parts.executions.find(ending.execution_id) if rules else None
        if execution is None:
            return
        places = {rule.place for rule in rules if concerns(rule, execution)}
        if places:
            newest = self._parts.logs.search_lines(LogFilter(execution_id=execution.id), Page(limit=LAST_LINES))
            runs = self._parts.executions.task_runs(execution.id)
            message = ended_message(execution, ending.state, runs, newest[::-1], self._parts.server_url)
            yield from (_alert(place, message, now) for place in sorted(places))

    def _look_for_late(self, now: datetime) -> None:
        """What became late before the first look, or so long ago that nobody wants to hear of it, is not."""
        before = self._parts.alerts.looked_at()
        since = max(before or now, now - GIVEN_UP_AFTER)
        said: dict[tuple[Place, FlowName], dict[str, None]] = {}
        for rule in self._late_rules:
            for flow, sentence in find_late(self._parts, rule, since, now):
                said.setdefault((rule.place, flow), {})[sentence] = None
        alerts = [_alert(place, late_message(*flow, list(sentences)), now) for (place, flow), sentences in said.items()]
        self._parts.alerts.put_late(alerts, before, now)

    # ------------------------------------------------------------------ saying it

    def _send_all(self, now: datetime) -> None:
        """To each place until it fails, so that one that is down is asked once."""
        resting = {place for place, trouble in self._troubles.items() if now < trouble.until}
        while alert := self._parts.alerts.claim(now, now + CLAIM, resting):
            reason = self._try(alert.place, (alert.title, alert.body))
            if reason is None:
                self._parts.alerts.remove(alert)
                self._note_success(alert.place)
                continue
            resting.add(alert.place)
            self._note_failure(alert.place, reason, now)
            if now - alert.created_at > GIVEN_UP_AFTER:
                self._parts.alerts.remove(alert)
                self._say(f"an alert to {alert.place} is given up after {GIVEN_UP_AFTER.days} days: {alert.title}")
            else:
                self._parts.alerts.keep(alert)

    def _try(self, place: Place, message: Message) -> str | None:
        """Why it could not be sent."""
        try:
            self._send(self._url(place), *message)
        except PipelineError as error:
            return str(error)
        return None

    def _url(self, place: Place) -> str:
        for namespace in (place.namespace, SERVER_NAMESPACE):
            if (url := find_secret(self._parts, namespace, place.secret)) is not None:
                return url
        raise no_secret(place.namespace, place.secret)

    def _note_failure(self, place: Place, reason: str, now: datetime) -> None:
        before = self._troubles.get(place)
        tries = before.tries + 1 if before else 1
        self._troubles[place] = _Trouble(tries, now + PAUSES[min(tries, len(PAUSES)) - 1], reason)
        if before is None or before.reason != reason:
            self._say(f"alerts to {place} do not arrive: {reason}; trying again")

    def _note_success(self, place: Place) -> None:
        if self._troubles.pop(place, None):
            self._say(f"alerts to {place} arrive again")


def _alert(place: Place, message: Message, now: datetime) -> Alert:
    title, body = message
    return Alert(place=place, title=title, body=body, created_at=now)
