"""The way of documents through a cluster: read, compared, judged, written, each step kept as Parquet in a work folder.

Upper levels, and what documents say of one another, are small beside the documents and go to every worker (broadcast);
what a document is compared with is looked up there by key. Documents themselves are never shuffled: each step reads the
rows where the step before left them. A step that was written is read again, not made again, when a worker is lost.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, TypeVar

from pyspark.sql.types import (
    ArrayType,
    BinaryType,
    BooleanType,
    DataType,
    DateType,
    DoubleType,
    IntegerType,
    LongType,
    ShortType,
    StringType,
    StructField,
    StructType,
)

from api.linked.distributions import Published
from distributed import tasks
from distributed.folders import Folder
from distributed.tasks import BY_HAND, STUB, TEXT, Compared, Given, Judging, Made, Read, Reading, Setup
from graph import stages, trail
from graph.build import code_hash
from graph.catalog import SUFFIXES, Corpus
from graph.corrections import correction_files, load_corrections
from graph.errors import BadInput
from graph.reading import MAX_FILE
from graph.record import load_record
from graph.search_index import Rows
from graph.stages import Gathering
from ontology import terms
from ontology.extension import texts_of
from shapes.judging import owner_of
from shapes.merging import Merger, Packed
from shapes.waivers import Waivers

if TYPE_CHECKING:
    from pyspark import RDD
    from pyspark.sql import DataFrame, SparkSession

Progress = Callable[[str, int, int], None]
T = TypeVar("T")

PLANS_PER_TASK: Final = 50
"""Documents that one task reads, and that one part of the quads holds: some seconds of work, lost with a worker."""
_OPENING: Final = 4 << 20  # what Spark reckons for a file, so that it counts files and not their few bytes
_NEVER_TWO: Final = 1 << 40

_READ = StructType(
    [
        StructField("kind", IntegerType(), False),
        StructField("name", StringType(), False),
        StructField("slug", StringType()),
        StructField("sha256", StringType()),
        *(StructField(name, BinaryType()) for name in ("record", "text", "contribution", "upper")),
        StructField("error", StringType()),
        StructField("error_zh", StringType()),
    ]
)
_MADE = StructType(
    [
        StructField("kind", IntegerType(), False),
        StructField("name", StringType(), False),
        StructField("slug", StringType(), False),
        StructField("document", BinaryType(), False),
        StructField("inferred", BinaryType(), False),
        StructField("comparisons", IntegerType(), False),
        StructField("record", BinaryType()),
        StructField("others", ArrayType(StringType(), False), False),
        StructField("rows", BinaryType(), False),
        StructField("starts", BinaryType()),
    ]
)
_TYPES: Final[dict[str, type[DataType]]] = {
    "text": StringType,
    "iri": StringType,
    "integer": LongType,
    "decimal": DoubleType,
    "boolean": BooleanType,
    "year": ShortType,
    "date": DateType,
}


@dataclass(frozen=True)
class Sizes:
    """What goes to every worker, in bytes as it is sent."""

    shared: int
    uppers: int
    views: int
    agencies: int
    reference: int


class Flow:
    """One run over the documents of a folder; the steps are called in their order.

    Args:
        spark: a session.
        source: the folder of plans.
        corpus: what it holds, its small files at hand here.
        work: a folder that all workers reach; removed by who made it.
        progress: told what is done.
    """

    def __init__(
        self, spark: SparkSession, source: Folder, corpus: Corpus, work: Folder, progress: Progress
    ) -> None:
        self._spark = spark
        self._source = source
        self._corpus = corpus
        self._work = work
        self._progress = progress
        self._setup = Setup(code_hash(), texts_of(corpus.vocabulary_files))
        self._gathering = Gathering()
        self._common: list[bytes] = []
        self._sent: dict[str, int] = {}
        self.comparisons = 0

    # -- reading ---------------------------------------------------------------------------------------------

    def read(self) -> dict[str, str]:
        """Read all documents; returns the SHA-256 of their files by name. Raises BadInput for the first that is wrong."""
        corpus, spark = self._corpus, self._spark
        self._progress("reading with Spark", 0, 1)
        slugs = [path.stem for path, _ in corpus.documents] + [path.stem for path in corpus.records]
        job = Reading(
            self._setup,
            self._source.uri,
            {path.name: entry for path, entry in corpus.documents},
            {slug: load_corrections(file) for slug, file in correction_files(corpus.folder, slugs).items()},
        )
        sent = spark.sparkContext.broadcast(job)
        rows = spark.sparkContext.union([*self._texts(), self._others()])
        self._write(rows.mapPartitions(partial(_run, tasks.read, sent)), _READ, "read")
        told = self._table("read").select("kind", "name", "sha256", "error", "error_zh")
        self._refuse(told.where("error is not null").collect())
        found = {row["name"]: row["sha256"] for row in told.where("kind = 0").collect()}
        missing = sorted({path.name for path, _ in corpus.documents} - found.keys())
        if missing:
            raise BadInput(
                f"{self._source.uri}/{missing[0]}: Spark passes over files of this name; rename it",
                zh=f"{self._source.uri}/{missing[0]}：Spark 会略过这样命名的文件；请改名",
            )
        self._progress("reading with Spark", 1, 1)
        return found

    def _texts(self) -> Iterator[RDD[Given]]:
        names = {path.name for path, _ in self._corpus.documents}
        suffixes = sorted({Path(name).suffix.lower() for name in names})
        assert set(suffixes) <= set(SUFFIXES)
        if not names:
            return
        # Files are packed into tasks by their number, not by their size: a plan of 20 kB and one of 2 MB take alike.
        self._spark.conf.set("spark.sql.files.openCostInBytes", str(_OPENING))
        self._spark.conf.set("spark.sql.files.maxPartitionBytes", str(_OPENING * PLANS_PER_TASK))
        files = self._spark.read.format("binaryFile").load([self._source.pattern(one) for one in suffixes])
        # The bytes of what is too large are not asked for.
        from pyspark.sql.functions import col, when

        content = when(col("length") <= MAX_FILE, col("content")).alias("content")
        wanted = self._spark.sparkContext.broadcast(names)
        yield files.select("path", content).rdd.mapPartitions(partial(_given, wanted))

    def _others(self) -> RDD[Given]:
        """Records by hand and stubs: small, and at hand here."""
        rows = [
            Given(BY_HAND, path.name, load_record(path).model_dump_json().encode())
            for path in self._corpus.records
        ]
        rows += [Given(STUB, stub.slug, stub.model_dump_json().encode()) for stub in self._corpus.stubs]
        return self._spark.sparkContext.parallelize(rows, max(1, math.ceil(len(rows) / PLANS_PER_TASK)))

    def _refuse(self, rows: list[Any]) -> None:
        if rows:
            first = min(rows, key=lambda row: (row["kind"], Path(row["name"])))
            raise BadInput(first["error"], zh=first["error_zh"])

    # -- comparing -------------------------------------------------------------------------------------------

    def derive(self, heads: IO[str] | None = None) -> None:
        """Gather what all need of each, send it to all, and make the quads of each; ``heads`` is given a line for each."""
        self._progress("comparing levels with Spark", 0, 1)
        table = self._table("read")
        rows = table.where("contribution is not null").select("kind", "name", "contribution").collect()
        for row in sorted(rows, key=lambda row: (row["kind"], Path(row["name"]))):
            one = tasks.contribution_of(row["contribution"])
            if heads is not None:
                heads.write(one.head.model_dump_json(exclude_defaults=True) + "\n")
            self._gathering.add(one)
        shared = self._gathering.shared(self._corpus.stubs)
        uppers = self._spark.sparkContext.broadcast(shared.uppers())
        above = table.select("slug", "upper").rdd.filter(partial(_is_in, uppers)).collect()
        job = Compared(self._setup, tasks.packed(shared), {row["slug"]: bytes(row["upper"]) for row in above})
        self._sent["shared"], self._sent["uppers"] = len(job.packed_shared), _weight(job.uppers)
        sent = self._spark.sparkContext.broadcast(job)
        columns = table.select(*Read._fields).rdd.map(_as_read)
        self._write(columns.mapPartitions(partial(_run, tasks.derive, sent)), _MADE, "made")
        self.comparisons = self._table("made").groupBy().sum("comparisons").collect()[0][0] or 0
        self._progress("comparing levels with Spark", 1, 1)

    # -- judging ---------------------------------------------------------------------------------------------

    def judge(self, made: datetime, changes: list[trail.Entry], waivers: Waivers, day: date) -> None:
        """Send what documents say of one another to all, judge, and make the rows of the tables."""
        self._progress("judging with Spark", 0, 1)
        # Common parts are few and small; the labels of agencies stand first, what is of this build alone last.
        sources = [text.encode() for _, text in self._setup.vocabularies]
        self._common = list(stages.common_parts(self._gathering, sources, made, self._setup.code, changes))
        reference = tasks.squeezed(b"".join(self._common[1:-2]))
        context, table = self._spark.sparkContext, self._table("made")
        named: dict[str, list[str]] = {}
        for iri in table.select("others").rdd.flatMap(_first).distinct(self._spread(table)).collect():
            slug = owner_of(iri)
            assert slug is not None
            named.setdefault(slug, []).append(iri)
        wanted = context.broadcast(named)
        quads = table.select("slug", "document").rdd
        views = dict(quads.mapPartitions(partial(_views, wanted)).collect())
        said: dict[str, set[bytes]] = dict(
            quads.mapPartitions(_agencies).reduceByKey(_both, self._spread(table)).collect()
        )
        end = f" <{terms.GRAPH_INFERRED}> .\n".encode()
        about = {iri: b"".join(line + end for line in sorted(lines)) for iri, lines in said.items()}
        for line in self._common[0].splitlines(keepends=True):
            iri = line[1 : line.index(b">")].decode()
            about[iri] = about.get(iri, b"") + line
        agencies = {iri: tasks.squeezed(lines) for iri, lines in about.items()}
        lines = table.select("slug", "starts").where("starts is not null").rdd
        starts = {
            row["slug"]: bytes(row["starts"]) for row in lines.filter(partial(_is_in, wanted)).collect()
        }
        job = Judging(self._setup, reference, views, agencies, starts, waivers, day)
        self._sent |= {
            "views": _weight(views) + _weight(starts),
            "agencies": _weight(agencies),
            "reference": len(reference),
        }
        sent = context.broadcast(job)
        rows = table.select(*Made._fields).rdd.map(_as_made).mapPartitions(partial(_run, tasks.judge, sent))
        columns = [StructField("packed", BinaryType(), False)]
        columns += [
            StructField(one.name, ArrayType(schema_of(one), False), False) for one in tasks.chosen_tables()
        ]
        self._write(rows, StructType(columns), "judged")
        self._judging = job
        self._progress("judging with Spark", 1, 1)

    def _spread(self, table: DataFrame) -> int:
        return max(1, min(200, table.rdd.getNumPartitions()))

    # -- what came of it -------------------------------------------------------------------------------------

    @property
    def sizes(self) -> Sizes:
        """What went to every worker."""
        return Sizes(**self._sent)

    @property
    def gathering(self) -> Gathering:
        """What is known of all documents."""
        return self._gathering

    def write_parts(self, target: Folder) -> int:
        """Write the quads as sorted parts, ``part-00000.nq`` and so on, the common ones last; returns how many lines."""
        table = self._table("made").select("document", "inferred")
        blocks = table.rdd.mapPartitions(_block).filter(_first)
        schema = StructType([StructField("value", StringType(), False)])
        self._spark.createDataFrame(blocks, schema, verifySchema=False).write.mode("overwrite").text(
            target.uri
        )
        number = 0
        for name in target.names():
            if name.startswith("part-"):
                target.rename(name, f"part-{number:05}.nq")
                number += 1
            else:
                target.child(name).remove()
        with tempfile.TemporaryDirectory() as folder:
            common = Path(folder) / "common.nq"
            common.write_text(tasks.sorted_part(self._common) + "\n", encoding="utf-8")
            target.put(common, f"part-{number:05}.nq")
        written = self._spark.read.text([f"{target.uri}/part-*.nq"])
        return written.count()

    def write_tables(self, target: Folder) -> None:
        """Write the tables as Parquet, a folder each."""
        from pyspark.sql.functions import col, explode

        for table in tasks.chosen_tables():
            rows = self._table("judged").select(explode(col(table.name)).alias("row")).select("row.*")
            # Few and large files, put together where they are: no shuffle.
            few = max(1, math.ceil(rows.rdd.getNumPartitions() / 20))
            folder = target.child(f"{table.name}.parquet")
            rows.coalesce(few).write.mode("overwrite").parquet(folder.uri)

    def documents(self) -> Iterator[tuple[str, str | None, str]]:
        """Slug, text and record (JSON) of each document but stubs, one after another."""
        texts = self._table("read").select("slug", "text").where("text is not null")
        records = self._table("made").where("record is not null").select("slug", "record")
        for row in texts.toLocalIterator():
            yield row["slug"], tasks.plain(row["text"]).decode(), ""
        for row in records.toLocalIterator():
            yield row["slug"], None, tasks.plain(row["record"]).decode()

    def search_rows(self) -> Iterator[Rows]:
        """What search finds of each document, in the order of a build."""
        for row in (
            self._table("made").select("kind", "name", "rows").orderBy("kind", "name").toLocalIterator()
        ):
            found = tasks.unpacked(row["rows"])
            assert isinstance(found, Rows)
            yield found

    def write_findings(self, folder: Path) -> None:
        """Write the findings of all, put together."""
        judge = self._judging.judge
        judge.store = self._judging.store()
        with Merger(judge.book, folder) as merger:
            merger.add(judge.reference_report())
            for row in self._table("judged").select("packed").toLocalIterator():
                part = tasks.unpacked(row["packed"])
                assert isinstance(part, Packed)
                merger.take(part)

    def counts(self, triples: int) -> dict[str, int]:
        """What a build tells of itself."""
        corpus = self._corpus
        return {
            "documents": len(corpus.documents),
            "records": len(corpus.records),
            "stubs": len(corpus.stubs),
            **self._gathering.counts,
            **self._gathering.labels.counts(),
            "comparisons": self.comparisons,
            "triples": triples,
        }

    # -- rows ------------------------------------------------------------------------------------------------

    def _write(self, rows: RDD[Any], schema: StructType, name: str) -> None:
        frame = self._spark.createDataFrame(rows, schema, verifySchema=False)
        frame.write.mode("overwrite").parquet(self._work.child(name).uri)

    def _table(self, name: str) -> DataFrame:
        # Each file is a task of its own: what one task wrote is what one task reads, in the same order.
        self._spark.conf.set("spark.sql.files.openCostInBytes", str(_NEVER_TWO))
        self._spark.conf.set("spark.sql.files.maxPartitionBytes", str(_NEVER_TWO))
        schema = {"read": _READ, "made": _MADE}.get(name)
        reader = self._spark.read if schema is None else self._spark.read.schema(schema)
        return reader.parquet(self._work.child(name).uri)


def schema_of(table: Published) -> StructType:
    """The columns of a table with their words, as Parquet keeps them."""
    return StructType(
        [
            StructField(
                column.name,
                _TYPES[column.type](),
                metadata={"label_zh": column.label.zh, "label_en": column.label.en},
            )
            for column in table.columns
        ]
    )


# -- functions that are sent -----------------------------------------------------------------------------------------


def _run(task: Callable[[Iterable[Any], Any], Iterator[T]], sent: Any, rows: Iterable[Any]) -> Iterator[T]:
    return task(rows, sent.value)


def _given(wanted: Any, rows: Iterable[Any]) -> Iterator[Given]:
    names = wanted.value
    for row in rows:
        name = row["path"].rpartition("/")[2]
        if name in names:
            yield Given(TEXT, name, None if row["content"] is None else bytes(row["content"]))


def _is_in(slugs: Any, row: Any) -> bool:
    return row["slug"] in slugs.value


def _as_read(row: Any) -> Read:
    return Read(*row)


def _as_made(row: Any) -> Made:
    return Made(*row)


def _first(row: Any) -> Any:
    return row[0]


def _views(wanted: Any, rows: Iterable[Any]) -> Iterator[tuple[str, bytes]]:
    return tasks.views(((row["slug"], row["document"]) for row in rows), wanted.value)


def _agencies(rows: Iterable[Any]) -> Iterator[tuple[str, set[bytes]]]:
    return iter(tasks.agencies(row["document"] for row in rows).items())


def _both(one: set[bytes], other: set[bytes]) -> set[bytes]:
    return one | other


def _block(rows: Iterable[Any]) -> Iterator[tuple[str]]:
    yield (tasks.sorted_part(tasks.plain(packed) for row in rows for packed in row),)


def _weight(parts: dict[str, bytes] | Any) -> int:
    return sum(len(key.encode()) + len(value) for key, value in parts.items())
