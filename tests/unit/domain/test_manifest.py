"""A manifest survives JSON and knows the file it is of."""

import json
from dataclasses import replace

from taxi_pipelines.domain.manifest import FileFormat, Manifest
from taxi_pipelines.domain.month import WHOLE
from tests.support.builders import a_manifest, an_offer


def test_a_manifest_survives_json() -> None:
    for manifest in (a_manifest(), a_manifest(month=WHOLE, etag=None, format=FileFormat.CSV_GZ)):
        assert Manifest.from_dict(json.loads(json.dumps(manifest.to_dict()))) == manifest


def test_a_manifest_answers_only_the_very_file_on_offer() -> None:
    offer = an_offer(etag='"1"')
    manifest = a_manifest(source_url=offer.url, etag='"1"')
    assert manifest.answers(offer)
    assert not manifest.answers(replace(offer, etag='"2"'))
    assert not manifest.answers(replace(offer, url="https://elsewhere/"))
    assert not a_manifest(source_url=offer.url, etag=None).answers(replace(offer, etag=None))
