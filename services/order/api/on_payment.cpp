#include "services/order/api/on_payment.hpp"

#include <boost/describe/class.hpp>

#include "services/order/api/event_data.hpp"
#include "services/order/api/order_form.hpp"

namespace agora::order {
namespace {

struct CaptureData {
  PaymentId payment_id{};
  OrderGroupId order_group_id{};
  json::Integer<0, INT64_MAX> amount{};
  std::string currency{};
};
BOOST_DESCRIBE_STRUCT(CaptureData, (), (payment_id, order_group_id, amount, currency))

struct ProgressData {
  PaymentId payment_id{};
  OrderGroupId order_group_id{};
};
BOOST_DESCRIBE_STRUCT(ProgressData, (), (payment_id, order_group_id))

struct RefundLineData {
  LineId line_id{};
  Quantity quantity{};
};
BOOST_DESCRIBE_STRUCT(RefundLineData, (), (line_id, quantity))

struct RefundData {
  RefundId refund_id{};
  PaymentId payment_id{};
  OrderGroupId order_group_id{};
  std::optional<OrderId> order_id{};
  json::Integer<0, INT64_MAX> amount{};
  std::string currency{};
  std::vector<RefundLineData> lines{};
  bool restock = false;
  std::string reason{};
};
BOOST_DESCRIBE_STRUCT(RefundData, (),
                      (refund_id, payment_id, order_group_id, order_id, amount, currency, lines, restock, reason))

Result<Currency> read_currency(const std::string& code) {
  const auto currency = Currency::from_code(code);
  if (!currency) return json::validation_failed({{"/currency", "invalid_value", "must be an ISO 4217 code"}});
  return *currency;
}

Result<std::optional<FromPayment>> read_capture(const events::Event& event) {
  AGORA_TRY(const auto data, read_data(event, &CaptureData::payment_id));
  AGORA_TRY(const auto currency, read_currency(data.currency));
  return std::optional<FromPayment>(Capture{data.payment_id, data.order_group_id, data.amount.value, currency});
}

Result<std::optional<FromPayment>> read_progress(const events::Event& event, PaymentStatus status) {
  AGORA_TRY(const auto data, read_data(event, &ProgressData::payment_id));
  return std::optional<FromPayment>(PaymentProgress{data.payment_id, data.order_group_id, status});
}

Result<std::optional<FromPayment>> read_refund(const events::Event& event) {
  AGORA_TRY(auto data, read_data(event, &RefundData::refund_id));
  // A capture that no order could use is given back, too.
  if (!data.order_id) return std::optional<FromPayment>{};
  AGORA_TRY(const auto currency, read_currency(data.currency));
  Refund refund{.refund_id = data.refund_id,
                .payment_id = data.payment_id,
                .group_id = data.order_group_id,
                .order_id = *data.order_id,
                .amount = data.amount.value,
                .currency = currency,
                .restock = data.restock,
                .settles_cancellation = data.reason == "canceled"};
  for (auto& line : data.lines) refund.lines.push_back({std::move(line.line_id), line.quantity.value});
  const auto reason = parse_enum<CancelReason>(data.reason);
  if (reason && *reason != CancelReason::expired) refund.reason = *reason;
  return std::optional<FromPayment>(std::move(refund));
}

}  // namespace

Result<std::optional<FromPayment>> read_from_payment(const events::Event& event) {
  const auto& type = event.type;
  if (type == "payment.captured") return read_capture(event);
  if (type == "payment.created" || type == "payment.processing") return read_progress(event, PaymentStatus::awaiting);
  if (type == "payment.requires_action") return read_progress(event, PaymentStatus::requires_action);
  if (type == "payment.authorized") return read_progress(event, PaymentStatus::authorized);
  if (type == "payment.failed" || type == "payment.canceled") return read_progress(event, PaymentStatus::not_paid);
  if (type == "refund.succeeded") return read_refund(event);
  return std::optional<FromPayment>{};
}

const OrderGroupId& group_of(const FromPayment& told) {
  return std::visit([](const auto& one) -> const OrderGroupId& { return one.group_id; }, told);
}

}  // namespace agora::order
