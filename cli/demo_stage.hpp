#pragma once
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "cli/http_calls.hpp"

namespace agora::cli {

/// A step that went otherwise than it must.
class NotAsItMust : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Somebody wants the demo to end: what it started ends too.
class Interrupted : public std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// Whether a signal (next_signal()) says so.
bool is_stop(std::optional<int> signal);

/// Somebody who acts, by a token of theirs.
struct Actor {
  std::string user_id;
  Secret<std::string> token;
};

/// Asks the services and shows every request and answer, to people or as a line of JSON each.
class Stage {
 public:
  struct Request {
    std::string method{};
    std::string path{};
    std::string body{};  ///< JSON; empty: none
    std::string idempotency_key{};
  };

  /// `order`, `notification`: their public addresses.
  Stage(std::string order, std::string notification, bool json)
      : order_(std::move(order)), notification_(std::move(notification)), json_(json) {}

  /// Begins a chapter.
  void chapter(std::string_view title);
  /// A line about what no request shows.
  void remark(std::string_view text);
  /// Asks, shows both, and gives the answer. Throws NotAsItMust unless its status is `expected`.
  Answer ask(const Actor& actor, const Request& request, long expected);
  /// Asks for something again and again until it is as it must be, shows the last answer. Throws NotAsItMust when it
  /// never is, Interrupted when a signal says stop.
  Answer await(const Actor& actor, const std::string& path, const std::function<bool(const json::Node&)>& is_right);

  int requests() const { return requests_; }

 private:
  Answer send(const Actor& actor, const Request& request) const;
  void show(const Actor& actor, const Request& request, const Answer& answer);

  std::string order_;
  std::string notification_;
  bool json_;
  int chapters_ = 0;
  int requests_ = 0;
};

/// JSON as people read it: lines are filled, and what fits on one is not broken.
std::string pretty(const json::Node& node, std::size_t indent);

}  // namespace agora::cli
