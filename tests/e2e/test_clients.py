"""The programs and the generated clients of docs/how-to/clients.md call the API."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.place import create_caller
from tests.support.sample_files import file_of, sample_rows
from voucher_selector.sample_data.file import write_sample

if TYPE_CHECKING:
    from botocore.credentials import Credentials

    from tests.e2e.place import Place
    from voucher_selector.local_stack.stack import Stack

pytestmark = [pytest.mark.clients, pytest.mark.usefixtures("_sample")]

ROOT = Path(__file__).parents[2]
CLIENTS = Path(__file__).with_name("clients")
NODE_MODULES = ROOT / ".clients" / "node_modules"
DOCUMENT = (ROOT / "docs" / "how-to" / "clients.md").read_text()
ANSWER = '{"voucher_amount":[2640.0]}'
COMMANDS = {
    "bash": ("bash", "client.sh"),
    "python": ("python", "client.py"),
    "javascript": ("node", "client.mjs"),
    "java": ("java", "Client.java"),
}
"""The interpreter and the file name of each program of the document."""

EXAMPLES = "parametersResolution=Example"
"""The setting of Postman's import that takes the document's examples."""

OUTCOMES = [[2640.0], [2640.0, "total_orders"], 20, 404, 404]
"""What the programs in clients/ print."""


@pytest.fixture(scope="module")
def _sample(place: Place, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("sample") / "sample.parquet"
    write_sample(path)
    place.upload(path, "sample.parquet")
    # The description's example of rejected rows is of this file.
    dated = ("2020-01-01", "2020-03-01", "3", 10.0)
    path.write_bytes(file_of(sample_rows(("Chile", *dated), ("", *dated))))
    place.upload(path, "late.parquet")


@pytest.fixture(scope="module")
def caller(stack: Stack) -> Credentials:
    return create_caller(stack.endpoint)


@pytest.fixture
def folder(tmp_path: Path, place: Place) -> Path:
    """A folder with the npm packages and the document of the running stack."""
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "openapi.json").write_bytes(place.answer("/openapi.json").body)
    return tmp_path


def run(folder: Path, *command: str, **variables: str) -> str:
    """Run a command in a folder, and return what it prints."""
    tools = (NODE_MODULES / ".bin", Path(sys.executable).parent)
    path = os.pathsep.join([*map(str, tools), os.environ["PATH"]])
    program = shutil.which(command[0], path=path)
    assert program, f"{command[0]} is missing"
    ran = subprocess.run(  # noqa: S603 - a tool of the test
        [program, *command[1:]],
        cwd=folder,
        env={**os.environ, "PATH": path, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout.strip()


def signing(stack: Stack, caller: Credentials) -> dict[str, str]:
    """Return the variables of the document's programs."""
    return {
        "API_URL": stack.outputs["ApiUrl"],
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": caller.access_key,
        "AWS_SECRET_ACCESS_KEY": caller.secret_key,
    }


def write_program(language: str, folder: Path) -> tuple[str, str]:
    """Write a program of the document to a folder, and return its command."""
    [program] = re.findall(rf"^```{language}\n(.*?)^```$", DOCUMENT, flags=re.MULTILINE | re.DOTALL)
    (folder / COMMANDS[language][1]).write_text(program)
    return COMMANDS[language]


@pytest.mark.parametrize("language", COMMANDS)
def test_the_programs_of_the_document_sign_their_requests(
    stack: Stack, caller: Credentials, folder: Path, language: str
) -> None:
    assert run(folder, *write_program(language, folder), **signing(stack, caller)) == ANSWER


@pytest.mark.parametrize("language", set(COMMANDS) - {"bash"})
def test_the_programs_fail_with_a_wrong_key(
    stack: Stack, caller: Credentials, folder: Path, language: str
) -> None:
    variables = signing(stack, caller) | {"AWS_SECRET_ACCESS_KEY": "guessed"}
    with pytest.raises(AssertionError, match="403"):
        run(folder, *write_program(language, folder), **variables)


def test_postman_signs_the_requests_of_the_imported_document(
    stack: Stack, caller: Credentials, folder: Path
) -> None:
    run(folder, "openapi2postmanv2", "-s", "openapi.json", "-o", "collection.json", "-O", EXAMPLES)
    collection = json.loads((folder / "collection.json").read_text())
    variables = signing(stack, caller)
    keys = {
        "accessKey": variables["AWS_ACCESS_KEY_ID"],
        "secretKey": variables["AWS_SECRET_ACCESS_KEY"],
        "region": variables["AWS_REGION"],
        "service": "execute-api",
    }
    signature = [{"key": key, "value": value, "type": "string"} for key, value in keys.items()]
    collection["auth"] = {"type": "awsv4", "awsv4": signature}
    (folder / "collection.json").write_text(json.dumps(collection))
    export = ("-r", "json", "--reporter-json-export", "report.json")
    run(folder, "newman", "run", "collection.json", "--env-var", f"baseUrl={variables['API_URL']}", *export)
    answers = {
        execution["item"]["name"]: execution["response"]["code"]
        for execution in json.loads((folder / "report.json").read_text())["run"]["executions"]
    }
    assert len(answers) > 5
    assert set(answers.values()) == {200}, answers


def test_the_linter_of_redocly_finds_no_problem(folder: Path) -> None:
    assert json.loads(run(folder, "redocly", "lint", "openapi.json", "--format", "json"))["problems"] == []


def test_a_client_of_openapi_typescript_works(place: Place, folder: Path) -> None:
    run(folder, "openapi-typescript", "openapi.json", "-o", "schema.d.ts")
    assert call_with_typescript(place, folder, "openapi_fetch.ts") == OUTCOMES


def test_a_client_of_hey_api_works(place: Place, folder: Path) -> None:
    run(folder, "openapi-ts", "-i", "openapi.json", "-o", "client")
    assert call_with_typescript(place, folder, "hey_api.ts") == OUTCOMES


def call_with_typescript(place: Place, folder: Path, program: str) -> Any:
    """Check the types of a program strictly, run it, and return what it prints."""
    shutil.copy(CLIENTS / program, folder)
    options = "--strict --noEmit --target es2022 --module esnext --moduleResolution bundler --types node"
    run(folder, "tsc", *options.split(), program)
    return json.loads(run(folder, "tsx", program, API_URL=place.url))


def test_a_client_of_openapi_python_client_works(place: Place, folder: Path) -> None:
    made = run(folder, "openapi-python-client", "generate", "--path", "openapi.json", "--output-path", "made")
    assert "Warning" not in made
    program = str(CLIENTS / "python_client.py")
    printed = run(folder, "python", program, API_URL=place.url, PYTHONPATH=str(folder / "made"))
    assert json.loads(printed) == OUTCOMES
