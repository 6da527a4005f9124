// The relay's transport on a real broker: what readers find after commits, aborts, zombies and records that are too
// large.

#include "libs/events/kafka/kafka_transport.hpp"

#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "libs/events/kafka/tests/cluster.hpp"
#include "libs/events/kafka/topics.hpp"

namespace agora::events::kafka {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp kTime{std::chrono::microseconds(1'800'000'000'123'000)};

class KafkaTransportTest : public ::testing::Test {
 protected:
  void SetUp() override { TopicAdmin(address_).make("order", {.partitions = 3}); }

  /// What a coroutine comes to.
  template <class T>
  static T wait(Task<T> task) {
    asio::io_context io;
    std::optional<T> result;
    asio::co_spawn(io, std::move(task), [&](std::exception_ptr failure, T value) {
      if (failure) std::rethrow_exception(failure);
      result.emplace(std::move(value));
    });
    io.run();
    return *std::move(result);
  }
  static Ctx soon() { return {.deadline = std::chrono::steady_clock::now() + 20s}; }

  LoggedEvents batch(const std::vector<std::pair<std::string, std::int64_t>>& events, std::string data = "{}") {
    LoggedEvents log{.publisher = "order", .log_id = "log1"};
    for (const auto& [subject, version] : events) {
      ++sequence_;
      log.events.push_back({.sequence = sequence_,
                            .event_id = "e" + std::to_string(sequence_),
                            .topic = "agora.orders",
                            .type = "order.placed",
                            .subject = subject,
                            .version = version,
                            .time = kTime,
                            .data = data});
    }
    return log;
  }
  static std::string code(const Result<void>& result) { return result ? "yes" : result.error().code; }
  std::string there() { return contents(read_all(address_, "agora.orders")); }

  const Address address_ = Address::parse(own_url());
  std::int64_t sequence_ = 0;
};

TEST_F(KafkaTransportTest, CarriesAnEventWithAllItsAttributes) {
  KafkaTransport transport(address_, "order");
  auto log = batch({{"o1", 7}}, R"({"total":499,"name":"\u00e9"})");
  log.events[0].traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  ASSERT_EQ(code(wait(transport.init(soon()))), "yes");
  ASSERT_EQ(code(wait(transport.publish(soon(), log))), "yes");
  ASSERT_EQ(code(wait(transport.commit(soon()))), "yes");
  const auto found = read_all(address_, "agora.orders");
  ASSERT_EQ(found.size(), 1u);
  const auto& event = found.begin()->second.at(0);
  EXPECT_EQ(event.id, "e1");
  EXPECT_EQ(event.source, "/agora/order");
  EXPECT_EQ(event.type, "order.placed");
  EXPECT_EQ(event.topic, "agora.orders");
  EXPECT_EQ(event.subject, "o1");
  EXPECT_EQ(event.version, 7);
  EXPECT_EQ(event.time, kTime);
  EXPECT_EQ(event.traceparent, log.events[0].traceparent);
  EXPECT_EQ(event.log_id, "log1");
  EXPECT_EQ(event.sequence, 1);
  EXPECT_EQ(event.data().member("total")->text(), "499");
  EXPECT_EQ(event.data().member("name")->text(), "é");
  EXPECT_EQ(event.node->member("dataschema")->text(), "/agora/order/events/order.placed");
  EXPECT_EQ(event.node->member("datacontenttype")->text(), "application/json");
  EXPECT_EQ(event.node->member("specversion")->text(), "1.0");
}

TEST_F(KafkaTransportTest, KeepsTheOrderOfEachSubject) {
  KafkaTransport transport(address_, "order");
  ASSERT_EQ(code(wait(transport.init(soon()))), "yes");
  std::map<std::string, std::int64_t> versions;
  for (int round = 0; round < 5; ++round) {
    std::vector<std::pair<std::string, std::int64_t>> events;
    for (int i = 0; i < 200; ++i) {
      const auto subject = "o" + std::to_string(i % 23);
      events.emplace_back(subject, ++versions[subject]);
    }
    ASSERT_EQ(code(wait(transport.publish(soon(), batch(events)))), "yes");
    ASSERT_EQ(code(wait(transport.commit(soon()))), "yes");
  }
  std::map<std::string, std::int64_t> seen;
  const auto found = read_all(address_, "agora.orders");
  EXPECT_EQ(found.size(), 3u) << "subjects are spread over all partitions";
  for (const auto& [partition, events] : found) {
    for (const auto& event : events) EXPECT_EQ(event.version, ++seen[event.subject]) << event.subject;
  }
  EXPECT_EQ(seen, versions);
}

TEST_F(KafkaTransportTest, WhatWasAbortedIsNotRead) {
  KafkaTransport transport(address_, "order");
  ASSERT_EQ(code(wait(transport.init(soon()))), "yes");
  ASSERT_EQ(code(wait(transport.publish(soon(), batch({{"o1", 1}, {"o1", 2}})))), "yes");
  ASSERT_EQ(code(wait(transport.abort(soon()))), "yes");
  ASSERT_EQ(code(wait(transport.publish(soon(), batch({{"o1", 1}})))), "yes");
  ASSERT_EQ(code(wait(transport.commit(soon()))), "yes");
  EXPECT_EQ(there(), "o1/1");
}

TEST_F(KafkaTransportTest, WhatASleeperPublishesAfterAnotherHasBegunIsRefused) {
  KafkaTransport sleeper(address_, "order");
  ASSERT_EQ(code(wait(sleeper.init(soon()))), "yes");
  ASSERT_EQ(code(wait(sleeper.publish(soon(), batch({{"o1", 1}})))), "yes");
  KafkaTransport other(address_, "order");
  ASSERT_EQ(code(wait(other.init(soon()))), "yes");
  ASSERT_EQ(code(wait(other.publish(soon(), batch({{"o1", 1}, {"o1", 2}})))), "yes");
  ASSERT_EQ(code(wait(other.commit(soon()))), "yes");
  EXPECT_EQ(code(wait(sleeper.commit(soon()))), "transport_fenced");
  EXPECT_EQ(code(wait(sleeper.publish(soon(), batch({{"o1", 1}})))), "transport_fenced");
  EXPECT_EQ(there(), "o1/1 o1/2");
  // Rebuilt, it is the newest again.
  ASSERT_EQ(code(wait(sleeper.init(soon()))), "yes");
  ASSERT_EQ(code(wait(sleeper.publish(soon(), batch({{"o1", 3}})))), "yes");
  ASSERT_EQ(code(wait(sleeper.commit(soon()))), "yes");
  EXPECT_EQ(there(), "o1/1 o1/2 o1/3");
}

TEST_F(KafkaTransportTest, ARecordThatIsTooLargeTakesItsWholeTransactionWithIt) {
  KafkaTransport transport(address_, "order");
  ASSERT_EQ(code(wait(transport.init(soon()))), "yes");
  auto log = batch({{"o1", 1}, {"o1", 2}, {"o1", 3}});
  log.events[1].data = R"({"text":")" + std::string(3 << 20, 'x') + "\"}";
  EXPECT_EQ(code(wait(transport.publish(soon(), log))), "transport_unavailable");
  ASSERT_EQ(code(wait(transport.abort(soon()))), "yes");
  EXPECT_EQ(there(), "");
}

TEST_F(KafkaTransportTest, TheLargestEventFits) {
  KafkaTransport transport(address_, "order");
  ASSERT_EQ(code(wait(transport.init(soon()))), "yes");
  const auto log = batch({{"o1", 1}}, R"({"text":")" + std::string(kEventBytesMax, 'x') + "\"}");
  ASSERT_EQ(code(wait(transport.publish(soon(), log))), "yes");
  ASSERT_EQ(code(wait(transport.commit(soon()))), "yes");
  EXPECT_EQ(there(), "o1/1");
}

TEST(KafkaTransport, SaysWhichTopicsAreMissingAndWhatMakesThem) {
  const auto address = Address::parse(own_url());
  KafkaTransport transport(address, "order");
  asio::io_context io;
  std::string said;
  asio::co_spawn(io, transport.init(Ctx{}), [&](std::exception_ptr, const Result<void>& result) {
    said = result ? "yes" : result.error().message;
  });
  io.run();
  EXPECT_NE(said.find(address.name_of("agora.orders")), std::string::npos) << said;
  EXPECT_NE(said.find("agora migrate --service order --kafka"), std::string::npos) << said;
}

TEST(KafkaTransport, SaysWithinItsDeadlineThatNobodyAnswers) {
  KafkaTransport transport(Address::parse("kafka://127.0.0.1:1"), "order");
  asio::io_context io;
  std::string said;
  const auto began = std::chrono::steady_clock::now();
  const Ctx ctx{.deadline = began + 1s};
  asio::co_spawn(io, transport.init(ctx),
                 [&](std::exception_ptr, const Result<void>& result) { said = result ? "yes" : result.error().code; });
  io.run();
  EXPECT_EQ(said, "transport_unavailable");
  EXPECT_LT(std::chrono::steady_clock::now() - began, 4s);
}

}  // namespace
}  // namespace agora::events::kafka
