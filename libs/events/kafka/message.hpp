#pragma once
#include <librdkafka/rdkafka.h>
#include <memory>
#include <string>
#include <string_view>

#include "libs/events/event.hpp"
#include "libs/events/kafka/address.hpp"
#include "libs/events/transport.hpp"

// Events as records: CloudEvents' Kafka protocol binding, binary content mode
// (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md). The attributes are
// headers `ce_…`, the key is the subject, the value is `data`.
namespace agora::events::kafka {

/// Hands an event over to a producer, which copies it.
rd_kafka_resp_err_t produce(rd_kafka_t* producer, const Address& address, const LoggedEvents& log,
                            const LoggedEvent& event);

/// The partition that the transport's records of a subject go to, while their topic has so many.
std::size_t partition_of(std::string_view subject, std::size_t partitions);

/// The event of a record. "No": invalid_argument naming what is wrong with it.
Result<Event> read_message(const Address& address, const rd_kafka_message_t& message);

}  // namespace agora::events::kafka
