#pragma once
#include <optional>
#include <string>
#include <vector>

#include <boost/describe/class.hpp>

#include "libs/json/reader.hpp"
#include "services/notification/core/types.hpp"

/// What we read of the events of others; members that we do not name are passed over.
namespace agora::notification {

using Text = json::Text<512>;
using Minor = json::Integer<0, INT64_MAX>;

struct UserData {
  UserId user_id{};
  std::optional<json::Text<254>> email{};
  std::optional<json::Text<200>> display_name{};
  std::optional<json::Text<16>> locale{};
};
BOOST_DESCRIBE_STRUCT(UserData, (), (user_id, email, display_name, locale))

struct MemberData {
  UserId user_id{};
  std::string role{};
};
BOOST_DESCRIBE_STRUCT(MemberData, (), (user_id, role))

struct SellerData {
  SellerId seller_id{};
  Text name{};
  std::optional<std::vector<MemberData>> members{};
};
BOOST_DESCRIBE_STRUCT(SellerData, (), (seller_id, name, members))

struct GroupPlacedData {
  Id<struct GroupTag> order_group_id{};
  std::string number{};
  UserId user_id{};
  std::string currency{};
  Minor total{};
  Timestamp pay_by{};
};
BOOST_DESCRIBE_STRUCT(GroupPlacedData, (), (order_group_id, number, user_id, currency, total, pay_by))

struct GroupCanceledData {
  Id<struct GroupTag> order_group_id{};
  std::string number{};
  UserId user_id{};
  std::string reason{};
};
BOOST_DESCRIBE_STRUCT(GroupCanceledData, (), (order_group_id, number, user_id, reason))

struct CaptureRefusedData {
  Id<struct GroupTag> order_group_id{};
  std::optional<std::string> number{};
  std::optional<UserId> user_id{};
  Minor amount{};
  std::string currency{};
  std::string reason{};
};
BOOST_DESCRIBE_STRUCT(CaptureRefusedData, (), (order_group_id, number, user_id, amount, currency, reason))

struct LineData {
  Text sku{};
  Text title{};
  json::Integer<0, INT64_MAX> quantity{};
  Minor total{};
};
BOOST_DESCRIBE_STRUCT(LineData, (), (sku, title, quantity, total))

struct OrderPaidData {
  Id<struct OrderTag> order_id{};
  std::string number{};
  Id<struct GroupTag> order_group_id{};
  SellerId seller_id{};
  std::string currency{};
  Minor total{};
  std::vector<LineData> lines{};
};
BOOST_DESCRIBE_STRUCT(OrderPaidData, (), (order_id, number, order_group_id, seller_id, currency, total, lines))

struct PaidOrderData {
  std::vector<LineData> lines{};
};
BOOST_DESCRIBE_STRUCT(PaidOrderData, (), (lines))

struct GroupPaidData {
  Id<struct GroupTag> order_group_id{};
  std::string number{};
  UserId user_id{};
  std::string currency{};
  Minor total{};
  std::vector<PaidOrderData> orders{};
};
BOOST_DESCRIBE_STRUCT(GroupPaidData, (), (order_group_id, number, user_id, currency, total, orders))

struct OrderCanceledData {
  Id<struct OrderTag> order_id{};
  std::string number{};
  Id<struct GroupTag> order_group_id{};
  UserId user_id{};
  SellerId seller_id{};
  std::string reason{};
  // What an older release of order told has none of these.
  std::optional<std::string> currency{};
  std::optional<Minor> refunded_total{};
  std::optional<Minor> refund_amount{};
};
BOOST_DESCRIBE_STRUCT(OrderCanceledData, (),
                      (order_id, number, order_group_id, user_id, seller_id, reason, currency, refunded_total,
                       refund_amount))

struct CanceledLineData {
  std::optional<Text> title{};  ///< what an older release of order told has none
  json::Integer<0, INT64_MAX> quantity{};
};
BOOST_DESCRIBE_STRUCT(CanceledLineData, (), (title, quantity))

struct LinesCanceledData {
  Id<struct OrderTag> order_id{};
  std::string number{};
  Id<struct GroupTag> order_group_id{};
  UserId user_id{};
  SellerId seller_id{};
  std::string reason{};
  std::vector<CanceledLineData> lines{};
  std::string currency{};
  Minor refund_amount{};
};
BOOST_DESCRIBE_STRUCT(LinesCanceledData, (),
                      (order_id, number, order_group_id, user_id, seller_id, reason, lines, currency, refund_amount))

struct OrderRefundedData {
  Id<struct OrderTag> order_id{};
  std::string number{};
  Id<struct GroupTag> order_group_id{};
  UserId user_id{};
  std::string currency{};
  Minor amount{};
};
BOOST_DESCRIBE_STRUCT(OrderRefundedData, (), (order_id, number, order_group_id, user_id, currency, amount))

struct TrackingData {
  Text carrier{};
  Text number{};
  std::optional<json::Text<2'000>> url{};
};
BOOST_DESCRIBE_STRUCT(TrackingData, (), (carrier, number, url))

struct FulfilledLineData {
  Text title{};
  json::Integer<0, INT64_MAX> quantity{};
};
BOOST_DESCRIBE_STRUCT(FulfilledLineData, (), (title, quantity))

struct FulfillmentData {
  Id<struct OrderTag> order_id{};
  std::string number{};
  Id<struct GroupTag> order_group_id{};
  UserId user_id{};
  std::vector<FulfilledLineData> lines{};
  std::optional<TrackingData> tracking{};
};
BOOST_DESCRIBE_STRUCT(FulfillmentData, (), (order_id, number, order_group_id, user_id, lines, tracking))

}  // namespace agora::notification
