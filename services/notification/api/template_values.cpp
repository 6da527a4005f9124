#include "services/notification/api/template_values.hpp"

namespace agora::notification {
namespace {

bool is_web_address(std::string_view text) {
  return text.starts_with("https://") || text.starts_with("http://");
}

}  // namespace

TemplateValues::TemplateValues(const std::string& number) : json_(text_) {
  json_.begin_object().member("number", number);
}

TemplateValues& TemplateValues::amount(std::int64_t minor, Currency currency) {
  json_.member("total", to_decimal_string({minor, currency})).member("currency", currency);
  return *this;
}

TemplateValues& TemplateValues::pay_by(Timestamp time) {
  auto text = to_rfc3339(time).substr(0, 16);
  text[10] = ' ';
  json_.member("pay_by", text);
  return *this;
}

TemplateValues& TemplateValues::section(std::string_view name) {
  json_.member(name, true);
  return *this;
}

TemplateValues& TemplateValues::begin_lines() {
  json_.key("lines").begin_array();
  return *this;
}

TemplateValues& TemplateValues::line(const LineData& line, Currency currency) {
  if (line.quantity.value == 0) return *this;
  json_.begin_object()
      .member("quantity", line.quantity.value)
      .member("title", line.title.value)
      .member("sku", line.sku.value)
      .member("total", to_decimal_string({line.total.value, currency}))
      .end_object();
  return *this;
}

TemplateValues& TemplateValues::line(const FulfilledLineData& line) {
  json_.begin_object().member("quantity", line.quantity.value).member("title", line.title.value).end_object();
  return *this;
}

TemplateValues& TemplateValues::line(const CanceledLineData& line) {
  if (!line.title) return *this;
  json_.begin_object().member("quantity", line.quantity.value).member("title", line.title->value).end_object();
  return *this;
}

TemplateValues& TemplateValues::end_lines() {
  json_.end_array();
  return *this;
}

TemplateValues& TemplateValues::refund(std::string_view section, std::int64_t minor, Currency currency) {
  if (minor == 0) return *this;
  json_.key(section).begin_object().member("total", to_decimal_string({minor, currency}));
  json_.member("currency", currency).end_object();
  return *this;
}

TemplateValues& TemplateValues::tracking(const TrackingData& tracking) {
  json_.key("tracking").begin_object().member("carrier", tracking.carrier.value);
  json_.member("tracking_number", tracking.number.value);
  // Order lets nothing else through; a mail is no place to find out that it did.
  if (tracking.url && is_web_address(tracking.url->value)) json_.member("url", tracking.url->value);
  json_.end_object();
  return *this;
}

std::string TemplateValues::take() {
  json_.end_object();
  return std::move(text_);
}

}  // namespace agora::notification
