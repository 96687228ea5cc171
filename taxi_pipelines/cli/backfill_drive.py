"""Going on with a backfill until it has ended: executed here where no engine lives, else watched."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass, field

from taxi_pipelines.cli.output import talk
from taxi_pipelines.cli.signals import told
from taxi_pipelines.cli.trigger_render import slot_line
from taxi_pipelines.domain.trigger import BackfillState, SlotState
from taxi_pipelines.engine.engine import Engine
from taxi_pipelines.orchestrator import Orchestrator
from taxi_pipelines.scheduler.backfills import BackfillDriver
from taxi_pipelines.scheduler.control import BackfillView

LOOK_SECONDS = 0.3
"""How often it is looked whether another process's engine lives."""

_OPEN = (SlotState.WAITING, SlotState.RUNNING)


@dataclass
class BackfillDrive:
    """One backfill. `signals` are those that came."""

    taxi: Orchestrator
    view: BackfillView
    quiet: bool = False
    signals: list[int] = field(default_factory=list)
    engine: Engine | None = None
    _next_look: float = 0.0

    def until_end(self) -> bool:
        """Until every slot has its end; False where signals stopped that.

        The first Ctrl-C pauses it, where it is executed here, and lets what runs come to its end; the second leaves that, too.
        """
        driver = BackfillDriver(self.taxi.parts, lambda executions: self._tell_engine())
        with told(self.signals.append):
            while True:
                driver.step(self.taxi.parts.clock(), self.view.backfill)
                self._look()
                if self.view.backfill.ended_at is not None:
                    return True
                if self.signals and self._stops():
                    return False
                self._go_on()

    def _stops(self) -> bool:
        """After a signal."""
        id = self.view.backfill.id
        if self.engine is None:
            talk(f"it goes on where the service runs; else go on with: taxi trigger backfills resume {id}")
            return True
        if self.view.backfill.state is BackfillState.RUNNING:
            self.view = self.taxi.triggers.pause_backfill(id)
            talk("paused: what runs goes on to its end; Ctrl-C again leaves it to the next start")
        is_urgent = len(self.signals) > 1 or signal.SIGTERM in self.signals
        if is_urgent or not self.view.counts.get(SlotState.RUNNING):
            talk(f"go on with: taxi trigger backfills resume {id}")
            return True
        return False

    def _tell_engine(self) -> None:
        if self.engine is not None:
            self.engine.look()

    def _go_on(self) -> None:
        """One cycle of the engine here, or a moment's wait for that of another process."""
        if self.engine is not None:
            self.engine.step()
            return
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + LOOK_SECONDS
            if not self.taxi.has_living_engine():
                self.engine, _ = self.taxi.start_engine(say=talk)
                return
        time.sleep(LOOK_SECONDS / 3)

    def _look(self) -> None:
        """Says which slots have come to their end since."""
        before = {slot.slot for slot in self.view.slots if slot.state in _OPEN}
        self.view = self.taxi.triggers.backfill(self.view.backfill.id)
        ended = [slot for slot in self.view.slots if slot.state not in _OPEN]
        new = [slot for slot in ended if slot.slot in before]
        for number, slot in enumerate(new, len(ended) - len(new) + 1):
            if not self.quiet:
                talk(slot_line(slot, self.view.zone, number, len(self.view.slots)))
