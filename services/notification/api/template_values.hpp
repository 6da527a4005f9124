#pragma once
#include <string>

#include "libs/base/clock.hpp"
#include "libs/base/money.hpp"
#include "libs/json/writer.hpp"
#include "services/notification/api/event_data.hpp"

namespace agora::notification {

/// The values that the templates of all kinds know, as a JSON object: amounts and times as people read them.
class TemplateValues {
 public:
  /// `number`: of the order or the group.
  explicit TemplateValues(const std::string& number);
  TemplateValues(const TemplateValues&) = delete;
  TemplateValues& operator=(const TemplateValues&) = delete;

  /// `minor`: in minor units.
  TemplateValues& amount(std::int64_t minor, Currency currency);
  TemplateValues& pay_by(Timestamp time);
  /// A section that is there.
  TemplateValues& section(std::string_view name);
  TemplateValues& begin_lines();
  /// Nothing of a line that was canceled before the order was paid.
  TemplateValues& line(const LineData& line, Currency currency);
  TemplateValues& line(const FulfilledLineData& line);
  TemplateValues& line(const CanceledLineData& line);
  TemplateValues& end_lines();
  /// A section with what is given back of money that was taken, in minor units; nothing where there is none.
  TemplateValues& refund(std::string_view section, std::int64_t minor, Currency currency);
  TemplateValues& tracking(const TrackingData& tracking);
  /// The object; the last call.
  std::string take();

 private:
  std::string text_;
  json::Writer json_;
};

}  // namespace agora::notification
