#pragma once
#include <memory>
#include <string>
#include <vector>

#include "libs/events/kafka/address.hpp"
#include "libs/events/source.hpp"

namespace agora::events::kafka {

/// A publisher's topics, read as one member of its readers' group: each partition that this member is given is a
/// stream, `agora.orders/3`; its positions are offsets. Committed records alone are read, from where the consumer's
/// database stands; the group's offsets say how far it is behind, and nothing else. Used on one io thread; librdkafka
/// is asked on a thread of its own, which alone waits.
class KafkaSource final : public Source {
 public:
  /// `consumer`: the service that reads, `publisher`: the one whose topics they are. Makes no connection yet. Throws
  /// std::invalid_argument where librdkafka does not take a property of the address.
  KafkaSource(Address address, std::string consumer, std::string publisher, std::vector<std::string> topics);
  /// Leaves the group, when the poll under way has ended; see stop().
  ~KafkaSource() override;

  Task<Result<Fetched>> fetch(Ctx ctx, std::chrono::milliseconds wait) override;
  void seek(const std::string& stream, const std::optional<Standing>& from) override;
  void acknowledge(const std::string& stream, const Position& through) override;
  std::vector<std::string> topics(const std::string& stream) const override;
  std::unique_ptr<Source> reader(std::vector<std::string> topics) override;
  void stop() override;

 private:
  struct State;
  explicit KafkaSource(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace agora::events::kafka
