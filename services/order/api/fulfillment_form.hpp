#pragma once
#include <optional>
#include <string>
#include <vector>

#include <boost/describe/class.hpp>

#include "libs/json/reader.hpp"
#include "services/order/api/order_form.hpp"
#include "services/order/core/fulfilling.hpp"

namespace agora::order {

/// One line of POST /orders/{order_id}/fulfillments.
struct PackedLineForm {
  LineId line_id{};
  Quantity quantity{};
};
BOOST_DESCRIBE_STRUCT(PackedLineForm, (), (line_id, quantity))

/// Tracking, or a change of it: members that are absent stay, null removes.
struct TrackingForm {
  json::Change<json::Text<100>> carrier{};
  json::Change<json::Text<100>> number{};
  json::Change<json::Text<2'000>> url{};
};
BOOST_DESCRIBE_STRUCT(TrackingForm, (), (carrier, number, url))

/// The body of POST /orders/{order_id}/fulfillments.
struct FulfillmentForm {
  std::vector<PackedLineForm> items{};
  std::optional<TrackingForm> tracking{};

  /// There are 1 to kLinesMax lines.
  void check(const std::string& pointer, std::vector<FieldError>& errors) const;
};
BOOST_DESCRIBE_STRUCT(FulfillmentForm, (), (items, tracking))

/// The body of PATCH /fulfillments/{fulfillment_id}.
struct FulfillmentPatch {
  std::optional<std::string> status{};
  json::Change<TrackingForm> tracking{};

  /// The status is one that a fulfilment can have.
  void check(const std::string& pointer, std::vector<FieldError>& errors) const;
};
BOOST_DESCRIBE_STRUCT(FulfillmentPatch, (), (status, tracking))

/// What forms that were read ask for.
std::vector<LineToPack> lines_of(const FulfillmentForm& form);
TrackingEdit tracking_of(const TrackingForm& form);
FulfillmentEdit edit_of(const FulfillmentPatch& form);

}  // namespace agora::order
