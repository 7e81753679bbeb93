"""The files of deploy/: YAML reads, and every setting and flag that they name is one."""

import os
import pathlib
import re
import subprocess
import tomllib
from typing import Any

import yaml

import expect

BINARY = os.environ["WATCHFIRE_BIN"]
DEPLOY = pathlib.Path(__file__).resolve().parent.parent / "deploy"
# Flags of `serve` that are no settings.
OTHERS = {"--config"}


def main() -> None:
    reference = said("config", "--reference")
    variables = set(re.findall(r"`(WATCHFIRE_[A-Z_]+)`", reference))
    keys = set(re.findall(r"^\| `(?:--)?([a-z][a-z-]+)`", reference, re.MULTILINE))
    expect.true("the reference has settings", len(keys) > 50 and "WATCHFIRE_LISTEN" in variables, len(keys))
    for file in sorted(file for file in DEPLOY.rglob("*") if file.is_file() and file.name != "README.md"):
        name = str(file.relative_to(DEPLOY))
        text = file.read_text()
        named = set(re.findall(r"\bWATCHFIRE_[A-Z_]+\b", text)) - {"WATCHFIRE_CONFIG"}
        unknown = {one for one in named if one not in variables and one.removesuffix("_FILE") not in variables}
        expect.equal(f"{name}: variables", unknown - {"WATCHFIRE_EXAMPLE_COM"}, set())
        for line in (line for line in text.splitlines() if re.search(r"watchfire serve|\"serve\"", line)):
            flags = set(re.findall(r"--[a-z-]+", line)) - OTHERS
            expect.equal(f"{name}: {line.strip()}", {flag for flag in flags if flag[2:] not in keys}, set())
        if file.suffix == ".toml":
            expect.equal(f"{name}: keys", set(tomllib.loads(text)) - keys, set())
        if file.suffix in {".yaml", ".yml"}:
            documents = list(yaml.safe_load_all(text))
            expect.true(f"{name}: reads", documents and all(isinstance(one, dict) for one in documents))
            for one in documents:
                kubernetes(name, one, keys)
    compose()
    expect.done()


def said(*arguments: str) -> str:
    return subprocess.run([BINARY, *arguments], capture_output=True, text=True, check=True).stdout


def kubernetes(name: str, document: dict[str, Any], keys: set[str]) -> None:
    kind = document.get("kind")
    if kind == "ConfigMap":
        for file, text in document["data"].items():
            expect.equal(f"{name}: keys of {file}", set(tomllib.loads(text)) - keys, set())
    if kind != "Deployment":
        return
    pod = document["spec"]["template"]["spec"]
    volumes = {volume["name"] for volume in pod["volumes"]}
    for container in pod["initContainers"] + pod["containers"]:
        mounts = {mount["name"] for mount in container["volumeMounts"]}
        expect.equal(f"{name}: volumes of {container['name']}", mounts - volumes, set())
    container = pod["containers"][0]
    probes = {container[probe]["httpGet"]["path"] for probe in ["startupProbe", "livenessProbe", "readinessProbe"]}
    expect.equal(f"{name}: probes", probes, {"/healthz", "/readyz"})
    expect.true(f"{name}: a root that is read-only, and no root user", container["securityContext"]["readOnlyRootFilesystem"])
    selector = document["spec"]["selector"]["matchLabels"]
    expect.equal(f"{name}: the selector", document["spec"]["template"]["metadata"]["labels"], selector)


def compose() -> None:
    document = yaml.safe_load((DEPLOY / "compose/compose.yaml").read_text())
    used = {secret for service in document["services"].values() for secret in service.get("secrets", [])}
    expect.equal("compose.yaml: secrets", used, set(document["secrets"]))
    expect.true("compose.yaml: the Dockerfile is there", (DEPLOY / "container/Dockerfile").is_file())


main()
