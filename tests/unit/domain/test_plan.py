"""What to do with a month on offer."""

from dataclasses import replace

import pytest

from taxi_pipelines.domain.manifest import Offer
from taxi_pipelines.domain.plan import PlannedAction, decide
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
