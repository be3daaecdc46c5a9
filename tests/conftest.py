"""What every test may ask for: golden files and the recordings beside the checkout."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

HERE = Path(__file__).parent
SHARED_DATA = HERE.parent.parent / "shared" / "data"

# A busy machine is no failure.
settings.register_profile("ruleparse", deadline=None)
settings.load_profile("ruleparse")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite the files under tests/golden")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """golden(name, text) holds text against tests/golden/name, or writes it there under --update-golden."""
    return Golden(HERE / "golden", update=request.config.getoption("--update-golden"))


class Golden:
    def __init__(self, folder: Path, *, update: bool) -> None:
        self.folder = folder
        self.update = update

    def __call__(self, name: str, text: str) -> None:
        __tracebackhide__ = True
        path = self.folder / name
        if self.update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
        if not path.is_file():
            pytest.fail(f"there is no tests/golden/{name}: write it with make golden, and read it")
        expected = path.read_bytes().decode()
        assert text == expected, f"tests/golden/{name} differs; if the new text is right: make golden"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of recordings and foreign dumps beside the checkout, which not everyone has."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no {SHARED_DATA}")
    return SHARED_DATA
