"""Files of labels: the example of BIP-329, round trips, and lines that are refused one by one."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallet import labels
from wallet.bip32 import HARDENED
from wallet.descriptor import Descriptor, KeyOrigin
from wallet.errors import MalformedError
from wallet.labels import MAX_LABEL, Label, LabelType, read_labels, write_labels
from wallet.script import ScriptType

from .accounts import account

BIP329 = (Path(__file__).parents[1] / "vectors" / "bip-0329" / "labels.jsonl").read_bytes()
TXID = "f91d0a8a78462bc59398f2c5d7a84fcff491c26ba54c4833478b202796c8aafd"
ADDRESS = "bc1q34aq5drpuwy3wgl9lhup9892qp6svr8ldzyy7c"


def line(**fields) -> bytes:
    return json.dumps(fields).encode()


def tx(**fields) -> bytes:
    return line(type="tx", ref=TXID, **fields)


def test_bip329_example():
    file = read_labels(BIP329)
    assert (file.refused, file.truncated, file.ignored) == ((), (), 0)
    assert [label.kind.value for label in file.labels] == [
        "tx",
        "addr",
        "pubkey",
        "input",
        "output",
        "xpub",
        "tx",
    ]
    assert file.labels[0] == Label(LabelType.TX, TXID, "Transaction", "wpkh([d34db33f/84'/0'/0'])")
    assert file.labels[4] == Label(LabelType.OUTPUT, f"{TXID}:1", "Output", spendable=False)
    assert [json.loads(text) for text in write_labels(file.labels).splitlines()] == [
        json.loads(text) for text in BIP329.splitlines()
    ]


safe = st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")).filter(
    lambda c: c not in labels._DIRECTIONS
)
texts = st.none() | st.text(safe, max_size=MAX_LABEL)
txids = st.binary(min_size=32, max_size=32).map(bytes.hex)


@st.composite
def any_label(draw) -> Label:
    kind = draw(st.sampled_from([LabelType.TX, LabelType.INPUT, LabelType.OUTPUT, LabelType.PUBKEY]))
    ref = draw(txids)
    if kind in (LabelType.INPUT, LabelType.OUTPUT):
        ref += f":{draw(st.integers(0, 2**32 - 1))}"
    origin = draw(st.sampled_from([None, "wpkh([d34db33f])", "wsh(multi(1,[00000000/48h],[d34db33f/1']))"]))
    spendable = draw(st.sampled_from([None, True, False])) if kind is LabelType.OUTPUT else None
    return Label(kind, ref, draw(texts), origin, spendable)


@given(st.lists(any_label()))
def test_round_trip(some):
    file = read_labels(write_labels(some))
    assert file == labels.LabelFile(tuple(some), (), (), 0)


def test_origin_of_an_account():
    descriptor = Descriptor.of(account(ScriptType.P2TR))
    assert descriptor.abbreviated() == replace(descriptor, origin=None).abbreviated() == "tr([79b00088])"
    assert read_labels(tx(origin="tr([79b00088])")).labels[0].origin == "tr([79b00088])"


def test_origin_of_a_key_with_a_path():
    origin = KeyOrigin(b"\xd3\x4d\xb3\x3f", (HARDENED + 84, 0))
    descriptor = replace(Descriptor.of(account(ScriptType.P2WPKH)), origin=origin)
    assert descriptor.abbreviated() == "wpkh([d34db33f/84h/0])"
    assert read_labels(tx(origin=descriptor.abbreviated())).labels[0].origin == "wpkh([d34db33f/84h/0])"


REFUSED = {
    b"{": "no JSON",
    b"[1]": "no JSON object",
    b'"tx"': "no JSON object",
    b"[" * 60_000: "no JSON",
    b'{"type": "tx", "n": ' + b"9" * 5000 + b"}": "no JSON",
    b"\xff" + tx(): "not UTF-8",
    tx(x="x" * (labels.MAX_LINE_BYTES + 1 - len(tx(x="")))): "longer than 65536 bytes",
    b'{"type": "tx", "type": "addr"}': "twice",
    line(ref=TXID): "type is missing",
    line(type="tx"): "ref is missing",
    line(type=None, ref=TXID): "type is missing",
    line(type=1, ref=TXID): "type is no text",
    line(type="tx", ref=[TXID]): "ref is no text",
    tx(label=1): "label is no text",
    tx(origin=1): "origin is no text",
    tx(origin="[d34db33f]"): "origin is no abbreviated descriptor",
    tx(origin="wpkh(\u001b[31m)"): "origin is no abbreviated descriptor",
    tx(spendable=False): "spendable belongs to an output",
    line(type="output", ref=f"{TXID}:0", spendable="false"): "neither true nor false",
    line(type="output", ref=f"{TXID}:0", spendable=0): "neither true nor false",
    tx(label="a\nb"): r"U\+000A",
    tx(label="\u001b[2J"): r"U\+001B",
    tx(label="evil \u202egnp"): r"U\+202E",
    tx(label="\ud800"): r"U\+D800",
    tx(label="a\u2028b"): r"U\+2028",
    line(type="tx", ref=TXID[1:]): "no reference of type tx",
    line(type="input", ref=TXID): "no reference of type input",
    line(type="output", ref=f"{TXID}:-1"): "no reference of type output",
    line(type="output", ref=f"{TXID}:01"): "no reference of type output",
    line(type="addr", ref="bc1q x"): "no reference of type addr",
    line(type="pubkey", ref="05" + "11" * 32): "no reference of type pubkey",
    line(type="xpub", ref="xprv" + "1" * 107): "no reference of type xpub",
}


@pytest.mark.parametrize(("bad", "reason"), REFUSED.items(), ids=[*range(len(REFUSED))])
def test_bad_line_is_refused_alone_and_named_by_number(bad, reason):
    file = read_labels(tx(label="good") + b"\n\n" + bad + b"\r\n" + tx(label="also good"))
    assert [label.label for label in file.labels] == ["good", "also good"]
    ((number, message),) = file.refused
    assert number == 3
    with pytest.raises(MalformedError, match=reason):
        raise MalformedError(message)


def test_additional_fields_are_ignored():
    file = read_labels(tx(label="x", height=5, fee=10**30, rate={"USD": 1.5}, heights=[1, 2]))
    assert file.labels == (Label(LabelType.TX, TXID, "x"),)


def test_unknown_types_are_counted_and_ignored():
    file = read_labels(line(type="spscan", ref="spscan1...") + b"\n" + tx())
    assert (len(file.labels), file.ignored, file.refused) == (1, 1, ())


def test_long_label_is_cut_and_named():
    file = read_labels(tx(label="x" * MAX_LABEL) + b"\n" + tx(label="y" * (MAX_LABEL + 1)))
    assert [label.label for label in file.labels] == ["x" * MAX_LABEL, "y" * MAX_LABEL]
    assert file.truncated == (2,)
    with pytest.raises(MalformedError, match="255"):
        Label(LabelType.TX, TXID, "y" * (MAX_LABEL + 1))


def test_hex_and_segwit_addresses_become_lower_case():
    upper = [("tx", TXID), ("output", f"{TXID}:1"), ("pubkey", "02" + "ab" * 32), ("addr", ADDRESS)]
    file = read_labels(b"\n".join(line(type=kind, ref=ref.upper()) for kind, ref in upper))
    assert [label.ref for label in file.labels] == [ref for _, ref in upper]
    base58 = "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"
    assert read_labels(line(type="addr", ref=base58)).labels[0].ref == base58


def test_byte_order_mark_and_empty_lines_are_skipped():
    assert len(read_labels(b"\xef\xbb\xbf" + tx() + b"\n \n\n").labels) == 1
    assert read_labels(b"") == labels.LabelFile((), (), (), 0)


def test_longest_line():
    data = tx(x="x" * (labels.MAX_LINE_BYTES - len(tx(x=""))))
    assert len(data) == labels.MAX_LINE_BYTES
    assert len(read_labels(data).labels) == 1


def test_file_is_bounded(monkeypatch):
    monkeypatch.setattr(labels, "MAX_LINES", 3)
    assert read_labels(b"\n" * 3).labels == ()
    with pytest.raises(MalformedError, match="3 lines"):
        read_labels(b"\n" * 4)
    monkeypatch.setattr(labels, "MAX_FILE_BYTES", 10)
    assert read_labels(b" " * 10).labels == ()
    with pytest.raises(MalformedError, match="at most"):
        read_labels(b" " * 11)
