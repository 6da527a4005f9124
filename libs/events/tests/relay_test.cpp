// The relay: whatever fails and whoever takes over in the middle, a reader of the other side gets every event, and of
// each subject no version before the one it follows.

#include "libs/events/relay.hpp"

#include <functional>
#include <map>

#include "libs/base/unavailable.hpp"
#include "libs/events/numbering.hpp"
#include "libs/events/outbox.hpp"
#include "libs/events/tests/log_schema.hpp"
#include "libs/testing/manual_clock.hpp"
#include "libs/testing/run.hpp"
#include "libs/testing/temporary_database.hpp"

namespace agora::events {
namespace {

using namespace std::chrono_literals;
using telemetry::MoreWork;

constexpr Timestamp kNow{std::chrono::microseconds(1'800'000'000'000'000)};
constexpr auto kTopic = "agora.orders";

constexpr std::string_view kRemote = R"(CREATE TABLE publishers (epoch BIGINT NOT NULL);
INSERT INTO publishers VALUES (0);
CREATE TABLE published (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  subject TEXT NOT NULL,
  version BIGINT NOT NULL
);)";
constexpr sql::Sql kBegin{"UPDATE publishers SET epoch = epoch + 1"};
constexpr sql::Sql kEpoch{"SELECT epoch FROM publishers"};
constexpr sql::Sql kAppend{"INSERT INTO published (subject, version) VALUES ($1, $2)"};
constexpr sql::Sql kPublished{"SELECT subject, version FROM published ORDER BY id"};

Error unavailable() {
  return {Errc::unavailable, "transport_unavailable", "The other side does not answer."};
}
Error fenced() {
  return {Errc::failed_precondition, "transport_fenced", "Another publisher has begun."};
}

/// A log in another database, with transactions and epochs as Kafka has them.
class DatabaseTransport : public Transport {
 public:
  /// What happens before a step is taken; an error instead of the step.
  using Hook = std::function<Result<void>()>;
  struct Hooks {
    Hook init{};
    Hook publish{};
    Hook commit{};
    Hook committed{};  ///< an error though it is done
  };

  explicit DatabaseTransport(sql::Database& remote) : remote_(remote) {}

  Task<Result<void>> init(Ctx) override {
    ++inits;
    AGORA_CO_TRY_VOID(ask(hooks.init));
    epoch_ = remote_.write_blocking({}, [](sql::Tx& tx) {
      tx.execute_one(kBegin, {});
      return epoch(tx);
    });
    open_.clear();
    co_return Result<void>{};
  }
  Task<Result<void>> publish(Ctx, LoggedEvents events) override {
    EXPECT_TRUE(open_.empty()) << "the transaction before was neither committed nor given up";
    open_ = std::move(events.events);
    co_return ask(hooks.publish);
  }
  Task<Result<void>> commit(Ctx) override {
    AGORA_CO_TRY_VOID(ask(hooks.commit));
    const bool done = remote_.write_blocking({}, [this](sql::Tx& tx) {
      if (epoch(tx) != epoch_) return false;
      sql::Batch batch(kAppend, 2);
      for (const auto& event : open_) batch.add({event.subject, event.version});
      tx.batch(batch);
      return true;
    });
    if (!done) co_return fenced();
    open_.clear();
    co_return ask(hooks.committed);
  }
  Task<Result<void>> abort(Ctx) override {
    ++aborts;
    open_.clear();
    co_return Result<void>{};
  }

  Hooks hooks{};
  int inits = 0;
  int aborts = 0;

 private:
  static Result<void> ask(Hook& hook) {
    if (!hook) return {};
    // Once.
    const auto called = std::exchange(hook, {});
    return called();
  }
  static std::int64_t epoch(sql::Tx& tx) {
    auto rows = tx.query(kEpoch);
    rows.next();
    return rows.int64(0);
  }

  sql::Database& remote_;
  std::int64_t epoch_ = -1;
  std::vector<LoggedEvent> open_{};
};

/// A service's replica that relays.
struct Replica {
  Replica(sql::Database& database, sql::Database& remote, RelayLimits limits, const Clock& clock)
      : transport(remote), relay(database, EventLog("order", {}, "test"), transport, limits, clock, metrics) {}

  /// One round; what it throws is `failed`.
  std::string round() {
    try {
      return testing::run(relay.job()({})) == MoreWork::yes ? "more" : "done";
    } catch (const Unavailable&) {
      return "failed";
    }
  }

  telemetry::Registry metrics;
  DatabaseTransport transport;
  Relay relay;
};

class RelayTest : public ::testing::TestWithParam<sql::Engine> {
 protected:
  void SetUp() override {
    database_->migrate(kLogMigrations);
    remote_->write_blocking({}, [](sql::Tx& tx) { tx.run_script(std::string(kRemote)); });
  }

  void add(const std::string& subject, std::int64_t version) {
    Outbox outbox(kNow);
    outbox.add(kTopic, "order.placed", subject, version, {}) += "{}";
    database_->write_blocking({}, [&](sql::Tx& tx) { outbox.write(tx); });
    if (GetParam() == sql::Engine::postgresql) {
      database_->write_blocking({}, [](sql::Tx& tx) { number_committed(tx, 100); });
    }
  }
  void add_versions(std::int64_t from, std::int64_t to) {
    for (auto version = from; version <= to; ++version) add("o1", version);
  }
  /// `1 2 3`: versions as they were published.
  std::string published() {
    return remote_->read_blocking({}, [](sql::Tx& tx) {
      std::string out;
      auto rows = tx.query(kPublished);
      while (rows.next()) out += (out.empty() ? "" : " ") + std::to_string(rows.int64(1));
      return out;
    });
  }
  std::int64_t cursor() {
    return database_->read_blocking({}, [](sql::Tx& tx) { return EventLog("order", {}, "test").relayed_through(tx); });
  }
  void expire_leases() {
    database_->write_blocking({}, [](sql::Tx& tx) { tx.run_script("UPDATE leases SET expires_at = 0"); });
  }

  testing::TemporaryDatabase database_{GetParam()};
  testing::TemporaryDatabase remote_{sql::Engine::sqlite};
  testing::ManualClock clock_{kNow};
  const RelayLimits limits_{.batch_events_max = 3, .lease = 1h};
  Replica one_{*database_, *remote_, limits_, clock_};
  Replica two_{*database_, *remote_, limits_, clock_};
};

TEST_P(RelayTest, PublishesInBatchesAndRemembersHowFar) {
  EXPECT_EQ(one_.round(), "done");
  add_versions(1, 7);
  EXPECT_EQ(one_.round(), "more");
  EXPECT_EQ(cursor(), 3);
  EXPECT_EQ(one_.round(), "more");
  EXPECT_EQ(one_.round(), "done");
  EXPECT_EQ(published(), "1 2 3 4 5 6 7");
  EXPECT_EQ(cursor(), 7);
  EXPECT_EQ(one_.transport.inits, 1);
  EXPECT_EQ(one_.round(), "done");
  EXPECT_EQ(published(), "1 2 3 4 5 6 7") << "once";
}

TEST_P(RelayTest, ABatchEndsAfterSoManyBytes) {
  Replica small(*database_, *remote_, {.batch_events_max = 100, .batch_bytes_max = 3, .lease = 1h}, clock_);
  add_versions(1, 5);
  EXPECT_EQ(small.round(), "more");
  EXPECT_EQ(published(), "1 2");
  EXPECT_EQ(small.round(), "more");
  EXPECT_EQ(small.round(), "done");
  EXPECT_EQ(published(), "1 2 3 4 5");
}

TEST_P(RelayTest, WhatWasRefusedIsPublishedAgainInOrder) {
  add_versions(1, 4);
  one_.transport.hooks.publish = [] { return Result<void>(unavailable()); };
  EXPECT_EQ(one_.round(), "failed");
  EXPECT_EQ(cursor(), 0);
  EXPECT_EQ(one_.transport.aborts, 1);
  one_.transport.hooks.commit = [] { return Result<void>(unavailable()); };
  EXPECT_EQ(one_.round(), "failed");
  EXPECT_EQ(published(), "");
  EXPECT_EQ(one_.round(), "more");
  EXPECT_EQ(one_.round(), "done");
  EXPECT_EQ(published(), "1 2 3 4");
}

TEST_P(RelayTest, WhatWasCommittedWithoutAnAnswerIsPublishedTwiceRatherThanNever) {
  add_versions(1, 2);
  one_.transport.hooks.committed = [] { return Result<void>(unavailable()); };
  EXPECT_EQ(one_.round(), "failed");
  add_versions(3, 3);
  EXPECT_EQ(one_.round(), "done");
  EXPECT_EQ(published(), "1 2 1 2 3") << "in order, from the cursor";
  EXPECT_EQ(cursor(), 3);
}

TEST_P(RelayTest, OneReplicaRelaysAndAnotherGoesOnWhenItIsGone) {
  add_versions(1, 2);
  EXPECT_EQ(one_.round(), "done");
  EXPECT_EQ(two_.round(), "done");
  EXPECT_EQ(two_.transport.inits, 0) << "who has no lease does not even ask";
  testing::run(one_.relay.release({}));
  add_versions(3, 3);
  EXPECT_EQ(two_.round(), "done");
  EXPECT_EQ(one_.round(), "done");
  EXPECT_EQ(published(), "1 2 3");
}

TEST_P(RelayTest, AReplicaThatSleptWithABatchPublishesNothingOfIt) {
  add_versions(1, 3);
  one_.transport.hooks.commit = [this]() -> Result<void> {
    // While it sleeps: its lease runs out, another takes over, publishes the same and what came after.
    expire_leases();
    add_versions(4, 5);
    EXPECT_EQ(two_.round(), "more");
    EXPECT_EQ(two_.round(), "done");
    return {};
  };
  EXPECT_EQ(one_.round(), "failed");
  EXPECT_EQ(published(), "1 2 3 4 5");
  EXPECT_EQ(cursor(), 5);
  EXPECT_EQ(one_.round(), "done");
  EXPECT_EQ(one_.transport.inits, 1) << "it was fenced, and the lease is not its: it does not begin anew";
  add_versions(6, 6);
  EXPECT_EQ(two_.round(), "done");
  EXPECT_EQ(published(), "1 2 3 4 5 6");
}

TEST_P(RelayTest, AReplicaThatSleptAfterItsCommitDoesNotMoveTheCursor) {
  add_versions(1, 3);
  one_.transport.hooks.committed = [this]() -> Result<void> {
    expire_leases();
    add_versions(4, 5);
    EXPECT_EQ(two_.round(), "more");
    EXPECT_EQ(two_.round(), "done");
    return {};
  };
  EXPECT_EQ(one_.round(), "done");
  EXPECT_EQ(published(), "1 2 3 1 2 3 4 5") << "again, and then only what follows";
  EXPECT_EQ(cursor(), 5);
}

TEST_P(RelayTest, AReplicaThatSleptWhileItBeganDoesNotPublish) {
  add_versions(1, 4);
  one_.transport.hooks.init = [this]() -> Result<void> {
    expire_leases();
    EXPECT_EQ(two_.round(), "more");
    return {};
  };
  EXPECT_EQ(one_.round(), "done");
  EXPECT_EQ(published(), "1 2 3");
  // It has fenced the one that holds the lease, which begins anew.
  EXPECT_EQ(two_.round(), "failed");
  EXPECT_EQ(two_.round(), "done");
  EXPECT_EQ(published(), "1 2 3 4");
  EXPECT_EQ(one_.round(), "done");
  EXPECT_EQ(one_.transport.inits, 1);
}

TEST_P(RelayTest, TellsHowFarItIsBehind) {
  const auto gauge = [this](std::string_view name) { return one_.metrics.gauge(name, "").value(); };
  add_versions(1, 4);
  clock_.advance(90s);
  one_.transport.hooks.init = [] { return Result<void>(unavailable()); };
  EXPECT_EQ(one_.round(), "failed");
  EXPECT_EQ(gauge("agora_events_outbox_age_seconds"), 90) << "also where the other side does not answer at all";
  EXPECT_EQ(gauge("agora_events_outbox_backlog"), 4);
}

TEST_P(RelayTest, WhoeverRelaysBySwitchedHandsEveryEventArrivesInOrder) {
  std::int64_t version = 0;
  for (int round = 0; round < 30; ++round) {
    add_versions(version + 1, version + 2);
    version += 2;
    if (round % 3 == 0) expire_leases();
    auto& first = round % 2 == 0 ? one_ : two_;
    if (round % 5 == 0) {
      first.transport.hooks.committed = [] { return Result<void>(unavailable()); };
    }
    first.round();
    (round % 2 == 0 ? two_ : one_).round();
  }
  for (int i = 0; i < 40; ++i) {
    one_.round();
    two_.round();
  }
  // A consumer skips what is not newer; what it must never see is a version that leaves one out.
  std::int64_t last = 0;
  remote_->read_blocking({}, [&](sql::Tx& tx) {
    auto rows = tx.query(kPublished);
    while (rows.next()) {
      EXPECT_LE(rows.int64(1), last + 1);
      last = std::max(last, rows.int64(1));
    }
  });
  EXPECT_EQ(last, version);
  EXPECT_EQ(cursor(), version);
}

INSTANTIATE_TEST_SUITE_P(Engines, RelayTest, testing::kEngines, testing::engine_name);

}  // namespace
}  // namespace agora::events
