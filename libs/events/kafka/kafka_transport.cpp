#include "libs/events/kafka/kafka_transport.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "libs/base/blocking_pool.hpp"
#include "libs/events/kafka/client.hpp"
#include "libs/events/kafka/message.hpp"
#include "libs/events/kafka/topics.hpp"

namespace agora::events::kafka {
namespace {

/// For what is left of a transaction whose producer goes: the broker gives it up then, if nobody has before.
constexpr const char* kTransactionTimeout = "10000";
constexpr std::chrono::milliseconds kMetadataTimeout{5'000};
/// Before a full queue, or a step that was refused for now, is tried again.
constexpr int kPauseMilliseconds = 20;

bool is_fenced(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
         code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
}

Error unavailable(std::string why) {
  return {Errc::unavailable, "transport_unavailable", std::move(why)};
}

Error to_error(rd_kafka_t* producer, rd_kafka_resp_err_t code, std::string why) {
  std::array<char, 256> text{};
  const auto fatal = rd_kafka_fatal_error(producer, text.data(), text.size());
  if (is_fenced(code) || is_fenced(fatal)) return {Errc::failed_precondition, "transport_fenced", std::move(why)};
  return unavailable(std::move(why));
}

/// Runs a step of a transaction again while it says that this may help, until the deadline.
template <class Step>
Result<void> run_step(rd_kafka_t* producer, Deadline deadline, Step step) {
  while (true) {
    const RdError error(step(timeout_of(deadline)));
    if (!error) return {};
    const bool again = rd_kafka_error_is_retriable(error.get()) != 0 && timeout_of(deadline) > 0;
    if (!again) return to_error(producer, rd_kafka_error_code(error.get()), rd_kafka_error_string(error.get()));
    rd_kafka_poll(producer, kPauseMilliseconds);
  }
}

}  // namespace

/// What the thread works on.
struct KafkaTransport::State {
  State(Address address_, std::string publisher_) : address(std::move(address_)), publisher(std::move(publisher_)) {
    for (const auto& topic : topics()) {
      if (topic.publisher == publisher) ours.emplace_back(topic.name);
    }
    // A property that nobody takes is said at the start.
    [[maybe_unused]] const auto tried = configuration();
  }
  ~State() { close(); }

  Configuration configuration() const {
    return configure(address, {{"transactional.id", address.name_of("agora." + publisher)},
                               {"transaction.timeout.ms", kTransactionTimeout},
                               {"message.timeout.ms", kTransactionTimeout},
                               {"message.max.bytes", std::to_string(kRecordBytesMax)},
                               {"enable.idempotence", "true"},
                               {"acks", "all"},
                               {"queue.buffering.max.kbytes", "65536"},
                               // The end of a transaction sends what waits; until then batches may fill.
                               {"linger.ms", "5"},
                               // Of a key as every other client of Kafka has it.
                               {"partitioner", "murmur2"}});
  }

  void close() {
    if (!producer) return;
    // Else it waits for what will never be sent.
    rd_kafka_purge(producer.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    producer.reset();
  }

  /// Always a new producer: one that was fenced, or lost its way, is of no use any more.
  Result<void> init(Deadline deadline) {
    close();
    try {
      producer = open(RD_KAFKA_PRODUCER, configuration());
      const std::chrono::milliseconds left{timeout_of(deadline)};
      require_topics(producer.get(), address, ours, std::min(left, kMetadataTimeout));
    } catch (const KafkaError& error) {
      return unavailable(error.what());
    }
    return run_step(producer.get(), deadline,
                    [this](int timeout) { return rd_kafka_init_transactions(producer.get(), timeout); });
  }

  Result<void> publish(Deadline deadline, const LoggedEvents& log) {
    if (!producer) return unavailable("the transport has not begun");
    if (const RdError error{rd_kafka_begin_transaction(producer.get())}) {
      return to_error(producer.get(), rd_kafka_error_code(error.get()), rd_kafka_error_string(error.get()));
    }
    for (const auto& event : log.events) {
      auto code = produce(producer.get(), address, log, event);
      while (code == RD_KAFKA_RESP_ERR__QUEUE_FULL && timeout_of(deadline) > 0) {
        rd_kafka_poll(producer.get(), kPauseMilliseconds);
        code = produce(producer.get(), address, log, event);
      }
      if (code == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
      return to_error(producer.get(), code, event.topic + ": " + rd_kafka_err2str(code));
    }
    return {};
  }

  Result<void> commit(Deadline deadline) {
    if (!producer) return unavailable("the transport has not begun");
    return run_step(producer.get(), deadline,
                    [this](int timeout) { return rd_kafka_commit_transaction(producer.get(), timeout); });
  }

  Result<void> abort(Deadline deadline) {
    if (!producer) return {};
    // It also purges what was not sent.
    return run_step(producer.get(), deadline,
                    [this](int timeout) { return rd_kafka_abort_transaction(producer.get(), timeout); });
  }

  const Address address;
  const std::string publisher;
  std::vector<std::string> ours{};
  Handle producer{};
  BlockingPool thread{1};  ///< last: it is joined before the producer goes
};

KafkaTransport::KafkaTransport(Address address, std::string publisher)
    : state_(std::make_unique<State>(std::move(address), std::move(publisher))) {}

KafkaTransport::~KafkaTransport() = default;

Task<Result<void>> KafkaTransport::init(Ctx ctx) {
  auto work = [state = state_.get(), deadline = ctx.deadline] { return state->init(deadline); };
  co_return co_await state_->thread.run(std::move(work));
}

Task<Result<void>> KafkaTransport::publish(Ctx ctx, LoggedEvents events) {
  auto work = [state = state_.get(), deadline = ctx.deadline, log = std::move(events)] {
    return state->publish(deadline, log);
  };
  co_return co_await state_->thread.run(std::move(work));
}

Task<Result<void>> KafkaTransport::commit(Ctx ctx) {
  auto work = [state = state_.get(), deadline = ctx.deadline] { return state->commit(deadline); };
  co_return co_await state_->thread.run(std::move(work));
}

Task<Result<void>> KafkaTransport::abort(Ctx ctx) {
  auto work = [state = state_.get(), deadline = ctx.deadline] { return state->abort(deadline); };
  co_return co_await state_->thread.run(std::move(work));
}

}  // namespace agora::events::kafka
