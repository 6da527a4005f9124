#include "libs/events/live.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <unordered_map>
#include <utility>

namespace agora::events {
namespace {

/// Numbers that a round reads at once, and events that a client which was away is read at once.
constexpr std::int64_t kStretchMax = 500;
constexpr std::int64_t kPageMax = 16;
constexpr std::chrono::milliseconds kReadDeadline{5'000};
/// A stream lasts no longer, whatever its token says: the monotonic clock does not reach the year 9999.
constexpr std::chrono::hours kLongest{100 * 365 * 24};

std::string id_of(const std::string& log_id, std::int64_t sequence) {
  return log_id + ':' + std::to_string(sequence);
}

/// The number in an id of this log; none when what comes after it is not known.
std::optional<std::int64_t> number_in(std::string_view id, const LogState& log) {
  if (!id.starts_with(log.log_id + ':')) return std::nullopt;
  const auto digits = id.substr(log.log_id.size() + 1);
  std::int64_t number = 0;
  const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (ec != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  if (number < log.trimmed_through || number > log.head) return std::nullopt;
  return number;
}

http::StreamEvent to_stream(const std::string& log_id, const LiveEvent& event) {
  auto block = http::event_block(id_of(log_id, event.sequence), event.name, *event.data);
  return {event.sequence, std::make_shared<const std::string>(std::move(block))};
}

/// What was missed is not known; the client has all there is once it has read the resource.
http::StreamEvent reset_at(const LogState& log) {
  return {log.head, std::make_shared<const std::string>(http::event_block(id_of(log.log_id, log.head), "reset", "{}"))};
}

Deadline deadline_of(Timestamp expires, Timestamp now) {
  if (expires == Timestamp::max()) return Deadline::max();
  return std::chrono::steady_clock::now() + std::min<std::chrono::microseconds>(expires - now, kLongest);
}

}  // namespace

struct Live::State {
  State(sql::Database& d, const LiveLog& l, const Clock& c) : database(d), log(l), clock(c) {}

  /// Begins to get what the next round reads. `head`: of the log, when the stream began.
  struct Joining {
    std::weak_ptr<http::EventStream> stream;
    std::string subject;
    std::int64_t head;
  };

  sql::Database& database;
  const LiveLog& log;
  const Clock& clock;
  std::int64_t position = 0;  ///< read through here
  std::vector<Joining> joining{};
  std::unordered_map<std::string, std::vector<http::EventStream*>> followers{};
  std::shared_ptr<const LiveLog::Subjects> subjects{};  ///< those of `followers`; null when they changed

  /// Between two rounds: a stream that joined while one reads would miss what that one reads.
  void join_all();
  void leave(const std::string& subject, http::EventStream* stream);
};

void Live::State::join_all() {
  if (followers.empty()) {
    // Nothing was read for nobody.
    for (const auto& one : joining) position = std::max(position, one.head);
  }
  for (auto& one : joining) {
    const auto stream = one.stream.lock();
    if (!stream) continue;
    stream->read_through(position);
    followers[one.subject].push_back(stream.get());
    subjects.reset();
  }
  joining.clear();
  if (subjects) return;
  LiveLog::Subjects all;
  for (const auto& [subject, streams] : followers) all.insert(subject);
  subjects = std::make_shared<const LiveLog::Subjects>(std::move(all));
}

void Live::State::leave(const std::string& subject, http::EventStream* stream) {
  const auto found = followers.find(subject);
  if (found == followers.end() || std::erase(found->second, stream) == 0 || !found->second.empty()) return;
  followers.erase(found);
  subjects.reset();
}

Live::Live(sql::Database& database, const LiveLog& log, const Clock& clock)
    : state_(std::make_shared<State>(database, log, clock)) {}

telemetry::Job Live::job() {
  return [state = state_](Ctx ctx) { return round(state, std::move(ctx)); };
}

Task<telemetry::MoreWork> Live::round(std::shared_ptr<State> state, Ctx ctx) {
  state->join_all();
  if (state->followers.empty()) co_return telemetry::MoreWork::no;
  struct Read {
    LogState log{};
    bool lost = false;
    std::int64_t through = 0;
    std::vector<LiveEvent> events{};
  };
  auto work = [log = &state->log, after = state->position, subjects = state->subjects](sql::Tx& tx) {
    Read read{.log = log->state(tx)};
    read.lost = read.log.trimmed_through > after;
    read.through = read.lost ? read.log.head : std::min(read.log.head, after + kStretchMax);
    if (!read.lost && read.through > after) read.events = log->of_many(tx, {after, read.through}, *subjects);
    return read;
  };
  const auto read = co_await state->database.read(std::move(ctx), work);
  if (read.lost) {
    // The database was away for longer than events are kept. Who comes back is told that its id is not known any more.
    for (const auto& [subject, streams] : state->followers) {
      for (auto* stream : streams) stream->end(http::StreamEnd::failed);
    }
  }
  for (const auto& event : read.events) {
    const auto found = state->followers.find(event.subject);
    if (found == state->followers.end()) continue;
    const auto told = to_stream(read.log.log_id, event);
    for (auto* stream : found->second) stream->push(told);
  }
  state->position = std::max(state->position, read.through);
  co_return read.through < read.log.head ? telemetry::MoreWork::yes : telemetry::MoreWork::no;
}

Task<std::vector<http::StreamEvent>> Live::read_again(std::shared_ptr<State> state, std::string subject,
                                                      Stretch stretch, std::int64_t bytes_max) {
  struct Read {
    LogState log{};
    std::vector<LiveEvent> events{};
  };
  auto work = [log = &state->log, subject = std::move(subject), stretch](sql::Tx& tx) {
    return Read{log->state(tx), log->of_one(tx, stretch, subject, kPageMax)};
  };
  const Ctx ctx{.deadline = std::chrono::steady_clock::now() + kReadDeadline};
  const auto read = co_await state->database.read(ctx, work);
  std::vector<http::StreamEvent> page;
  if (stretch.after < read.log.trimmed_through) {
    page.push_back(reset_at(read.log));
    co_return page;
  }
  std::int64_t bytes = 0;
  for (const auto& event : read.events) {
    auto told = to_stream(read.log.log_id, event);
    bytes += static_cast<std::int64_t>(told.text->size());
    if (!page.empty() && bytes > bytes_max) break;
    page.push_back(std::move(told));
  }
  co_return page;
}

Task<Result<http::Response>> Live::follow(Ctx ctx, http::Request request, std::string subject) {
  const std::string last_id(request.header("last-event-id").value_or(""));
  const auto ends_at = deadline_of(ctx.principal.expires, state_->clock.now());
  auto work = [log = &state_->log](sql::Tx& tx) { return log->state(tx); };
  const auto log = co_await state_->database.get(std::move(ctx), work);
  const auto executor = co_await asio::this_coro::executor;

  const auto has = number_in(last_id, log);
  http::EventStream::Begin begin{.after = has.value_or(log.head), .live_after = log.head, .ends_at = ends_at};
  begin.opening = "id: " + id_of(log.log_id, begin.after) + "\n\n";
  if (!last_id.empty() && !has) begin.opening = *reset_at(log).text;
  const auto read = [state = state_, subject](std::int64_t after, std::int64_t through, std::int64_t bytes_max) {
    return read_again(state, subject, {after, through}, bytes_max);
  };
  auto stream = std::make_shared<http::EventStream>(executor, std::move(begin), read);
  stream->on_gone([state = std::weak_ptr(state_), subject, own = stream.get()] {
    if (const auto still = state.lock()) still->leave(subject, own);
  });
  state_->joining.push_back({stream, std::move(subject), log.head});
  http::Response response{.content_type = "text/event-stream"};
  response.stream = std::move(stream);
  co_return response;
}

}  // namespace agora::events
