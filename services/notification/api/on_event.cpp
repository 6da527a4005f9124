#include "services/notification/api/on_event.hpp"

#include <array>
#include <unordered_set>

#include "libs/json/reader.hpp"
#include "services/notification/api/event_data.hpp"
#include "services/notification/api/template_values.hpp"
#include "services/notification/store/notification_store.hpp"
#include "services/notification/store/replicas.hpp"

namespace agora::notification {
namespace {

constexpr std::string_view kDeleted = "user.deleted";
constexpr std::string_view kExpired = "expired";

/// Events grow: what we do not know of one is passed over.
template <class T>
Result<T> read_data(const events::Event& event) {
  return json::read<T>(event.data(), json::UnknownFields::ignore);
}

/// An event of --offers has no number in a log.
SourceVersion source_of(const events::Event& event) {
  return {event.log_id, event.version, event.sequence > 0};
}

template <std::size_t max>
std::optional<std::string> text_of(const std::optional<json::Text<max>>& text) {
  if (!text) return std::nullopt;
  return text->value;
}

Result<Currency> currency_of(const std::string& code) {
  const auto currency = Currency::from_code(code);
  if (!currency) return json::validation_failed({{"/currency", "invalid_value", "must be an ISO 4217 code"}});
  return *currency;
}

void add_user(const json::Node& node, std::unordered_set<std::string>& users) {
  const auto id = node.member("user_id");
  if (id && id->kind() == json::Kind::string && is_id(id->text())) users.emplace(id->text());
}

/// The users whom an event names, or who act for the seller that it names: those of whom something may be written.
void add_named(sql::Tx& tx, const json::Node& data, std::unordered_set<std::string>& users) {
  add_user(data, users);
  const auto members = data.member("members");
  for (auto member = members ? members->first() : std::nullopt; member; member = member->next()) {
    add_user(*member, users);
  }
  const auto seller = data.member("seller_id");
  if (!seller || seller->kind() != json::Kind::string || !is_id(seller->text())) return;
  for (const auto& user_id : members_of(tx, SellerId(std::string(seller->text()))).value_or(std::vector<UserId>{})) {
    users.insert(user_id.str());
  }
}

/// A reason of a cancellation as the templates' sections have it.
std::string_view section_of(std::string_view reason) {
  if (reason == "buyer") return "by_buyer";
  if (reason == "seller") return "by_seller";
  if (reason == "support") return "by_support";
  return reason;
}

}  // namespace

void EventHandler::lock(sql::Tx& tx, const std::vector<events::Event>& events) {
  if (tx.engine() == sql::Engine::sqlite) return;
  std::unordered_set<std::string> erased;
  std::unordered_set<std::string> named;
  for (const auto& event : events) {
    if (event.unreadable) continue;
    if (event.type == kDeleted) {
      if (is_id(event.subject)) erased.insert(event.subject);
    } else {
      add_named(tx, event.data(), named);
    }
  }
  service::hold_for_erasure(tx, erased);
  service::keep_from_erasure(tx, named);
}

Result<void> EventHandler::apply(sql::Tx& tx, const events::Event& event) {
  using Apply = Result<void> (EventHandler::*)(sql::Tx&, const events::Event&);
  struct Row {
    std::string_view type;  ///< or how it begins, when it ends in a point
    Apply apply;
  };
  static constexpr std::array<Row, 12> kRows{{
      {"user.", &EventHandler::on_user},
      {"seller.", &EventHandler::on_seller},
      {"order_group.placed", &EventHandler::on_group_placed},
      {"order_group.paid", &EventHandler::on_group_paid},
      {"order_group.canceled", &EventHandler::on_group_canceled},
      {"order_group.capture_refused", &EventHandler::on_capture_refused},
      {"order.paid", &EventHandler::on_order_paid},
      {"order.canceled", &EventHandler::on_order_canceled},
      {"order.lines_canceled", &EventHandler::on_lines_canceled},
      {"order.refunded", &EventHandler::on_order_refunded},
      {"order.shipped", &EventHandler::on_fulfillment},
      {"order.delivered", &EventHandler::on_fulfillment},
  }};
  for (const auto& [type, handle] : kRows) {
    if (type.ends_with('.') ? event.type.starts_with(type) : event.type == type) return (this->*handle)(tx, event);
  }
  return {};
}

Result<void> EventHandler::on_user(sql::Tx& tx, const events::Event& event) {
  AGORA_TRY(const auto data, read_data<UserData>(event));
  if (event.type == kDeleted) {
    erase_user(tx, data.user_id, event.version);
    // Before the commit: should it not come, the event comes again, and what is told of a deletion is never taken back.
    erased_.add(data.user_id.str());
    return {};
  }
  const UserState user{data.user_id, text_of(data.email), text_of(data.display_name), text_of(data.locale)};
  notification::apply(tx, user, source_of(event));
  if (event.type == "user.registered") {
    notify(tx,
           {.event_id = event.id,
            .kind = Kind::welcome,
            .data = "{}",
            .made_at = clock_.now(),
            .traceparent = event.traceparent},
           {data.user_id}, channels_);
  }
  return {};
}

Result<void> EventHandler::on_seller(sql::Tx& tx, const events::Event& event) {
  AGORA_TRY(auto data, read_data<SellerData>(event));
  SellerState seller{data.seller_id, data.name.value, {}};
  for (auto& member : data.members.value_or(std::vector<MemberData>{})) {
    seller.members.push_back({std::move(member.user_id), std::move(member.role)});
  }
  notification::apply(tx, seller, source_of(event));
  return {};
}

Result<void> EventHandler::on_group_placed(sql::Tx& tx, const events::Event& event) {
  AGORA_TRY(const auto data, read_data<GroupPlacedData>(event));
  AGORA_TRY(const auto currency, currency_of(data.currency));
  notify(tx,
         {.event_id = event.id,
          .kind = Kind::order_placed,
          .order_group_id = data.order_group_id.str(),
          .data = TemplateValues(data.number).amount(data.total.value, currency).pay_by(data.pay_by).take(),
          .made_at = clock_.now(),
          .traceparent = event.traceparent},
         {data.user_id}, channels_);
  return {};
}

Result<void> EventHandler::on_group_paid(sql::Tx& tx, const events::Event& event) {
  AGORA_TRY(const auto data, read_data<GroupPaidData>(event));
  AGORA_TRY(const auto currency, currency_of(data.currency));
  TemplateValues values(data.number);
  values.amount(data.total.value, currency).begin_lines();
  for (const auto& order : data.orders) {
    for (const auto& line : order.lines) values.line(line, currency);
  }
  notify(tx,
         {.event_id = event.id,
          .kind = Kind::order_paid,
          .order_group_id = data.order_group_id.str(),
          .data = values.end_lines().take(),
          .made_at = clock_.now(),
          .traceparent = event.traceparent},
         {data.user_id}, channels_);
  return {};
}

Result<void> EventHandler::on_group_canceled(sql::Tx& tx, const events::Event& event) {
  AGORA_TRY(const auto data, read_data<GroupCanceledData>(event));
  // A checkout that was not paid is one thing to its buyer; all else they hear of order by order.
  if (data.reason != kExpired) return {};
  notify(tx,
         {.event_id = event.id,
          .kind = Kind::order_expired,
          .order_group_id = data.order_group_id.str(),
          .data = TemplateValues(data.number).take(),
          .made_at = clock_.now(),
          .traceparent = event.traceparent},
         {data.user_id}, channels_);
  return {};
}

Result<void> EventHandler::on_capture_refused(sql::Tx& tx, const events::Event& event) {
  AGORA_TRY(const auto data, read_data<CaptureRefusedData>(event));
  // Of a group that order lost with its database nobody knows any more whose it was.
  if (!data.user_id) return {};
  AGORA_TRY(const auto currency, currency_of(data.currency));
  notify(
      tx,
      {.event_id = event.id,
       .kind = Kind::capture_refused,
       .order_group_id = data.order_group_id.str(),
       .data = TemplateValues(data.number.value_or("")).amount(data.amount.value, currency).section(data.reason).take(),
       .made_at = clock_.now(),
       .traceparent = event.traceparent},
      {*data.user_id}, channels_);
  return {};
}

Result<void> EventHandler::on_order_paid(sql::Tx& tx, const events::Event& event) {
  AGORA_TRY(const auto data, read_data<OrderPaidData>(event));
  AGORA_TRY(const auto currency, currency_of(data.currency));
  const auto members = members_of(tx, data.seller_id);
  if (!members) {
    return Error{Errc::failed_precondition, "missing_dependency", "The seller has not been heard of yet."};
  }
  TemplateValues values(data.number);
  values.amount(data.total.value, currency).begin_lines();
  for (const auto& line : data.lines) values.line(line, currency);
  notify(tx,
         {.event_id = event.id,
          .kind = Kind::sale_paid,
          .order_group_id = data.order_group_id.str(),
          .order_id = data.order_id.str(),
          .data = values.end_lines().take(),
          .made_at = clock_.now(),
          .traceparent = event.traceparent},
         *members, channels_);
  return {};
}

Result<void> EventHandler::on_order_canceled(sql::Tx& tx, const events::Event& event) {
  AGORA_TRY(const auto data, read_data<OrderCanceledData>(event));
  if (data.reason == kExpired) return {};
  TemplateValues values(data.number);
  values.section(section_of(data.reason));
  if (data.currency && data.refunded_total && data.refund_amount) {
    AGORA_TRY(const auto currency, currency_of(*data.currency));
    // One that ends by a refund gives nothing back by itself: what was given back is its end.
    if (data.refund_amount->value > 0) {
      values.refund("refund", data.refund_amount->value, currency);
    } else {
      values.refund("refunded", data.refunded_total->value, currency);
    }
  }
  Message message{.event_id = event.id,
                  .kind = Kind::order_canceled,
                  .order_group_id = data.order_group_id.str(),
                  .order_id = data.order_id.str(),
                  .data = values.take(),
                  .made_at = clock_.now(),
                  .traceparent = event.traceparent};
  notify(tx, message, {data.user_id}, channels_);
  message.kind = Kind::sale_canceled;
  tell_seller(tx, message, data.seller_id);
  return {};
}

Result<void> EventHandler::on_lines_canceled(sql::Tx& tx, const events::Event& event) {
  AGORA_TRY(const auto data, read_data<LinesCanceledData>(event));
  AGORA_TRY(const auto currency, currency_of(data.currency));
  TemplateValues values(data.number);
  values.section(section_of(data.reason)).begin_lines();
  for (const auto& line : data.lines) values.line(line);
  Message message{.event_id = event.id,
                  .kind = Kind::order_lines_canceled,
                  .order_group_id = data.order_group_id.str(),
                  .order_id = data.order_id.str(),
                  .data = values.end_lines().refund("refund", data.refund_amount.value, currency).take(),
                  .made_at = clock_.now(),
                  .traceparent = event.traceparent};
  notify(tx, message, {data.user_id}, channels_);
  message.kind = Kind::sale_lines_canceled;
  tell_seller(tx, message, data.seller_id);
  return {};
}

Result<void> EventHandler::on_order_refunded(sql::Tx& tx, const events::Event& event) {
  AGORA_TRY(const auto data, read_data<OrderRefundedData>(event));
  AGORA_TRY(const auto currency, currency_of(data.currency));
  // One of units alone gives nothing back.
  if (data.amount.value == 0) return {};
  notify(tx,
         {.event_id = event.id,
          .kind = Kind::order_refunded,
          .order_group_id = data.order_group_id.str(),
          .order_id = data.order_id.str(),
          .data = TemplateValues(data.number).amount(data.amount.value, currency).take(),
          .made_at = clock_.now(),
          .traceparent = event.traceparent},
         {data.user_id}, channels_);
  return {};
}

void EventHandler::tell_seller(sql::Tx& tx, const Message& message, const SellerId& seller_id) {
  // Of an order that was never paid its seller never heard.
  if (!was_told_of_sale(tx, *message.order_id)) return;
  notify(tx, message, members_of(tx, seller_id).value_or(std::vector<UserId>{}), channels_);
}

Result<void> EventHandler::on_fulfillment(sql::Tx& tx, const events::Event& event) {
  AGORA_TRY(const auto data, read_data<FulfillmentData>(event));
  TemplateValues values(data.number);
  values.begin_lines();
  for (const auto& line : data.lines) values.line(line);
  values.end_lines();
  if (data.tracking) values.tracking(*data.tracking);
  notify(tx,
         {.event_id = event.id,
          .kind = event.type == "order.shipped" ? Kind::order_shipped : Kind::order_delivered,
          .order_group_id = data.order_group_id.str(),
          .order_id = data.order_id.str(),
          .data = values.take(),
          .made_at = clock_.now(),
          .traceparent = event.traceparent},
         {data.user_id}, channels_);
  return {};
}

}  // namespace agora::notification
