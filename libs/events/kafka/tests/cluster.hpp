#pragma once
#include <atomic>
#include <map>
#include <string>
#include <unistd.h>
#include <vector>

#include "libs/events/kafka/client.hpp"
#include "libs/events/kafka/message.hpp"
#include "libs/testing/engines.hpp"

namespace agora::events::kafka {

/// The URL of a test's own part of the run's cluster.
inline std::string own_url() {
  static std::atomic<int> count{0};
  return testing::engine_url("kafka") + "/t" + std::to_string(::getpid()) + "-" + std::to_string(++count);
}

/// What readers of committed records find in a topic, partition by partition, from beginning to end.
inline std::map<std::int32_t, std::vector<Event>> read_all(const Address& address, std::string_view topic,
                                                           bool committed = true) {
  const auto name = address.name_of(topic);
  const auto client = open(RD_KAFKA_CONSUMER,
                           configure(address, {{"group.id", name + ".test"},
                                               {"isolation.level", committed ? "read_committed" : "read_uncommitted"},
                                               {"enable.auto.commit", "false"},
                                               {"enable.partition.eof", "true"}}));
  rd_kafka_poll_set_consumer(client.get());
  const auto partitions = describe(client.get(), std::chrono::seconds(10)).topics.at(name).partitions;
  const Partitions all(rd_kafka_topic_partition_list_new(static_cast<int>(partitions)));
  for (std::int32_t i = 0; i < partitions; ++i) {
    rd_kafka_topic_partition_list_add(all.get(), name.c_str(), i)->offset = RD_KAFKA_OFFSET_BEGINNING;
  }
  rd_kafka_assign(client.get(), all.get());
  std::map<std::int32_t, std::vector<Event>> found;
  std::int64_t ended = 0;
  while (ended < partitions) {
    const Message message(rd_kafka_consumer_poll(client.get(), 20'000));
    if (!message) throw std::runtime_error("the topic does not come to its end");
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      ++ended;
    } else if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      throw std::runtime_error(rd_kafka_err2str(message->err));
    } else {
      found[message->partition].push_back(read_message(address, *message).value());
    }
  }
  rd_kafka_consumer_close(client.get());
  return found;
}

/// `g1/1 g1/2`: subjects and versions, partitions after each other.
inline std::string contents(const std::map<std::int32_t, std::vector<Event>>& found) {
  std::string out;
  for (const auto& [partition, events] : found) {
    for (const auto& event : events) {
      out += (out.empty() ? "" : " ") + event.subject + '/' + std::to_string(event.version);
    }
  }
  return out;
}

}  // namespace agora::events::kafka
