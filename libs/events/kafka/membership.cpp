#include "libs/events/kafka/membership.hpp"

#include <algorithm>
#include <charconv>

#include "libs/events/kafka/message.hpp"

namespace agora::events::kafka {
namespace {

using std::chrono::steady_clock;

/// Of one question to the cluster.
constexpr std::chrono::milliseconds kTimeout{5'000};
constexpr std::chrono::milliseconds kLookTimeout{2'000};
/// How often a wait looks whether it should end.
constexpr std::chrono::milliseconds kSlice{100};
/// How often the group is told how far its members are.
constexpr std::chrono::milliseconds kCommitInterval{1'000};
/// What is behind the last event of a stream (the marks of transactions) is passed once it was quiet for so long.
constexpr std::chrono::milliseconds kQuiet{1'000};

Error unavailable(std::string why) {
  return {Errc::unavailable, "source_unavailable", std::move(why)};
}

Partitions list_of(std::size_t size) {
  return Partitions(rd_kafka_topic_partition_list_new(static_cast<int>(size)));
}

}  // namespace

Membership::Membership(Address address, std::string group, std::vector<std::string> topics, Mode mode)
    : address_(std::move(address)), group_(std::move(group)), topics_(std::move(topics)), mode_(mode) {
  // A property that nobody takes is said at the start.
  [[maybe_unused]] const auto tried = configuration();
}

Membership::~Membership() {
  if (!client_) return;
  commit_at_ = {};
  commit_offsets();
  rd_kafka_consumer_close(client_.get());
}

Configuration Membership::configuration() {
  auto conf = configure(address_,
                        {{"group.id", group_},
                         {"isolation.level", "read_committed"},
                         {"enable.auto.commit", "false"},
                         {"enable.auto.offset.store", "false"},
                         // A position that the topic does not have is an error: anything else passes events in silence.
                         {"auto.offset.reset", "error"},
                         {"partition.assignment.strategy", "range"},
                         {"enable.partition.eof", "true"}},
                        {{"session.timeout.ms", "6000"},
                         {"heartbeat.interval.ms", "1500"},
                         {"max.poll.interval.ms", "60000"},
                         {"fetch.wait.max.ms", "100"},
                         {"queued.max.messages.kbytes", "16384"},
                         {"fetch.message.max.bytes", std::to_string(4 << 20)}});
  rd_kafka_conf_set_opaque(conf.get(), this);
  rd_kafka_conf_set_rebalance_cb(conf.get(), rebalance);
  rd_kafka_conf_set_error_cb(conf.get(), on_error);
  return conf;
}

void Membership::on_error(rd_kafka_t*, int, const char* reason, void* self) {
  static_cast<Membership*>(self)->trouble_ = reason;
}

void Membership::rebalance(rd_kafka_t* client, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t* partitions,
                           void* self) {
  auto& membership = *static_cast<Membership*>(self);
  if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    // Nothing is read until the database has said from where: the group waits so long.
    membership.take(*partitions);
    if (partitions->cnt == 0) rd_kafka_assign(client, partitions);
    return;
  }
  membership.lose_all();
  rd_kafka_assign(client, nullptr);
}

void Membership::take(const rd_kafka_topic_partition_list_t& partitions) {
  for (int i = 0; i < partitions.cnt; ++i) {
    const auto& one = partitions.elems[i];
    const auto name = address_.topic_of(one.topic) + '/' + std::to_string(one.partition);
    streams_[name] = {.topic = one.topic, .partition = one.partition};
    assigned_.push_back(name);
    std::erase(revoked_, name);
  }
  is_assigning_ = partitions.cnt > 0;
}

void Membership::lose_all() {
  for (const auto& [name, stream] : streams_) {
    if (std::erase(assigned_, name) == 0) revoked_.push_back(name);
  }
  streams_.clear();
  is_assigning_ = false;
  buffered_ = buffered_bytes_ = 0;
}

void Membership::begin(std::chrono::milliseconds timeout) {
  if (!client_) {
    client_ = open(RD_KAFKA_CONSUMER, configuration());
    rd_kafka_poll_set_consumer(client_.get());
  }
  require_topics(client_.get(), address_, topics_, timeout);
  if (mode_ == Mode::observer) {
    observe_all(describe(client_.get(), timeout));
  } else {
    const auto wanted = list_of(topics_.size());
    for (const auto& topic : topics_) {
      rd_kafka_topic_partition_list_add(wanted.get(), address_.name_of(topic).c_str(), RD_KAFKA_PARTITION_UA);
    }
    if (const auto code = rd_kafka_subscribe(client_.get(), wanted.get())) throw KafkaError("subscribing", code);
  }
  trouble_.clear();
  is_begun_ = true;
}

void Membership::observe_all(const Cluster& cluster) {
  const auto all = list_of(topics_.size());
  for (const auto& topic : topics_) {
    const auto name = address_.name_of(topic);
    for (std::int32_t i = 0; i < cluster.topics.at(name).partitions; ++i) {
      rd_kafka_topic_partition_list_add(all.get(), name.c_str(), i);
    }
  }
  take(*all);
}

void Membership::seek(const std::string& name, const std::optional<Standing>& from) {
  const auto found = streams_.find(name);
  if (found == streams_.end()) return;
  auto& stream = found->second;
  const auto position = from ? from->position : Position{};
  const bool goes_on = stream.is_running && from && stream.at == position;
  stream.standing = from;
  stream.is_sought = true;
  if (goes_on) return;
  stream.is_running = false;
  stream.at = position;
  buffered_ -= stream.events.size();
  if (buffered_ == 0) buffered_bytes_ = 0;
  stream.events.clear();
  stream.offsets.clear();
  stream.end.reset();
  stream.is_end_told = false;
}

void Membership::acknowledge(const std::string& name, const Position& through) {
  const auto found = streams_.find(name);
  if (found == streams_.end()) return;
  found->second.acknowledged = through.sequence;
  found->second.is_acknowledged = false;
}

Result<Fetched> Membership::fetch(Deadline deadline, const std::atomic<bool>& stopping) {
  if (stopping) return unavailable("the service is about to stop");
  try {
    if (!is_begun_) begin(kTimeout);
    AGORA_TRY_VOID(start_streams());
    AGORA_TRY_VOID(collect(has_page() ? Deadline{} : deadline, stopping));
    commit_offsets();
  } catch (const KafkaError& error) {
    return unavailable(error.what());
  }
  if (!assigned_.empty() || !revoked_.empty()) {
    return Fetched{.assigned = std::exchange(assigned_, {}), .revoked = std::exchange(revoked_, {})};
  }
  return next_page().value_or(Fetched{});
}

Result<void> Membership::start_streams() {
  std::vector<Stream*> starting;
  const auto list = list_of(streams_.size());
  for (auto& [name, stream] : streams_) {
    // The whole assignment is told at once.
    if (is_assigning_ && !stream.is_sought) return {};
    if (stream.is_running || !stream.is_sought) continue;
    AGORA_TRY(const auto offset, beginning_of(stream, name));
    rd_kafka_topic_partition_list_add(list.get(), stream.topic.c_str(), stream.partition)->offset = offset;
    starting.push_back(&stream);
  }
  if (starting.empty()) return {};
  if (is_assigning_) {
    if (const auto code = rd_kafka_assign(client_.get(), list.get())) throw KafkaError("assigning", code);
    is_assigning_ = false;
  } else {
    const RdError error(rd_kafka_seek_partitions(client_.get(), list.get(), static_cast<int>(kTimeout.count())));
    if (error) throw KafkaError("seeking", rd_kafka_error_string(error.get()));
    for (int i = 0; i < list->cnt; ++i) {
      if (list->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR) throw KafkaError("seeking", list->elems[i].err);
    }
  }
  for (auto* stream : starting) stream->is_running = true;
  return {};
}

Result<std::int64_t> Membership::beginning_of(Stream& stream, const std::string& name) {
  const auto code = rd_kafka_query_watermark_offsets(client_.get(), stream.topic.c_str(), stream.partition, &stream.low,
                                                     &stream.head, static_cast<int>(kTimeout.count()));
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) throw KafkaError(name, code);
  const auto at = stream.standing ? stream.standing->position.sequence : 0;
  // A newborn passes what was trimmed before its birth, and nothing that was trimmed since.
  const bool is_newborn = !stream.standing || (at == 0 && stream.standing->birth_through() == stream.low);
  if (is_newborn) return stream.low;
  if (at >= stream.low && at <= stream.head) return at;
  return Error{Errc::failed_precondition, "position_lost",
               "The topic does not have the position " + std::to_string(at) + " of " + name + ": it has " +
                   std::to_string(stream.low) + " to " + std::to_string(stream.head) + "."};
}

Result<void> Membership::collect(Deadline deadline, const std::atomic<bool>& stopping) {
  while (buffered_ < limits_.page_events_max && buffered_bytes_ < limits_.page_bytes_max) {
    const bool has_something = has_page() || !assigned_.empty() || !revoked_.empty();
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - steady_clock::now());
    const auto wait =
        has_something ? std::chrono::milliseconds{0} : std::clamp(left, std::chrono::milliseconds{0}, kSlice);
    const Message message(rd_kafka_consumer_poll(client_.get(), static_cast<int>(wait.count())));
    if (message) {
      AGORA_TRY_VOID(take_message(*message));
      continue;
    }
    if (has_something || stopping || steady_clock::now() >= deadline) return {};
    if (!trouble_.empty()) {
      // It may have been for a moment, or be over.
      describe(client_.get(), kLookTimeout);
      trouble_.clear();
    }
    commit_offsets();
  }
  return {};
}

Result<void> Membership::take_message(const rd_kafka_message_t& message) {
  if (message.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || message.err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC) {
    // Looked at again, and said which, before anything else.
    is_begun_ = false;
    throw KafkaError("a topic went away", message.err);
  }
  if (message.rkt == nullptr) {
    trouble_ = rd_kafka_err2str(message.err);
    return {};
  }
  const auto name = address_.topic_of(rd_kafka_topic_name(message.rkt)) + '/' + std::to_string(message.partition);
  const auto found = streams_.find(name);
  if (found == streams_.end() || !found->second.is_running) return {};
  auto& stream = found->second;
  if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    stream.end = message.offset;
    stream.ended_at = steady_clock::now();
    stream.is_end_told = false;
    return {};
  }
  if (message.err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || message.err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
    return Error{Errc::failed_precondition, "position_lost",
                 "The topic no longer has the position of " + name + ": it was trimmed, or made anew."};
  }
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) throw KafkaError(name, message.err);
  auto event = read_message(address_, message);
  if (!event) {
    return Error{Errc::failed_precondition, "unreadable_event",
                 "What stands at " + name + ", offset " + std::to_string(message.offset) +
                     ", is no event: " + event.error().message};
  }
  stream.events.push_back(*std::move(event));
  stream.offsets.push_back(message.offset);
  stream.end.reset();
  ++buffered_;
  buffered_bytes_ += message.len;
  return {};
}

bool Membership::tells_end(const Stream& stream) const {
  if (!stream.end) return false;
  if (mode_ == Mode::observer) return !stream.is_end_told;
  return *stream.end > stream.at.sequence && steady_clock::now() >= stream.ended_at + kQuiet;
}

bool Membership::has_page() const {
  return std::any_of(streams_.begin(), streams_.end(),
                     [this](const auto& one) { return !one.second.events.empty() || tells_end(one.second); });
}

std::optional<Fetched> Membership::next_page() {
  // Each in turn.
  auto it = streams_.upper_bound(last_given_);
  for (std::size_t i = 0; i < streams_.size(); ++i, ++it) {
    if (it == streams_.end()) it = streams_.begin();
    if (it->second.events.empty() && !tells_end(it->second)) continue;
    last_given_ = it->first;
    const auto before = it->second.events.size();
    auto page = page_of(it->first, it->second);
    buffered_ -= before - it->second.events.size();
    if (buffered_ == 0) buffered_bytes_ = 0;
    return page;
  }
  return std::nullopt;
}

Fetched Membership::page_of(const std::string& name, Stream& stream) const {
  Fetched page{.stream = name, .next = stream.at};
  page.log.log_id = stream.events.empty() ? stream.at.log_id : stream.events.front().log_id;
  page.next.log_id = page.log.log_id;
  while (!stream.events.empty() && stream.events.front().log_id == page.log.log_id) {
    page.next.sequence = stream.offsets.front() + 1;
    page.next.event_id = stream.events.front().id;
    page.events.push_back(std::move(stream.events.front()));
    stream.events.pop_front();
    stream.offsets.pop_front();
  }
  if (stream.events.empty() && stream.end) {
    page.next.sequence = std::max(page.next.sequence, *stream.end);
    stream.is_end_told = true;
  }
  stream.at = page.next;
  std::int64_t low = 0;
  std::int64_t high = 0;
  rd_kafka_get_watermark_offsets(client_.get(), stream.topic.c_str(), stream.partition, &low, &high);
  stream.head = std::max({stream.head, high, page.next.sequence});
  page.log.head = stream.end ? page.next.sequence : stream.head;
  page.log.trimmed_through = stream.low;
  return page;
}

void Membership::commit_offsets() {
  if (mode_ == Mode::observer || !client_ || steady_clock::now() < commit_at_) return;
  const auto list = list_of(streams_.size());
  for (auto& [name, stream] : streams_) {
    if (stream.is_acknowledged || !stream.acknowledged) continue;
    stream.is_acknowledged = true;
    // What is behind the last event needs no one's work.
    const bool is_at_end = stream.end && stream.events.empty() && stream.acknowledged == stream.at.sequence;
    rd_kafka_topic_partition_list_add(list.get(), stream.topic.c_str(), stream.partition)->offset =
        is_at_end ? std::max(*stream.end, *stream.acknowledged) : *stream.acknowledged;
  }
  if (list->cnt == 0) return;
  commit_at_ = steady_clock::now() + kCommitInterval;
  // Nobody builds on these; what fails is told anew with the next.
  rd_kafka_commit(client_.get(), list.get(), 1);
}

}  // namespace agora::events::kafka
