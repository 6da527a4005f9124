#include "services/order/api/grpc_orders.hpp"

#include "contracts/grpc/order.pb.h"

namespace agora::order {
namespace {

constexpr rpc::Method<v1::BeginPaymentRequest, v1::BeginPaymentResponse> kBeginPayment{
    "agora.order.v1.OrderService/BeginPayment", rpc::Retry::safe};
constexpr rpc::Method<v1::GetContactRequest, v1::GetContactResponse> kGetContact{
    "agora.order.v1.OrderService/GetContact", rpc::Retry::safe};
constexpr rpc::Method<v1::GetOrderRequest, v1::GetOrderResponse> kGetOrder{"agora.order.v1.OrderService/GetOrder",
                                                                           rpc::Retry::safe};

Task<Result<v1::BeginPaymentResponse>> allow_payment(const OrderRows& self, Ctx ctx, v1::BeginPaymentRequest request);
Task<Result<v1::GetContactResponse>> get_contact(const OrderRows& self, Ctx ctx, v1::GetContactRequest request);
Task<Result<v1::GetOrderResponse>> get_order(const OrderRows& self, Ctx ctx, v1::GetOrderRequest request);

}  // namespace

std::vector<rpc::Row> order_rows(const OrderRows& self) {
  const auto bound = [&self](auto handler) {
    return [&self, handler](Ctx ctx, auto request) { return handler(self, std::move(ctx), std::move(request)); };
  };
  return {
      rpc::row(kBeginPayment, bound(allow_payment)),
      rpc::row(kGetContact, bound(get_contact)),
      rpc::row(kGetOrder, bound(get_order)),
  };
}

namespace {

Error no_such_group() {
  return {Errc::not_found, "not_found", "There is no such order group."};
}

std::int64_t microseconds(Timestamp time) {
  return time.time_since_epoch().count();
}

void write(const Amounts& amounts, v1::Amounts& out) {
  out.set_subtotal(amounts.subtotal);
  out.set_discount_total(amounts.discount_total);
  out.set_shipping_total(amounts.shipping_total);
  out.set_tax_total(amounts.tax_total);
  out.set_total(amounts.total);
}

void write(const Address& address, v1::Address& out) {
  if (address.name) out.set_name(*address.name);
  if (address.line1) out.set_line1(*address.line1);
  if (address.line2) out.set_line2(*address.line2);
  if (address.city) out.set_city(*address.city);
  if (address.region) out.set_region(*address.region);
  if (address.postal_code) out.set_postal_code(*address.postal_code);
  if (address.country) out.set_country(*address.country);
  if (address.phone) out.set_phone(*address.phone);
}

v1::BeginPaymentResponse to_message(const PaymentTerms& terms) {
  v1::BeginPaymentResponse out;
  out.set_order_group_id(terms.group_id.str());
  out.set_number(terms.number);
  out.set_currency(std::string(terms.currency.code()));
  out.set_amount(terms.amount);
  out.set_pay_by(microseconds(terms.pay_by));
  for (const auto& part : terms.parts) {
    auto& order = *out.add_orders();
    order.set_order_id(part.order_id.str());
    order.set_seller_id(part.seller_id.str());
    order.set_amount(part.amount);
  }
  return out;
}

v1::GetContactResponse to_message(const Buyer& buyer) {
  const auto& contact = buyer.contact;
  v1::GetContactResponse out;
  out.set_user_id(buyer.user_id.str());
  if (contact.email) out.set_email(*contact.email);
  if (contact.shipping_address) write(*contact.shipping_address, *out.mutable_shipping_address());
  return out;
}

v1::GetOrderResponse to_message(const Order& order) {
  v1::GetOrderResponse out;
  out.set_order_id(order.order_id.str());
  out.set_order_group_id(order.group_id.str());
  out.set_user_id(order.user_id.str());
  out.set_seller_id(order.seller_id.str());
  out.set_currency(std::string(order.currency.code()));
  out.set_status(std::string(to_string(order.status)));
  out.set_payment_status(std::string(to_string(order.payment_status)));
  out.set_fulfillment_status(std::string(to_string(order.fulfillment_status)));
  write(order.amounts, *out.mutable_amounts());
  for (const auto& line : order.lines) {
    auto& one = *out.add_lines();
    one.set_line_id(line.line_id.str());
    one.set_offer_id(line.offer_id.str());
    one.set_product_id(line.product_id.str());
    one.set_quantity(line.quantity);
    one.set_canceled_quantity(line.canceled_quantity);
    one.set_unit_price(line.unit_price);
    write(line.amounts, *one.mutable_amounts());
    one.set_canceled_total(line.canceled_total());
    one.set_shipped_quantity(line.shipped_quantity);
    one.set_refunded_quantity(line.refunded_quantity());
  }
  out.set_version(order.version);
  out.set_canceled_total(order.canceled_total());
  out.set_captured_total(order.captured_total);
  out.set_refunded_total(order.refunded_total);
  return out;
}

Task<Result<v1::BeginPaymentResponse>> allow_payment(const OrderRows& self, Ctx ctx, v1::BeginPaymentRequest request) {
  const auto group_id = OrderGroupId::parse(request.order_group_id());
  const auto user_id = UserId::parse(request.user_id());
  const auto payment_id = PaymentId::parse(request.payment_id());
  if (!group_id || !user_id) co_return no_such_group();
  if (!payment_id) co_return Error{Errc::invalid_argument, "validation_failed", "payment_id must be an id."};
  PaymentAttempt attempt{*group_id, *user_id, *payment_id, self.clock.now(), self.hold_min};
  AGORA_CO_TRY(const auto terms, co_await self.buyers.begin_payment(std::move(ctx), std::move(attempt)));
  co_return to_message(terms);
}

Task<Result<v1::GetContactResponse>> get_contact(const OrderRows& self, Ctx ctx, v1::GetContactRequest request) {
  const auto group_id = OrderGroupId::parse(request.order_group_id());
  if (!group_id) co_return no_such_group();
  const auto buyer = co_await self.buyers.find(std::move(ctx), *group_id);
  if (!buyer) co_return no_such_group();
  co_return to_message(*buyer);
}

Task<Result<v1::GetOrderResponse>> get_order(const OrderRows& self, Ctx ctx, v1::GetOrderRequest request) {
  const Error missing{Errc::not_found, "not_found", "There is no such order."};
  const auto order_id = OrderId::parse(request.order_id());
  if (!order_id) co_return missing;
  const auto order = co_await self.orders.find(std::move(ctx), *order_id);
  if (!order) co_return missing;
  co_return to_message(*order);
}

}  // namespace
}  // namespace agora::order
