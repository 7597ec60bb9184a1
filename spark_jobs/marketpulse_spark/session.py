"""The Spark session of the jobs."""

from __future__ import annotations

from pyspark.sql import SparkSession


def spark_session(name: str) -> SparkSession:
    """Returns the session; master, JVM flags and what makes it start fast come from spark_jobs/bin/spark-submit."""
    return (
        SparkSession.builder.appName(name)
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.sql.adaptive.enabled", "false")
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", "20000")
        # Each column would tell the JVM where in Python it was made: some tenths of a second in every minute's run.
        .config("spark.python.sql.dataFrameDebugging.enabled", "false")
        # A series of a long catch-up has more rows than the 4,096 that a window holds in memory by default.
        .config("spark.sql.windowExec.buffer.in.memory.threshold", "1000000")
        .getOrCreate()
    )


def compile_expressions(spark: SparkSession) -> None:
    """Compiles queries from now on to byte code; the profile for small batches does not, as their run is shorter."""
    spark.conf.set("spark.sql.codegen.wholeStage", "true")
    spark.conf.set("spark.sql.codegen.factoryMode", "FALLBACK")
