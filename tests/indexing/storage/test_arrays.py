"""Arrays come back as they were written, read-only and without a copy, or the file is named as broken."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from safetensors.numpy import load_file

from indexing.errors import ArtefactCorrupt
from indexing.storage.arrays import map_arrays, write_arrays

DTYPES = st.sampled_from([np.uint8, np.uint16, np.uint32, np.uint64, np.int64, np.float32])
ARRAYS = st.dictionaries(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=6).filter(lambda name: name != "__metadata__"),
    DTYPES.flatmap(lambda dtype: npst.arrays(dtype, npst.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=5))),
    max_size=5,
)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("arrays")


@given(arrays=ARRAYS)
def test_any_arrays_come_back_with_their_names_types_shapes_and_bits(
    scratch: Path, arrays: dict[str, np.ndarray]
) -> None:
    path = scratch / "a"
    path.unlink(missing_ok=True)  # an earlier example's file may still be mapped
    write_arrays(path, arrays)
    first = path.read_bytes()
    found = map_arrays(path)
    assert found.keys() == arrays.keys() == load_file(path).keys()
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        assert found[name].tobytes() == array.tobytes()
        assert not found[name].flags.writeable
    write_arrays(path.with_name("b"), dict(reversed(arrays.items())))
    assert path.with_name("b").read_bytes() == first


def test_an_array_that_is_not_contiguous_is_written_in_its_own_order(tmp_path: Path) -> None:
    array = np.arange(12, dtype=np.int64).reshape(3, 4)
    write_arrays(tmp_path / "a", {"turned": array.T, "thinned": array[:, ::2]})
    found = map_arrays(tmp_path / "a")
    np.testing.assert_array_equal(found["turned"], array.T)
    np.testing.assert_array_equal(found["thinned"], array[:, ::2])


def test_mapped_arrays_outlive_the_file_and_each_other(tmp_path: Path) -> None:
    write_arrays(tmp_path / "a", {"x": np.arange(1000, dtype=np.uint32), "y": np.ones(3, np.float32)})
    found = map_arrays(tmp_path / "a")
    (tmp_path / "a").unlink()
    x = found.pop("x")
    del found
    np.testing.assert_array_equal(x, np.arange(1000))
    with pytest.raises(ValueError, match="read-only"):
        x[0] = 1


def test_metadata_of_another_writer_is_passed_over(tmp_path: Path) -> None:
    header = {"__metadata__": {"made": "elsewhere"}, "x": {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]}}
    write_raw(tmp_path / "a", json.dumps(header).encode(), b"\x01\x02")
    found = map_arrays(tmp_path / "a")
    assert {name: array.tolist() for name, array in found.items()} == {"x": [1, 2]}


def write_raw(path: Path, header: bytes, data: bytes = b"") -> None:
    path.write_bytes(len(header).to_bytes(8, "little") + header + data)


def entry(**changes: object) -> bytes:
    return json.dumps({"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}}).encode()


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"{",
        b"\xff\xff",
        entry(dtype="F64"),
        entry(dtype="F16"),
        entry(shape=[3]),
        entry(shape="two"),
        entry(data_offsets=[4, 12]),
        entry(data_offsets=None),
        b'{"x": 5}',
        b'{"x": {"dtype": "F32"}}',
        b"[]",
        entry(data_offsets=[]),
    ],
)
def test_a_header_that_does_not_describe_the_file_is_refused_by_name(tmp_path: Path, header: bytes) -> None:
    write_raw(tmp_path / "block", header, b"\x00" * 8)
    with pytest.raises(ArtefactCorrupt, match="block is not a readable array file"):
        map_arrays(tmp_path / "block")


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    write_arrays(tmp_path / "a", {"x": np.ones(100, np.float32)})
    whole = (tmp_path / "a").read_bytes()
    for size in (len(whole) - 1, len(whole) - 300, 20, 8, 3):
        (tmp_path / "cut").write_bytes(whole[:size])
        with pytest.raises(ArtefactCorrupt, match="cut"):
            map_arrays(tmp_path / "cut")


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(ArtefactCorrupt):
        map_arrays(tmp_path / "a")


def test_a_missing_file_is_missing_and_not_corrupt(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        map_arrays(tmp_path / "a")
