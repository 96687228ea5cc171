"""What a flow does, as tables: the flow | what begins, in order | how it ends. The flows' notation: tests/support/flow_text.py."""

from __future__ import annotations

import pytest

from taxi_pipelines.domain.flow import RetryBehavior
from taxi_pipelines.domain.states import State
from tests.support.flow_text import flow, retry
from tests.support.flows import Simulation

BODIES = """
a b c                               | a b c                        | SUCCESS
a b! c                              | a b                          | FAILED b=FAILED
a~ b                                | a b                          | WARNING a=WARNING
a? b                                | a b                          | SUCCESS a=SKIPPED
a@disabled b                        | b                            | SUCCESS
a@disabled                          |                              | SUCCESS
seq(a b) c                          | seq1 a b c                   | SUCCESS
seq(a! b) c                         | seq1 a                       | FAILED seq1=FAILED
seq(a~) c                           | seq1 a c                     | WARNING seq1=WARNING
seq(a? b@disabled)                  | seq1 a                       | SUCCESS seq1=SUCCESS
seq(seq(seq(a!)))                   | seq1 seq2 seq3 a             | FAILED seq1=FAILED seq3=FAILED
par(a b c) d                        | par1 a b c d                 | SUCCESS
par(a! b c) d                       | par1 a b c                   | FAILED b=SUCCESS c=SUCCESS
par:2(a b c d)                      | par1 a b c d                 | SUCCESS
par:1(a b! c)                       | par1 a b                     | FAILED par1=FAILED
par:2(a! b c d)                     | par1 a b                     | FAILED b=SUCCESS
par(seq(a! b) seq(c d))             | par1 seq2 seq3 a c d         | FAILED seq2=FAILED seq3=SUCCESS
par()                               | par1                         | SUCCESS
dag(c<a,b a b)                      | dag1 a b c                   | SUCCESS
dag:1(c<a b a)                      | dag1 b a c                   | SUCCESS
dag(a! b<a c d<c)                   | dag1 a c                     | FAILED a=FAILED c=SUCCESS
dag(a b<a@disabled c<b)             | dag1 a c                     | SUCCESS
dag(a? b<a)                         | dag1 a b                     | SUCCESS
if:then(a | else: b) c              | if1 a c                      | SUCCESS
if:else(a | else: b) c              | if1 b c                      | SUCCESS
if:else(a) c                        | if1 c                        | SUCCESS if1=SUCCESS
switch:x(| x: a | y: b)             | switch1 a                    | SUCCESS
switch:z(| x: a | defaults: b c)    | switch1 b c                  | SUCCESS
switch:z(| x: a)                    | switch1                      | SUCCESS
each:2(a b)                         | each1 a.0 b.0 a.1 b.1        | SUCCESS
each:0(a) b                         | each1 b                      | SUCCESS
each:3/2(a b)                       | each1 a.0 a.1 b.0 b.1 a.2 b.2 | SUCCESS
each:3/0(a)                         | each1 a.0 a.1 a.2            | SUCCESS
each:3(a! b)                        | each1 a.0                    | FAILED each1=FAILED
each:3/0(a! b)                      | each1 a.0 a.1 a.2            | FAILED a.2=FAILED
each:2(a@disabled)                  | each1                        | SUCCESS
each:2(each:2(a))                   | each1 each2.0 a.0 a.1 each2.1 a.0 a.1 | SUCCESS
loop:2(a b) c                       | loop1 a.0 b.0 a.1 b.1 c      | SUCCESS
loop:3/2(a) c                       | loop1 a.0 a.1 c              | SUCCESS loop1=SUCCESS
loop:3/2!(a) c                      | loop1 a.0 a.1                | FAILED loop1=FAILED
loop:2(a!)                          | loop1 a.0                    | FAILED
loop:2(a~)                          | loop1 a.0 a.1                | WARNING loop1=WARNING
loop:2(a@disabled) b                | loop1 b                      | SUCCESS
allow(a! b) c                       | allow1 a c                   | WARNING allow1=WARNING a=FAILED
allow(a b) c                        | allow1 a b c                 | SUCCESS
wd(a b)                             | wd1 a b                      | SUCCESS
pause:5 a                           | pause1 a                     | SUCCESS pause1=SUCCESS
pause:5! a                          | pause1                       | FAILED pause1=FAILED
pause:5!@allow_failure a            | pause1 a                     | WARNING
pause a                             | pause1 a                     | SUCCESS
pause:5(a b) c                      | pause1 a b c                 | SUCCESS
pause(a! b) c                       | pause1 a                     | FAILED pause1=FAILED
sleep:5 a                           | sleep1 a                     | SUCCESS
sub a                               | sub1 a                       | SUCCESS
par(pause:5 pause:5 pause:9) a      | par1 pause2 pause3 pause4 a  | SUCCESS
"""

HANDLERS = """
a! | errors: x y                            | a x y            | FAILED
a | errors: x                               | a                | SUCCESS
a | finally: y                              | a y              | SUCCESS
a! b | errors: x | finally: y               | a x y            | FAILED x=SUCCESS y=SUCCESS
a | finally: y! z                           | a y              | FAILED
a | finally: y~                             | a y              | WARNING
a! | errors: x! | finally: y                | a x y            | FAILED
a! | errors: x@disabled                     | a                | FAILED
seq(a! | errors: x) b | errors: y           | seq1 a x y       | FAILED seq1=FAILED
seq(a! | errors: x | finally: z) | errors: y | seq1 a x z y    | FAILED
par(a! b | errors: x)                       | par1 a b x       | FAILED
each:3(a! | errors: x)                      | each1 a.0 x      | FAILED
loop:3/1!(a | errors: x | finally: y)       | loop1 a.0 x y    | FAILED
if:then(a! | errors: x) b                   | if1 a x          | FAILED
allow(a! | errors: x) b                     | allow1 a x b     | WARNING allow1=WARNING
allow(a! | finally: y) b | errors: x        | allow1 a y b     | WARNING
a! | errors: seq(x! | errors: y)            | a seq1 x y       | FAILED
"""

SOFTENED = """
a!@allow_failure b                          | a b              | WARNING a=WARNING
a!@allow_failure@allow_warning b            | a b              | SUCCESS a=SUCCESS
a~@allow_warning b                          | a b              | SUCCESS
seq@allow_failure(a! | errors: x) b         | seq1 a x b       | WARNING seq1=WARNING
seq@allow_warning(a~) b                     | seq1 a b         | SUCCESS seq1=SUCCESS
a!2@retry=3 b                               | a a a b          | SUCCESS
a!@retry=3 b                                | a a a            | FAILED
a!@retry=2@allow_failure b                  | a a b            | WARNING a=WARNING
a!1@retry=3@warning_on_retry b              | a a b            | WARNING a=WARNING
a@retry=3@warning_on_retry b                | a b              | SUCCESS
seq@retry=2(a!1 b) c                        | seq1 a a b c     | SUCCESS
seq@retry=5(seq(a!@retry=2)) c              | seq1 seq2 a a    | FAILED
par(a!1@retry=2 b) c                        | par1 a b a c     | SUCCESS
a!@retry=2 | errors: x                      | a a x            | FAILED
"""


def rows(table: str) -> list[tuple[str, str, str]]:
    found = []
    for line in table.strip().splitlines():
        text, began, end = line.rsplit("|", 2)
        found.append((text.strip(), began.strip(), end.strip()))
    return found


@pytest.mark.parametrize(("text", "began", "end"), rows(BODIES) + rows(HANDLERS) + rows(SOFTENED))
def test_what_begins_and_how_it_ends(text: str, began: str, end: str) -> None:
    ended = Simulation(flow(text)).run()
    assert ended.trace == began.split()
    state, *others = end.split()
    assert ended.state == state
    assert dict(it.split("=") for it in others).items() <= ended.states().items()


def test_a_flow_with_a_policy_tries_its_failed_tasks_again() -> None:
    assert Simulation(flow("a!2 b!1@retry=2 | errors: x", retry=retry(3))).run().trace == ["a", "a", "a", "b", "b"]


def test_a_flow_is_tried_again_as_a_whole_and_its_errors_run_on_the_last_try_only() -> None:
    script = flow("seq(a!) | errors: x | finally: y", retry=retry(2, RetryBehavior.CREATE_NEW_EXECUTION))
    first = Simulation(script).run()
    assert (first.state, first.trace) == (State.RETRIED, ["seq1", "a", "y"])
    assert first.new_execution is not None and first.new_execution.attempt == 2
    second = Simulation(script)
    second.move(attempt=2)
    assert (second.run().state, second.trace) == (State.FAILED, ["seq1", "a", "x", "y"])
