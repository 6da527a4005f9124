#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "services/notification/core/types.hpp"

namespace agora::notification {

/// What a notification says, in one language.
struct Words {
  std::string subject;  ///< one line; the title of an in-app notification
  std::string text;
  std::string html;  ///< what data says is escaped
};

/// Renders templates/<language>/<kind>.mustache. `locale`: `de`, `de-AT`; a language that we do not have, or none, is
/// English. `data`: a JSON object of ours; control characters in it become blanks. `name`: how to address the user;
/// may be empty. `address`: where it goes what was bought, a line each; may be empty.
Words words_of(Kind kind, std::string_view locale, std::string_view data, std::string_view name,
               const std::vector<std::string>& address = {});

}  // namespace agora::notification
