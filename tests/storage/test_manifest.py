import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import UsageError
from storage.errors import CorruptError
from storage.manifest import MAX_KEY, Manifest, RowId

row_ids = st.builds(
    RowId,
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=32),
    st.binary(max_size=MAX_KEY),
    st.integers(0, 2**64 - 1),
)
manifests = st.builds(
    Manifest,
    st.integers(0, 2**64 - 1),
    st.binary(min_size=32, max_size=32),
    st.binary(min_size=32, max_size=32),
    st.dictionaries(row_ids, st.integers(0, 2**64 - 1), max_size=8),
)


@given(manifests)
def test_a_manifest_is_read_as_it_was_written(manifest: Manifest) -> None:
    assert Manifest.from_bytes(bytes(manifest)) == manifest


@given(manifests)
def test_the_order_of_rows_does_not_matter(manifest: Manifest) -> None:
    other = Manifest(
        manifest.version, manifest.header, manifest.anchor, dict(reversed(list(manifest.rows.items())))
    )
    assert bytes(other) == bytes(manifest)


@given(manifests, st.data())
def test_a_cut_manifest_is_refused(manifest: Manifest, data: st.DataObject) -> None:
    whole = bytes(manifest)
    with pytest.raises(CorruptError, match="manifest is damaged"):
        Manifest.from_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(CorruptError, match="manifest is damaged"):
        Manifest.from_bytes(whole + b"\0")


def test_a_count_without_rows_costs_nothing() -> None:
    data = bytes(Manifest(1, bytes(32), bytes(32)))[:-4]
    for count in (b"\xff\xff\xff\xff", b"\x00\x0f\xff\xff"):
        with pytest.raises(CorruptError, match=r"rows: out of range|bytes are missing"):
            Manifest.from_bytes(data + count)


def test_an_identity_is_shown_in_words() -> None:
    assert str(RowId("share", b"\x02\xab", 3)) == "share 02ab of epoch 3"
    assert str(RowId("host key")) == "host key of epoch 0"


@pytest.mark.parametrize("row", [RowId("x" * 33), RowId("x", bytes(65)), RowId("x", b"", -1), RowId("\n")])
def test_an_identity_out_of_range_has_no_encoding(row: RowId) -> None:
    with pytest.raises(UsageError):
        bytes(Manifest(0, bytes(32), bytes(32), {row: 0}))
