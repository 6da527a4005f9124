#pragma once
#include <chrono>
#include <librdkafka/rdkafka.h>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libs/base/clock.hpp"
#include "libs/base/unavailable.hpp"
#include "libs/events/kafka/address.hpp"

// What is common to the adapters of this folder: librdkafka's handles, owned, and its errors. For no one else.
namespace agora::events::kafka {

template <auto Destroy>
struct Destroyer {
  template <class T>
  void operator()(T* handle) const {
    Destroy(handle);
  }
};
using Handle = std::unique_ptr<rd_kafka_t, Destroyer<rd_kafka_destroy>>;
using Configuration = std::unique_ptr<rd_kafka_conf_t, Destroyer<rd_kafka_conf_destroy>>;
using Queue = std::unique_ptr<rd_kafka_queue_t, Destroyer<rd_kafka_queue_destroy>>;
using RdEvent = std::unique_ptr<rd_kafka_event_t, Destroyer<rd_kafka_event_destroy>>;
using RdError = std::unique_ptr<rd_kafka_error_t, Destroyer<rd_kafka_error_destroy>>;
using Message = std::unique_ptr<rd_kafka_message_t, Destroyer<rd_kafka_message_destroy>>;
using Partitions = std::unique_ptr<rd_kafka_topic_partition_list_t, Destroyer<rd_kafka_topic_partition_list_destroy>>;

/// The cluster did not do what was asked: it cannot be reached, or says no.
class KafkaError : public Unavailable {
 public:
  KafkaError(const std::string& what, rd_kafka_resp_err_t code)
      : Unavailable(what + ": " + rd_kafka_err2str(code)), code_(code) {}
  KafkaError(const std::string& what, const std::string& why) : Unavailable(what + ": " + why) {}
  rd_kafka_resp_err_t code() const { return code_; }

 private:
  rd_kafka_resp_err_t code_ = RD_KAFKA_RESP_ERR_UNKNOWN;
};

using Properties = std::vector<std::pair<std::string, std::string>>;

/// Of an address and what its user must have; the address's own properties come before that, and after what its user
/// would have. Throws std::invalid_argument where librdkafka does not take one.
Configuration configure(const Address& address, const Properties& properties, const Properties& defaults = {});
/// A client with its threads. Throws KafkaError.
Handle open(rd_kafka_type_t type, Configuration configuration);

/// What a cluster has, as it says.
struct Cluster {
  struct Topic {
    std::int64_t partitions = 0;
    std::int64_t replicas = 0;
  };
  std::int64_t brokers = 0;
  std::map<std::string, Topic> topics{};
};
/// Throws KafkaError.
Cluster describe(rd_kafka_t* client, std::chrono::milliseconds timeout);
/// Throws KafkaError saying which of our topics are not there, and what makes them.
void require_topics(rd_kafka_t* client, const Address& address, const std::vector<std::string>& topics,
                    std::chrono::milliseconds timeout);

/// What is left until a deadline, for librdkafka; never less than nothing, never for ever.
int timeout_of(Deadline deadline);

}  // namespace agora::events::kafka
