import pytest

from playground.core.errors import CredentialError, NotAllowed
from playground.service.keys import checked
from playground.settings import Settings

HERE = Settings(space_id=None)
PUBLIC = Settings(space_id="me/space", allowed_base_urls=("https://router.example/v1/",))


@pytest.mark.parametrize("key", ["", "   ", "two words", "line\nbreak", "ключ", "x" * 501])
def test_what_cannot_be_a_key_is_refused_without_repeating_it(key):
    with pytest.raises(CredentialError) as caught:
        checked(HERE, key, None)
    assert not key.strip() or key not in str(caught.value)


def test_a_key_is_in_no_repr():
    credential = checked(HERE, " sk-secret ", "https://host/v1/")
    assert credential.api_key == "sk-secret"
    assert credential.base_url == "https://host/v1"
    assert "secret" not in repr(credential)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host/v1",
        "file:///etc/passwd",
        "http://example.com/v1",
        "https://user:pw@host/v1",
        "host/v1",
        "https://host/v1?x=1",
        "http://[bad",
        "javascript:1",
    ],
)
def test_addresses_that_are_none_or_would_leak_the_key_are_refused(url):
    with pytest.raises(NotAllowed):
        checked(HERE, "sk-x", url)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000/v1", "http://localhost:1/v1", "https://api.example/v1", "", None]
)
def test_addresses_that_are_taken_at_home(url):
    assert checked(HERE, "sk-x", url).base_url == (url or None)


def test_a_visitor_may_name_only_allowed_addresses():
    assert checked(PUBLIC, "sk-x", "https://router.example/v1").base_url == "https://router.example/v1"
    for url in ("http://127.0.0.1:1/v1", "http://169.254.169.254/latest", "https://router.example/v1/../x"):
        with pytest.raises(NotAllowed):
            checked(PUBLIC, "sk-x", url)
