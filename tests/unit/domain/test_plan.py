"""What to do with a month on offer."""

from dataclasses import replace

import pytest

from taxi_pipelines.domain.manifest import Offer
from taxi_pipelines.domain.month import Month
from taxi_pipelines.domain.plan import PlannedAction, PlannedMonth, decide
from tests.support.builders import a_receipt, an_offer

OFFER = an_offer(etag='"1"')


@pytest.mark.parametrize(
    ("offer", "loaded_etag", "force", "action", "reason"),
    [
        (OFFER, None, False, PlannedAction.LOAD, "not loaded"),
        (OFFER, '"1"', False, PlannedAction.SKIP, "unchanged"),
        (OFFER, '"0"', False, PlannedAction.RELOAD, "republished"),
        (OFFER, '"1"', True, PlannedAction.RELOAD, "asked"),
        (replace(OFFER, etag=None), '"1"', False, PlannedAction.RELOAD, "no ETag"),
        (replace(OFFER, url="https://other/x.parquet"), '"1"', False, PlannedAction.RELOAD, "another source"),
    ],
)
def test_the_action_follows_from_offer_and_receipt(
    offer: Offer, loaded_etag: str | None, force: bool, action: PlannedAction, reason: str
) -> None:
    current = a_receipt(etag=loaded_etag, source_url=OFFER.url) if loaded_etag else None
    found, why = decide(offer, current, force=force)
    assert found is action
    assert reason in why


@pytest.mark.parametrize(("billed", "cost"), [(None, None), (0, 0.0), (2**40, 6.25), (2**39, 3.125)])
def test_a_cost_is_the_on_demand_price_of_what_is_billed(billed: int | None, cost: float | None) -> None:
    line = PlannedMonth(
        type="green", month=Month(2021, 1), action=PlannedAction.LOAD, reason="not loaded yet", billed_bytes=billed
    )
    assert (line.to_dict()["billed_bytes"], line.to_dict()["cost_usd"]) == (billed, cost)
