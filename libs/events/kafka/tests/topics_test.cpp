// Topics: how they are made, what is refused, and how a topic of facts grows.

#include "libs/events/kafka/topics.hpp"

#include <gtest/gtest.h>

#include "libs/events/kafka/tests/cluster.hpp"

namespace agora::events::kafka {
namespace {

using namespace std::chrono_literals;

constexpr TopicSettings kSmall{.partitions = 2};

TEST(KafkaAddress, NamesBrokersAndAPartOfThem) {
  const auto address = Address::parse("kafka://a:9092,b:9093/staging?security.protocol=ssl&sasl.password=p%26q");
  EXPECT_EQ(address.brokers, "a:9092,b:9093");
  EXPECT_EQ(address.name_of("agora.orders"), "staging.agora.orders");
  EXPECT_EQ(address.topic_of("staging.agora.orders"), "agora.orders");
  ASSERT_EQ(address.properties.size(), 2u);
  EXPECT_EQ(address.properties[1].second, "p&q");
  EXPECT_EQ(Address::parse("kafka://a:9092").name_of("agora.orders"), "agora.orders");
}

TEST(KafkaAddress, RefusesWhatIsNoneAndDoesNotRepeatIt) {
  for (const auto* url : {"kafka://", "kafka:a:1", "feed:http://a:1", "kafka://a", "kafka://u:secret@a:1",
                          "kafka://a:1/b/c", "kafka://a:1?secret=%zz"}) {
    try {
      Address::parse(url);
      ADD_FAILURE() << url;
    } catch (const std::invalid_argument& error) {
      EXPECT_EQ(std::string(error.what()).find("secret"), std::string::npos);
    }
  }
}

TEST(KafkaTopics, StatesAreCompactedAndTheirTombstonesOutliveTheSlowestConsumer) {
  const auto state = configuration_of(Kind::state, {});
  EXPECT_EQ(state.at("cleanup.policy"), "compact");
  EXPECT_EQ(state.at("max.compaction.lag.ms"), "86400000");
  EXPECT_EQ(state.at("segment.ms"), "3600000");
  EXPECT_EQ(state.at("delete.retention.ms"), "2678400000");
  const auto fact = configuration_of(Kind::fact, {.keep_max = 24h});
  EXPECT_EQ(fact.at("cleanup.policy"), "delete");
  EXPECT_EQ(fact.at("retention.ms"), "86400000");
  EXPECT_EQ(fact.at("max.message.bytes"), "2097152");
}

TEST(KafkaTopics, AnEventThatOneBrokerAloneHasDoesNotCountAsPublished) {
  EXPECT_FALSE(complaint_about({.replication = 3, .min_insync_replicas = 2}));
  EXPECT_FALSE(complaint_about({.replication = 1, .min_insync_replicas = 1}));
  EXPECT_TRUE(complaint_about({.replication = 3, .min_insync_replicas = 1}));
  EXPECT_TRUE(complaint_about({.replication = 0, .min_insync_replicas = 1}));
}

TEST(KafkaTopics, AreMadeOnceAndAsTheyMustBe) {
  const auto address = Address::parse(own_url());
  TopicAdmin admin(address);
  EXPECT_EQ(admin.missing("order", kSmall).size(), 3u);
  const auto made = admin.make("order", kSmall);
  EXPECT_EQ(made.size(), 3u);
  EXPECT_TRUE(admin.make("order", kSmall).empty());
  const auto client = open(RD_KAFKA_PRODUCER, configure(address, {}));
  const auto there = describe(client.get(), 10s).topics;
  EXPECT_EQ(there.at(address.name_of("agora.orders")).partitions, 2);
  EXPECT_EQ(there.at(address.name_of("agora.stock")).partitions, 2);
}

TEST(KafkaTopics, ThatAreConfiguredOtherwiseAreRefused) {
  TopicAdmin admin(Address::parse(own_url()));
  admin.make("order", kSmall);
  try {
    admin.missing("order", {.partitions = 2, .keep_max = 48h});
    ADD_FAILURE() << "facts would be gone before the slowest consumer may need them";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("retention.ms is 2592000000, not 172800000"), std::string::npos)
        << error.what();
  }
}

TEST(KafkaTopics, OfFactsGrowAndOfStatesNever) {
  const auto address = Address::parse(own_url());
  TopicAdmin admin(address);
  admin.make("order", kSmall);
  admin.grow("agora.orders", 5);
  const auto client = open(RD_KAFKA_PRODUCER, configure(address, {}));
  EXPECT_EQ(describe(client.get(), 10s).topics.at(address.name_of("agora.orders")).partitions, 5);
  EXPECT_THROW(admin.grow("agora.orders", 5), std::runtime_error);
  EXPECT_THROW(admin.grow("agora.stock", 5), std::runtime_error);
  EXPECT_THROW(admin.grow("agora.nothing", 5), std::runtime_error);
}

}  // namespace
}  // namespace agora::events::kafka
