#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cli/audit_checks.hpp"

namespace agora::cli {

/// A publisher's log, as its database has it.
struct PublishedLog {
  std::string log_id;
  std::int64_t trimmed_through = 0;
  std::int64_t head = 0;
};

/// A stream in which a consumer reads a log, and where it stands there: the feed is one, named ''; each Kafka partition
/// is one, `agora.orders/3`.
struct ReadStream {
  std::string name;
  std::string log_id;              ///< empty: nothing was read in it
  std::int64_t sequence = 0;       ///< of the feed: a number of the log; of a partition: an offset
  std::string event_id;            ///< the last event that was read in it
  std::set<std::string> topics{};  ///< that the position covers
};
std::vector<ReadStream> streams_of(sql::Tx& consumer, const std::string& publisher);

/// How far a consumer has read a log, in the log's own numbers: of each stream the number of the event it read last.
class ReadThrough {
 public:
  /// Says of a position that the log cannot have that it is violated.
  ReadThrough(sql::Tx& publishers, const std::string& publisher, const std::vector<ReadStream>& streams,
              const PublishedLog& log, Report& report);
  /// Events of the subject up to this number were read.
  std::int64_t of(const std::string& topic, const std::string& subject) const;

 private:
  std::int64_t feed_ = 0;
  std::set<std::string> feed_topics_{};
  std::map<std::string, std::vector<std::int64_t>> partitions_{};
};

/// I7: whoever is to be told of an event that was read has been told. Asks the consumer's database for many at once.
class ToldPeople {
 public:
  /// `parked`: ids of events that are told later. All references must outlive it.
  ToldPeople(sql::Tx& consumer, const std::set<std::string>& parked, Report& report)
      : tx_(consumer), parked_(parked), report_(report) {}
  /// An event that was read; `data` where it tells a buyer.
  void take(std::string event_id, std::string_view type, const std::string& subject,
            const std::optional<std::string>& data);
  void finish();

 private:
  struct Waiting {
    std::string event_id;
    std::string what;
    std::optional<std::string> buyer;  ///< none: a sale, told to members of the seller
  };
  void ask();

  sql::Tx& tx_;
  const std::set<std::string>& parked_;
  Report& report_;
  std::vector<Waiting> waiting_{};
  std::int64_t tellable_ = 0;
  std::int64_t told_nobody_ = 0;
};

}  // namespace agora::cli
