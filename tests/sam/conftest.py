from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from voucher_selector.local_stack.deploy import session
from voucher_selector.local_stack.ports import free_port, is_in_use
from voucher_selector.local_stack.relay import bridge, relay
from voucher_selector.local_stack.stack import running
from voucher_selector.operations.upload import object_key
from voucher_selector.sample_data.file import write_sample
from voucher_selector.stack import Deployed

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
SAM = str(ROOT / "scripts" / "sam")
SECONDS = 120


@dataclass(frozen=True)
class Sam:
    """SAM CLI with the flags of samconfig.toml, whose containers find AWS at ``endpoint``."""

    endpoint: str

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return kept | {"AWS_ENDPOINT_URL": self.endpoint}

    def run(self, *arguments: str, message: str | None = None) -> str:
        """Return the output of a command; pytest shows its log if a test fails."""
        ended = subprocess.run(  # noqa: S603 - arguments of ours
            [SAM, *arguments], cwd=ROOT, env=self.environment, input=message,
            stdout=subprocess.PIPE, text=True, check=True, timeout=SECONDS,
        )  # fmt: skip
        return ended.stdout

    def invoke(self, function: str, event: str, message: str | None = None) -> Any:
        """Return the payload of a function; `sam local invoke` succeeds even if the function fails."""
        return json.loads(self.run("local", "invoke", function, "-e", event, message=message))

    @contextmanager
    def serving(self, command: str) -> Iterator[int]:
        """Run ``start-api`` or ``start-lambda`` while the block runs; yield the port."""
        port = free_port()
        server = subprocess.Popen(  # noqa: S603 - our own arguments
            [SAM, "local", command, "--port", str(port)], cwd=ROOT, env=self.environment,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            deadline = time.monotonic() + SECONDS
            while not is_in_use(port):
                assert server.poll() is None, f"sam local {command} ended"
                assert time.monotonic() < deadline, f"sam local {command} did not come up"
                time.sleep(0.1)
            yield port
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(timeout=SECONDS)


@pytest.fixture(scope="session")
def deployed() -> Iterator[Deployed]:
    """The embedded stack, reachable from containers, without notifications: only containers count."""
    with running(free_port(), free_port()) as stack:
        at, port = bridge(), int(urlsplit(stack.endpoint).port or 0)
        with relay(port, at) if at else nullcontext():
            found = Deployed(session(), stack.endpoint, stack.outputs)
            found.s3().put_bucket_notification_configuration(
                Bucket=stack.outputs["UploadsBucket"], NotificationConfiguration={}
            )
            yield found


@pytest.fixture(scope="session")
def sam(deployed: Deployed) -> Sam:
    return Sam(f"http://host.docker.internal:{urlsplit(deployed.endpoint or '').port}")


@pytest.fixture(scope="session")
def sampled(deployed: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    """The stack with the sample in its bucket, not counted."""
    file = tmp_path_factory.mktemp("sample") / "sample.parquet"
    write_sample(file)
    deployed.s3().upload_file(str(file), deployed.outputs["UploadsBucket"], object_key(file.name))
    return deployed
