#include "libs/events/kafka/client.hpp"

#include <algorithm>
#include <array>

#include "libs/events/event.hpp"
#include "libs/log/log.hpp"

namespace agora::events::kafka {
namespace {

constexpr std::chrono::milliseconds kLongest{60'000};

/// What goes wrong is told by whoever waits for it; what librdkafka says besides is for who looks closely.
void log_line(const rd_kafka_t*, int, const char* about, const char* text) {
  log::debug({}, "librdkafka", {{"about", about}, {"text", text}});
}

}  // namespace

Configuration configure(const Address& address, const Properties& properties, const Properties& defaults) {
  Configuration conf(rd_kafka_conf_new());
  const auto set = [&](const std::string& name, const std::string& value) {
    std::array<char, 256> why{};
    if (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), why.data(), why.size()) != RD_KAFKA_CONF_OK) {
      // Its message repeats the value, which may be a password.
      throw std::invalid_argument("librdkafka does not take the property " + name);
    }
  };
  set("log.connection.close", "false");
  // One that was away is found again within a second.
  set("reconnect.backoff.max.ms", "1000");
  for (const auto& [name, value] : defaults) set(name, value);
  for (const auto& [name, value] : address.properties) set(name, value);
  set("bootstrap.servers", address.brokers);
  set("client.id", "agora");
  // Who names a topic that is not there is to be told so.
  set("allow.auto.create.topics", "false");
  for (const auto& [name, value] : properties) set(name, value);
  rd_kafka_conf_set_log_cb(conf.get(), log_line);
  return conf;
}

Handle open(rd_kafka_type_t type, Configuration configuration) {
  std::array<char, 256> why{};
  Handle client(rd_kafka_new(type, configuration.get(), why.data(), why.size()));
  if (!client) throw KafkaError("no client could be made", why.data());
  // It is the client's now.
  [[maybe_unused]] const auto* taken = configuration.release();
  return client;
}

Cluster describe(rd_kafka_t* client, std::chrono::milliseconds timeout) {
  const rd_kafka_metadata_t* found = nullptr;
  const auto code = rd_kafka_metadata(client, 1, nullptr, &found, static_cast<int>(timeout.count()));
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) throw KafkaError("the cluster does not answer", code);
  const std::unique_ptr<const rd_kafka_metadata_t, Destroyer<rd_kafka_metadata_destroy>> metadata(found);
  Cluster cluster{.brokers = metadata->broker_cnt};
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    const auto& topic = metadata->topics[i];
    if (topic.err != RD_KAFKA_RESP_ERR_NO_ERROR || topic.partition_cnt == 0) continue;
    cluster.topics[topic.topic] = {topic.partition_cnt, topic.partitions[0].replica_cnt};
  }
  return cluster;
}

void require_topics(rd_kafka_t* client, const Address& address, const std::vector<std::string>& topics,
                    std::chrono::milliseconds timeout) {
  const auto cluster = describe(client, timeout);
  std::string missing;
  std::string_view publisher;
  for (const auto& topic : topics) {
    const auto name = address.name_of(topic);
    if (cluster.topics.contains(name)) continue;
    missing += (missing.empty() ? "" : ", ") + name;
    if (const auto* known = find_topic(topic)) publisher = known->publisher;
  }
  if (missing.empty()) return;
  throw KafkaError("topics are missing",
                   missing + "; agora migrate --service " + std::string(publisher) + " --kafka URL makes them");
}

int timeout_of(Deadline deadline) {
  const auto left =
      deadline == Deadline::max()
          ? kLongest
          : std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp(left, std::chrono::milliseconds{0}, kLongest).count());
}

}  // namespace agora::events::kafka
