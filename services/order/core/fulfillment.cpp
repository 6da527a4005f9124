#include "services/order/core/fulfillment.hpp"

#include <algorithm>
#include <array>

namespace agora::order {
namespace {

constexpr std::array<std::string_view, 4> kFulfillmentState{"packed", "shipped", "delivered", "canceled"};

/// `https://` and `http://`, in any case; how many characters that is, 0 for anything else.
std::size_t scheme_of(std::string_view text) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b; };
    if (text.size() > scheme.size() && std::equal(scheme.begin(), scheme.end(), text.begin(),
                                                  [&](char wanted, char found) { return same(found, wanted); })) {
      return scheme.size();
    }
  }
  return 0;
}

void check_line(const std::string& text, const std::string& at, std::vector<FieldError>& errors) {
  if (text.empty()) {
    errors.push_back({at, "required", "is required"});
  } else if (!is_one_line(text)) {
    errors.push_back({at, "invalid_value", "must be one line without control characters"});
  }
}

}  // namespace

std::string_view to_string(FulfillmentState state) {
  return kFulfillmentState.at(static_cast<std::size_t>(state));
}

template <>
std::optional<FulfillmentState> parse_enum(std::string_view name) {
  const auto* const found = std::find(kFulfillmentState.begin(), kFulfillmentState.end(), name);
  if (found == kFulfillmentState.end()) return std::nullopt;
  return static_cast<FulfillmentState>(found - kFulfillmentState.begin());
}

bool is_legal(FulfillmentState from, FulfillmentState to) {
  switch (from) {
    case FulfillmentState::packed:
      return to == FulfillmentState::shipped || to == FulfillmentState::canceled;
    case FulfillmentState::shipped:
      return to == FulfillmentState::delivered;
    case FulfillmentState::delivered:
    case FulfillmentState::canceled:
      return false;
  }
  return false;
}

bool is_web_address(std::string_view text) {
  const auto scheme = scheme_of(text);
  if (scheme == 0) return false;
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < 0x7F && std::string_view("\"'<>\\^`{|}").find(c) == std::string_view::npos;
  });
  const auto host = text.substr(scheme, text.find_first_of("/?#", scheme) - scheme);
  return plain && !host.empty() && host.front() != ':' && host.find('@') == std::string_view::npos;
}

Result<Tracking> edited(const std::optional<Tracking>& before, const TrackingEdit& edit, const std::string& pointer) {
  auto tracking = before.value_or(Tracking{});
  if (edit.carrier.given) tracking.carrier = edit.carrier.value.value_or("");
  if (edit.number.given) tracking.number = edit.number.value.value_or("");
  if (edit.url.given) tracking.url = edit.url.value;
  std::vector<FieldError> errors;
  check_line(tracking.carrier, pointer + "/carrier", errors);
  check_line(tracking.number, pointer + "/number", errors);
  if (tracking.url && !is_web_address(*tracking.url)) {
    errors.push_back({pointer + "/url", "invalid_value", "must be an http or https address"});
  }
  if (errors.empty()) return tracking;
  return Error{Errc::invalid_argument, "validation_failed", "The request has fields that are not right.",
               std::move(errors)};
}

void Fulfillment::cancel(Timestamp now) {
  state = FulfillmentState::canceled;
  canceled_at = now;
  updated_at = now;
}

std::int64_t Fulfillment::quantity_of(const LineId& line_id) const {
  std::int64_t quantity = 0;
  for (const auto& line : lines) {
    if (line.line_id == line_id) quantity += line.quantity;
  }
  return quantity;
}

}  // namespace agora::order
