#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "libs/http/router.hpp"
#include "libs/telemetry/metrics.hpp"

namespace agora::http {

/// Whether the process may be sent work: a named check each, and not while it drains. Used on the io thread.
class Readiness {
 public:
  /// `check` gives a sentence when something is wrong.
  void add_check(std::string name, std::function<std::optional<std::string>()> check);
  /// Something that is worth knowing and keeps nobody from being sent work: `note` gives a sentence when it is so.
  void add_note(std::string name, std::function<std::optional<std::string>()> note);
  void set_draining() { draining_ = true; }

  bool ready() const;
  /// A line per check, as /readyz?verbose shows it.
  std::string report() const;

 private:
  struct Check {
    std::string name;
    std::function<std::optional<std::string>()> run;
  };
  std::vector<Check> checks_;
  std::vector<Check> notes_;
  bool draining_ = false;
};

/// `/livez` (answers while the process does), `/readyz` (503 unless ready), `/metrics`: for the internal port. Both
/// must outlive the server.
std::vector<Route> health_routes(const Readiness& readiness, const telemetry::Registry& metrics);

}  // namespace agora::http
