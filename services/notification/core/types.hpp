#pragma once
#include <optional>
#include <string_view>

#include "libs/base/id.hpp"

namespace agora::notification {

using NotificationId = Id<struct NotificationTag>;
using UserId = Id<struct UserTag>;
using SellerId = Id<struct SellerTag>;
/// Of a process and one of its rounds of delivery.
using ClaimId = Id<struct ClaimTag>;

/// What somebody is told of. The names are part of the contract, and of templates/<language>/<kind>.mustache.
enum class Kind {
  welcome,               ///< to a user: their account is there
  order_placed,          ///< to a buyer: what they ordered, and until when to pay; one for a checkout
  order_paid,            ///< to a buyer: paid; one for a checkout
  order_expired,         ///< to a buyer: not paid in time; one for a checkout
  order_canceled,        ///< to a buyer: one for an order
  order_lines_canceled,  ///< to a buyer: some of it does not come, and what is given back
  order_refunded,        ///< to a buyer: money that was given back
  order_shipped,         ///< to a buyer: what is on its way, and how to follow it; one for a parcel
  order_delivered,       ///< to a buyer: what has come; one for a parcel
  capture_refused,       ///< to a buyer: money that came too late goes back
  sale_paid,             ///< to a seller's members: ship this
  sale_canceled,         ///< to a seller's members: do not ship what they were told to
  sale_lines_canceled,   ///< to a seller's members: do not ship this of what they were told to
};

/// Whether the mail says where it goes what was bought.
bool tells_address(Kind kind);
/// Whether it is to who bought something.
bool is_to_buyer(Kind kind);

/// By which way. `in_app` is read by the user here; `mail` is delivered.
enum class Channel { in_app, mail };

/// Where the delivery of a mail stands.
enum class DeliveryStatus {
  pending,     ///< to be tried, again
  sent,        ///< the mail server has it
  suppressed,  ///< there is nowhere to send it: the user has no address
  dead,        ///< given up; support can have it tried again
};

/// snake_case names, as written in documents and the database.
std::string_view to_string(Kind kind);
std::string_view to_string(Channel channel);
std::string_view to_string(DeliveryStatus status);
template <class Enum>
std::optional<Enum> parse_enum(std::string_view name);
template <>
std::optional<Kind> parse_enum(std::string_view name);
template <>
std::optional<DeliveryStatus> parse_enum(std::string_view name);

}  // namespace agora::notification
