#pragma once
#include <utility>

namespace agora {

/// A value that must not be printed. It has no formatter and no stream operator, so logging one does not compile;
/// reading it is a call that a reviewer can search for.
template <class T>
class Secret {
 public:
  Secret() = default;
  explicit Secret(T value) : value_(std::move(value)) {}

  /// The value itself, for the one place that needs it (a driver, a comparison).
  const T& reveal() const { return value_; }

 private:
  T value_{};
};

}  // namespace agora
