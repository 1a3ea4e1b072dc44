import copy
import gc
import json
import operator
import os
import pickle
import subprocess
import sys
import textwrap
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from native._core import ffi, lib
from native.errors import ForkedError, KindError, LengthError, RangeError, WipedError
from native.secret import Secret, SecretBytes, SecretInts, SecretResidues, SecretScalars, SecretSeed, _take

ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
CLASSES = [SecretScalars, SecretInts, SecretResidues, SecretSeed, SecretBytes]

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


def usage() -> tuple[int, int]:
    used, mapped = ffi.new("size_t *"), ffi.new("size_t *")
    assert lib.mpcw_secret_usage(used, mapped) == lib.MPCW_OK
    return used[0], mapped[0]


def settled_usage() -> tuple[int, int]:
    """The same when the garbage of other tests has gone, which could go in the midst of this one."""
    gc.collect()
    return usage()


def in_child(action: Callable[[], bytes]) -> bytes:
    """Return what action returns in a forked child, or the name of the error that it raises."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            answer = action()
        except BaseException as e:
            answer = type(e).__name__.encode()
        os.write(write, answer)
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        answer = pipe.read()
    assert os.waitpid(child, 0)[1] == 0
    return answer


def run_script(source: str) -> str:
    command = [sys.executable, "-c", textwrap.dedent(source)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# import and exit


@given(st.lists(st.integers(0, ORDER - 1), min_size=1, max_size=20))
def test_scalars_come_back_as_they_went_in(values: list[int]) -> None:
    items = b"".join(value.to_bytes(32, "big") for value in values)
    secret = SecretScalars.from_bytes(items, len(values))
    assert (secret.count, secret.size) == (len(values), 32)
    assert secret.declassify() == items


@given(st.data(), st.integers(1, 8), st.integers(1, 6))
def test_signed_ints_come_back_as_they_went_in(data: st.DataObject, limbs: int, count: int) -> None:
    bound = 1 << (64 * limbs - 1)
    values = data.draw(st.lists(st.integers(-bound, bound - 1), min_size=count, max_size=count))
    items = b"".join(value.to_bytes(8 * limbs, "big", signed=True) for value in values)
    secret = SecretInts.from_bytes(items, count)
    out = secret.declassify()
    size = secret.size
    assert [int.from_bytes(out[i : i + size], "big", signed=True) for i in range(0, len(out), size)] == values


@given(st.binary(min_size=8, max_size=512).filter(lambda b: len(b) % 8 == 0))
def test_residues_come_back_as_they_went_in(item: bytes) -> None:
    assert SecretResidues.from_bytes(item).declassify() == item


@pytest.mark.parametrize("value", [0, 1, ORDER - 1])
def test_edge_scalars_are_taken(value: int) -> None:
    item = value.to_bytes(32, "big")
    assert SecretScalars.from_bytes(item).declassify() == item


@pytest.mark.parametrize("value", [ORDER, ORDER + 1, 2**256 - 1, ORDER + 2**64, ORDER + 2**128])
@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_scalar_not_below_the_order_is_refused_wherever_it_stands(value: int, position: int) -> None:
    items = [bytes(32)] * 3
    items[position] = value.to_bytes(32, "big")
    with pytest.raises(RangeError):
        SecretScalars.from_bytes(b"".join(items), 3)


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview, lambda b: np.frombuffer(b, dtype=np.uint8)])
def test_any_contiguous_buffer_is_taken(wrap: Callable[[bytes], bytes]) -> None:
    item = bytes(range(32))
    assert SecretSeed.from_bytes(wrap(item)).declassify() == item


def test_other_buffers_are_refused() -> None:
    with pytest.raises(TypeError, match="contiguous"):
        SecretInts.from_bytes(np.zeros((8, 16), dtype=np.uint8)[:, ::2])
    for wrong in ("00" * 32, 32, None, [0] * 32):
        with pytest.raises(TypeError):
            SecretInts.from_bytes(wrong)


@pytest.mark.parametrize(
    ("cls", "length", "count"),
    [
        (SecretScalars, 0, 1),
        (SecretScalars, 31, 1),
        (SecretScalars, 33, 1),
        (SecretScalars, 64, 1),
        (SecretScalars, 32, 2),
        (SecretScalars, 32, 0),
        (SecretScalars, 0, 0),
        (SecretInts, 0, 1),
        (SecretInts, 7, 1),
        (SecretInts, 9, 1),
        (SecretInts, 24, 2),
        (SecretInts, 17, 2),
        (SecretInts, 4104, 1),
        (SecretInts, 8, 0),
        (SecretResidues, 12, 1),
        (SecretResidues, 4104, 1),
        (SecretResidues, 8 * (2**20 + 1), 2**20 + 1),
        (SecretSeed, 31, 1),
        (SecretSeed, 33, 1),
        (SecretSeed, 64, 2),
        (SecretBytes, 0, 1),
        (SecretBytes, 2**20 + 1, 1),
        (SecretBytes, 64, 2),
        (SecretInts, 8, -1),
        (SecretInts, 8, 2**63),
        (SecretInts, 8, 2**64),
        (SecretInts, 8, 2**64 + 1),
    ],
)
def test_wrong_length_or_count_is_refused(cls: type[Secret], length: int, count: int) -> None:
    with pytest.raises(LengthError):
        cls.from_bytes(bytes(length), count)


@pytest.mark.parametrize("kind", [0, 6, 2**31 - 1])
def test_an_unknown_kind_is_refused(kind: int) -> None:
    out = ffi.new("mpcw_secret **")
    assert lib.mpcw_secret_import(out, kind, bytes(32), 32, 1) == lib.MPCW_E_KIND
    assert out[0] == ffi.NULL


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_buffer_of_the_wrong_length_gets_zeros_instead_of_the_value(length: int) -> None:
    secret = SecretScalars.from_bytes(b"\x11" * 32)
    out = ffi.new("uint8_t[]", b"\x55" * length)
    assert lib.mpcw_secret_declassify(out, length, secret._handle) == lib.MPCW_E_LENGTH
    assert not any(ffi.buffer(out)[:length])


@pytest.mark.parametrize("made_by", CLASSES)
@pytest.mark.parametrize("taken_as", CLASSES)
def test_a_handle_is_owned_by_the_class_of_its_kind_only(
    made_by: type[Secret], taken_as: type[Secret]
) -> None:
    out = ffi.new("mpcw_secret **")
    assert lib.mpcw_secret_import(out, made_by._kind, bytes(32), 32, 1) == lib.MPCW_OK
    if made_by is taken_as:
        assert _take(out, taken_as).count == 1
    else:
        with pytest.raises(KindError):
            _take(out, taken_as)


# slices and joins


@given(st.binary(min_size=1, max_size=40), st.data())
def test_a_slice_has_the_items_that_a_slice_of_bytes_has(prefixes: bytes, data: st.DataObject) -> None:
    items = [bytes([b]) + bytes(31) for b in prefixes]
    start = data.draw(st.integers(0, len(items) - 1))
    count = data.draw(st.integers(1, len(items) - start))
    secret = SecretInts.from_bytes(b"".join(items), len(items))
    part = secret.slice(start, count)
    assert type(part) is SecretInts
    assert (part.count, part.size) == (count, 32)
    assert part.declassify() == b"".join(items[start : start + count])


@pytest.mark.parametrize(
    ("start", "count"), [(0, 0), (0, 4), (3, 1), (4, 1), (2, 2), (-1, 1), (0, -1), (1, 2**64 - 1), (2**64, 1)]
)
def test_a_slice_out_of_range_is_refused(start: int, count: int) -> None:
    with pytest.raises(LengthError):
        SecretScalars.from_bytes(bytes(96), 3).slice(start, count)


def test_a_slice_outlives_its_source() -> None:
    secret = SecretScalars.from_bytes(b"\x01" * 64, 2)
    part = secret.slice(1, 1)
    secret.wipe()
    assert part.declassify() == b"\x01" * 32


@given(st.lists(st.integers(1, 5), min_size=1, max_size=8))
def test_concat_puts_the_items_in_order(counts: list[int]) -> None:
    payloads = [bytes([k]) * 16 * count for k, count in enumerate(counts)]
    parts = [SecretInts.from_bytes(p, count) for p, count in zip(payloads, counts, strict=True)]
    whole = SecretInts.concat(parts)
    assert (whole.count, whole.size) == (sum(counts), 16)
    assert whole.declassify() == b"".join(payloads)


def test_concat_refuses_parts_that_do_not_fit() -> None:
    narrow, wide = SecretInts.from_bytes(bytes(8)), SecretInts.from_bytes(bytes(16))
    residue, seed = SecretResidues.from_bytes(bytes(8)), SecretSeed.fresh()
    with pytest.raises(LengthError):
        SecretInts.concat([])
    with pytest.raises(LengthError):
        SecretInts.concat([narrow, wide])
    with pytest.raises(LengthError):
        SecretSeed.concat([seed, seed])
    with pytest.raises(KindError):
        SecretInts.concat([narrow, residue])
    with pytest.raises(KindError):
        SecretInts.concat([narrow, b"12345678"])


def test_concat_in_c_refuses_parts_that_do_not_fit() -> None:
    narrow, residue = SecretInts.from_bytes(bytes(8)), SecretResidues.from_bytes(bytes(8))
    out = ffi.new("mpcw_secret **")
    handles = [narrow._handle, residue._handle]
    assert lib.mpcw_secret_concat(out, ffi.new("mpcw_secret *[]", handles), 2) == lib.MPCW_E_KIND
    half = SecretInts.from_bytes(bytes(8 * 2**19 + 8), 2**19 + 1)
    handles = [half._handle, half._handle]
    assert lib.mpcw_secret_concat(out, ffi.new("mpcw_secret *[]", handles), 2) == lib.MPCW_E_LENGTH
    assert lib.mpcw_secret_concat(out, ffi.NULL, 0) == lib.MPCW_E_LENGTH
    assert lib.mpcw_secret_concat(out, ffi.new("mpcw_secret *[]", handles), 2**20 + 1) == lib.MPCW_E_LENGTH
    assert out[0] == ffi.NULL


# what Python may not do


@pytest.mark.parametrize(
    "operation",
    [
        lambda s: operator.eq(s, s),
        lambda s: s == b"",
        lambda s: operator.eq(b"", s),
        lambda s: operator.ne(s, s),
        lambda s: operator.lt(s, s),
        lambda s: operator.le(s, s),
        lambda s: operator.gt(s, s),
        lambda s: operator.ge(s, s),
        hash,
        bool,
        lambda s: not s,
        len,
        iter,
        list,
        lambda s: 1 in s,
        lambda s: s[0],
        lambda s: s[0:1],
        str,
        lambda s: f"{s}",
        lambda s: f"{s:x}",
        lambda s: "%s" % s,  # noqa: UP031
        "{}".format,
        bytes,
        bytearray,
        memoryview,
        int,
        float,
        complex,
        operator.index,
        hex,
        lambda s: s + s,
        pickle.dumps,
        lambda s: pickle.dumps(s, protocol=0),
        copy.copy,
        copy.deepcopy,
        json.dumps,
        np.frombuffer,
        lambda s: {s},
        lambda s: {s: 1},
        lambda s: sorted([s, s]),
        vars,
    ],
)
@pytest.mark.parametrize("cls", CLASSES)
def test_everything_that_python_does_with_a_value_raises_type_error(
    cls: type[Secret], operation: Callable[[object], object]
) -> None:
    secret = cls.from_bytes(bytes(31) + b"\x07")
    with pytest.raises(TypeError):
        operation(secret)


@pytest.mark.parametrize(
    ("operation", "name"),
    [(str, "text"), (copy.copy, "copy"), (copy.deepcopy, "copy"), (pickle.dumps, "pickle"), (int, "number")],
)
def test_the_refusal_says_what_to_do_instead(operation: Callable[[object], object], name: str) -> None:
    with pytest.raises(TypeError, match=rf"SecretSeed has no {name}: .*declassify"):
        operation(SecretSeed.fresh())


def test_repr_tells_the_class_and_the_count_only() -> None:
    assert repr(SecretScalars.from_bytes(b"\x41" * 64, 2)) == "SecretScalars(count=2)"


def test_no_attribute_can_be_added() -> None:
    secret = SecretSeed.fresh()
    with pytest.raises(AttributeError):
        secret.value = b""


# lifetime


def test_memory_is_given_back_with_the_last_reference() -> None:
    before, _ = settled_usage()
    secret = SecretInts.from_bytes(bytes(4096))
    assert usage()[0] == before + 4096
    del secret
    assert usage()[0] == before


def test_a_refused_import_keeps_no_memory() -> None:
    before, _ = settled_usage()
    with pytest.raises(RangeError):
        SecretScalars.from_bytes(b"\xff" * 32)
    assert usage()[0] == before


@pytest.mark.parametrize(
    "use",
    [
        lambda s: s.declassify(),
        lambda s: s.slice(0, 1),
        lambda s: type(s).concat([s]),
        lambda s: s._handle,
    ],
)
def test_use_after_wipe_raises_wiped_error(use: Callable[[Secret], object]) -> None:
    before, _ = settled_usage()
    secret = SecretSeed.fresh()
    secret.wipe()
    assert usage()[0] == before
    secret.wipe()
    with pytest.raises(WipedError):
        use(secret)
    assert repr(secret) == "SecretSeed(count=1)"


def test_leaving_the_with_block_wipes() -> None:
    with SecretSeed.fresh() as seed:
        seed.declassify()
    with pytest.raises(WipedError):
        seed.declassify()


def test_take_moves_the_value_once() -> None:
    before, _ = settled_usage()
    item = bytes(range(64))
    first = SecretInts.from_bytes(item)
    second = first.take()
    assert (type(second), second.declassify()) == (SecretInts, item)
    for use in (first.take, first.declassify):
        with pytest.raises(WipedError, match="SecretInts"):
            use()
    second.wipe()
    with pytest.raises(WipedError):
        second.take()
    assert usage()[0] == before


def test_wipe_during_calls_of_other_threads_loses_nothing_and_frees_once() -> None:
    before, _ = settled_usage()
    item = bytes(range(64)) * 64

    def race(_: int) -> None:
        secret = SecretInts.from_bytes(item)

        def use() -> bytes | None:
            try:
                return secret.declassify()
            except WipedError:
                return None

        with ThreadPoolExecutor(3) as others:
            results = [others.submit(use) for _ in range(6)]
            secret.wipe()
            assert all(result.result() in (item, None) for result in results)

    for k in range(50):
        race(k)
    assert usage()[0] == before


def test_threads_share_the_arena() -> None:
    before, _ = settled_usage()

    def work(k: int) -> None:
        item = bytes([k + 1]) * 96
        for _ in range(500):
            whole = SecretInts.from_bytes(item, 3)
            parts = [whole.slice(i, 1) for i in range(3)]
            assert SecretInts.concat(parts).declassify() == item

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert usage()[0] == before


# seeds and forks


def test_fresh_seeds_differ() -> None:
    seeds = {SecretSeed.fresh().declassify() for _ in range(100)}
    assert len(seeds) == 100


def test_a_child_gets_forked_error_and_the_parent_keeps_its_secret() -> None:
    secret = SecretScalars.from_bytes(b"\x05" * 32)
    for use in (secret.declassify, lambda: secret.slice(0, 1), lambda: SecretScalars.concat([secret])):
        assert in_child(use) == ForkedError.__name__.encode()
    assert in_child(lambda: repr(secret).encode()) == b"SecretScalars(count=1)"
    assert secret.declassify() == b"\x05" * 32


def test_a_child_may_free_what_it_inherited_and_make_its_own() -> None:
    secret = SecretScalars.from_bytes(b"\x05" * 32)

    def child() -> bytes:
        secret.wipe()
        own = SecretScalars.from_bytes(b"\x06" * 32)
        grandchild = in_child(own.declassify)
        return grandchild + own.declassify()

    assert in_child(child) == b"ForkedError" + b"\x06" * 32
    assert secret.declassify() == b"\x05" * 32


def test_eight_forks_draw_distinct_seeds() -> None:
    def two_seeds() -> bytes:
        return SecretSeed.fresh().declassify() + SecretSeed.fresh().declassify()

    drawn = [two_seeds(), *(in_child(two_seeds) for _ in range(8)), two_seeds()]
    seeds = [pair[i : i + 32] for pair in drawn for i in (0, 32)]
    assert all(len(seed) == 32 for seed in seeds)
    assert len(set(seeds)) == 20


# the pages


class Mapping:
    """One entry of /proc/<pid>/smaps."""

    def __init__(self, header: str) -> None:
        bounds, self.permissions = header.split()[:2]
        self.start, self.end = (int(bound, 16) for bound in bounds.split("-"))
        self.flags: set[str] = set()

    @property
    def is_locked(self) -> bool:
        """Whether it has the flags of the arena: locked, not dumped, wiped on fork."""
        return {"lo", "dd", "wf"} <= self.flags


def mappings(pid: int | str = "self") -> list[Mapping]:
    found: list[Mapping] = []
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        key, _, rest = line.partition(" ")
        if key == "VmFlags:":
            found[-1].flags = set(rest.split())
        elif not key.endswith(":"):
            found.append(Mapping(line))
    return found


def test_every_chunk_is_locked_not_dumped_wiped_on_fork_and_between_guards() -> None:
    keep = [SecretInts.from_bytes(bytes(4096 * 400), 400) for _ in range(2)]
    all_mappings = mappings()
    arena = [k for k, m in enumerate(all_mappings) if m.is_locked]
    assert sum(all_mappings[k].end - all_mappings[k].start for k in arena) == usage()[1]
    for k in arena:
        before, chunk, after = all_mappings[k - 1 : k + 2]
        assert chunk.permissions == "rw-p"
        assert (before.end, before.permissions) == (chunk.start, "---p")
        assert (after.start, after.permissions) == (chunk.end, "---p")
    assert len(keep) == 2


def test_no_trace_of_a_secret_is_left_after_its_free() -> None:
    child = subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent("""
            import sys
            from native.secret import SecretScalars
            item = bytearray(32)
            for i in range(32):
                item[i] = (i * 37 + 11) % 251
            secret = SecretScalars.from_bytes(item)
            part = secret.slice(0, 1)
            for i in range(32):
                item[i] = 0
            print("held", flush=True)
            sys.stdin.readline()
            del secret, part
            print("freed", flush=True)
            sys.stdin.readline()
            """),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    needle = bytes((i * 37 + 11) % 251 for i in range(32))

    def hits() -> list[bool]:
        found = []
        with open(f"/proc/{child.pid}/mem", "rb", buffering=0) as memory:
            for mapping in mappings(child.pid):
                if mapping.permissions.startswith("rw"):
                    memory.seek(mapping.start)
                    content = memory.read(mapping.end - mapping.start)
                    found += [mapping.is_locked] * content.count(needle)
        return found

    with child:
        assert child.stdin
        assert child.stdout
        assert child.stdout.readline() == "held\n"
        assert hits() == [True, True]
        child.stdin.write("\n")
        child.stdin.flush()
        assert child.stdout.readline() == "freed\n"
        assert hits() == []
        child.stdin.write("\n")
    assert child.returncode == 0


@pytest.mark.parametrize(("limit", "outcome"), [(64 << 10, "MemoryLockError"), (2 << 20, "kept")])
def test_memory_that_cannot_be_locked_is_refused_with_the_remedy(limit: int, outcome: str) -> None:
    answer = run_script(f"""
        import os, resource
        from native.errors import NativeError
        from native.secret import SecretSeed
        resource.setrlimit(resource.RLIMIT_MEMLOCK, ({limit}, {limit}))
        if os.geteuid() == 0:
            os.setuid(65534)  # root may lock without limit
        for attempt in range(2):
            try:
                SecretSeed.fresh()
                print("kept")
            except NativeError as e:
                print(type(e).__name__, e)
    """)
    lines = answer.splitlines()
    assert len(lines) == 2
    for line in lines:
        assert line.startswith(outcome)
        assert ("ulimit -l" in line) == (outcome == "MemoryLockError")


def test_the_limit_of_locked_memory_holds_for_growth_too() -> None:
    answer = run_script("""
        import os, resource
        from native.errors import MemoryLockError
        from native.secret import SecretInts
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (2 << 20, 2 << 20))
        if os.geteuid() == 0:
            os.setuid(65534)
        kept = [SecretInts.from_bytes(b"\\x01" * 8)]
        try:
            while len(kept) < 100:
                kept.append(SecretInts.from_bytes(bytes(4096 * 64), 64))
        except MemoryLockError:
            print(len(kept), kept[0].declassify().hex())
    """)
    # two chunks of 1 MiB, of which the first has 64 bytes less
    assert answer == "8 " + "01" * 8


def test_an_empty_chunk_gives_its_locked_memory_to_a_larger_one() -> None:
    answer = run_script("""
        import os, resource
        from native.secret import SecretInts
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (6 << 20, 6 << 20))
        if os.geteuid() == 0:
            os.setuid(65534)
        SecretInts.from_bytes(bytes(3 << 20), 1024).wipe()
        print(repr(SecretInts.from_bytes(bytes(4 << 20), 1024)))
    """)
    assert answer == "SecretInts(count=1024)"
