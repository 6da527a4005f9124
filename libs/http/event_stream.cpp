#include "libs/http/event_stream.hpp"

#include <utility>

#include "libs/http/server.hpp"

namespace agora::http {

std::string event_block(std::string_view id, std::string_view name, std::string_view data) {
  std::string block;
  block.reserve(id.size() + name.size() + data.size() + 24);
  block += "id: ";
  block += id;
  block += "\nevent: ";
  block += name;
  block += "\ndata: ";
  block += data;
  block += "\n\n";
  return block;
}

EventStream::EventStream(asio::any_io_executor executor, Begin begin, Read read)
    : opening_(std::move(begin.opening)),
      read_(std::move(read)),
      ends_at_(begin.ends_at),
      timer_(std::move(executor), Deadline::max()),
      events_max_(Limits{}.stream_events_max),
      bytes_max_(Limits{}.stream_bytes_max),
      taken_(begin.after),
      read_through_(begin.live_after) {}

EventStream::~EventStream() {
  if (gone_) gone_();
  slot_.close(end_.value_or(StreamEnd::client));
}

void EventStream::admit(const Limits& limits, StreamSlot slot) {
  events_max_ = limits.stream_events_max;
  bytes_max_ = limits.stream_bytes_max;
  slot_ = std::move(slot);
}

void EventStream::push(const StreamEvent& event) {
  if (end_ || event.sequence <= read_through_) return;
  if (static_cast<std::int64_t>(waiting_.size()) >= events_max_) return end(StreamEnd::queue_full);
  const auto bytes = static_cast<std::int64_t>(event.text->size());
  const bool fits = waiting_bytes_ + bytes <= bytes_max_;
  waiting_.push_back(fits ? event : StreamEvent{event.sequence, nullptr});
  if (fits) waiting_bytes_ += bytes;
  timer_.cancel();
}

void EventStream::read_through(std::int64_t sequence) {
  if (sequence <= read_through_) return;
  read_through_ = sequence;
  timer_.cancel();
}

void EventStream::end(StreamEnd why) {
  if (end_) return;
  end_ = why;
  timer_.cancel();
}

void EventStream::pop() {
  if (const auto& text = waiting_.front().text) waiting_bytes_ -= static_cast<std::int64_t>(text->size());
  waiting_.pop_front();
}

void EventStream::drop_through(std::int64_t sequence) {
  while (!waiting_.empty() && waiting_.front().sequence <= sequence) pop();
}

std::shared_ptr<const std::string> EventStream::took(StreamEvent event) {
  taken_ = event.sequence;
  drop_through(taken_);
  return std::move(event.text);
}

Task<std::shared_ptr<const std::string>> EventStream::take() {
  while (true) {
    if (!page_.empty()) {
      auto next = std::move(page_.front());
      page_.pop_front();
      co_return took(std::move(next));
    }
    if (taken_ < read_through_) {
      const auto through = read_through_;
      auto read = co_await read_(taken_, through, bytes_max_);
      page_.assign(std::make_move_iterator(read.begin()), std::make_move_iterator(read.end()));
      // What is not there any more is passed over.
      if (page_.empty()) taken_ = through;
      continue;
    }
    drop_through(taken_);
    if (waiting_.empty()) co_return nullptr;
    if (waiting_.front().text) {
      auto next = waiting_.front();
      co_return took(std::move(next));
    }
    // There was nothing for this client before it.
    taken_ = waiting_.front().sequence - 1;
    for (const auto& event : waiting_) {
      if (event.text) break;
      read_through_ = event.sequence;
    }
  }
}

}  // namespace agora::http
