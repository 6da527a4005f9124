"""Fixtures: real binaries on databases of a test's own, recounted when the test is over."""

import os
import pathlib
import shutil
import tempfile

import pytest

from support.audit import audit
from support.deployment import Feeds, Production
from support.emitted import every_event_fits_its_schema
from support.happenings import World
from support.kafka import Broker
from support.mail import MailServer
from support.offers import offers_with_members
from support.postgres import PostgresServer
from support.service import OFFERS, TOKENS, Service
from support.target import Target
from support.target import start as start_target

# What takes long, wants a quiet machine, or comes from elsewhere, is for `./dev prove`.
collect_ignore = [] if os.environ.get("AGORA_PROVE") == "1" else ["e2e/test_answer_times.py", "e2e/test_json_corpus.py", "e2e/test_signature_corpus.py"]


@pytest.fixture(scope="session")
def postgres():
    server = PostgresServer()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def run_broker():
    broker = Broker()
    yield broker
    broker.stop()


@pytest.fixture
def broker(run_broker):
    yield run_broker
    run_broker.drop_clusters()


@pytest.fixture
def folder(request):
    # In memory: fsync costs nothing there, and a kill does not lose it. What a power cut loses is tests/faults' business.
    path = pathlib.Path(tempfile.mkdtemp(prefix="agora-", dir="/dev/shm"))
    yield path
    try:
        if request.node.get_closest_marker("damages") is None:
            every_event_fits_its_schema(path)
    finally:
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def launch(folder, request):
    """launch(*flags, …) starts a service, order's unless named; all are ended, and order's databases recounted, after the test."""
    services = []

    def start(*flags, database=None, **options):
        service = Service(folder / f"data{len(services)}", *flags, database=database, **options)
        services.append(service)
        service.start()
        return service

    start.services = services
    yield start
    for service in services:
        service.kill()
    if request.node.get_closest_marker("no_audit") is None:
        # Replicas share one.
        for service in {str(service.database or service.data): service for service in services if service.name == "order"}.values():
            audit(service.query)


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request):
    return request.param


@pytest.fixture
def new_database(engine, request):
    """new_database() gives the URL of an empty database of the engine; None: a file of the service's own."""
    return request.getfixturevalue("postgres").new_database if engine == "postgresql" else lambda: None


@pytest.fixture(params=["embedded", "production"])
def deployment(folder, request):
    """All that the services of a test stand on: SQLite and feeds, PostgreSQL and Kafka. No test asks which."""
    if request.param == "embedded":
        stands_on = Feeds(folder, lambda: None)
    else:
        stands_on = Production(folder, request.getfixturevalue("postgres").new_database, request.getfixturevalue("broker").new_cluster())
    yield stands_on
    stands_on.stop()


@pytest.fixture
def production(folder, postgres, broker):
    """Of what only several replicas, or a broker, can do."""
    stands_on = Production(folder, postgres.new_database, broker.new_cluster())
    yield stands_on
    stands_on.stop()


@pytest.fixture
def feeds(folder, new_database):
    """Feeds alone, on each engine: of what a log does that was put back from a copy, or damaged."""
    stands_on = Feeds(folder, new_database)
    yield stands_on
    stands_on.stop()


@pytest.fixture
def shop(launch, new_database):
    """A service with the tests' offers and tokens, on each engine."""
    return launch("--offers", OFFERS, *TOKENS, database=new_database())


@pytest.fixture
def staffed_shop(launch, folder, new_database):
    """The same, with m1 for seller s1 and m2 for s2."""
    return launch("--offers", offers_with_members(folder, s1="m1", s2="m2"), *TOKENS, database=new_database())


@pytest.fixture
def sqlite_shop(launch):
    return launch("--offers", OFFERS, *TOKENS)


@pytest.fixture
def demo(launch):
    """What the first contract was specified against: no other process, demo guests."""
    return launch("--standalone", "--demo-guests")


@pytest.fixture(params=["order", "notification"])
def target(launch, request):
    """Each service, as whoever sends it bad input sees it."""
    return Target(start_target(launch, request.param))


# Notification with all that it hears of and writes to: three logs and a mail server.

@pytest.fixture
def world(feeds):
    return World(feeds)


@pytest.fixture
def mail_server():
    server = MailServer().start()
    yield server
    server.stop()


@pytest.fixture
def notification(launch, world, mail_server, new_database):
    return launch(*TOKENS, *world.flags, *mail_server.flags, "--mail.retry-first", "50ms", name="notification",
                  database=new_database())


def pytest_terminal_summary(terminalreporter):
    """What tests printed that passed: seeds, and what was measured."""
    told = [(report.nodeid, report.capstdout.strip()) for report in terminalreporter.stats.get("passed", []) if report.when == "call"]
    if any(text for _, text in told):
        terminalreporter.section("measured")
    for name, text in told:
        if text:
            terminalreporter.write_line(f"{name.removeprefix('tests/')}\n  " + text.replace("\n", "\n  "))
