#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libs/base/ctx.hpp"
#include "libs/base/task.hpp"
#include "libs/events/event_log.hpp"

namespace agora::events {

/// Where a consumer stands in one stream of a log. The feed is one stream, named ""; with Kafka each partition is one.
struct Standing {
  Position position{};  ///< its log_id is empty until an event of the stream was read
  /// The topics that the position covers, each with what had been trimmed of the stream before it was covered.
  std::map<std::string, std::int64_t> topics{};

  /// What had been trimmed at birth; 0: nothing.
  std::int64_t birth_through() const;
  friend bool operator==(const Standing&, const Standing&) = default;
};

/// What a source has to tell: either that streams came or went, or events of one stream.
struct Fetched {
  std::vector<std::string> assigned{};  ///< streams that are now this replica's: seek() each before the next fetch
  std::vector<std::string> revoked{};   ///< and those that no longer are
  /// The rest is of this stream. All events are of the log `log.log_id`: where a stream goes over to another log, the
  /// page ends. A page without events may move `next` on all the same; of a stream that is not assigned it says
  /// nothing.
  std::string stream{};
  LogState log{};   ///< as this stream has it: `head` and `trimmed_through` are in the numbers of positions
  Position next{};  ///< after the last of these events
  std::vector<Event> events{};
};

/// Where a consumer's events come from: a transport. Used on one io thread; one fetch at a time.
class Source {
 public:
  virtual ~Source() = default;
  /// What came next, or nothing within `wait`. "No": failed_precondition `log_changed`, `position_lost`,
  /// `consumer_dropped`, `unreadable_event` (the consumer must stop); unavailable `source_unavailable` (later works).
  virtual Task<Result<Fetched>> fetch(Ctx ctx, std::chrono::milliseconds wait) = 0;
  /// Reads a stream on from where the consumer's database stands; none: it is born, from the first event that is kept.
  virtual void seek(const std::string& stream, const std::optional<Standing>& from) = 0;
  /// All up to here is committed.
  virtual void acknowledge(const std::string& stream, const Position& through) = 0;
  /// The topics of a stream.
  virtual std::vector<std::string> topics(const std::string& stream) const = 0;
  /// Another reader of these topics (none: of all that this one reads) over the whole log: all streams are assigned to
  /// it, it acknowledges nothing, and at the end of each stream it gives a page of it, empty if need be. It must not
  /// outlive this one.
  virtual std::unique_ptr<Source> reader(std::vector<std::string> topics) = 0;
  /// Ends the fetch under way, if it only waits; later ones end at once. For good.
  virtual void stop() = 0;
};

}  // namespace agora::events
