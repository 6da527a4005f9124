#include "libs/events/consumers.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>

#include <boost/describe/class.hpp>

#include "libs/http/pages.hpp"
#include "libs/json/writer.hpp"

namespace agora::events {
namespace {

constexpr std::chrono::milliseconds kRetryInterval{1'000};
constexpr std::chrono::milliseconds kRetryDeadline{30'000};

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

/// A list of parked events knows no filters.
constexpr std::string_view kNoFilters = "parked";

std::string cursor_of(const Parked& last) {
  const auto micros = std::to_string(last.parked_at.time_since_epoch().count());
  const http::Cursor cursor{
      {last.publisher, micros, last.log_id, last.topic, last.subject, std::to_string(last.version)}};
  return cursor.encode(kNoFilters);
}

Result<std::optional<Parked>> from_cursor(const std::string& text) {
  AGORA_TRY(const auto cursor, http::Cursor::decode(text, kNoFilters, 6));
  AGORA_TRY(const auto parked_at, cursor.time(1));
  std::int64_t version = 0;
  const auto& digits = cursor.fields[5];
  const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), version);
  if (ec != std::errc{} || end != digits.data() + digits.size()) return http::invalid_cursor();
  return std::optional(Parked{.publisher = cursor.fields[0],
                              .log_id = cursor.fields[2],
                              .topic = cursor.fields[3],
                              .subject = cursor.fields[4],
                              .version = version,
                              .parked_at = parked_at});
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
                      const OtherSource& other, ConsumerOptions options, telemetry::Registry& metrics) {
  for (const auto& peer : peers) {
    if (peer.url.empty()) continue;
    options.publisher = peer.publisher;
    options.system = peer.url.substr(0, peer.url.find(':'));
    One one;
    auto names = topics_of(peer.publisher, service_);
    if (peer.url.starts_with("feed:")) {
      if (!transfers_) transfers_.emplace();
      one.source = std::make_unique<FeedSource>(*transfers_, peer.url, service_, token, std::move(names));
    } else {
      one.source = other(peer, std::move(names));
    }
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

void Consumers::begin_stop() {
  for (auto& one : all_) one.consumer->begin_stop();
  // Polls end, and those that a rebuild makes.
  for (auto& one : all_) one.source->stop();
}

Task<void> Consumers::stop() {
  begin_stop();
  for (auto& one : all_) co_await one.consumer->stop();
  for (auto& one : all_) co_await one.retry->stop();
}

std::vector<http::Route> Consumers::routes() {
  const auto bound = [this](auto method) {
    return [this, method](Ctx ctx, http::Request request) { return (this->*method)(std::move(ctx), request); };
  };
  const auto row = [&](http::Method method, std::string path, std::string id, auto handler,
                       http::Query query = http::Query::refused) {
    http::Route route{method,        std::move(path), std::move(id), http::Auth::service, http::Ownership::none,
                      bound(handler)};
    route.query = query;
    return route;
  };
  return {row(http::Method::get, "/internal/consumers", "listConsumers", &Consumers::list_consumers),
          row(http::Method::post, "/internal/consumers/{publisher}/rebuild", "rebuildConsumer",
              &Consumers::rebuild_consumer),
          row(http::Method::get, "/internal/parked", "listParked", &Consumers::list_parked, http::Query::read),
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
    auto work = [inbox = one.consumer->inbox()](sql::Tx& tx) { return inbox.standings(tx); };
    const auto standings = co_await database_.read(ctx, work);
    const auto write = [&](const std::string& stream, const Position& at) {
      json.begin_object()
          .member("publisher", one.consumer->inbox().publisher())
          .member("stream", stream)
          .member("log_id", at.log_id)
          .member("sequence", at.sequence)
          .member("event_id", at.event_id)
          .member("degraded", standings.failure)
          .end_object();
    };
    for (const auto& [stream, standing] : standings.streams) write(stream, standing.position);
    if (standings.streams.empty()) write("", {});
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

Consumers::HandlerResult Consumers::list_parked(Ctx ctx, http::Request request) {
  AGORA_CO_TRY(auto pairs, request.query());
  http::QueryParameters parameters(std::move(pairs));
  const auto limit = static_cast<std::size_t>(parameters.take_limit());
  const auto cursor = parameters.take("cursor");
  AGORA_CO_TRY_VOID(parameters.finish());
  std::optional<Parked> after;
  if (cursor) {
    AGORA_CO_TRY(after, from_cursor(*cursor));
  }
  std::vector<Parked> page;
  bool begun = !after;
  for (const auto& one : all_) {
    const auto& inbox = one.consumer->inbox();
    const bool goes_on = after && after->publisher == inbox.publisher();
    begun |= goes_on;
    if (!begun || page.size() > limit) continue;
    const auto wanted = static_cast<std::int64_t>(limit + 1 - page.size());
    auto work = [inbox, from = goes_on ? after : std::nullopt, wanted](sql::Tx& tx) {
      return inbox.list(tx, from, wanted);
    };
    auto found = co_await database_.read(ctx, work);
    std::move(found.begin(), found.end(), std::back_inserter(page));
  }
  const bool has_more = page.size() > limit;
  if (has_more) page.resize(limit);
  http::Response response;
  json::Writer json(response.body);
  json.begin_object().key("items").begin_array();
  for (const auto& event : page) write_parked(json, event);
  json.end_array();
  json.member("next_cursor", has_more ? std::optional(cursor_of(page.back())) : std::nullopt);
  json.member("has_more", has_more).end_object();
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
