"""Which files a path leads to, how they are opened, and how they are known again."""

import gzip
import os
import zlib
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clicklake.errors import InputError, UsageError
from clicklake.ingest import files
from clicklake.ingest.files import InputFile, discover, open_blocks

DATA = b"".join(b"%d,some text,%d\n" % (n, n * n) for n in range(2_000))


def zstd(data: bytes) -> bytes:
    return pa.compress(data, codec="zstd", asbytes=True)


@pytest.fixture
def tree(tmp_path):
    """Makes empty files by their paths and finds what paths lead to, both relative to one folder."""

    def make(*names: str):
        for name in names:
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()

        def found(*paths: str) -> list[str]:
            return [
                str(Path(file.path).relative_to(tmp_path))
                for file in discover([str(tmp_path / p) for p in paths], "csv")
            ]

        return found

    return make


class TestDiscover:
    def test_one_file(self, tree):
        assert tree("a.csv", "b.csv")("a.csv") == ["a.csv"]

    def test_a_folder_s_files_by_name(self, tree):
        find = tree("d/b.csv", "d/a.csv", "d/2024/01/x.csv", "d/2024/01/é ü.csv", "other.csv")

        assert find("d") == ["d/2024/01/x.csv", "d/2024/01/é ü.csv", "d/a.csv", "d/b.csv"]

    def test_hidden_files_markers_and_half_written_folders_are_passed_over(self, tree):
        find = tree("d/a.csv", "d/.b.csv", "d/_SUCCESS", "d/.git/c.csv", "d/_temporary/0/part.csv", "d/x/_c.csv")

        assert find("d") == ["d/a.csv"]
        assert find("d/*") == ["d/a.csv"]
        assert find("d/**/*") == ["d/a.csv"]

    def test_what_is_named_is_taken(self, tree):
        find = tree("_d/.a.csv", "_d/b.csv", "_d/_c.csv")

        assert find("_d/.a.csv", "_d/_c.csv") == ["_d/.a.csv", "_d/_c.csv"]
        assert find("_d") == find("_d/*.csv") == ["_d/b.csv"]

    def test_globs(self, tree):
        find = tree("a1.csv", "a2.csv", "b1.csv", "d/a3.csv", "d/e/a4.csv", "year=2024/a5.csv")

        assert find("a*.csv") == ["a1.csv", "a2.csv"]
        assert find("?1.csv") == ["a1.csv", "b1.csv"]
        assert find("[b]1.csv") == ["b1.csv"]
        assert find("d/**/*.csv") == ["d/a3.csv", "d/e/a4.csv"]
        assert find("year=*") == ["year=2024/a5.csv"]

    def test_a_glob_that_matches_a_folder_takes_its_files(self, tree):
        assert tree("d1/a.csv", "d2/b.csv", "e/c.csv")("d*") == ["d1/a.csv", "d2/b.csv"]

    def test_a_name_with_glob_characters_is_that_file_first(self, tree):
        find = tree("a[1].csv", "a1.csv", "what?.csv", "whatx.csv", "d[1]/x.csv", "d1/y.csv")

        assert find("a[1].csv") == ["a[1].csv"]
        assert find("what?.csv") == ["what?.csv"]
        assert find("d[1]") == ["d[1]/x.csv"]

    def test_each_once(self, tree, tmp_path, monkeypatch):
        find = tree("d/a.csv", "d/b.csv")
        assert find("d/a.csv", "d", "d/*.csv", "./d/../d/a.csv".replace("../d/", "")) == ["d/a.csv", "d/b.csv"]

        monkeypatch.chdir(tmp_path / "d")
        assert [file.path for file in discover(["a.csv", "./a.csv", str(tmp_path / "d/a.csv")], "csv")] == [
            str(tmp_path / "d/a.csv")
        ]

    def test_symlinks(self, tree, tmp_path):
        find = tree("d/a.csv", "far/b.csv")
        (tmp_path / "d/link.csv").symlink_to(tmp_path / "d/a.csv")
        (tmp_path / "d/gone.csv").symlink_to(tmp_path / "nowhere.csv")
        (tmp_path / "d/round").symlink_to(tmp_path / "d")
        (tmp_path / "folder").symlink_to(tmp_path / "far")

        assert find("d") == ["d/a.csv", "d/link.csv"]
        assert find("d/*.csv") == ["d/a.csv", "d/link.csv"]
        assert find("folder") == ["folder/b.csv"]
        with pytest.raises(UsageError, match="gone.csv: no such file"):
            find("d/gone.csv")

    def test_home(self, tree, tmp_path, monkeypatch):
        tree("a.csv")
        monkeypatch.setenv("HOME", str(tmp_path))

        assert [file.path for file in discover(["~/a.csv"], "csv")] == [str(tmp_path / "a.csv")]

    def test_a_folder_named_like_a_file(self, tree):
        find = tree("x.csv/part-0.csv", "y.csv/_SUCCESS")

        assert find("x.csv") == ["x.csv/part-0.csv"]
        with pytest.raises(UsageError, match="y.csv: no such file, and no file matches it"):
            find("y.csv")

    @pytest.mark.parametrize("path", ["no.csv", "no*.csv", "no", "n" * 300 + ".csv"])
    def test_nothing_there(self, tree, path):
        with pytest.raises(UsageError, match=path[:20].replace("*", r"\*")):
            tree("a.csv")("a.csv", path)

    def test_a_folder_that_can_t_be_looked_into(self, tree, tmp_path, monkeypatch):
        find, scandir = tree("d/a.csv", "d/closed/b.csv"), os.scandir

        def closed(path):
            if str(path).endswith("closed"):
                raise PermissionError(13, "Permission denied", str(path))
            return scandir(path)

        monkeypatch.setattr(os, "scandir", closed)
        with pytest.raises(UsageError, match="closed: Permission denied"):
            find("d")

    @pytest.mark.parametrize(
        ("name", "file_format", "compression"),
        [
            ("a.csv", "csv", None),
            ("a.CSV.GZ", "csv", "gzip"),
            ("a.tsv.zst", "csv", "zstd"),
            ("a.b.jsonl", "ndjson", None),
            ("a.json.gzip", "ndjson", "gzip"),
            ("a.ndjson", "ndjson", None),
            ("a.snappy.parquet", "parquet", None),
            ("a", "parquet", None),
            ("a.gz", "parquet", "gzip"),
            ("2024.01.01", "parquet", None),
        ],
    )
    def test_format_and_compression_by_name(self, tmp_path, name, file_format, compression):
        (tmp_path / name).write_bytes(b"x")

        (file,) = discover([str(tmp_path / name)], "parquet")

        assert (file.format, file.compression, file.size) == (file_format, compression, 1)


NAMES = st.text(st.sampled_from("ab[]*?! {}é😀~$'\"\\-"), min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(names=st.sets(NAMES, min_size=1, max_size=6))
def test_any_name_leads_to_its_own_file(tmp_path_factory, names):
    folder = tmp_path_factory.mktemp("names")
    for name in names:
        (folder / name).write_bytes(b"")

    assert [file.path for file in discover([str(folder)], "csv")] == sorted(str(folder / name) for name in names)
    for name in names:
        assert [file.path for file in discover([str(folder / name)], "csv")] == [str(folder / name)]


def blocks(data: bytes, path: Path) -> bytes:
    path.write_bytes(data)
    (file,) = discover([str(path)], "csv")
    return b"".join(open_blocks(file))


GZIP, ZSTD = gzip.compress(DATA, mtime=0), zstd(DATA)


class TestOpening:
    @pytest.mark.parametrize("size", [1, 7, 1 << 20])
    @pytest.mark.parametrize(
        ("name", "data", "content"),
        [
            ("x.csv", DATA, DATA),
            ("x.csv", b"", b""),
            ("x.csv.gz", GZIP, DATA),
            ("x.csv.gz", GZIP + gzip.compress(b"") + GZIP, DATA * 2),
            ("x.csv.gz", gzip.compress(b""), b""),
            ("x.csv.gz", GZIP + b"\0" * 512, DATA),
            ("x.csv.zst", ZSTD, DATA),
            ("x.csv.zst", ZSTD + zstd(b"") + ZSTD, DATA * 2),
            ("x.csv.zst", zstd(b"") + ZSTD, DATA),
            ("x.csv.zst", zstd(b""), b""),
        ],
        ids=lambda value: value if isinstance(value, str) else f"{len(value)}",
    )
    def test_whole(self, tmp_path, monkeypatch, name, data, content, size):
        monkeypatch.setattr(files, "BLOCK", size)

        assert blocks(data, tmp_path / name) == content

    @pytest.mark.parametrize(
        ("name", "data", "message"),
        [
            ("x.csv.gz", b"", "is empty, which no gzip file is; it was probably cut short"),
            ("x.csv.zst", b"", "is empty, which no zstd file is; it was probably cut short"),
            ("x.csv.gz", GZIP + GZIP[:9], "the gzip file is cut short; nothing of it was ingested"),
            ("x.csv.gz", GZIP[:-6] + b"\0\0" + GZIP[-4:], "is not a readable gzip file: CRC check failed"),
            ("x.csv.gz", GZIP[:-2] + b"\xff\xff", "is not a readable gzip file: Incorrect length"),
            ("x.csv.gz", GZIP[:200] + bytes([GZIP[200] ^ 255]) + GZIP[201:], "is not a readable gzip file"),
            ("x.csv.gz", GZIP + b"more", "is not a readable gzip file: Not a gzipped file"),
            ("x.csv.gz", DATA, "is not a readable gzip file: Not a gzipped file"),
            ("x.csv.zst", DATA, "is not a readable zstd file"),
            ("x.csv.zst", ZSTD + ZSTD[:9], "is not a readable zstd file: Truncated"),
            ("x.csv.zst", ZSTD + b"more", "is not a readable zstd file"),
        ],
        ids=range(11),
    )
    def test_damaged(self, tmp_path, name, data, message):
        with pytest.raises(InputError, match=f"{name}: {message}"):
            blocks(data, tmp_path / name)

    @pytest.mark.parametrize(("name", "data"), [("x.csv.gz", GZIP), ("x.csv.zst", ZSTD)])
    @pytest.mark.parametrize("share", [0.001, 0.01, 0.3, 0.5, 0.99, 0.9999])
    def test_cut_short(self, tmp_path, name, data, share):
        assert 0 < int(len(data) * share) < len(data)
        with pytest.raises(InputError, match="cut short|Truncated"):
            blocks(data[: int(len(data) * share)], tmp_path / name)

    def test_not_there(self, tmp_path):
        gone = InputFile(str(tmp_path / "gone.csv"), "csv", None, 1, 1)
        folder = InputFile(str(tmp_path), "csv", None, 1, 1)

        for use in (lambda file: list(open_blocks(file)), InputFile.content_version):
            with pytest.raises(InputError, match="gone.csv: No such file or directory"):
                use(gone)
            with pytest.raises(InputError, match="Is a directory"):
                use(folder)

    def test_error_in_the_middle_of_a_file(self, tmp_path, monkeypatch):
        def fails(*_):
            raise zlib.error("Error -3 while decompressing data")

        monkeypatch.setattr(gzip.GzipFile, "read", fails)
        with pytest.raises(InputError, match="is not a readable gzip file: Error -3"):
            blocks(GZIP, tmp_path / "x.gz")


class TestKnowingAgain:
    @pytest.fixture
    def file(self, tmp_path):
        (tmp_path / "x.csv").write_bytes(b"a,b\n1,2\n")
        return lambda: discover([str(tmp_path / "x.csv")], "csv")[0]

    def test_version_is_of_the_content(self, file, tmp_path):
        before = file().content_version()
        (tmp_path / "y.csv").write_bytes(b"a,b\n1,2\n")
        (other,) = discover([str(tmp_path / "y.csv")], "csv")

        assert other.content_version() == before == file().content_version()
        assert before.startswith("8-") and len(before) == 34

        (tmp_path / "x.csv").write_bytes(b"a,b\n1,3\n")
        assert file().content_version() != before

    @pytest.mark.parametrize("size", [0, 1, 9, 10, 11, 20, 57])
    def test_each_byte_of_each_piece_counts(self, tmp_path, monkeypatch, size):
        monkeypatch.setattr(files, "PIECE", 10)
        monkeypatch.setattr(files, "BLOCK", 4)

        def version(data):
            (tmp_path / "x.csv").write_bytes(data)
            return discover([str(tmp_path / "x.csv")], "csv")[0].content_version()

        data = bytes(range(size))
        changed = [data[:place] + b"\xff" + data[place + 1 :] for place in range(size)]
        shifted = [data[n:] + data[:n] for n in range(1, size)]
        contents = {data, *changed, *shifted, data + b"\xff", data[:-1]}
        assert len({version(content) for content in contents}) == len(contents)
        assert version(data) == version(data)

    def test_unchanged(self, file):
        file().check_unchanged()

    @pytest.mark.parametrize("change", ["append", "rewrite", "remove", "replace by a folder"])
    def test_changed_while_it_was_read(self, file, change):
        found = file()
        path = Path(found.path)
        if change == "append":
            with path.open("ab") as end:
                end.write(b"3,4\n")
        elif change == "rewrite":
            path.write_bytes(b"a,b\n9,9\n")
            os.utime(path, ns=(found.modified + 1, found.modified + 1))
        else:
            path.unlink()
            if change != "remove":
                path.mkdir()

        with pytest.raises(InputError, match="x.csv: the file changed while it was read"):
            found.check_unchanged()
