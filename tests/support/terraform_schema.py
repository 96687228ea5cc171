"""The schema of Google's provider, distilled from HashiCorp's npm package.

The package describes every resource of one provider version, in a file of 100 MB; what terraform/ uses of that is kept in
terraform_schema.json: names and whether they are required. The package is under MPL-2.0.
Write it anew after a resource type was added:  python -m tests.support.terraform_schema
"""

from __future__ import annotations

import json
import re
import subprocess
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.support.terraform import SCHEMA, TERRAFORM, read_module, resources

PACKAGE, PACKAGE_VERSION = "@cdktf/provider-google", "16.12.1"
CACHE = Path.home() / ".cache" / "taxi-pipelines" / "npm"


def download_package() -> Path:
    """The npm package, kept between runs. Raises CalledProcessError where npm cannot get it."""
    CACHE.mkdir(parents=True, exist_ok=True)
    archive = CACHE / f"cdktf-provider-google-{PACKAGE_VERSION}.tgz"
    if not archive.exists():
        command = ["npm", "pack", "--silent", f"{PACKAGE}@{PACKAGE_VERSION}"]
        subprocess.run(command, cwd=CACHE, capture_output=True, text=True, check=True)
    return archive


def distil(archive: Path, kinds: Iterable[str]) -> dict[str, Any]:
    """The schema of some resource types (`data.TYPE` for data sources). Raises KeyError for a type that does not exist."""
    with tarfile.open(archive) as package:
        described = json.load(package.extractfile("package/.jsii"))
        about = json.load(package.extractfile("package/package.json"))
    types = described["types"]
    classes = {name: fqn for fqn, type_ in types.items() if (name := _terraform_name(type_))}
    provider = about["cdktf"]["provider"]
    return {
        "provider": f"{provider['name'].removeprefix('registry.terraform.io/')} {provider['version']}",
        "from": f"{PACKAGE} {about['version']} ({about['license']})",
        "resources": {kind: _resource(types, classes[kind]) for kind in sorted(set(kinds))},
    }


def _terraform_name(described: Mapping[str, Any]) -> str | None:
    summary = described.get("docs", {}).get("summary", "")
    found = re.match(r"Represents a \{@link \S+/docs/(resources|data-sources)/\S+ (google_\w+)\}", summary)
    if not found or described["kind"] != "class":
        return None
    return found[2] if found[1] == "resources" else f"data.{found[2]}"


def _resource(types: Mapping[str, Any], fqn: str) -> dict[str, Any]:
    known = _struct(types, f"{fqn}Config")
    properties = (item["name"] for item in types[fqn]["properties"] if not item.get("static"))
    computed = {re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower() for name in properties if not name.endswith("Input")}
    return known | {"attributes": sorted(computed | known["arguments"].keys() | known["blocks"].keys())}


def _struct(types: Mapping[str, Any], fqn: str) -> dict[str, Any]:
    arguments: dict[str, bool] = {}
    blocks: dict[str, Any] = {}
    for item in types[fqn]["properties"]:
        docs = item.get("docs", {})
        linked = re.search(r"#(\w+) ", docs.get("summary", "") + docs.get("remarks", ""))
        assert linked, f"{fqn}.{item['name']} does not say how Terraform calls it"
        name, required = linked[1], not item.get("optional", False)
        inner = [found for found in _references(item["type"]) if found.startswith("@cdktf/")]
        if inner and docs.get("summary") == f"{name} block.":
            many = "collection" in json.dumps(item["type"])
            blocks[name] = {"required": required, "many": many} | _struct(types, inner[0])
        elif name != "id":
            arguments[name] = required
    return {"arguments": dict(sorted(arguments.items())), "blocks": dict(sorted(blocks.items()))}


def _references(described: Mapping[str, Any]) -> list[str]:
    if "fqn" in described:
        return [described["fqn"]]
    if "union" in described:
        return [found for inner in described["union"]["types"] for found in _references(inner)]
    return _references(described["collection"]["elementtype"]) if "collection" in described else []


def text(schema: Mapping[str, Any]) -> str:
    """As it is kept: one resource type to a line, so that a change shows which."""
    lines = [f"  {json.dumps(kind)}: {json.dumps(known)}" for kind, known in schema["resources"].items()]
    head = {name: value for name, value in schema.items() if name != "resources"}
    return json.dumps(head)[:-1] + ', "resources": {\n' + ",\n".join(lines) + "\n}}\n"


if __name__ == "__main__":
    used = {block.kind for block in resources(read_module(TERRAFORM))}
    SCHEMA.write_text(text(distil(download_package(), used)))
