#include "libs/events/feed_server.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "libs/events/event_spans.hpp"
#include "libs/http/pages.hpp"
#include "libs/json/writer.hpp"
#include "libs/log/log.hpp"
#include "libs/sql/faults.hpp"

namespace agora::events {
namespace {

constexpr std::chrono::milliseconds kReadDeadline{5'000};

/// A number that is not negative; complains and gives 0 when it is none.
std::int64_t to_number(http::QueryParameters& parameters, std::string_view name, const std::string& text) {
  std::int64_t number = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (ec == std::errc{} && end == text.data() + text.size() && number >= 0) return number;
  parameters.complain(name, "invalid_value", "must be an integer of at least 0");
  return 0;
}

std::optional<std::int64_t> take_number(http::QueryParameters& parameters, std::string_view name) {
  const auto text = parameters.take(name);
  if (!text) return std::nullopt;
  return to_number(parameters, name, *text);
}

/// Whether contracts/events lets a consumer read a topic of this publisher.
bool may_read(const std::string& publisher, const std::string& consumer, const std::string& name) {
  const auto* topic = find_topic(name);
  return topic != nullptr && topic->publisher == publisher &&
         std::find(topic->consumers.begin(), topic->consumers.end(), consumer) != topic->consumers.end();
}

http::Response to_response(const Page& page) {
  http::Response response;
  response.body.reserve(page.events.size() + 256);
  json::Writer(response.body)
      .begin_object()
      .member("log_id", page.log.log_id)
      .member("head", page.log.head)
      .member("trimmed_through", page.log.trimmed_through)
      .key("next")
      .begin_object()
      .member("after", page.next.sequence)
      .member("after_id", page.next.event_id)
      .end_object()
      .key("events")
      .raw(page.events)
      .end_object();
  return response;
}

}  // namespace

/// What a poll asks for.
struct FeedServer::Poll {
  std::string consumer{};
  ReadRequest read{};
  std::optional<std::int64_t> ack{};
  bool observes = false;  ///< it reads besides what it acknowledges, for a rebuild
  std::chrono::milliseconds wait{0};

  static Result<Poll> from(const std::string& publisher, http::Request request) {
    AGORA_TRY(auto pairs, request.query());
    http::QueryParameters parameters(std::move(pairs));
    Poll poll{.consumer = parameters.take("consumer").value_or("")};
    const auto topics = parameters.take("topics").value_or("");
    if (topics.empty()) {
      parameters.complain("topics", "required", "is required");
    } else {
      for (const auto topic : http::split_list(topics)) poll.read.topics.emplace_back(topic);
    }
    for (const auto& topic : poll.read.topics) {
      if (!may_read(publisher, poll.consumer, topic)) {
        parameters.complain("topics", "invalid_value", "must be topics of this log that declare this consumer");
        break;
      }
    }
    const auto log_id = parameters.take("log_id");
    const auto after = take_number(parameters, "after");
    const auto after_id = parameters.take("after_id");
    if (after.has_value() != log_id.has_value() || after.has_value() != after_id.has_value()) {
      parameters.complain("after", "required", "comes with log_id and after_id, or none of the three");
    } else if (after) {
      poll.read.after = Position{*log_id, *after, *after_id};
    }
    poll.read.birth_through = take_number(parameters, "birth");
    poll.ack = take_number(parameters, "ack");
    if (poll.ack && poll.ack != after) parameters.complain("ack", "invalid_value", "must be after");
    const auto observe = parameters.take("observe");
    if (observe && *observe != "true") parameters.complain("observe", "invalid_value", "must be true");
    poll.observes = observe.has_value();
    if (poll.observes && poll.ack) parameters.complain("ack", "conflicting_fields", "must not come with observe");
    poll.read.limit = take_number(parameters, "limit").value_or(0);
    poll.wait = std::min(kWaitMax, std::chrono::milliseconds(take_number(parameters, "wait").value_or(0)));
    AGORA_TRY_VOID(parameters.finish());
    return poll;
  }
};

FeedServer::FeedServer(asio::io_context& io, sql::Database& database, EventLog log, const Clock& clock,
                       telemetry::Registry& metrics)
    : io_(io),
      database_(database),
      log_(std::move(log)),
      clock_(clock),
      metrics_(metrics),
      lease_(database, "events.trim", log_.limits().trim_lease) {
  // There before anybody is dropped: a counter that begins at 1 has not risen.
  for (const auto& consumer : log_.consumers()) dropped(consumer);
}

std::vector<http::Route> FeedServer::routes() {
  const auto feed = [this](Ctx ctx, http::Request request) { return get_feed(std::move(ctx), request); };
  const auto forget = [this](Ctx ctx, http::Request request) { return forget_consumer(std::move(ctx), request); };
  return {{http::Method::get, "/internal/feed", "getFeed", http::Auth::service, http::Ownership::none, feed,
           http::DemoGuests::no, http::Admission::reserved, "application/json", http::Query::read},
          {http::Method::delete_, "/internal/feed/consumers/{consumer}", "forgetConsumer", http::Auth::service,
           http::Ownership::none, forget, http::DemoGuests::no, http::Admission::reserved}};
}

Task<Result<http::Response>> FeedServer::get_feed(Ctx ctx, http::Request request) {
  AGORA_CO_TRY(auto poll, Poll::from(log_.publisher(), request));
  const auto until = std::chrono::steady_clock::now() + poll.wait;
  poll.read.traced = metrics_.tracer().on() && !poll.observes;
  // Whoever begins to read the whole log needs it as it is now, whatever they acknowledged or missed before.
  if (poll.observes && !poll.read.after) co_await forget(ctx, poll.consumer);
  while (true) {
    const auto seen = wakes_;
    ctx.deadline = std::chrono::steady_clock::now() + kReadDeadline;
    auto work = [this, poll](sql::Tx& tx) -> Result<Page> {
      if (log_.is_dropped(tx, poll.consumer)) {
        return Error{Errc::failed_precondition, "consumer_dropped",
                     "The consumer held the log up for too long; what it missed is gone."};
      }
      return log_.read_after(tx, poll.read);
    };
    AGORA_CO_TRY(auto page, co_await database_.read(ctx, work));
    // Only now is it known to speak of this log: another's numbers would let go of what the consumer never read.
    if (poll.ack) acked_[poll.consumer] = *std::exchange(poll.ack, std::nullopt);
    if (draining_ && page.count == 0) {
      co_return Error{Errc::unavailable, "temporarily_unavailable", "The service is about to stop; ask again soon."};
    }
    if (page.count > 0 || std::chrono::steady_clock::now() >= until) {
      AGORA_CRASH_POINT("events.feed.serving");
      tell(page);
      co_return to_response(page);
    }
    // What was passed over is not read again at each commit.
    if (poll.read.after) poll.read.after = page.next;
    // What was committed while we read woke whoever waited then; we did not yet.
    if (wakes_ == seen) co_await wait_until(until);
  }
}

void FeedServer::tell(const Page& page) {
  EventSpans spans(metrics_.tracer(), "send", telemetry::TraceSpan::Kind::producer, "feed");
  for (const auto& [event_id, topic, traceparent] : page.traces) spans.begin(event_id, topic, traceparent);
  spans.succeed();
}

Task<Result<http::Response>> FeedServer::forget_consumer(Ctx ctx, http::Request request) {
  std::string consumer(request.path_parameter("consumer"));
  co_await forget(std::move(ctx), std::move(consumer));
  co_return http::Response{.status = 204};
}

Task<void> FeedServer::forget(Ctx ctx, std::string consumer) {
  acked_.erase(consumer);
  auto work = [this, consumer](sql::Tx& tx) { log_.forget(tx, consumer); };
  co_await database_.write(std::move(ctx), work);
}

Task<void> FeedServer::wait_until(Deadline deadline) {
  asio::steady_timer timer(io_, deadline);
  const auto at = waiting_.insert(waiting_.end(), &timer);
  boost::system::error_code ignored;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  waiting_.erase(at);
}

void FeedServer::wake() {
  ++wakes_;
  for (auto* timer : waiting_) timer->cancel();
}

void FeedServer::drain() {
  draining_ = true;
  wake();
}

telemetry::Counter& FeedServer::dropped(const std::string& consumer) {
  return metrics_.counter("agora_events_dropped_consumers_total", "Consumers that held the log up for too long.",
                          {{"consumer", consumer}});
}

telemetry::Job FeedServer::trim_job() {
  return [this](Ctx ctx) { return trim_round(std::move(ctx)); };
}

Task<void> FeedServer::note_acknowledged(Ctx ctx) {
  if (acked_.empty()) co_return;
  auto work = [this, acked = acked_, now = clock_.now()](sql::Tx& tx) {
    for (const auto& [consumer, sequence] : acked) {
      // One that was dropped meanwhile is told so by its next poll.
      [[maybe_unused]] const auto noted = log_.acknowledge(tx, consumer, sequence, now);
    }
    return acked;
  };
  const auto noted = co_await database_.write(std::move(ctx), work);
  for (const auto& [consumer, sequence] : noted) {
    // What is noted again later would undo what the consumer told another replica meanwhile.
    if (acked_.contains(consumer) && acked_.at(consumer) == sequence) acked_.erase(consumer);
  }
}

Task<void> FeedServer::measure(Ctx ctx) {
  auto work = [this](sql::Tx& tx) { return std::pair{log_.state(tx).head, log_.acknowledged(tx)}; };
  const auto [head, acked] = co_await database_.read(std::move(ctx), work);
  for (const auto& [consumer, sequence] : acked) {
    metrics_.gauge("agora_events_feed_lag", "Events that a consumer has not acknowledged.", {{"consumer", consumer}})
        .set(head - sequence);
  }
}

Task<telemetry::MoreWork> FeedServer::trim_round(Ctx ctx) {
  co_await note_acknowledged(ctx);
  co_await measure(ctx);
  const auto fence = co_await lease_.hold(ctx);
  if (!fence) co_return telemetry::MoreWork::no;
  auto work = [this, fence = *fence, now = clock_.now()](sql::Tx& tx) {
    return sql::stands(tx, fence) ? log_.trim(tx, now) : EventLog::Trimmed{};
  };
  const auto done = co_await database_.write(ctx, work);
  for (const auto& consumer : done.dropped) {
    dropped(consumer).add();
    log::error(ctx, "a consumer held the log up for too long and was dropped; what it missed is gone",
               {{"consumer", consumer}});
  }
  co_return done.more ? telemetry::MoreWork::yes : telemetry::MoreWork::no;
}

}  // namespace agora::events
