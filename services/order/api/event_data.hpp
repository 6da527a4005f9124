#pragma once
#include "libs/events/event.hpp"
#include "libs/json/reader.hpp"

namespace agora::order {

/// Events grow: what we do not know of one is passed over. `id`: the member that names the event's subject; versions
/// are counted by the one and rows written by the other, so they must agree.
template <class T, class Tag>
Result<T> read_data(const events::Event& event, Id<Tag> T::* id) {
  AGORA_TRY(auto data, json::read<T>(event.data(), json::UnknownFields::ignore));
  if ((data.*id).str() == event.subject) return data;
  return json::validation_failed({{"/subject", "invalid_value", "must be the id that the data names"}});
}

}  // namespace agora::order
