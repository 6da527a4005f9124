#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace agora::http {

/// ASCII letters in lower case, whatever the locale says; all else as it is.
std::string lower(std::string_view text);
bool equals_ignoring_case(std::string_view a, std::string_view b);

/// Whether bytes are well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF).
bool is_utf8(std::string_view bytes);

/// Undoes percent-encoding (RFC 3986 §2.1), `+` too if it stands for a blank. None when an escape is cut or no hex, or
/// the result is not UTF-8 or holds U+0000.
enum class Plus { literal, blank };
std::optional<std::string> percent_decode(std::string_view text, Plus plus);

}  // namespace agora::http
