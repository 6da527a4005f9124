// Reading a log from its beginning besides the usual way: for a rebuild, and for topics that are new to a position.

#include <algorithm>
#include <set>
#include <utility>

#include "libs/events/consumer_state.hpp"
#include "libs/log/log.hpp"

namespace agora::events {
namespace {

/// Of one poll of a reader; at the end of a stream nothing more comes.
constexpr std::chrono::milliseconds kReaderWait{100};

Error stopping() {
  return {Errc::unavailable, "temporarily_unavailable", "The service is about to stop."};
}

/// Lets the loop go on when it goes.
class Held {
 public:
  Held(bool& is_held, int& holds, bool& is_known, asio::steady_timer& timer)
      : is_held_(is_held), is_known_(is_known), timer_(timer) {
    is_held_ = true;
    ++holds;
  }
  ~Held() {
    is_held_ = false;
    is_known_ = false;
    timer_.cancel();
  }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

 private:
  bool& is_held_;
  bool& is_known_;
  asio::steady_timer& timer_;
};

/// One stream of a log that is read whole.
struct StreamRead {
  Position begin{};  ///< where the log that it is of now begins in it
  Position at{};
  std::int64_t trimmed_through = 0;
  bool at_end = false;
};

}  // namespace

/// A log that is read whole: streams may hold another, older one before it. The one that comes last in them counts, not
/// the one with the newest event: a log that was put back from a copy is told anew from its older beginning.
struct Consumer::Reading {
  std::map<std::string, StreamRead> streams{};
  std::map<Subject, Told::Versions> subjects{};
  std::map<std::string, Timestamp> newest{};  ///< of each log
  std::set<std::string> superseded{};         ///< logs after which a stream has another

  bool at_end() const {
    return !streams.empty() &&
           std::all_of(streams.begin(), streams.end(), [](const auto& s) { return s.second.at_end; });
  }
  void take(const Fetched& page);
  Told told(const Source& reader) const;
};

void Consumer::Reading::take(const Fetched& page) {
  const auto found = streams.find(page.stream);
  if (found == streams.end()) return;
  auto& stretch = found->second;
  const auto& log_id = page.log.log_id;
  if (!log_id.empty()) newest.try_emplace(log_id);
  if (!log_id.empty() && stretch.begin.log_id != log_id) {
    if (!stretch.begin.log_id.empty()) superseded.insert(stretch.begin.log_id);
    stretch.begin = stretch.at;
    stretch.begin.log_id = log_id;
  }
  stretch.at = page.next;
  stretch.trimmed_through = page.log.trimmed_through;
  for (const auto& event : page.events) {
    auto& latest = newest[event.log_id];
    latest = std::max(latest, event.time);
    const auto [at, is_new] = subjects.try_emplace(subject_of(event), Told::Versions{event.version, event.version});
    at->second.lowest = std::min(at->second.lowest, event.version);
    at->second.highest = std::max(at->second.highest, event.version);
  }
  stretch.at_end = page.events.empty() || page.next.sequence >= page.log.head;
}

Told Consumer::Reading::told(const Source& reader) const {
  Told told;
  const auto latest = std::max_element(newest.begin(), newest.end(), [this](const auto& a, const auto& b) {
    return std::pair(!superseded.contains(a.first), a.second) < std::pair(!superseded.contains(b.first), b.second);
  });
  if (latest != newest.end()) told.log_id = latest->first;
  for (const auto& [stream, stretch] : streams) {
    auto& begin = told.begins[stream];
    // What a stream has of older logs alone is passed.
    begin.position = stretch.begin.log_id == told.log_id ? stretch.begin : stretch.at;
    begin.position.log_id = told.log_id;
    // An event before it in the stream is of an older log: of this one nothing was read.
    begin.position.event_id.clear();
    for (const auto& topic : reader.topics(stream)) begin.topics[topic] = stretch.trimmed_through;
  }
  for (const auto& [subject, versions] : subjects) {
    if (subject.log_id == told.log_id) told.subjects.emplace(subject, versions);
  }
  return told;
}

Task<Result<Told>> Consumer::read_whole(State& state, Source& reader) {
  Reading reading;
  while (!reading.at_end()) {
    if (state.stopping) co_return stopping();
    Ctx ctx;
    AGORA_CO_TRY(const auto page, co_await reader.fetch(ctx, kReaderWait));
    for (const auto& stream : page.assigned) {
      reader.seek(stream, std::nullopt);
      reading.streams.try_emplace(stream);
    }
    if (page.assigned.empty()) reading.take(page);
  }
  co_return reading.told(reader);
}

Task<void> Consumer::catch_up(State& state, std::string stream, std::vector<std::string> topics) {
  const auto standing = state.standings.streams.at(stream);
  std::vector<std::string> missing;
  for (const auto& topic : topics) {
    if (!standing.topics.contains(topic)) missing.push_back(topic);
  }
  std::int64_t trimmed_through = 0;
  if (!missing.empty()) {
    for (const auto& topic : missing) {
      log::info({}, "a topic is new to this consumer: it is read from its beginning",
                {{"publisher", state.options.publisher}, {"topic", topic}});
    }
    const auto reader = state.source.reader(missing);
    bool at_end = false;
    while (!at_end) {
      if (state.stopping || state.is_held) co_return;
      Ctx ctx;
      auto page = co_await reader->fetch(ctx, kReaderWait);
      if (!page && page.error().code == "unreadable_event") {
        auto why = page.error().code + ": " + page.error().message;
        co_await degrade(state, std::move(why));
        co_return;
      }
      if (!page) throw Unavailable(page.error().message);
      if (!page->assigned.empty()) {
        for (const auto& name : page->assigned) reader->seek(name, std::nullopt);
        continue;
      }
      if (page->stream != stream) continue;
      if (page->log.log_id != standing.position.log_id) co_return;
      trimmed_through = page->log.trimmed_through;
      at_end = page->events.empty() || page->next.sequence >= standing.position.sequence;
      auto events = std::make_shared<const std::vector<Event>>(std::move(page->events));
      Batch batch{stream, standing.position, standing.position, std::move(events)};
      co_await apply(state, std::move(batch));
      if (!state.standings.streams.contains(stream)) co_return;
    }
  }
  auto work = [inbox = state.inbox, stream, topics, trimmed_through](sql::Tx& tx) {
    inbox.cover(tx, stream, topics, trimmed_through);
  };
  co_await state.database.write(state.write_ctx(), work);
}

Task<Result<Rebuilt>> Consumer::rebuild(Ctx, bool accept_gap) {
  const auto state = state_;
  if (state->is_held) {
    co_return Error{Errc::conflict, "rebuild_under_way", "The consumer is being rebuilt already."};
  }
  const Held held(state->is_held, state->holds, state->is_known, state->timer);
  try {
    co_return co_await rebuild_held(*state, accept_gap);
  } catch (const Refused& refused) {
    co_return refused.error;
  }
}

Task<Result<Rebuilt>> Consumer::rebuild_held(State& state, bool accept_gap) {
  // What is under way is part of where it stands.
  boost::system::error_code ignored;
  while (state.is_busy) co_await state.idle.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  auto look = [inbox = state.inbox](sql::Tx& tx) { return inbox.standings(tx); };
  const auto before = co_await state.database.read(state.write_ctx(), look);
  const auto reader = state.source.reader({});
  AGORA_CO_TRY(auto whole, co_await read_whole(state, *reader));
  const auto told = std::make_shared<const Told>(std::move(whole));
  auto compare = [inbox = state.inbox, told](sql::Tx& tx) { return inbox.to_lower(tx, *told); };
  Rebuilt rebuilt{.not_compared_through = told->trimmed_through()};
  rebuilt.lowered = co_await state.database.read(state.write_ctx(), compare);
  if (!accept_gap && (!rebuilt.lowered.empty() || rebuilt.not_compared_through > 0)) co_return rebuilt;
  auto begin = [inbox = state.inbox, before](sql::Tx& tx) { return inbox.begin_rebuild(tx, before); };
  const bool begun = co_await state.database.write(state.write_ctx(), begin);
  if (!begun) {
    // Another replica goes on meanwhile: what it applies was not compared.
    co_return Error{Errc::conflict, "rebuilt_meanwhile", "The consumer moved while its log was read; try again."};
  }
  co_await carry_over(state, before, told);
  if (state.stopping) co_return stopping();
  // Still the log that was compared? Put back from a copy meanwhile, it would not know where its reader stands.
  Ctx ctx;
  AGORA_CO_TRY([[maybe_unused]] const auto last, co_await reader->fetch(ctx, kReaderWait));
  auto finish = [inbox = state.inbox, told](sql::Tx& tx) { inbox.finish_rebuild(tx, *told); };
  co_await state.database.write(state.write_ctx(), finish);
  co_await forget_other_logs(state, before, told->log_id);
  rebuilt.done = true;
  co_return rebuilt;
}

Task<void> Consumer::carry_over(State& state, Standings before, std::shared_ptr<const Told> told) {
  const auto limit = state.options.rebuild_rows_max;
  const auto logs = before.logs();
  for (const auto& log_id : logs) {
    std::optional<Subject> last;
    do {
      auto carry = [inbox = state.inbox, log_id, told, last, limit](sql::Tx& tx) {
        return inbox.carry(tx, log_id, *told, last, limit);
      };
      last = co_await state.database.write(state.write_ctx(), carry);
      if (state.stopping) co_return;
    } while (last);
  }
  std::int64_t gone = limit;
  while (gone == limit) {
    auto forget = [inbox = state.inbox, limit](sql::Tx& tx) { return inbox.forget_parked(tx, limit); };
    gone = co_await state.database.write(state.write_ctx(), forget);
    if (state.stopping) co_return;
  }
}

Task<void> Consumer::forget_other_logs(State& state, Standings before, std::string log_id) {
  // It goes on by now. What is not forgotten here, in a crash, is of a log that nobody reads any more.
  const auto limit = state.options.rebuild_rows_max;
  for (const auto& old : before.logs()) {
    std::int64_t gone = old == log_id ? 0 : limit;
    while (gone == limit && !state.stopping) {
      auto forget = [inbox = state.inbox, old, limit](sql::Tx& tx) { return inbox.forget_versions(tx, old, limit); };
      gone = co_await state.database.write(state.write_ctx(), forget);
    }
  }
}

}  // namespace agora::events
