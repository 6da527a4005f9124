#pragma once
#include <string>
#include <vector>

namespace agora::notification {

/// Who bought something, as order knows it. Personal data: stands in the mail alone.
struct Contact {
  std::string user_id{};
  std::string email{};                 ///< empty: none was given
  std::vector<std::string> address{};  ///< where it goes, a line each; empty: none was given
};

}  // namespace agora::notification
