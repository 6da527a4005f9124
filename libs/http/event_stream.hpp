#pragma once
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "libs/base/clock.hpp"
#include "libs/base/task.hpp"
#include "libs/http/stream_slots.hpp"

namespace agora::http {

/// An event as it goes to whoever follows: its number in its log, and the bytes that are sent. Streams share the bytes.
struct StreamEvent {
  std::int64_t sequence = 0;
  std::shared_ptr<const std::string> text{};  ///< null: let go of, to be read again when it is sent
};

/// A block of `text/event-stream`: `id`, `event` and one line of `data`, which has no line end in it, as JSON of ours.
std::string event_block(std::string_view id, std::string_view name, std::string_view data);

/// What one client follows: events that wait to be sent to it. Who has them pushes them; the connection takes them. A
/// client that does not read costs no more than its limits say: texts beyond `stream_bytes_max` are let go of and read
/// again once it reads on, a page of as many bytes or one event at a time, and at `stream_events_max` events the stream
/// ends. Used on the io thread.
class EventStream {
 public:
  /// Events that were before, in order: those after a number, through another; as many as fit into so many bytes, one
  /// at least; none when there are no more.
  using Read =
      std::function<Task<std::vector<StreamEvent>>(std::int64_t after, std::int64_t through, std::int64_t bytes_max)>;

  struct Begin {
    std::string opening{};        ///< sent first
    std::int64_t after = 0;       ///< the last event that the client has
    std::int64_t live_after = 0;  ///< those after it are pushed; those up to it are read
    Deadline ends_at = Deadline::max();
  };

  EventStream(asio::any_io_executor executor, Begin begin, Read read);
  ~EventStream();
  EventStream(const EventStream&) = delete;
  EventStream& operator=(const EventStream&) = delete;

  /// Events newer than those pushed before. Ends the stream when too many wait; nothing is pushed to one that has
  /// ended.
  void push(const StreamEvent& event);
  /// What is after the client's last event, up to this number, is read; only newer ones are pushed.
  void read_through(std::int64_t sequence);
  /// Ends it, unless it has ended; the connection closes when it sees it.
  void end(StreamEnd why);
  /// Has it tell somebody that it is gone.
  void on_gone(std::function<void()> gone) { gone_ = std::move(gone); }

  // The connection's side.

  /// Takes the server's limits and its place among the streams. Before it nothing is sent.
  void admit(const Limits& limits, StreamSlot slot);
  const std::string& opening() const { return opening_; }
  /// The next text to send; null when there is none now. What reading throws comes through.
  Task<std::shared_ptr<const std::string>> take();
  /// Why it ended; none while it goes on.
  std::optional<StreamEnd> ended() const { return end_; }
  Deadline ends_at() const { return ends_at_; }
  /// Woken when there is something to take, or it ended.
  asio::steady_timer& timer() { return timer_; }

 private:
  void pop();
  void drop_through(std::int64_t sequence);
  std::shared_ptr<const std::string> took(StreamEvent event);

  const std::string opening_;
  const Read read_;
  const Deadline ends_at_;
  asio::steady_timer timer_;
  std::function<void()> gone_{};
  std::int64_t events_max_;
  std::int64_t bytes_max_;
  StreamSlot slot_{};
  std::optional<StreamEnd> end_{};

  std::int64_t taken_;         ///< the number of the last event that was taken
  std::int64_t read_through_;  ///< what is after `taken_`, up to here, is read
  std::deque<StreamEvent> waiting_{};
  std::int64_t waiting_bytes_ = 0;
  std::deque<StreamEvent> page_{};  ///< what was read
};

}  // namespace agora::http
