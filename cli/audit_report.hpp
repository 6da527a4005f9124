#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace agora::cli {

/// A promise that does not hold, and of what.
struct Violation {
  std::string invariant;  ///< `I4`; `file`: the engine's own check
  std::string id_name;    ///< `order_id`
  std::string id;
  std::string what;  ///< a sentence for people
};

/// What an audit looked at in one service's database and what it found. Not thread-safe.
class Report {
 public:
  struct Checked {
    std::string invariant;
    std::string what;  ///< `stock rows`
    std::int64_t count;
  };
  struct NotChecked {
    std::string invariant;
    std::string why;
  };
  struct InFlight {
    std::string what;
    std::int64_t count;
  };
  struct Parked {
    std::string event_id;
    std::string what;
  };

  /// So many of something were compared with what an invariant says.
  void checked(std::string_view invariant, std::string_view what, std::int64_t count);
  void not_checked(std::string_view invariant, std::string_view why);
  /// What is still under way, and no violation for that.
  void in_flight(std::string_view what, std::int64_t count);
  /// An event that its consumer has put aside: no violation, but somebody should look (agora events list).
  void parked(std::string event_id, std::string what);
  void violated(Violation violation);

  const std::vector<Checked>& all_checked() const { return checked_; }
  const std::vector<NotChecked>& all_not_checked() const { return not_checked_; }
  const std::vector<InFlight>& all_in_flight() const { return in_flight_; }
  const std::vector<Parked>& all_parked() const { return parked_; }
  const std::vector<Violation>& violations() const { return violations_; }

 private:
  std::vector<Checked> checked_{};
  std::vector<NotChecked> not_checked_{};
  std::vector<InFlight> in_flight_{};
  std::vector<Parked> parked_{};
  std::vector<Violation> violations_{};
};

/// A service that was audited.
struct Audited {
  std::string service;
  std::string database;  ///< where it is, without passwords
  Report report;
};
/// Violations of all of them.
std::int64_t count_violations(const std::vector<Audited>& all);
std::string as_json(const std::vector<Audited>& all);
std::string as_text(const std::vector<Audited>& all);

}  // namespace agora::cli
