"""What `make build` made: what it holds, what it weighs, and that Lambda's Python can work with it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import botocore
import pytest

from infra.local.deploy import session
from infra.local.emulator import REGION, emulator
from infra.local.ports import free_port

pytestmark = pytest.mark.build

BUILT = Path(".aws-sam/build").absolute()
INGEST = BUILT / "IngestFunction"
API = BUILT / "ApiFunction"

LAMBDAS_LIMIT = 262_144_000
UNCHECKED_HASH = 1


def weight(artifact: Path) -> int:
    return sum(path.stat().st_size for path in artifact.rglob("*") if path.is_file())


def names(artifact: Path) -> set[str]:
    return {path.name for path in artifact.iterdir()}


def test_ingest_fits_into_lambda_with_room_to_spare() -> None:
    assert 0 < weight(INGEST) < LAMBDAS_LIMIT * 0.9


def test_api_stays_small() -> None:
    assert 0 < weight(API) < 10_000_000


def test_api_takes_nothing_along_that_it_does_not_import() -> None:
    packages = {"aws_lambda_powertools", "jmespath", "msgspec", "typing_extensions.py"}
    assert names(API) - {"__pycache__"} == {"api", "vouchers"} | packages


@pytest.mark.parametrize("artifact", [INGEST, API])
def test_neither_takes_along_what_lambda_has(artifact: Path) -> None:
    assert not names(artifact) & {"boto3", "botocore", "s3transfer", "urllib3", "pip", "setuptools"}


@pytest.mark.parametrize("artifact", [INGEST, API])
def test_neither_takes_along_tests_or_headers(artifact: Path) -> None:
    assert not [
        path
        for path in artifact.rglob("*")
        if path.name in {"tests", "include"} or path.suffix in {".h", ".pyx"}
    ]


def test_segment_definitions_come_along() -> None:
    assert (INGEST / "vouchers/segments.toml").is_file()
    assert (API / "vouchers/segments.toml").is_file()


@pytest.fixture(scope="module")
def python() -> str:
    """The Python that Lambda runs."""
    candidates = ["python3.13", *map(str, Path.home().glob(".pyenv/versions/3.13.*/bin/python"))]
    probe = "import sys; sys.exit(sys.version_info[:2] != (3, 13))"
    for candidate in candidates:
        path = shutil.which(candidate)
        if path and subprocess.run([path, "-c", probe], check=False, capture_output=True).returncode == 0:  # noqa: S603
            return path
    pytest.skip("no Python 3.13 is here")


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with what Lambda's Python brings along."""
    directory = tmp_path_factory.mktemp("runtime")
    installed = Path(botocore.__file__).parents[1]
    for package in ("boto3", "botocore", "s3transfer", "urllib3", "jmespath", "dateutil", "six.py"):
        (directory / package).symlink_to(installed / package)
    return directory


def run(python: str, artifact: Path, runtime: Path, *arguments: str, **environment: str) -> str:
    """Run Python on ``artifact`` as Lambda does, with no packages of this machine; return what it prints."""
    path = f"import sys; sys.path[:0] = {[str(artifact), str(runtime)]}; sys.argv[:1] = []\n"
    command = [python, "-S", "-B", "-c", path + "exec(open(sys.argv[0]).read())", *arguments]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "AWS_"))}
    done = subprocess.run(command, env=kept | environment, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_ingest_reads_every_codec_and_writes_datasets(python: str, runtime: Path, tmp_path: Path) -> None:
    work = Path(__file__).with_name("in_lambda.py")
    with emulator(free_port()) as endpoint:
        session().client("s3", endpoint_url=endpoint).create_bucket(Bucket="results")
        credentials = {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
        }
        arguments = str(work), str(tmp_path), "results"
        printed = run(python, INGEST, runtime, *arguments, AWS_ENDPOINT_URL=endpoint, **credentials)
    assert printed.startswith(f"(3, 13) {INGEST}")


@pytest.mark.parametrize(
    ("artifact", "module"), [(INGEST, "ingest.handler"), (API, "api.handler"), (INGEST, "pyarrow.dataset")]
)
def test_handlers_import_from_their_artifact(
    python: str, runtime: Path, tmp_path: Path, artifact: Path, module: str
) -> None:
    script = tmp_path / "imports.py"
    script.write_text(f"import {module}; print({module}.__file__)")
    assert run(python, artifact, runtime, str(script)).startswith(str(artifact))


@pytest.mark.parametrize("artifact", [INGEST, API])
def test_every_module_has_bytecode_that_is_never_stale(python: str, artifact: Path) -> None:
    assert python
    for source in artifact.rglob("*.py"):
        bytecode = source.parent / "__pycache__" / f"{source.stem}.cpython-313.pyc"
        assert bytecode.read_bytes()[4] == UNCHECKED_HASH, source
