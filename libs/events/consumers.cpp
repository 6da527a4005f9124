#include "libs/events/consumers.hpp"

#include <algorithm>

#include <boost/describe/class.hpp>

#include "libs/http/pages.hpp"
#include "libs/json/writer.hpp"

namespace agora::events {
namespace {

constexpr std::chrono::milliseconds kRetryInterval{1'000};
constexpr std::chrono::milliseconds kRetryDeadline{30'000};
constexpr std::int64_t kListMax = 100;

std::vector<std::string> topics_of(std::string_view publisher, std::string_view service) {
  std::vector<std::string> names;
  for (const auto& topic : topics()) {
    const bool ours = std::find(topic.consumers.begin(), topic.consumers.end(), service) != topic.consumers.end();
    if (topic.publisher == publisher && ours) names.emplace_back(topic.name);
  }
  return names;
}

/// A subject as a body names it.
struct SubjectForm {
  std::string publisher{};
  std::string log_id{};
  std::string topic{};
  std::string subject{};

  Subject key() const { return {log_id, topic, subject}; }
};
BOOST_DESCRIBE_STRUCT(SubjectForm, (), (publisher, log_id, topic, subject))

struct RebuildForm {
  bool accept_gap = false;
};
BOOST_DESCRIBE_STRUCT(RebuildForm, (), (accept_gap))

Error no_such_consumer() {
  return {Errc::not_found, "not_found", "This service consumes no such log."};
}
Error nothing_parked() {
  return {Errc::not_found, "not_found", "Nothing is parked for this subject."};
}

void write_parked(json::Writer& json, const Parked& parked) {
  json.begin_object()
      .member("publisher", parked.publisher)
      .member("log_id", parked.log_id)
      .member("topic", parked.topic)
      .member("subject", parked.subject)
      .member("version", parked.version)
      .member("event_id", parked.event_id)
      .member("reason", parked.reason)
      .member("detail", parked.detail)
      .member("attempts", parked.attempts)
      .member("parked_at", parked.parked_at)
      .member("retry_at", parked.retry_at)
      .member("dead", parked.dead)
      .end_object();
}

}  // namespace

void Consumers::start(asio::io_context& io, const std::vector<Peer>& peers, const Secret<std::string>& token,
                      ConsumerOptions options, telemetry::Registry& metrics) {
  for (const auto& peer : peers) {
    if (peer.url.empty()) continue;
    if (!transfers_) transfers_.emplace();
    options.publisher = peer.publisher;
    options.topics = topics_of(peer.publisher, service_);
    One one;
    one.source = std::make_unique<FeedSource>(*transfers_, peer.url, service_, token);
    one.consumer = std::make_unique<Consumer>(io, database_, *one.source, options, handler_, clock_, metrics);
    one.retry = std::make_unique<telemetry::JobLoop>(io, "events.retry." + peer.publisher, kRetryInterval,
                                                     kRetryDeadline, one.consumer->retry_job(), metrics);
    all_.push_back(std::move(one));
  }
}

Consumers::~Consumers() = default;

void Consumers::report_to(http::Readiness& readiness) {
  for (const auto& one : all_) {
    readiness.add_note("consumer " + one.consumer->inbox().publisher(),
                       [consumer = one.consumer.get()] { return consumer->degraded(); });
  }
}

Task<void> Consumers::stop() {
  for (auto& one : all_) co_await one.retry->stop();
  if (transfers_) transfers_->stop();
  for (auto& one : all_) co_await one.consumer->stop();
}

std::vector<http::Route> Consumers::routes() {
  const auto bound = [this](auto method) {
    return [this, method](Ctx ctx, http::Request request) { return (this->*method)(std::move(ctx), request); };
  };
  const auto row = [&](http::Method method, std::string path, std::string id, auto handler) {
    return http::Route{method,        std::move(path), std::move(id), http::Auth::service, http::Ownership::none,
                       bound(handler)};
  };
  return {row(http::Method::get, "/internal/consumers", "listConsumers", &Consumers::list_consumers),
          row(http::Method::post, "/internal/consumers/{publisher}/rebuild", "rebuildConsumer",
              &Consumers::rebuild_consumer),
          row(http::Method::get, "/internal/parked", "listParked", &Consumers::list_parked),
          row(http::Method::post, "/internal/parked/replay", "replayParked", &Consumers::replay_parked),
          row(http::Method::post, "/internal/parked/skip", "skipParked", &Consumers::skip_parked)};
}

Consumers::One* Consumers::find(std::string_view publisher) {
  const auto found = std::find_if(all_.begin(), all_.end(),
                                  [&](const One& one) { return one.consumer->inbox().publisher() == publisher; });
  return found == all_.end() ? nullptr : &*found;
}

Consumers::HandlerResult Consumers::list_consumers(Ctx ctx, http::Request) {
  http::Response response;
  json::Writer json(response.body);
  json.begin_object().key("items").begin_array();
  for (const auto& one : all_) {
    auto work = [inbox = one.consumer->inbox()](sql::Tx& tx) { return inbox.standing(tx); };
    const auto standing = co_await database_.read(ctx, work);
    json.begin_object().member("publisher", one.consumer->inbox().publisher());
    const auto& position = standing.value_or(Standing{}).position;
    json.member("log_id", position.log_id).member("sequence", position.sequence).member("event_id", position.event_id);
    json.member("degraded", standing ? standing->failure : std::nullopt).end_object();
  }
  json.end_array().end_object();
  co_return response;
}

Consumers::HandlerResult Consumers::rebuild_consumer(Ctx ctx, http::Request request) {
  AGORA_CO_TRY(const auto form, http::read_json<RebuildForm>(request));
  auto* one = find(request.path_parameter("publisher"));
  if (one == nullptr) co_return no_such_consumer();
  // A whole log is read: as long as that takes.
  ctx.deadline = Deadline::max();
  AGORA_CO_TRY(const auto rebuilt, co_await one->consumer->rebuild(std::move(ctx), form.accept_gap));
  http::Response response;
  json::Writer json(response.body);
  json.begin_object()
      .member("done", rebuilt.done)
      .member("not_compared_through", rebuilt.not_compared_through)
      .key("lowered")
      .begin_array();
  for (const auto& subject : rebuilt.lowered) {
    json.begin_object().member("topic", subject.topic).member("subject", subject.subject).end_object();
  }
  json.end_array().end_object();
  co_return response;
}

Consumers::HandlerResult Consumers::list_parked(Ctx ctx, http::Request) {
  http::Response response;
  json::Writer json(response.body);
  json.begin_object().key("items").begin_array();
  for (const auto& one : all_) {
    auto work = [inbox = one.consumer->inbox()](sql::Tx& tx) { return inbox.list(tx, kListMax); };
    const auto parked = co_await database_.read(ctx, work);
    for (const auto& event : parked) write_parked(json, event);
  }
  json.end_array().end_object();
  co_return response;
}

Consumers::HandlerResult Consumers::replay_parked(Ctx ctx, http::Request request) {
  AGORA_CO_TRY(const auto form, http::read_json<SubjectForm>(request));
  auto* one = find(form.publisher);
  if (one == nullptr) co_return no_such_consumer();
  auto work = [inbox = one->consumer->inbox(), subject = form.key(), now = clock_.now()](sql::Tx& tx) {
    return inbox.replay(tx, subject, now);
  };
  const auto count = co_await database_.write(std::move(ctx), work);
  if (count == 0) co_return nothing_parked();
  http::Response response;
  json::Writer(response.body).begin_object().member("replayed", count).end_object();
  co_return response;
}

Consumers::HandlerResult Consumers::skip_parked(Ctx ctx, http::Request request) {
  AGORA_CO_TRY(const auto form, http::read_json<SubjectForm>(request));
  auto* one = find(form.publisher);
  if (one == nullptr) co_return no_such_consumer();
  auto work = [inbox = one->consumer->inbox(), subject = form.key(), now = clock_.now()](sql::Tx& tx) {
    return inbox.skip(tx, subject, now);
  };
  const auto through = co_await database_.write(std::move(ctx), work);
  if (!through) co_return nothing_parked();
  http::Response response;
  json::Writer(response.body).begin_object().member("skipped_through", *through).end_object();
  co_return response;
}

}  // namespace agora::events
