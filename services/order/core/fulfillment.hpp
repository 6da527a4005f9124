#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/clock.hpp"
#include "libs/base/result.hpp"
#include "services/order/core/address.hpp"
#include "services/order/core/types.hpp"

namespace agora::order {

/// Where a fulfilment stands. Of an order: FulfillmentStatus.
enum class FulfillmentState { packed, shipped, delivered, canceled };

/// snake_case names, as written in documents and the database.
std::string_view to_string(FulfillmentState state);
template <>
std::optional<FulfillmentState> parse_enum(std::string_view name);
/// Whether the domain's table allows a change of state. No state leads to itself.
bool is_legal(FulfillmentState from, FulfillmentState to);

/// By whom something travels, and under which number.
struct Tracking {
  std::string carrier{};
  std::string number{};
  std::optional<std::string> url{};  ///< where its way can be followed

  friend bool operator==(const Tracking&, const Tracking&) = default;
};
/// A change of it, member by member (RFC 7396).
struct TrackingEdit {
  Edit<std::string> carrier{};
  Edit<std::string> number{};
  Edit<std::string> url{};
};
/// The tracking after a change of it; `before` none: of new one. "No": invalid_argument `validation_failed` with every
/// member at fault under `pointer` (`required`, `invalid_value`).
Result<Tracking> edited(const std::optional<Tracking>& before, const TrackingEdit& edit, const std::string& pointer);
/// Whether a text is an http or https address that can stand in a page or a mail as it is: printable ASCII without
/// quotes, angle brackets and backslashes, a host, no user before it.
bool is_web_address(std::string_view text);

/// So many units of one line of the order.
struct FulfillmentLine {
  LineId line_id{};
  std::int64_t quantity = 0;
};

/// What a seller sends in one go. Units that it holds belong to no other, until it is canceled.
struct Fulfillment {
  FulfillmentId fulfillment_id{};
  FulfillmentState state = FulfillmentState::packed;
  std::vector<FulfillmentLine> lines{};
  std::optional<Tracking> tracking{};
  Timestamp created_at{};
  Timestamp updated_at{};
  std::optional<Timestamp> shipped_at{};
  std::optional<Timestamp> delivered_at{};
  std::optional<Timestamp> canceled_at{};

  void cancel(Timestamp now);
  /// How many units of a line it holds.
  std::int64_t quantity_of(const LineId& line_id) const;
};

}  // namespace agora::order
