"""Objects in a bucket: new and changed ones start one execution together."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import partial
from typing import Any

from taxi_pipelines.engine.context import iso
from taxi_pipelines.errors import UsageError
from taxi_pipelines.scheduler.polling.look import Found, Look
from taxi_pipelines.scheduler.polling.seen import matching, remembered, split_by_memory
from taxi_pipelines.trigger_interfaces import FoundObject, Objects

_IN_MEMORY = 8 << 20


def look_at_bucket(look: Look, objects: Objects) -> Found:
    """What is new in the folder of the bucket. Objects that were found are moved or deleted once their execution is stored."""
    it = look.properties
    if it.action == "MOVE" and not it.move_directory:
        raise UsageError("action MOVE has no moveDirectory", "say where the objects go")
    listed = objects.listed(it.from_, recursive=it.listing_type == "RECURSIVE", credentials=it.service_account)
    found = matching(it.reg_exp, listed, lambda one: (one.uri, one.name, one.name.rpartition("/")[2]))
    new, known = split_by_memory(look, found, _mark)
    if it.action != "NONE":
        _finish(it, objects, known)  # what a crash kept from being done
    memory = remembered([*known, *new], _mark)
    if not new:
        return Found(memory=memory)
    event = {"blobs": [_kept(look, objects, one) for one in new]}
    return Found(memory=memory, events=(event,), finish=partial(_finish, it, objects, new))


def _mark(one: FoundObject) -> tuple[str, str]:
    return one.uri, one.mark


def _kept(look: Look, objects: Objects, one: FoundObject) -> dict[str, Any]:
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
        objects.fetch(one.uri, file, look.properties.service_account)  # type: ignore[arg-type]  # it is a BinaryIO
        file.seek(0)
        uri = look.keep_file(one.name.rpartition("/")[2], file)  # type: ignore[arg-type]
    return {"uri": uri, "name": one.name, "gcsUri": one.uri, "size": one.bytes, "updated": iso(one.updated_at)}


def _finish(properties: Any, objects: Objects, these: Sequence[FoundObject]) -> None:
    for one in these:
        if properties.action == "MOVE":
            objects.move(one.uri, properties.move_directory, properties.service_account)
        elif properties.action == "DELETE":
            objects.delete(one.uri, properties.service_account)
