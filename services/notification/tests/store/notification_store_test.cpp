// On both engines: who is told of what, once; what users and support read; what is due.

#include "services/notification/store/notification_store.hpp"

#include <set>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include "libs/testing/temporary_database.hpp"
#include "services/notification/store/replicas.hpp"

namespace agora::notification {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp kNow{std::chrono::microseconds(1'800'000'000'000'000)};
const ClaimId kOurs("ours");
const ClaimId kTheirs("theirs");
constexpr std::array<Channel, 2> kBoth{Channel::in_app, Channel::mail};

class NotificationStoreTest : public ::testing::TestWithParam<sql::Engine> {
 protected:
  void SetUp() override { database_->migrate(migrations()); }

  template <class Work>
  auto write(Work work) {
    return database_->write_blocking({}, work);
  }
  void tell(const std::string& event_id, const std::vector<UserId>& users, Timestamp when = kNow,
            Kind kind = Kind::order_paid) {
    write([&](sql::Tx& tx) {
      notify(tx, {.event_id = event_id, .kind = kind, .data = "{}", .made_at = when}, users, kBoth);
    });
  }
  void know(const std::string& user_id, std::optional<std::string> email, std::int64_t version = 1,
            bool newer = false) {
    write([&](sql::Tx& tx) {
      apply(tx, UserState{UserId(user_id), email, "Name", "de"}, SourceVersion{"L", version, newer});
    });
  }
  std::int64_t count(const std::string& where) {
    return write([&](sql::Tx& tx) {
      const auto text = "SELECT count(*) FROM notifications WHERE " + where;
      const sql::Sql sql{text.c_str()};
      auto rows = tx.query(sql);
      rows.next();
      return rows.int64(0);
    });
  }
  /// Claims all that is due, through a process' own connections.
  std::vector<NotificationId> claim(const ClaimId& as, Timestamp now = kNow) { return claim(store_, as, now); }
  std::vector<NotificationId> claim(NotificationStore& store, const ClaimId& as, Timestamp now = kNow) {
    std::vector<NotificationId> wanted;
    for (const auto& mail : run(store.due({}, now, 1'000)).mails) wanted.push_back(mail.notification_id);
    return run(store.claim({}, as, std::move(wanted), now));
  }
  template <class T>
  T run(Task<T> task) {
    asio::io_context io;
    auto future = asio::co_spawn(io, std::move(task), asio::use_future);
    io.run();
    return future.get();
  }

  testing::TemporaryDatabase database_{GetParam()};
  NotificationStore store_{*database_};
};

TEST_P(NotificationStoreTest, TellsEachRecipientOnceByEachChannel) {
  const std::vector<UserId> users{UserId("u1"), UserId("u2")};
  tell("e1", users);
  tell("e1", users, kNow + 1s);
  tell("e2", {UserId("u1")});
  EXPECT_EQ(count("event_id = 'e1'"), 4);
  EXPECT_EQ(count("event_id = 'e1' AND channel = 'mail' AND status = 'pending'"), 2);
  EXPECT_EQ(count("1 = 1"), 6);
}

TEST_P(NotificationStoreTest, OneOfManyWritersTells) {
  std::vector<std::thread> writers;
  for (int i = 0; i < 20; ++i) writers.emplace_back([&] { tell("e1", {UserId("u1")}); });
  for (auto& writer : writers) writer.join();
  EXPECT_EQ(count("1 = 1"), 2);
}

TEST_P(NotificationStoreTest, WhatIsRolledBackWasNotTold) {
  EXPECT_THROW(write([&](sql::Tx& tx) {
                 notify(tx, {.event_id = "e1", .kind = Kind::welcome, .data = "{}", .made_at = kNow}, {UserId("u1")},
                        kBoth);
                 throw std::runtime_error("no");
               }),
               std::runtime_error);
  EXPECT_EQ(count("1 = 1"), 0);
}

TEST_P(NotificationStoreTest, ListsAUsersOwnNewestFirstInPages) {
  for (int i = 0; i < 5; ++i) tell("e" + std::to_string(i), {UserId("u1"), UserId("u2")}, kNow + i * 1s);
  const auto first = run(store_.list({}, UserId("u1"), false, std::nullopt, 3));
  ASSERT_EQ(first.notifications.size(), 3U);
  EXPECT_TRUE(first.has_more);
  EXPECT_EQ(first.notifications[0].made_at, kNow + 4s);
  const auto& last = first.notifications.back();
  const auto second =
      run(store_.list({}, UserId("u1"), false, NotificationPosition{last.made_at, last.notification_id}, 3));
  ASSERT_EQ(second.notifications.size(), 2U);
  EXPECT_FALSE(second.has_more);
  EXPECT_EQ(second.notifications[1].made_at, kNow);
  EXPECT_TRUE(run(store_.list({}, UserId("u3"), false, std::nullopt, 3)).notifications.empty());
}

TEST_P(NotificationStoreTest, MarksItsUsersOwnAsReadOnce) {
  tell("e1", {UserId("u1")});
  const auto id = run(store_.list({}, UserId("u1"), true, std::nullopt, 9)).notifications.at(0).notification_id;
  EXPECT_FALSE(run(store_.mark({}, UserId("u2"), id, true, kNow))) << "another's";
  EXPECT_FALSE(run(store_.mark({}, UserId("u1"), NotificationId("none"), true, kNow)));
  EXPECT_EQ(run(store_.mark({}, UserId("u1"), id, true, kNow + 1s))->read_at, kNow + 1s);
  EXPECT_EQ(run(store_.mark({}, UserId("u1"), id, true, kNow + 2s))->read_at, kNow + 1s) << "the first time counts";
  EXPECT_TRUE(run(store_.list({}, UserId("u1"), true, std::nullopt, 9)).notifications.empty());
  EXPECT_EQ(run(store_.mark({}, UserId("u1"), id, false, kNow + 3s))->read_at, std::nullopt);
}

TEST_P(NotificationStoreTest, GivesMailsThatAreDueWithTheirRecipients) {
  know("u1", "u1@example.com");
  know("u2", std::nullopt);
  tell("e1", {UserId("u1")}, kNow);
  tell("e2", {UserId("u2")}, kNow + 1s);
  tell("e3", {UserId("u3")}, kNow + 2s);
  tell("e4", {UserId("u1")}, kNow + 10s);
  const auto due = run(store_.due({}, kNow + 5s, 10)).mails;
  ASSERT_EQ(due.size(), 3U);
  EXPECT_EQ(due[0].email, "u1@example.com");
  EXPECT_EQ(due[0].locale, "de");
  EXPECT_TRUE(due[1].user_is_known && due[1].email.empty());
  EXPECT_FALSE(due[2].user_is_known);
  EXPECT_EQ(run(store_.due({}, kNow + 5s, 2)).mails.size(), 2U);
}

TEST_P(NotificationStoreTest, NotesWhatBecameOfMailsAndTriesAgainWhatIsAskedFor) {
  tell("e1", {UserId("u1"), UserId("u2"), UserId("u3")});
  const auto due = run(store_.due({}, kNow, 10)).mails;
  ASSERT_EQ(due.size(), 3U);
  EXPECT_EQ(claim(kOurs).size(), 3U);
  run(store_.record({}, kOurs,
                    {{due[0].notification_id, {DeliveryStatus::sent, 1, {}, ""}},
                     {due[1].notification_id, {DeliveryStatus::pending, 1, kNow + 1min, "later"}},
                     {due[2].notification_id, {DeliveryStatus::dead, 1, {}, "never"}}},
                    kNow + 1s));
  EXPECT_EQ(count("status = 'sent' AND sent_at = 1800000001000000 AND failure IS NULL"), 1);
  EXPECT_TRUE(run(store_.due({}, kNow + 59s, 10)).mails.empty());
  const auto later = run(store_.due({}, kNow + 1min, 10)).mails;
  ASSERT_EQ(later.size(), 1U);
  EXPECT_EQ(later[0].attempts, 1);
  // What was sent is not noted again by one who came late.
  run(store_.record({}, kOurs, {{due[0].notification_id, {DeliveryStatus::dead, 9, {}, "late"}}}, kNow));
  EXPECT_EQ(count("status = 'sent'"), 1);

  const auto dead = run(store_.dead({}, std::nullopt, 10));
  ASSERT_EQ(dead.mails.size(), 1U);
  EXPECT_EQ(dead.mails[0].failure, "never");
  EXPECT_TRUE(run(store_.retry({}, dead.mails[0].notification_id, kNow + 2min)));
  EXPECT_FALSE(run(store_.retry({}, due[0].notification_id, kNow))) << "it was sent";
  EXPECT_EQ(run(store_.due({}, kNow + 2min, 10)).mails.size(), 2U);
}

TEST_P(NotificationStoreTest, WhatOneDeliversNobodyElseDoesUntilItIsLetGo) {
  tell("e1", {UserId("u1"), UserId("u2")});
  const auto seen = run(store_.due({}, kNow, 10)).mails;
  EXPECT_EQ(claim(kOurs).size(), 2U);
  const auto due = run(store_.due({}, kNow, 10));
  EXPECT_TRUE(due.mails.empty());
  EXPECT_EQ(due.claims, std::vector<ClaimId>{kOurs});
  // One who looked before we claimed comes too late.
  EXPECT_TRUE(run(store_.claim({}, kTheirs, {seen[0].notification_id, seen[1].notification_id}, kNow)).empty());
  run(store_.release({}, {kTheirs}));
  EXPECT_TRUE(run(store_.due({}, kNow, 10)).mails.empty());
  run(store_.release({}, {kOurs}));
  EXPECT_EQ(claim(kTheirs).size(), 2U);
}

TEST_P(NotificationStoreTest, WhatWasPutOffMeanwhileIsNotClaimed) {
  tell("e1", {UserId("u1")});
  const auto seen = run(store_.due({}, kNow, 10)).mails.at(0).notification_id;
  claim(kOurs);
  run(store_.record({}, kOurs, {{seen, {DeliveryStatus::pending, 1, kNow + 1min, "later"}}}, kNow));
  EXPECT_TRUE(run(store_.claim({}, kTheirs, {seen}, kNow)).empty());
  EXPECT_EQ(run(store_.claim({}, kTheirs, {seen}, kNow + 1min)).size(), 1U);
}

TEST_P(NotificationStoreTest, OfOneWhoseClaimRanOutOnlyAYesCounts) {
  tell("e1", {UserId("u1"), UserId("u2")});
  const auto mails = claim(kOurs);
  ASSERT_EQ(mails.size(), 2U);
  run(store_.release({}, {kOurs}));
  EXPECT_EQ(claim(kTheirs).size(), 2U);
  run(store_.record({}, kOurs,
                    {{mails[0], {DeliveryStatus::dead, 1, {}, "late"}}, {mails[1], {DeliveryStatus::sent, 1, {}, ""}}},
                    kNow));
  EXPECT_EQ(count("status = 'pending' AND claim = 'theirs'"), 1);
  EXPECT_EQ(count("status = 'sent' AND claim IS NULL"), 1);
  run(store_.record({}, kTheirs, {{mails[1], {DeliveryStatus::dead, 1, {}, "no"}}}, kNow));
  EXPECT_EQ(count("status = 'sent'"), 1);
  EXPECT_EQ(count("claim IS NOT NULL"), 0) << "whoever has noted holds nothing";
}

// SQLite has one process that writes; here two share PostgreSQL.
TEST(TwoProcesses, ClaimEachMailOnce) {
  constexpr int kMails = 200;
  testing::TemporaryDatabase first(sql::Engine::postgresql);
  first->migrate(migrations());
  telemetry::Registry metrics;
  const auto second = sql::Database::open(first.url(), {}, metrics);
  for (int i = 0; i < kMails; ++i) {
    first->write_blocking({}, [&](sql::Tx& tx) {
      notify(tx, {.event_id = "e" + std::to_string(i), .kind = Kind::welcome, .data = "{}", .made_at = kNow},
             {UserId("u1")}, kBoth);
    });
  }
  std::array<std::vector<NotificationId>, 2> got;
  const auto deliver = [&got](sql::Database& database, std::size_t who) {
    NotificationStore store(database);
    for (int round = 0; round < kMails; ++round) {
      asio::io_context io;
      auto due = asio::co_spawn(io, store.due({}, kNow, 16), asio::use_future);
      io.run();
      std::vector<NotificationId> wanted;
      for (const auto& mail : due.get().mails) wanted.push_back(mail.notification_id);
      if (wanted.empty()) return;
      io.restart();
      const ClaimId claim(std::to_string(who) + "-" + std::to_string(round));
      auto claimed = asio::co_spawn(io, store.claim({}, claim, std::move(wanted), kNow), asio::use_future);
      io.run();
      for (auto& id : claimed.get()) got.at(who).push_back(std::move(id));
    }
  };
  std::thread other([&] { deliver(*second, 1); });
  deliver(*first, 0);
  other.join();
  second->close();
  std::set<NotificationId> once(got[0].begin(), got[0].end());
  once.insert(got[1].begin(), got[1].end());
  EXPECT_EQ(once.size(), std::size_t{kMails});
  EXPECT_EQ(got[0].size() + got[1].size(), std::size_t{kMails}) << "nobody claims what another has";
}

TEST_P(NotificationStoreTest, AnErasedUserIsForgottenForGood) {
  know("u1", "u1@example.com");
  tell("e1", {UserId("u1"), UserId("u2")});
  write([](sql::Tx& tx) {
    apply(tx, SellerState{SellerId("s1"), "S", {{UserId("u1"), "owner"}, {UserId("u2"), "staff"}}},
          SourceVersion{"C", 1, true});
    erase_user(tx, UserId("u1"), 7);
  });
  EXPECT_EQ(count("user_id = 'u1'"), 0);
  know("u1", "back@example.com", 8, true);
  tell("e2", {UserId("u1")});
  EXPECT_EQ(count("user_id = 'u1'"), 0);
  write([](sql::Tx& tx) {
    EXPECT_EQ(members_of(tx, SellerId("s1")), std::vector<UserId>{UserId("u2")});
    apply(tx, SellerState{SellerId("s1"), "S", {{UserId("u1"), "owner"}}}, SourceVersion{"C", 2, true});
    EXPECT_EQ(members_of(tx, SellerId("s1")), std::vector<UserId>{});
  });
}

TEST_P(NotificationStoreTest, KeepsTheNewestStateOfUsersAndSellers) {
  know("u1", "old@example.com", 2);
  know("u1", "older@example.com", 1);
  tell("e1", {UserId("u1")});
  EXPECT_EQ(run(store_.due({}, kNow, 1)).mails.at(0).email, "old@example.com");
  know("u1", "rebuilt@example.com", 1, true);
  EXPECT_EQ(run(store_.due({}, kNow, 1)).mails.at(0).email, "rebuilt@example.com");
  write([](sql::Tx& tx) {
    EXPECT_EQ(members_of(tx, SellerId("s1")), std::nullopt);
    apply(tx,
          SellerState{SellerId("s1"), "S", {{UserId("b"), "owner"}, {UserId("a"), "staff"}, {UserId("b"), "staff"}}},
          SourceVersion{"C", 1, false});
    EXPECT_EQ(members_of(tx, SellerId("s1")), (std::vector<UserId>{UserId("a"), UserId("b")}));
    apply(tx, SellerState{SellerId("s1"), "S", {}}, SourceVersion{"C", 1, false});
    EXPECT_EQ(members_of(tx, SellerId("s1"))->size(), 2U) << "not newer";
  });
}

TEST_P(NotificationStoreTest, KnowsWhichSalesWereTold) {
  write([](sql::Tx& tx) {
    const std::vector<UserId> users{UserId("u1")};
    notify(tx, {.event_id = "e1", .kind = Kind::sale_paid, .order_id = "o1", .data = "{}", .made_at = kNow}, users,
           kBoth);
    notify(tx, {.event_id = "e2", .kind = Kind::order_canceled, .order_id = "o2", .data = "{}", .made_at = kNow}, users,
           kBoth);
    EXPECT_TRUE(was_told_of_sale(tx, "o1"));
    EXPECT_FALSE(was_told_of_sale(tx, "o2"));
  });
}

INSTANTIATE_TEST_SUITE_P(Engines, NotificationStoreTest, testing::kEngines, testing::engine_name);

}  // namespace
}  // namespace agora::notification
