// On both engines: notifications in the app as a log, in the order in which they committed.

#include "services/notification/store/notification_log.hpp"

#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "libs/testing/temporary_database.hpp"
#include "services/notification/store/replicas.hpp"

namespace agora::notification {
namespace {

constexpr Timestamp kNow{std::chrono::microseconds(1'800'000'000'000'000)};
constexpr std::array<Channel, 2> kBoth{Channel::in_app, Channel::mail};
constexpr sql::Sql kRemembered{
    "SELECT (SELECT count(*) FROM notification_numbers)",
    "SELECT (SELECT count(*) FROM notification_numbers) + (SELECT count(*) FROM notification_new)"};

class NotificationLogTest : public ::testing::TestWithParam<sql::Engine> {
 protected:
  void SetUp() override { database_->migrate(migrations()); }

  template <class Work>
  auto write(Work work) {
    return database_->write_blocking({}, work);
  }
  void tell(const std::string& event_id, const std::vector<std::string>& users) {
    const std::vector<UserId> ids(users.begin(), users.end());
    write([&](sql::Tx& tx) {
      notify(tx, {.event_id = event_id, .kind = Kind::order_paid, .order_id = event_id, .data = "{}", .made_at = kNow},
             ids, kBoth);
    });
  }
  /// What the service's job does.
  void number() {
    if (GetParam() != sql::Engine::postgresql) return;
    write([](sql::Tx& tx) { return events::number_committed(tx, 1'000, kNotificationLog); });
  }
  std::int64_t head() {
    return write([](sql::Tx& tx) { return notification_log_state(tx).head; });
  }
  /// (number, what it is of) of a user's.
  std::vector<std::pair<std::int64_t, std::string>> log_of(const std::string& user, std::int64_t after = 0,
                                                           std::int64_t limit = 100) {
    return write([&](sql::Tx& tx) {
      std::vector<std::pair<std::int64_t, std::string>> found;
      for (const auto& one : notifications_of_user(tx, {after, kFarAhead}, user, limit)) {
        EXPECT_EQ(one.user_id.str(), user);
        found.emplace_back(one.sequence, one.notification.order_id.value());
      }
      return found;
    });
  }
  std::int64_t remembered() {
    return write([](sql::Tx& tx) {
      auto rows = tx.query(kRemembered);
      rows.next();
      return rows.int64(0);
    });
  }

  static constexpr std::int64_t kFarAhead = 1'000'000;
  testing::TemporaryDatabase database_{GetParam()};
};

using Logged = std::vector<std::pair<std::int64_t, std::string>>;

TEST_P(NotificationLogTest, EachInTheAppHasANumberOfItsOwn) {
  tell("e1", {"u1", "u2"});
  tell("e1", {"u1", "u2"});
  tell("e2", {"u1"});
  number();
  EXPECT_EQ(head(), 3);
  EXPECT_EQ(log_of("u1"), (Logged{{1, "e1"}, {3, "e2"}}));
  EXPECT_EQ(log_of("u2"), (Logged{{2, "e1"}}));
  EXPECT_EQ(log_of("u1", 1), (Logged{{3, "e2"}}));
  EXPECT_EQ(log_of("u1", 0, 1), (Logged{{1, "e1"}}));
}

TEST_P(NotificationLogTest, AStretchIsReadForManyUsersAtOnce) {
  for (int i = 0; i < 10; ++i) tell("e" + std::to_string(i), {"u1", "u2", "u3"});
  number();
  const auto found = write([](sql::Tx& tx) { return notifications_of_users(tx, {6, 15}, {"u1", "u3", "nobody"}); });
  std::vector<std::pair<std::int64_t, std::string>> numbers;
  for (const auto& one : found)
    numbers.emplace_back(one.sequence, one.user_id.str() + one.notification.order_id.value());
  EXPECT_EQ(numbers, (Logged{{7, "u1e2"}, {9, "u3e2"}, {10, "u1e3"}, {12, "u3e3"}, {13, "u1e4"}, {15, "u3e4"}}));
}

TEST_P(NotificationLogTest, WhoIsErasedIsTakenOutAndNumbersGoOn) {
  tell("e1", {"u1", "u2"});
  number();
  tell("e2", {"u2", "u1"});
  write([](sql::Tx& tx) { erase_user(tx, UserId("u1"), 9); });
  EXPECT_EQ(remembered(), 2);
  number();
  EXPECT_EQ(log_of("u1"), Logged{});
  tell("e3", {"u1", "u2"});
  number();
  EXPECT_EQ(log_of("u2").back(), (std::pair<std::int64_t, std::string>{head(), "e3"}));
  EXPECT_EQ(remembered(), 3);
}

TEST_P(NotificationLogTest, NumbersAreNotGivenTwiceWhenTheLastIsErased) {
  tell("e1", {"u1"});
  number();
  write([](sql::Tx& tx) { erase_user(tx, UserId("u1"), 9); });
  tell("e2", {"u2"});
  number();
  EXPECT_EQ(log_of("u2"), (Logged{{2, "e2"}}));
}

/// Readers of "after N" miss nothing, though many write and number at once.
TEST_P(NotificationLogTest, AReaderMissesNothing) {
  constexpr int kWriters = 4;
  constexpr int kEach = 50;
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&, w] {
      for (int i = 0; i < kEach; ++i) {
        tell(std::to_string(w) + "-" + std::to_string(i), {"u1"});
        number();
      }
    });
  }
  std::set<std::string> seen;
  std::int64_t at = 0;
  while (seen.size() < kWriters * kEach) {
    const auto now = head();
    for (const auto& [sequence, what] : log_of("u1", at, 1'000)) {
      if (sequence > now) break;
      ASSERT_TRUE(seen.insert(what).second) << what;
    }
    ASSERT_GE(now, at);
    ASSERT_EQ(static_cast<std::int64_t>(seen.size()), now) << "what was passed was missed";
    at = now;
  }
  for (auto& writer : writers) writer.join();
}

INSTANTIATE_TEST_SUITE_P(Engines, NotificationLogTest, testing::kEngines, testing::engine_name);

}  // namespace
}  // namespace agora::notification
