// Where a consumer stands in a log, whichever way the log's events came to it.

#include <algorithm>
#include <charconv>

#include "cli/audit_delivery.hpp"
#include "libs/events/kafka/message.hpp"

namespace agora::cli {
namespace {

constexpr sql::Sql kStreams{
    "SELECT p.stream, p.log_id, p.sequence, p.event_id, t.topic FROM inbox_positions p LEFT JOIN inbox_topics t "
    "ON t.publisher = p.publisher AND t.stream = p.stream WHERE p.publisher = $1 ORDER BY p.stream"};
constexpr sql::Sql kSequence{
    "SELECT sequence FROM numbered_events WHERE event_id = $1 UNION ALL "
    "SELECT sequence FROM outbox_compacted WHERE event_id = $1"};

struct Partition {
  std::string topic;
  std::size_t number = 0;
};

std::optional<Partition> partition_named(const std::string& stream) {
  const auto slash = stream.rfind('/');
  if (slash == std::string::npos) return std::nullopt;
  Partition partition{.topic = stream.substr(0, slash)};
  std::from_chars(stream.data() + slash + 1, stream.data() + stream.size(), partition.number);
  return partition;
}

}  // namespace

std::vector<ReadStream> streams_of(sql::Tx& consumer, const std::string& publisher) {
  std::vector<ReadStream> streams;
  auto rows = consumer.query(kStreams, {publisher});
  while (rows.next()) {
    if (streams.empty() || streams.back().name != rows.text(0)) {
      streams.push_back(
          {std::string(rows.text(0)), std::string(rows.text(1)), rows.int64(2), std::string(rows.text(3))});
    }
    if (!rows.is_null(4)) streams.back().topics.emplace(rows.text(4));
  }
  return streams;
}

ReadThrough::ReadThrough(sql::Tx& publishers, const std::string& publisher, const std::vector<ReadStream>& streams,
                         const PublishedLog& log, Report& report) {
  for (const auto& stream : streams) {
    const auto partition = partition_named(stream.name);
    if (!partition) {
      feed_ = stream.sequence;
      feed_topics_ = stream.topics;
      if (stream.sequence <= log.head) continue;
      report.violated({"I8", "publisher", publisher,
                       "was read through event " + std::to_string(stream.sequence) + ", its log ends with " +
                           std::to_string(log.head)});
      continue;
    }
    auto& read = partitions_[partition->topic];
    read.resize(std::max(read.size(), partition->number + 1));
    if (stream.event_id.empty()) continue;
    auto rows = publishers.query(kSequence, {stream.event_id});
    if (rows.next()) {
      read[partition->number] = rows.int64(0);
    } else if (log.trimmed_through == 0) {
      report.violated(
          {"I8", "stream", stream.name, "was read through event " + stream.event_id + ", which its log does not have"});
    }
  }
}

std::int64_t ReadThrough::of(const std::string& topic, const std::string& subject) const {
  const auto by_feed = feed_topics_.contains(topic) ? feed_ : 0;
  const auto found = partitions_.find(topic);
  if (found == partitions_.end()) return by_feed;
  return std::max(by_feed, found->second[events::kafka::partition_of(subject, found->second.size())]);
}

}  // namespace agora::cli
