#pragma once
#include <stdexcept>

namespace agora {

/// "We cannot answer": something of our own failed. Borders answer 503 with Retry-After where a retry helps, else 500;
/// nothing was done unless the exception says otherwise.
class Unavailable : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  /// Whether the same request may succeed a moment later.
  virtual bool retry_helps() const { return true; }
};

}  // namespace agora
