from pathlib import Path

import pytest

from wallet.chain.endpoint import Endpoint, cookie_file, start_command
from wallet.errors import ChainError, MalformedError
from wallet.network import MAINNET, NETWORKS, REGTEST, SIGNET, TESTNET4

SECRET = "correct-horse"


def test_a_url_has_user_and_password() -> None:
    endpoint = Endpoint.parse(f"http://me:{SECRET}@127.0.0.1:99", REGTEST)
    assert (endpoint.host, endpoint.port, endpoint.user, endpoint.password) == ("127.0.0.1", 99, "me", SECRET)
    assert endpoint.cookie is None


def test_a_url_may_escape_what_would_end_a_password() -> None:
    assert Endpoint.parse("http://me:a%40b%3A%2F@localhost", REGTEST).password == "a@b:/"


@pytest.mark.parametrize("network", NETWORKS.values())
def test_a_url_without_port_and_user_has_those_of_the_network(network: object) -> None:
    for known in NETWORKS.values():
        if known is network:
            endpoint = Endpoint.parse("http://localhost/", known)
            assert endpoint.port == known.rpc_port
            assert endpoint.cookie == cookie_file(known)
            assert endpoint == Endpoint(known, "localhost", known.rpc_port, cookie_file(known))


def test_a_url_may_have_an_address_of_ipv6_and_a_cookie(tmp_path: Path) -> None:
    endpoint = Endpoint.parse("http://[::1]:18443", REGTEST, tmp_path / "cookie")
    assert (endpoint.host, endpoint.cookie) == ("::1", tmp_path / "cookie")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:8332",
        f"https://me:{SECRET}@127.0.0.1",
        f"ftp://me:{SECRET}@127.0.0.1",
        f"http://me:{SECRET}@127.0.0.1/wallet/x",
        f"http://me:{SECRET}@127.0.0.1?x",
        f"http://me:{SECRET}@127.0.0.1#x",
        f"http://me:{SECRET}@",
        f"http://me:{SECRET}@127.0.0.1:0x50",
        f"http://me:{SECRET}@127.0.0.1:70000",
        f"http://me:{SECRET}@local host",
        f"http://me:{SECRET}@[::1",
        f"http://m%3Ae:{SECRET}@127.0.0.1",
    ],
)
def test_another_url_is_refused_without_repeating_its_password(url: str) -> None:
    with pytest.raises(MalformedError) as caught:
        Endpoint.parse(url, REGTEST)
    assert SECRET not in f"{caught.value} {caught.value.hint} {caught.value.__cause__}"


@pytest.mark.parametrize(
    "host", ["example.org", "10.0.0.1", "127.0.0.1.example.org", "0.0.0.0", "::", "[::1]x"]
)
def test_a_password_does_not_cross_a_network_unless_it_is_allowed_to(host: str) -> None:
    with pytest.raises((ChainError, MalformedError)):
        Endpoint(REGTEST, host, 1, user="me", password=SECRET)


def test_another_machine_can_be_allowed() -> None:
    url = f"http://me:{SECRET}@example.org"
    with pytest.raises(ChainError, match="in the clear") as caught:
        Endpoint.parse(url, REGTEST)
    assert "ssh -L 18443:127.0.0.1:18443 example.org" in caught.value.hint
    assert Endpoint.parse(url, REGTEST, allow_remote=True).host == "example.org"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.9.10", "::1"])
def test_this_machine_is_allowed(host: str) -> None:
    assert Endpoint(REGTEST, host, 1, user="me").host == host


def test_credentials_are_a_cookie_or_a_user() -> None:
    for cookie, user in ((None, ""), (Path("cookie"), "me")):
        with pytest.raises(MalformedError, match="cookie file, or"):
            Endpoint(REGTEST, "127.0.0.1", 1, cookie, user)


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_a_port_is_in_its_range(port: int) -> None:
    with pytest.raises(MalformedError, match="no host and port"):
        Endpoint(REGTEST, "127.0.0.1", port, user="me")


def test_a_password_is_not_shown() -> None:
    assert SECRET not in repr(Endpoint(REGTEST, "127.0.0.1", 1, user="me", password=SECRET))


def test_every_network_has_its_cookie_and_its_command(tmp_path: Path) -> None:
    assert cookie_file(MAINNET, tmp_path) == tmp_path / ".cookie"
    assert cookie_file(TESTNET4, tmp_path) == tmp_path / "testnet4" / ".cookie"
    assert cookie_file(SIGNET) == Path.home() / ".bitcoin" / "signet" / ".cookie"
    assert start_command(MAINNET) == "bitcoind -daemon"
    assert start_command(SIGNET) == "bitcoind -signet -daemon"


def test_a_cookie_that_is_not_there_means_that_the_node_does_not_run(tmp_path: Path) -> None:
    with pytest.raises(ChainError, match="does not run") as caught:
        Endpoint.local(REGTEST, tmp_path).authorization()
    assert str(tmp_path) in str(caught.value)
    assert caught.value.hint == "start it with: bitcoind -regtest -daemon"


def test_a_cookie_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ChainError, match="cannot be read") as caught:
        Endpoint(REGTEST, "127.0.0.1", 1, tmp_path).authorization()
    assert "as the user" in caught.value.hint
