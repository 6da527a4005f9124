// A connection whose answer is a stream of events.

#include <algorithm>
#include <netinet/tcp.h>
#include <random>

#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "libs/http/connection.hpp"
#include "libs/log/log.hpp"

namespace agora::http {
namespace {

using boost::system::error_code;

/// The kernel takes twice this for what a client does not read.
constexpr int kSendBufferBytes = 16 << 10;
/// All streams fail at once when their database does: how many, the counter says.
constexpr std::chrono::milliseconds kWarningInterval{10'000};
/// Of what a client sends though it is not asked; what is more waits until the next event.
constexpr int kDiscardedReadsMax = 4;
/// Who listened to a replica that stops comes back within this, not all at once.
constexpr std::uint32_t kRetryMinMs = 1'000;
constexpr std::uint32_t kRetryMaxMs = 5'000;

std::string retry_line() {
  static thread_local std::minstd_rand random(std::random_device{}());
  return "retry: " + std::to_string(kRetryMinMs + random() % (kRetryMaxMs - kRetryMinMs)) + "\n\n";
}

}  // namespace

void Connection::bound_socket() {
  error_code ignored;
  socket_.set_option(asio::socket_base::send_buffer_size(kSendBufferBytes), ignored);
#ifdef TCP_USER_TIMEOUT
  // What is not even acknowledged. Later than our own deadline: a client that is there and does not read is another
  // thing.
  const auto allowed = static_cast<unsigned>(2 * state_->options.limits.idle_deadline.count());
  ::setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_USER_TIMEOUT, &allowed, sizeof allowed);
#endif
}

bool Connection::client_is_gone() {
  error_code ec;
  for (int i = 0; i < kDiscardedReadsMax && !ec; ++i) socket_.read_some(asio::buffer(buffer_), ec);
  return ec && ec != asio::error::would_block;
}

Task<void> Connection::wait_for(Socket::wait_type ready, Deadline until) {
  auto& timer = stream_->timer();
  timer.expires_at(until);
  auto either = asio::experimental::make_parallel_group(socket_.async_wait(ready, asio::deferred),
                                                        timer.async_wait(asio::deferred));
  co_await either.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
}

Task<std::shared_ptr<const std::string>> Connection::next_text() {
  static const auto kHeartbeat = std::make_shared<const std::string>(":\n\n");
  auto text = co_await stream_->take();
  if (!text && std::chrono::steady_clock::now() >= heartbeat_at_) text = kHeartbeat;
  co_return text;
}

Task<void> Connection::send_stream() {
  const auto& limits = state_->options.limits;
  // Events have their own deadlines, and what the request needed can go.
  phase_ = Phase::streaming;
  deadline_ = Deadline::max();
  std::string().swap(input_);
  std::string().swap(output_);
  bound_socket();
  std::shared_ptr<const std::string> text;  // what is being sent
  auto stalled_at = Deadline::max();
  const auto begin_sending = [&](std::string_view bytes) {
    const auto now = std::chrono::steady_clock::now();
    heartbeat_at_ = now + limits.stream_heartbeat;
    stalled_at = now + limits.idle_deadline;
    send(bytes);
  };
  begin_sending(stream_->opening());
  if (state_->draining) stream_->end(StreamEnd::drained);
  while (true) {
    const auto now = std::chrono::steady_clock::now();
    if (send_error_) stream_->end(StreamEnd::client);
    if (now >= stream_->ends_at()) stream_->end(StreamEnd::expired);
    if (!unsent_.empty() && now >= stalled_at) stream_->end(StreamEnd::stalled);
    if (stream_->ended()) break;
    if (unsent_.empty()) {
      try {
        text = co_await next_text();
      } catch (const std::exception& failure) {
        if (now >= state_->stream_warning_at) {
          state_->stream_warning_at = now + kWarningInterval;
          log::warn({}, "a stream of events could not go on", {{"reason", failure.what()}});
        }
        stream_->end(StreamEnd::failed);
        break;
      }
      if (text) {
        begin_sending(*text);
        continue;
      }
    }
    const auto next = unsent_.empty() ? heartbeat_at_ : stalled_at;
    const auto ready = unsent_.empty() ? Socket::wait_read : Socket::wait_write;
    co_await wait_for(ready, std::min(next, stream_->ends_at()));
    if (client_is_gone()) stream_->end(StreamEnd::client);
    if (unsent_.empty()) continue;
    const auto before = unsent_.size();
    send(unsent_);
    // A slow reader gets through the largest event as well.
    if (unsent_.size() < before) stalled_at = std::chrono::steady_clock::now() + limits.idle_deadline;
  }
  // In the middle of an event it would be part of it.
  if (*stream_->ended() == StreamEnd::drained && unsent_.empty()) send(retry_line());
}

}  // namespace agora::http
