#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>

#include "libs/base/ctx.hpp"
#include "libs/base/result.hpp"
#include "libs/telemetry/metrics.hpp"

namespace agora::http {

struct Limits;

/// Why a stream ended: the client went; it did not read, and too much waited for it, or nothing of it was taken for
/// too long; its token ended; the service stops; what it asks for could not be read.
enum class StreamEnd { client, queue_full, stalled, expired, drained, failed };
/// snake_case name, as a metric's label.
std::string_view to_string(StreamEnd end);

class StreamSlots;

/// A place among the streams of a server, given back when it goes. Move-only; `StreamSlots` must outlive it.
class StreamSlot {
 public:
  StreamSlot() = default;
  StreamSlot(StreamSlots& slots, std::string subject) : slots_(&slots), subject_(std::move(subject)) {}
  StreamSlot(StreamSlot&& other) noexcept;
  StreamSlot& operator=(StreamSlot&& other) noexcept;
  ~StreamSlot();

  /// Gives it back after a stream, which is counted.
  void close(StreamEnd why);

 private:
  StreamSlots* slots_ = nullptr;  ///< null: none
  std::string subject_;
};

/// How many streams a server has, of whom. Used on its io thread.
class StreamSlots {
 public:
  StreamSlots(const std::string& server, const Limits& limits, telemetry::Registry& metrics);

  /// "No": unavailable `overloaded`; rate_limited `rate_limited` when the principal has as many as one may have.
  Result<StreamSlot> take(const Principal& principal);
  std::int64_t open() const { return open_.value(); }

 private:
  friend class StreamSlot;
  void give_back(const std::string& subject, std::optional<StreamEnd> why);

  std::int64_t max_;
  std::int64_t per_principal_max_;
  telemetry::Gauge& open_;
  std::map<StreamEnd, telemetry::Counter*> closed_{};
  std::unordered_map<std::string, std::int64_t> of_subject_{};
};

}  // namespace agora::http
