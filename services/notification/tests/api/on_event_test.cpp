// Two consumers at once, each in its own transaction: one hears what happened to a user, the other that they are gone.

#include "services/notification/api/on_event.hpp"

#include <future>

#include <gtest/gtest.h>

#include "libs/testing/temporary_database.hpp"
#include "services/notification/store/notification_store.hpp"

namespace agora::notification {
namespace {

constexpr std::chrono::milliseconds kLongEnough{300};

events::Event event(const std::string& type, const std::string& topic, const std::string& subject,
                    const std::string& data) {
  auto read = events::read_event(
      R"({"specversion":"1.0","id":")" + type + subject + R"(","source":"/agora/test","type":")" + type +
      R"(","topic":")" + topic + R"(","subject":")" + subject +
      R"(","time":"2026-01-01T00:00:00.000Z","logid":"test-log","sequence":"1","version":"2","data":)" + data + "}");
  EXPECT_TRUE(read.has_value());
  return *std::move(read);
}

class OnEventTest : public ::testing::Test {
 protected:
  void SetUp() override {
    database_->migrate(migrations());
    apply(event("seller.opened", "agora.sellers", "s1",
                R"({"seller_id":"s1","status":"open","name":"S","members":[{"user_id":"m1","role":"owner"}]})"));
  }
  void apply(const events::Event& one) {
    database_->write_blocking({}, [&](sql::Tx& tx) {
      handler_.lock(tx, {one});
      ASSERT_TRUE(handler_.apply(tx, one).has_value());
    });
  }
  /// Applies the first, and has the second applied before it has committed, if nothing keeps that back.
  void apply_at_once(const events::Event& first, const events::Event& second) {
    std::future<void> other;
    database_->write_blocking({}, [&](sql::Tx& tx) {
      handler_.lock(tx, {first});
      ASSERT_TRUE(handler_.apply(tx, first).has_value());
      other = std::async(std::launch::async, [&] { apply(second); });
      other.wait_for(kLongEnough);
    });
    other.get();
  }
  std::int64_t rows_of(const std::string& table, const std::string& user_id) {
    return database_->write_blocking({}, [&](sql::Tx& tx) {
      const bool is_member = table == "seller_members";
      auto rows = is_member ? tx.query({"SELECT count(*) FROM seller_members WHERE user_id = $1"}, {user_id})
                            : tx.query({"SELECT count(*) FROM notifications WHERE user_id = $1"}, {user_id});
      rows.next();
      return rows.int64(0);
    });
  }

  const SystemClock clock_{};
  service::ErasedUsers erased_{};
  EventHandler handler_{clock_, erased_, {Channel::in_app, Channel::mail}};
  testing::TemporaryDatabase database_{sql::Engine::postgresql};
};

TEST_F(OnEventTest, WhatABuyerIsToldWhileTheyAreErasedIsErased) {
  apply_at_once(event("order_group.canceled", "agora.order_groups", "g1",
                      R"({"order_group_id":"g1","number":"0123456789","user_id":"u1","reason":"expired"})"),
                event("user.deleted", "agora.users", "u1", R"({"user_id":"u1"})"));
  EXPECT_EQ(rows_of("notifications", "u1"), 0);
}

TEST_F(OnEventTest, WhatAMemberIsToldWhileTheyAreErasedIsErased) {
  apply_at_once(
      event(
          "order.paid", "agora.orders", "a1",
          R"({"order_id":"a1","number":"0123456789","order_group_id":"g1","seller_id":"s1","currency":"USD","total":5,"lines":[]})"),
      event("user.deleted", "agora.users", "m1", R"({"user_id":"m1"})"));
  EXPECT_EQ(rows_of("notifications", "m1"), 0);
}

TEST_F(OnEventTest, WhoIsErasedWhileTheyJoinASellerIsNoMember) {
  apply_at_once(event("seller.updated", "agora.sellers", "s1",
                      R"({"seller_id":"s1","status":"open","name":"S","members":[{"user_id":"m2","role":"staff"}]})"),
                event("user.deleted", "agora.users", "m2", R"({"user_id":"m2"})"));
  EXPECT_EQ(rows_of("seller_members", "m2"), 0);
}

}  // namespace
}  // namespace agora::notification
