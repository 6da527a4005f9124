#include "libs/events/kafka/kafka_source.hpp"

#include <atomic>
#include <utility>

#include "libs/base/blocking_pool.hpp"
#include "libs/events/kafka/membership.hpp"
#include "libs/events/kafka/topics.hpp"

namespace agora::events::kafka {

struct KafkaSource::State {
  State(Address address_, std::string group_, std::vector<std::string> topics_, Membership::Mode mode)
      : address(std::move(address_)),
        group(std::move(group_)),
        all_topics(std::move(topics_)),
        membership(address, group, all_topics, mode) {}

  const Address address;
  const std::string group;
  const std::vector<std::string> all_topics;
  std::atomic<bool> stopping = false;
  Membership membership;
  BlockingPool thread{1};  ///< last: it is joined before what it works on goes
};

KafkaSource::KafkaSource(Address address, std::string consumer, std::string publisher, std::vector<std::string> topics)
    : KafkaSource(std::make_unique<State>(address, group_of(address, consumer, publisher), std::move(topics),
                                          Membership::Mode::member)) {}

KafkaSource::KafkaSource(std::unique_ptr<State> state) : state_(std::move(state)) {}

KafkaSource::~KafkaSource() {
  stop();
}

void KafkaSource::stop() {
  state_->stopping = true;
}

Task<Result<Fetched>> KafkaSource::fetch(Ctx ctx, std::chrono::milliseconds wait) {
  const auto deadline = std::min(ctx.deadline, std::chrono::steady_clock::now() + wait);
  // Optional, as what a thread gives must have a value before there is one.
  auto work = [state = state_.get(), deadline] {
    return std::optional(state->membership.fetch(deadline, state->stopping));
  };
  auto fetched = co_await state_->thread.run(std::move(work));
  co_return *std::move(fetched);
}

void KafkaSource::seek(const std::string& stream, const std::optional<Standing>& from) {
  state_->membership.seek(stream, from);
}

void KafkaSource::acknowledge(const std::string& stream, const Position& through) {
  state_->membership.acknowledge(stream, through);
}

std::vector<std::string> KafkaSource::topics(const std::string& stream) const {
  return {stream.substr(0, stream.rfind('/'))};
}

std::unique_ptr<Source> KafkaSource::reader(std::vector<std::string> topics) {
  if (topics.empty()) topics = state_->all_topics;
  auto state = std::make_unique<State>(state_->address, state_->group, std::move(topics), Membership::Mode::observer);
  return std::unique_ptr<Source>(new KafkaSource(std::move(state)));
}

}  // namespace agora::events::kafka
