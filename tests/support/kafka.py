"""Topics of a Kafka broker with nothing to lose, each test's under a prefix of its own."""

import json
import socket
import struct
import subprocess
import uuid

from support.contract import TOPIC_OF
from support.engines import Engine, url_of
from support.root import ROOT
from support.service import BUILD

AGORA = str(BUILD / "cli" / "agora")
PUBLISHERS = ("auth", "catalog", "order", "payment")


class Broker:
    """The run's broker; or one of this process's own, for who wants to kill it."""

    def __init__(self, own=False):
        self.own = Engine("kafka") if own or not url_of("kafka") else None
        self.url = self.own.url if self.own else url_of("kafka")
        self.clusters = []

    def new_cluster(self, publishers=PUBLISHERS):
        """The URL of a part of the cluster that has the topics of these services."""
        # Nobody waits long for a reader that was killed.
        url = f"{self.url}/t{uuid.uuid4().hex}?session.timeout.ms=1000&heartbeat.interval.ms=200"
        for publisher in publishers:
            make_topics(url, publisher)
        self.clusters.append(url)
        return url

    def drop_clusters(self):
        """A broker with thousands of topics answers slowly."""
        for url in self.clusters:
            delete_topics(url)
        self.clusters.clear()

    def stop(self):
        if self.own:
            self.own.stop()


def make_topics(url, publisher, *flags):
    done = subprocess.run([AGORA, "migrate", "--service", publisher, "--kafka", url, "--partitions", "3", "--json", *flags],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def delete_topics(url):
    """All that are ours, by the protocol's DeleteTopics (version 1): no program that we have does it."""
    brokers, prefix = parts_of(url)
    names = [f"{prefix}.{topic}".encode() for topic in sorted(set(TOPIC_OF.values()))]
    body = b"".join(struct.pack(">h", len(name)) + name for name in names)
    request = struct.pack(">hhih", 20, 1, 0, -1) + struct.pack(">i", len(names)) + body + struct.pack(">i", 10_000)
    host, _, port = brokers.partition(":")
    with socket.create_connection((host, int(port)), 15) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        (length,) = struct.unpack(">i", connection.recv(4, socket.MSG_WAITALL))
        answer = connection.recv(length, socket.MSG_WAITALL)
    at = 12  # past the correlation, the throttling, and how many there are
    while at < length:
        (size,) = struct.unpack_from(">h", answer, at)
        (error,) = struct.unpack_from(">h", answer, at + 2 + size)
        assert error in (0, 3), (answer[at + 2:at + 2 + size], error)  # 3: it was never made
        at += 4 + size


def parts_of(url):
    brokers, _, prefix = url.removeprefix("kafka://").partition("?")[0].partition("/")
    return brokers, prefix


def configure_topic(url, topic, **settings):
    """What no service of ours would set, such as a retention of nothing."""
    brokers, prefix = parts_of(url)
    added = ",".join(f"{name.replace('_', '.')}={value}" for name, value in settings.items())
    done = subprocess.run([str(ROOT / "tools" / "engines"), "tool", "kafka.admin.ConfigCommand", "--bootstrap-server", brokers, "--alter", "--entity-type",
                           "topics", "--entity-name", f"{prefix}.{topic}", "--add-config", added], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def read_topic(url, topic):
    """All committed records of a topic, each with its headers as `ce_…` attributes; partitions one after the other."""
    brokers, prefix = parts_of(url)
    command = ["kcat", "-b", brokers, "-C", "-t", f"{prefix}.{topic}", "-o", "beginning", "-e", "-q", "-J", "-X", "isolation.level=read_committed"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    for record in records:
        record["headers"] = dict(zip(record["headers"][::2], record["headers"][1::2]))
    return sorted(records, key=lambda record: (record["partition"], record["offset"]))
