#include "libs/events/kafka/topics.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "libs/events/kafka/client.hpp"

namespace agora::events::kafka {
namespace {

constexpr std::chrono::milliseconds kTimeout{15'000};
constexpr std::chrono::hours kDay{24};
constexpr std::int64_t kReplicationMax = 3;

std::string milliseconds(std::chrono::milliseconds time) {
  return std::to_string(time.count());
}

/// What `complaint_about` is about, of a topic that is there.
std::string complaints_about(Kind kind, const TopicSettings& settings, std::int64_t replicas,
                             const std::map<std::string, std::string>& found) {
  std::string complaints;
  for (const auto& [name, wanted] : configuration_of(kind, settings)) {
    const auto at = found.find(name);
    const auto has = at == found.end() ? std::string{} : at->second;
    if (has != wanted) complaints += "; " + name + " is " + has + ", not " + wanted;
  }
  const auto in_sync = found.find("min.insync.replicas");
  if (replicas >= 2 && (in_sync == found.end() || in_sync->second == "1")) {
    complaints += "; min.insync.replicas is 1, not 2 or more";
  }
  return complaints;
}

}  // namespace

std::map<std::string, std::string> configuration_of(Kind kind, const TopicSettings& settings) {
  std::map<std::string, std::string> configuration{{"max.message.bytes", std::to_string(kRecordBytesMax)}};
  if (kind == Kind::state) {
    configuration["cleanup.policy"] = "compact";
    configuration["max.compaction.lag.ms"] = milliseconds(kDay);
    configuration["segment.ms"] = milliseconds(std::chrono::hours{1});
    configuration["delete.retention.ms"] = milliseconds(settings.keep_max + kDay);
  } else {
    configuration["cleanup.policy"] = "delete";
    configuration["retention.ms"] = milliseconds(settings.keep_max);
  }
  return configuration;
}

std::optional<std::string> complaint_about(const TopicSettings& settings) {
  if (settings.replication == 1 || settings.min_insync_replicas >= 2) return std::nullopt;
  return "--min-insync-replicas must be 2 or more where --replication is: an event would count as published with one "
         "copy of it";
}

std::string group_of(const Address& address, std::string_view service, std::string_view publisher) {
  return address.name_of("agora." + std::string(service) + "." + std::string(publisher));
}

struct TopicAdmin::Impl {
  explicit Impl(const Address& address_)
      : address(address_),
        client(open(RD_KAFKA_PRODUCER, configure(address, {}))),
        queue(rd_kafka_queue_new(client.get())) {}

  /// What an asynchronous request came to.
  RdEvent answer(const char* what) {
    RdEvent event(rd_kafka_queue_poll(queue.get(), static_cast<int>(kTimeout.count())));
    if (!event) throw KafkaError(what, "the cluster does not answer in time");
    if (const auto code = rd_kafka_event_error(event.get())) throw KafkaError(what, code);
    return event;
  }

  std::map<std::string, std::string> configuration(const std::string& topic) {
    const std::unique_ptr<rd_kafka_ConfigResource_t, Destroyer<rd_kafka_ConfigResource_destroy>> resource(
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str()));
    auto* asked = resource.get();
    rd_kafka_DescribeConfigs(client.get(), &asked, 1, nullptr, queue.get());
    const auto event = answer("a topic's configuration cannot be read");
    std::size_t count = 0;
    const auto* const* found =
        rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event.get()), &count);
    if (const auto code = rd_kafka_ConfigResource_error(found[0])) throw KafkaError(topic, code);
    const auto* const* entries = rd_kafka_ConfigResource_configs(found[0], &count);
    std::map<std::string, std::string> configuration;
    for (std::size_t i = 0; i < count; ++i) {
      const auto* value = rd_kafka_ConfigEntry_value(entries[i]);
      configuration[rd_kafka_ConfigEntry_name(entries[i])] = value == nullptr ? "" : value;
    }
    return configuration;
  }

  void create(const Topic& topic, const TopicSettings& settings, std::int64_t replication) {
    std::array<char, 256> why{};
    const auto name = address.name_of(topic.name);
    const std::unique_ptr<rd_kafka_NewTopic_t, Destroyer<rd_kafka_NewTopic_destroy>> wanted(rd_kafka_NewTopic_new(
        name.c_str(), static_cast<int>(settings.partitions), static_cast<int>(replication), why.data(), why.size()));
    if (!wanted) throw KafkaError(name, why.data());
    for (const auto& [key, value] : configuration_of(topic.kind, settings)) {
      rd_kafka_NewTopic_set_config(wanted.get(), key.c_str(), value.c_str());
    }
    if (replication >= 2) {
      const auto in_sync = std::to_string(settings.min_insync_replicas);
      rd_kafka_NewTopic_set_config(wanted.get(), "min.insync.replicas", in_sync.c_str());
    }
    auto* asked = wanted.get();
    rd_kafka_CreateTopics(client.get(), &asked, 1, nullptr, queue.get());
    const auto event = answer("a topic cannot be made");
    std::size_t count = 0;
    check(rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count), count);
  }

  static void check(const rd_kafka_topic_result_t* const* results, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const auto code = rd_kafka_topic_result_error(results[i]);
      // Somebody else made it meanwhile.
      if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) continue;
      const auto* why = rd_kafka_topic_result_error_string(results[i]);
      throw KafkaError(rd_kafka_topic_result_name(results[i]), why == nullptr ? rd_kafka_err2str(code) : why);
    }
  }

  /// How many events of a topic a group has still to read; none when it never read any.
  std::optional<std::int64_t> lag(const std::string& group, const std::string& topic, std::int64_t partitions) {
    Partitions list(rd_kafka_topic_partition_list_new(static_cast<int>(partitions)));
    for (std::int64_t i = 0; i < partitions; ++i) {
      rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), static_cast<std::int32_t>(i));
    }
    const auto member = open(RD_KAFKA_CONSUMER, configure(address, {{"group.id", group}}));
    const auto timeout = static_cast<int>(kTimeout.count());
    const auto code = rd_kafka_committed(member.get(), list.get(), timeout);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) throw KafkaError("a group's offsets cannot be read", code);
    std::optional<std::int64_t> lag;
    std::int64_t never_read = 0;
    for (int i = 0; i < list->cnt; ++i) {
      std::int64_t low = 0;
      std::int64_t high = 0;
      const auto asked = rd_kafka_query_watermark_offsets(client.get(), topic.c_str(), i, &low, &high, timeout);
      if (asked != RD_KAFKA_RESP_ERR_NO_ERROR) throw KafkaError("a topic's end cannot be read", asked);
      if (list->elems[i].offset >= 0) {
        lag = lag.value_or(0) + std::max<std::int64_t>(0, high - list->elems[i].offset);
      } else {
        never_read += high - low;
      }
    }
    return lag ? std::optional(*lag + never_read) : std::nullopt;
  }

  const Address address;
  Handle client;
  Queue queue;
};

TopicAdmin::TopicAdmin(const Address& address) : impl_(std::make_unique<Impl>(address)) {}
TopicAdmin::~TopicAdmin() = default;

std::vector<std::string> TopicAdmin::missing(std::string_view publisher, const TopicSettings& settings) {
  const auto there = describe(impl_->client.get(), kTimeout).topics;
  std::vector<std::string> names;
  for (const auto& topic : topics()) {
    if (topic.publisher != publisher) continue;
    const auto name = impl_->address.name_of(topic.name);
    const auto found = there.find(name);
    if (found == there.end()) {
      names.push_back(name);
      continue;
    }
    const auto complaints = complaints_about(topic.kind, settings, found->second.replicas, impl_->configuration(name));
    if (!complaints.empty()) throw std::runtime_error("the topic " + name + " is configured otherwise" + complaints);
  }
  return names;
}

std::vector<std::string> TopicAdmin::make(std::string_view publisher, const TopicSettings& settings) {
  const auto names = missing(publisher, settings);
  const auto brokers = describe(impl_->client.get(), kTimeout).brokers;
  const auto replication = settings.replication > 0 ? settings.replication : std::min(brokers, kReplicationMax);
  for (const auto& topic : topics()) {
    const bool is_missing = std::find(names.begin(), names.end(), impl_->address.name_of(topic.name)) != names.end();
    if (is_missing) impl_->create(topic, settings, replication);
  }
  return names;
}

void TopicAdmin::grow(std::string_view topic, std::int64_t partitions) {
  const auto name = impl_->address.name_of(topic);
  const auto* known = find_topic(topic);
  if (known == nullptr) throw std::runtime_error("contracts/events declares no topic " + std::string(topic));
  if (known->kind == Kind::state) {
    throw std::runtime_error(
        "the partitions of a state topic never change: a subject's older states would stay "
        "readable where they are. Make a new topic and rebuild its readers");
  }
  const auto there = describe(impl_->client.get(), kTimeout).topics;
  const auto found = there.find(name);
  if (found == there.end()) throw std::runtime_error("there is no topic " + name);
  if (partitions <= found->second.partitions) {
    throw std::runtime_error("the topic " + name + " has " + std::to_string(found->second.partitions) +
                             " partitions already");
  }
  for (const auto consumer : known->consumers) {
    const auto group = group_of(impl_->address, consumer, known->publisher);
    const auto lag = impl_->lag(group, name, found->second.partitions);
    if (lag.value_or(0) == 0) continue;
    throw std::runtime_error("the group " + group + " has not read the topic to its end: " + std::to_string(*lag) +
                             " to go. Stop the relay, and wait for it");
  }
  std::array<char, 256> why{};
  const std::unique_ptr<rd_kafka_NewPartitions_t, Destroyer<rd_kafka_NewPartitions_destroy>> wanted(
      rd_kafka_NewPartitions_new(name.c_str(), static_cast<std::size_t>(partitions), why.data(), why.size()));
  if (!wanted) throw KafkaError(name, why.data());
  auto* asked = wanted.get();
  rd_kafka_CreatePartitions(impl_->client.get(), &asked, 1, nullptr, impl_->queue.get());
  const auto event = impl_->answer("a topic cannot be grown");
  std::size_t count = 0;
  Impl::check(rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(event.get()), &count),
              count);
}

}  // namespace agora::events::kafka
