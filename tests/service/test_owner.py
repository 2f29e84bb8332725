"""Who may pin and unload: everybody on this machine's own server, the bearer of the token on a public one."""

import logging

import pytest

from playground.core.errors import Busy, NotAllowed, TooManyRequests
from playground.serve import tell_owner
from playground.service.owner import WRONG, Owner
from playground.settings import Settings
from tests.fakes.tier import FakeTier
from tests.service.service_helpers import service_with

TOKEN = "a-token-that-nobody-guesses"


def public(**settings):
    return Settings(space_id=None, host="0.0.0.0", **settings)


def test_on_loopback_everybody_is_the_owner():
    owner = Owner(Settings(space_id=None))
    assert owner.knows(None)
    assert owner.knows("anything")
    assert not owner.made
    owner.require(None)


def test_on_a_public_server_the_bearer_of_the_token():
    owner = Owner(public(owner_token=TOKEN))
    assert owner.knows(TOKEN)
    for wrong in (None, "", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "ключ\ud800"):
        assert not owner.knows(wrong)
    with pytest.raises(NotAllowed, match="owner"):
        owner.require("wrong")


@pytest.mark.parametrize("token", [None, "", "   "])
def test_without_one_in_the_settings_a_token_is_made(token):
    first, second = Owner(public(owner_token=token)), Owner(public(owner_token=token))
    assert first.made
    assert not first.knows(token)
    made = first.token.get_secret_value()
    assert len(made) >= 32
    assert made != second.token.get_secret_value()
    assert first.knows(made)
    assert made not in repr(first.token)


def test_too_many_wrong_tokens_from_one_address_are_not_looked_at():
    now = [0.0]
    owner = Owner(public(owner_token=TOKEN), lambda: now[0])
    for _ in range(WRONG):
        assert not owner.knows("wrong", "1.2.3.4")
    with pytest.raises(TooManyRequests, match="wait a minute"):
        owner.knows(TOKEN, "1.2.3.4")
    assert owner.knows(TOKEN, "5.6.7.8")  # nobody locks the owner out from elsewhere
    now[0] = 61
    assert owner.knows(TOKEN, "1.2.3.4")
    for number in range(3000):
        owner.knows("wrong", str(number))
    assert len(owner._wrong) <= 1024


def test_pin_and_unload_are_the_owners():
    service = service_with(FakeTier("scratch"), host="0.0.0.0", owner_token=TOKEN)
    for act in (lambda: service.pin("key", True), lambda: service.unload(), lambda: service.unload("key", token="no")):
        with pytest.raises(NotAllowed):
            act()
    with pytest.raises(Busy, match="no longer in memory"):
        service.pin("key", True, token=TOKEN)
    with pytest.raises(Busy, match="in use or already gone"):
        service.unload("key", token=TOKEN)
    assert service.unload(token=TOKEN) == 0


def test_the_log_tells_a_made_token_once_and_never_a_given_one(caplog):
    caplog.set_level(logging.INFO)
    service = service_with(FakeTier("scratch"), host="0.0.0.0", port=7861)
    tell_owner(service, "http://127.0.0.1:7861/")
    (record,) = caplog.records
    token = service.owner.token.get_secret_value()
    assert f"/#page=status&owner={token}" in record.getMessage()
    assert record.getMessage().count(token) == 1
    caplog.clear()
    tell_owner(service_with(FakeTier("scratch"), host="0.0.0.0", owner_token=TOKEN), "http://127.0.0.1:7861/")
    tell_owner(service_with(FakeTier("scratch")), "http://127.0.0.1:7861/")
    assert caplog.records == []
    tell_owner(service_with(FakeTier("scratch"), host="0.0.0.0", owner_token="short"), "http://127.0.0.1:7861/")
    assert "short" not in caplog.text.replace("is short enough", "")
    assert "16 characters" in caplog.text
