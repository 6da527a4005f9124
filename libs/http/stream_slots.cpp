#include "libs/http/stream_slots.hpp"

#include <array>
#include <utility>

#include "libs/http/server.hpp"

namespace agora::http {
namespace {

constexpr std::array kEnds{StreamEnd::client,  StreamEnd::queue_full, StreamEnd::stalled,
                           StreamEnd::expired, StreamEnd::drained,    StreamEnd::failed};

}  // namespace

std::string_view to_string(StreamEnd end) {
  switch (end) {
    case StreamEnd::client:
      return "client";
    case StreamEnd::queue_full:
      return "queue_full";
    case StreamEnd::stalled:
      return "stalled";
    case StreamEnd::expired:
      return "expired";
    case StreamEnd::drained:
      return "drained";
    case StreamEnd::failed:
      return "failed";
  }
  return "failed";
}

StreamSlot::StreamSlot(StreamSlot&& other) noexcept
    : slots_(std::exchange(other.slots_, nullptr)), subject_(std::move(other.subject_)) {}

StreamSlot& StreamSlot::operator=(StreamSlot&& other) noexcept {
  std::swap(slots_, other.slots_);
  std::swap(subject_, other.subject_);
  return *this;
}

StreamSlot::~StreamSlot() {
  if (slots_ != nullptr) slots_->give_back(subject_, std::nullopt);
}

void StreamSlot::close(StreamEnd why) {
  if (auto* slots = std::exchange(slots_, nullptr)) slots->give_back(subject_, why);
}

StreamSlots::StreamSlots(const std::string& server, const Limits& limits, telemetry::Registry& metrics)
    : max_(limits.streams_max),
      per_principal_max_(limits.streams_per_principal_max),
      open_(
          metrics.gauge("agora_http_open_streams", "Streams of events that somebody follows.", {{"server", server}})) {
  for (const auto end : kEnds) {
    closed_[end] = &metrics.counter("agora_http_closed_streams_total", "Streams of events that ended, by why.",
                                    {{"server", server}, {"reason", std::string(to_string(end))}});
  }
}

Result<StreamSlot> StreamSlots::take(const Principal& principal) {
  if (open_.value() >= max_) {
    return Error{Errc::unavailable, "overloaded", "Too many streams are open; try again later."};
  }
  auto& own = of_subject_[principal.subject];
  if (own >= per_principal_max_) {
    return Error{Errc::rate_limited, "rate_limited", "The caller follows as many streams as one may."};
  }
  ++own;
  open_.add(1);
  return StreamSlot(*this, principal.subject);
}

void StreamSlots::give_back(const std::string& subject, std::optional<StreamEnd> why) {
  open_.add(-1);
  const auto own = of_subject_.find(subject);
  if (--own->second == 0) of_subject_.erase(own);
  if (why) closed_.at(*why)->add();
}

}  // namespace agora::http
