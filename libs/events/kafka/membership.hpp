#pragma once
#include <atomic>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "libs/events/kafka/client.hpp"
#include "libs/events/source.hpp"

// What KafkaSource has on its thread.
namespace agora::events::kafka {

/// Limits of what is read at a time.
struct ReadLimits {
  std::size_t page_events_max = 1'000;
  std::size_t page_bytes_max = 4 << 20;
};

/// A reader of topics, as a member of a group or on its own, with the streams it has. Everything blocks, and is used by
/// one thread at a time.
class Membership {
 public:
  enum class Mode {
    member,   ///< shares the partitions with the group's other members, and commits offsets to it
    observer  ///< has all partitions, and commits nothing
  };
  Membership(Address address, std::string group, std::vector<std::string> topics, Mode mode);
  ~Membership();
  Membership(const Membership&) = delete;
  Membership& operator=(const Membership&) = delete;

  /// As Source has them. `stopping` ends a wait.
  Result<Fetched> fetch(Deadline deadline, const std::atomic<bool>& stopping);
  void seek(const std::string& stream, const std::optional<Standing>& from);
  void acknowledge(const std::string& stream, const Position& through);

 private:
  struct Stream {
    std::string topic{};  ///< as the cluster knows it
    std::int32_t partition = 0;
    Position at{};  ///< after the last event that was given
    std::int64_t low = 0;
    std::int64_t head = 0;
    std::deque<Event> events{};          ///< read, not given yet
    std::deque<std::int64_t> offsets{};  ///< theirs
    std::optional<std::int64_t> end{};   ///< where it ended after these events
    Deadline ended_at{};                 ///< when that was seen
    bool is_end_told = false;            ///< observers are told of each end once
    std::optional<Standing> standing{};  ///< where to begin
    bool is_sought = false;              ///< `standing` is known
    bool is_running = false;             ///< records come
    std::optional<std::int64_t> acknowledged{};
    bool is_acknowledged = true;  ///< and the group knows
  };

  static void rebalance(rd_kafka_t*, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t* partitions, void* self);
  static void on_error(rd_kafka_t*, int code, const char* reason, void* self);

  Configuration configuration();
  /// Connects, and asks for partitions.
  void begin(std::chrono::milliseconds timeout);
  void observe_all(const Cluster& cluster);
  void take(const rd_kafka_topic_partition_list_t& partitions);
  void lose_all();
  /// Begins to read the streams that are to, from where they are to. "No": `position_lost`.
  Result<void> start_streams();
  Result<std::int64_t> beginning_of(Stream& stream, const std::string& name);
  /// Takes what has come, and waits for it where nothing has.
  Result<void> collect(Deadline deadline, const std::atomic<bool>& stopping);
  Result<void> take_message(const rd_kafka_message_t& message);
  /// Whether there is something to tell.
  bool has_page() const;
  std::optional<Fetched> next_page();
  bool tells_end(const Stream& stream) const;
  Fetched page_of(const std::string& name, Stream& stream) const;
  void commit_offsets();

  const Address address_;
  const std::string group_;
  const std::vector<std::string> topics_;
  const Mode mode_;
  const ReadLimits limits_{};
  std::map<std::string, Stream> streams_{};
  std::vector<std::string> assigned_{};  ///< not told yet
  std::vector<std::string> revoked_{};
  bool is_begun_ = false;
  bool is_assigning_ = false;  ///< the group waits to hear where we begin
  std::size_t buffered_ = 0;   ///< events
  std::size_t buffered_bytes_ = 0;
  std::string trouble_{};  ///< what librdkafka said last: nobody may be there
  std::string last_given_{};
  Deadline commit_at_{};
  Handle client_{};
};

}  // namespace agora::events::kafka
