"""Tests that the published partitions of subjects are those of Kafka's clients, the product and the recount."""

import random
import re
from pathlib import Path

import pytest
from kafka.partitioner import DefaultPartitioner
from kafka.partitioner import murmur2 as kafka_murmur2

from bluelamp.recount.partitioning import recounted_partition
from facts.partitioning import EXAMPLE_COUNTS, EXAMPLES, murmur2, partition_of
from producers.gateway.asyncapi import asyncapi

APACHE_KAFKA_HASHES = {
    "21": -973932308,
    "foobar": -790332482,
    "a-little-bit-long-string": -985981536,
    "a-little-bit-longer-string": -1486304829,
    "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    "abc": 479470107,
}
"""The hashes in the tests of Apache Kafka's Java client."""


class Cluster:
    """A cluster with one topic that has the given number of partitions."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions

    def topics(self) -> set[str]:
        """The only topic."""
        return {"incidents"}

    def partitions_for_topic(self, _topic: str) -> set[int]:
        """All partitions."""
        return set(range(self._partitions))

    available_partitions_for_topic = partitions_for_topic


def partition_by_kafka(subject_id: str, partitions: int) -> int:
    """The partition that kafka-python's default partitioner chooses."""
    key = subject_id.encode()
    return int(DefaultPartitioner().partition("incidents", key, key, None, None, Cluster(partitions)))


@pytest.mark.parametrize(("key", "hashed"), APACHE_KAFKA_HASHES.items())
def test_the_hash_is_that_of_apache_kafka(key: str, hashed: int) -> None:
    assert murmur2(key.encode()) == hashed


def test_the_published_partitions_are_those_of_every_implementation() -> None:
    published = asyncapi()["x-partitioning"]["examples"]
    assert [each["subject_id"] for each in published] == list(EXAMPLES)
    assert {len(each) % 4 for each in EXAMPLES} == {0, 1, 2, 3}
    for each in published:
        subject_id = each["subject_id"]
        assert each["murmur2"] == murmur2(subject_id.encode())
        assert {int(count) for count in each["partition_of"]} == set(EXAMPLE_COUNTS)
        for count, partition in each["partition_of"].items():
            results = {
                function(subject_id, int(count)) for function in (partition_of, recounted_partition, partition_by_kafka)
            }
            assert results == {partition}


def test_the_docs_give_the_same_examples() -> None:
    page = (Path(__file__).parents[2] / "docs" / "feed" / "log.md").read_text()
    rows = [re.findall(r"[^| `]+", line) for line in re.findall(r"^\| `.*$", page, re.MULTILINE)]
    assert rows == [
        [each, str(murmur2(each.encode())), *(str(partition_of(each, count)) for count in EXAMPLE_COUNTS)]
        for each in EXAMPLES
    ]


def test_product_recount_and_kafka_agree_about_any_id() -> None:
    draw = random.Random(1)
    letters = "ABCxyz019._:-é"
    for length in range(1, 65):
        subject_id = "".join(draw.choices(letters, k=length))
        assert murmur2(subject_id.encode()) % 2**32 == kafka_murmur2(subject_id.encode())
        for partitions in (1, 2, 7, 64):
            assert partition_of(subject_id, partitions) == recounted_partition(subject_id, partitions)
