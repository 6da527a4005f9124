#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "libs/events/event.hpp"
#include "libs/events/kafka/address.hpp"

namespace agora::events::kafka {

/// How topics are made; every number is a setting of `agora migrate`.
struct TopicSettings {
  std::int64_t partitions = 12;          ///< of a new topic; a state topic keeps them for ever
  std::int64_t replication = 0;          ///< 0: as many as there are brokers, at most 3
  std::int64_t min_insync_replicas = 2;  ///< where the replication is 2 or more
  std::chrono::milliseconds keep_max{std::chrono::hours{30 * 24}};  ///< the services' events.keep-max
};

/// Largest record that a topic takes: an event with all its headers, and room.
inline constexpr std::int64_t kRecordBytesMax = 2 << 20;

/// The configuration of a topic. A state is compacted, and its tombstones outlive the slowest consumer; facts are kept
/// as long as the slowest may need them.
std::map<std::string, std::string> configuration_of(Kind kind, const TopicSettings& settings);

/// Why settings are refused: an acknowledged event would live on one broker alone.
std::optional<std::string> complaint_about(const TopicSettings& settings);

/// Makes, looks at and grows topics. Blocks; for commands. Throws KafkaError (an Unavailable) where the cluster does
/// not answer, std::runtime_error where it answers and what was asked must not be done.
class TopicAdmin {
 public:
  explicit TopicAdmin(const Address& address);
  ~TopicAdmin();

  /// Those of a publisher's topics, by the cluster's names, that are not there yet. Refuses where one is there and is
  /// configured otherwise: it would lose what it must keep.
  std::vector<std::string> missing(std::string_view publisher, const TopicSettings& settings);
  /// Makes those; gives their names.
  std::vector<std::string> make(std::string_view publisher, const TopicSettings& settings);
  /// Gives a fact topic more partitions. Refuses a state topic, whose subjects' older states would stay readable in
  /// their old partition; fewer partitions; and as long as a group of a declared consumer has not read all of it, as a
  /// subject's next event may come by another partition than those before it. The relay must be stopped.
  void grow(std::string_view topic, std::int64_t partitions);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The consumer group in which a service reads a publisher's topics.
std::string group_of(const Address& address, std::string_view service, std::string_view publisher);

}  // namespace agora::events::kafka
