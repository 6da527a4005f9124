#pragma once
#include <memory>
#include <string>

#include "libs/events/kafka/address.hpp"
#include "libs/events/transport.hpp"

namespace agora::events::kafka {

/// A log's events as records of Kafka topics, published by transactions under one transactional id per log. Used on the
/// io thread of its relay; librdkafka is asked on a thread of its own.
class KafkaTransport final : public Transport {
 public:
  /// `publisher`: the service whose log it is. Makes no connection yet. Throws std::invalid_argument where librdkafka
  /// does not take a property of the address.
  KafkaTransport(Address address, std::string publisher);
  /// Waits for what is under way.
  ~KafkaTransport() override;

  Task<Result<void>> init(Ctx ctx) override;
  Task<Result<void>> publish(Ctx ctx, LoggedEvents events) override;
  Task<Result<void>> commit(Ctx ctx) override;
  Task<Result<void>> abort(Ctx ctx) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace agora::events::kafka
