#pragma once
#include <string>

#include "libs/json/writer.hpp"
#include "services/order/core/order.hpp"

namespace agora::order {

/// A fulfilment of the order as the REST contract shows it.
std::string render_fulfillment(const Order& order, const Fulfillment& fulfillment);

/// Writes the member `fulfillments` of an order: those that hold units.
void write_fulfillments(json::Writer& json, const Order& order);

}  // namespace agora::order
