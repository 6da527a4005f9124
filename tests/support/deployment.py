"""What a test's services stand on: SQLite and feeds, or PostgreSQL and Kafka. A test asks for what it needs and is not told which it got."""

import httpx

from support.contract import TOPIC_OF
from support.kafka import read_topic
from support.publisher import TOKEN, Publisher, eventually

FACTS = ("agora.orders", "agora.order_groups")
READER = ("--events.wait", "1s", "--events.retry-first", "50ms", "--events.retry-max", "200ms")


class Deployment:
    cluster = None
    replicas = 1  # of a service that a database can have

    def __init__(self, folder, new_database):
        """`new_database`: gives the URL of an empty database; None: a file of the service's own."""
        self.folder = folder
        self.new_database = new_database
        self.token_file = folder / "service-token"
        self.token_file.write_text(TOKEN + "\n")
        self.publishers = []

    def publisher(self, name, replica_of=None, **env):
        """A log of the test's own; or one more process on the log of another."""
        database = replica_of.database if replica_of else self.new_database()
        publisher = Publisher(name, self.folder / f"{name}{len(self.publishers)}", database, self.cluster)
        if replica_of:
            publisher.versions = replica_of.versions
        self.publishers.append(publisher)
        return publisher.start(**env)

    def stop(self):
        for publisher in self.publishers:
            publisher.kill()

    def all_is_published(self, service):
        """Waits until it is, and compares: whoever reads order's facts from the beginning gets each version, and none before the one it follows."""
        eventually(lambda: self.is_published(service), 30)
        written = service.query(f"SELECT topic, subject, max(version) AS version FROM outbox WHERE topic IN {FACTS} GROUP BY topic, subject")
        assert newest(self.read(service)) == {(row["topic"], row["subject"]): row["version"] for row in written}


def newest(read):
    versions = {}
    for topic, subject, version in read:
        # What was published and not noted as such is there twice; what is new is the next.
        assert version <= versions.get((topic, subject), 0) + 1, (topic, subject, version)
        versions[topic, subject] = max(version, versions.get((topic, subject), 0))
    return versions


class Feeds(Deployment):
    """Feeds, on whichever databases; on files of their own: what comes with nothing to install."""

    def flags(self, *publishers):
        """Of a service that publishes, and hears of these logs."""
        feeds = [flag for publisher in publishers for flag in (f"--{publisher.name}-feed", publisher.feed)]
        return (*feeds, *READER, "--service-token-file", str(self.token_file))

    def is_published(self, service):
        """A feed has what was committed."""
        return True

    def read(self, service):
        """(topic, subject, version) of the facts, in the order in which they are read."""
        found, position = [], {}
        while True:
            answer = httpx.get(f"http://127.0.0.1:{service.internal_port}/internal/feed", headers={"Authorization": f"Bearer {TOKEN}"},
                               params={"consumer": "notification", "topics": ",".join(FACTS), **position})
            assert answer.status_code == 200, answer.text
            page = answer.json()
            if not page["events"]:
                return found
            found += [(TOPIC_OF[event["type"]], event["subject"], int(event["version"])) for event in page["events"]]
            position = {"log_id": page["log_id"], **page["next"]}


class Production(Deployment):
    """PostgreSQL and Kafka."""

    replicas = 2

    def __init__(self, folder, new_database, cluster):
        super().__init__(folder, new_database)
        self.cluster = cluster

    def flags(self, *publishers):
        # Nobody waits long for a replica that was killed.
        return ("--kafka", self.cluster, "--events.relay-lease", "1s", *READER, "--service-token-file", str(self.token_file))

    def is_published(self, service):
        """`service`: or a log of the test's own."""
        (log,) = service.query("SELECT head, (SELECT count(*) FROM outbox_new) AS unnumbered, (SELECT max(sequence) FROM relay_cursors) AS relayed FROM event_log")
        return log["unnumbered"] == 0 and log["relayed"] == log["head"]

    def read(self, service):
        return [(topic, record["key"], int(record["headers"]["ce_version"])) for topic in FACTS for record in read_topic(self.cluster, topic)]
