"""Check what `sam deploy` is given, for faults that CloudFormation finds only after minutes, or never.

Run as a script with the arguments of `sam deploy`, it prints one sentence and exits with 1 on a fault.
"""

from __future__ import annotations

import os
import re
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).parents[1]
MAX_BUCKET_NAME = 63
SUFFIX = len("-uploads-123456789012-")
"""Characters of a bucket's name between those of the stack and of the region."""

MAX_REGION = len("ap-northeast-1")
MACHINES = {"x86_64": "x86_64", "aarch64": "arm64"}


def find_fault(
    arguments: Sequence[str], config: Mapping[str, Any], environment: Mapping[str, str], build: Path
) -> str | None:
    """Return a sentence on what is wrong with a deployment, or None.

    Args:
        arguments: of `sam deploy`.
        config: the content of samconfig.toml.
        environment: the process's variables.
        build: the folder of the built functions.
    """
    options = parse_options(arguments)
    stage = next(iter(options.get("--config-env", [])), "default")
    sections = config.get(stage, {})
    parameters = {
        **sections.get("global", {}).get("parameters", {}),
        **sections.get("deploy", {}).get("parameters", {}),
    }
    if "template_file" in parameters or "--template-file" in options:
        return None  # a template without buckets and functions, or one for emulators
    name = next(iter(options.get("--stack-name", [])), parameters.get("stack_name", ""))
    regions = [*options.get("--region", []), parameters.get("region")]
    regions += [environment.get(variable) for variable in ("AWS_REGION", "AWS_DEFAULT_REGION")]
    overrides = options.get("--parameter-overrides") or parameters.get("parameter_overrides", [])
    values = dict(item.split("=", 1) for item in overrides if "=" in item)
    architecture = values.get("Architecture", "x86_64")
    return check_name(name, next(filter(None, regions), None)) or check_machine(architecture, build)


def parse_options(arguments: Sequence[str]) -> dict[str, list[str]]:
    """Return the values of each option."""
    options: dict[str, list[str]] = {}
    values: list[str] = []
    for argument in arguments:
        if argument.startswith("--"):
            option, _, value = argument.partition("=")
            values = options.setdefault(option, [])
            values += [value] if value else []
        else:
            values.append(argument)
    return options


def check_name(name: str, region: str | None) -> str | None:
    """Return what is wrong with a stack's name, with which the names of its buckets begin, or None."""
    if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
        return (
            f"Invalid stack name '{name}'. "
            "Use lower-case letters, digits and hyphens, and begin with a letter; "
            "the names of the buckets begin with it"
        )
    longest = MAX_BUCKET_NAME - SUFFIX - (len(region) if region else MAX_REGION)
    if len(name) > longest:
        place = f"in {region}" if region else "to fit every region"
        return (
            f"The stack name '{name}' has {len(name)} characters. Use at most {longest} {place}; "
            "the names of the buckets add the account and the region"
        )
    return None


def check_machine(architecture: str, build: Path) -> str | None:
    """Return the fault if the functions were built for another processor than the stack's, or None."""
    for library in build.glob("*Function/**/*-linux-gnu.so"):
        built = MACHINES.get(library.name.split("-")[-3], architecture)
        if built != architecture:
            return (
                f"The functions are built for {built}, and the stack is for {architecture}. "
                f"Run: make build ARCH={architecture}"
            )
    return None


if __name__ == "__main__":
    settings = tomllib.loads((ROOT / "samconfig.toml").read_text())
    sys.exit(find_fault(sys.argv[1:], settings, os.environ, ROOT / ".aws-sam" / "build"))
