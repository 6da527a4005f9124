"""Topics of a Kafka broker with nothing to lose, each test's under a prefix of its own."""

import json
import subprocess
import uuid

from support.engines import Engine, url_of
from support.service import BUILD

AGORA = str(BUILD / "cli" / "agora")
PUBLISHERS = ("auth", "catalog", "order", "payment")


class Broker:
    """The run's broker, or one of this process's own."""

    def __init__(self):
        self.own = None if url_of("kafka") else Engine("kafka")
        self.url = url_of("kafka") or self.own.url

    def new_cluster(self, publishers=PUBLISHERS):
        """The URL of a part of the cluster that has the topics of these services."""
        url = f"{self.url}/t{uuid.uuid4().hex}"
        for publisher in publishers:
            make_topics(url, publisher)
        return url

    def stop(self):
        if self.own:
            self.own.stop()


def make_topics(url, publisher, *flags):
    done = subprocess.run([AGORA, "migrate", "--service", publisher, "--kafka", url, "--partitions", "3", "--json", *flags],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def read_topic(url, topic):
    """All committed records of a topic, each with its headers as `ce_…` attributes; partitions one after the other."""
    brokers, _, prefix = url.removeprefix("kafka://").partition("?")[0].partition("/")
    command = ["kcat", "-b", brokers, "-C", "-t", f"{prefix}.{topic}", "-o", "beginning", "-e", "-q", "-J", "-X", "isolation.level=read_committed"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    for record in records:
        record["headers"] = dict(zip(record["headers"][::2], record["headers"][1::2]))
    return sorted(records, key=lambda record: (record["partition"], record["offset"]))
