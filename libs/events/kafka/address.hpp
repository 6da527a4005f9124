#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace agora::events::kafka {

/// A Kafka cluster, and a part of it for whoever shares it:
/// `kafka://HOST:PORT[,HOST:PORT…][/PREFIX][?property=value…]`. Properties are librdkafka's (`security.protocol=ssl`),
/// percent-encoded where they must be; they may hold a password.
struct Address {
  std::string brokers{};
  std::string prefix{};  ///< what all our names there begin with: `staging.`, or nothing
  std::vector<std::pair<std::string, std::string>> properties{};

  /// Throws std::invalid_argument, in words that repeat nothing of the URL.
  static Address parse(std::string_view url);

  /// A topic, group or transactional id as the cluster knows it.
  std::string name_of(std::string_view ours) const { return prefix + std::string(ours); }
  /// A topic as contracts/events has it.
  std::string topic_of(std::string_view name) const { return std::string(name.substr(prefix.size())); }
};

}  // namespace agora::events::kafka
