import json
from pathlib import Path

import pytest

from cosigner.plan import ChainKind, ChainSettings, WalletPlan
from wallet.amounts import FeeRate, Sats
from wallet.errors import ChainError, MalformedError, UnknownError
from wallet.fees import FeeCaps
from wallet.network import MAINNET, SIGNET

NODE = ChainSettings(ChainKind.BITCOIND, "http://127.0.0.1:38332", Path("/node/.cookie"))


@pytest.mark.parametrize(
    "plan",
    [
        WalletPlan(),
        WalletPlan(SIGNET, 5, 3, NODE, FeeCaps(Sats(5000), 3, FeeRate(20_000))),
        WalletPlan(MAINNET, 1, 1, ChainSettings(ChainKind.BITCOIND), segwit=False),
    ],
)
def test_plan_is_read_as_stored(plan: WalletPlan) -> None:
    assert WalletPlan.parse(plan.text()) == plan


def test_settings_of_before_segwit_accounts_have_none() -> None:
    data = json.loads(WalletPlan(segwit=False).text())
    del data["segwit"]
    assert WalletPlan.parse(json.dumps(data | {"format": 1})) == WalletPlan(birth=data["birth"], segwit=False)


def test_segwit_key_of_one_signer_is_refused() -> None:
    with pytest.raises(MalformedError, match="two parties") as caught:
        WalletPlan(n=2, t=1)
    assert "--no-segwit" in caught.value.hint


@pytest.mark.parametrize(("t", "n"), [(0, 3), (4, 3), (-1, 3), (1, 0), (1, 16)])
def test_threshold_that_does_not_fit_is_refused(t: int, n: int) -> None:
    with pytest.raises(MalformedError, match=f"{t} of {n}"):
        WalletPlan(n=n, t=t)


def test_embedded_chain_is_refused_on_other_networks() -> None:
    with pytest.raises(MalformedError, match="regtest"):
        WalletPlan(MAINNET)


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8332", "file:///etc/passwd", "http://user:secret@127.0.0.1", "http://", "http://["]
)
def test_url_that_is_none_or_has_a_password_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(MalformedError) as caught:
        WalletPlan(SIGNET, chain=ChainSettings(ChainKind.BITCOIND, url))
    assert "secret" not in str(caught.value) + caught.value.hint


def test_node_on_another_machine_is_refused() -> None:
    with pytest.raises(ChainError, match="another machine"):
        WalletPlan(SIGNET, chain=ChainSettings(ChainKind.BITCOIND, "http://192.0.2.1:8332"))


@pytest.mark.parametrize("change", [{"url": "http://host"}, {"cookie": Path("x")}])
def test_embedded_chain_takes_no_address(change: dict[str, object]) -> None:
    with pytest.raises(MalformedError, match="no URL"):
        WalletPlan(chain=ChainSettings(**change))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change", [{"format": 3}, {"t": 9}, {"chain": {"kind": "other", "url": "", "cookie": None}}, {"caps": {}}]
)
def test_damaged_settings_are_refused(change: dict[str, object]) -> None:
    data = json.loads(WalletPlan().text()) | change
    with pytest.raises(MalformedError):
        WalletPlan.parse(json.dumps(data))


def test_settings_of_an_unknown_network_are_refused() -> None:
    data = json.loads(WalletPlan().text()) | {"network": "fork"}
    with pytest.raises(UnknownError):
        WalletPlan.parse(json.dumps(data))


@pytest.mark.parametrize("text", ["", "[]", "{}", "null"])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        WalletPlan.parse(text)


@pytest.mark.parametrize("value", ["Infinity", "[" * 10_000 + "]" * 10_000])
def test_settings_that_json_takes_and_no_number_is_are_refused(value: str) -> None:
    with pytest.raises(MalformedError, match="damaged"):
        WalletPlan.parse(WalletPlan(n=3).text().replace('"n": 3', f'"n": {value}'))
