import pytest
from fake_daemon import FakeDaemon


@pytest.fixture
def daemon():
    fake = FakeDaemon()
    yield fake
    fake.close()
