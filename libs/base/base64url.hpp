#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace agora {

/// base64url without padding (RFC 4648 §5, RFC 7515 §2).
std::string to_base64url(std::string_view bytes);

/// The bytes of what to_base64url() writes, and of nothing else: none with padding, blanks, foreign characters, a
/// length that no bytes have, or spare bits that are not zero. So there is one text for some bytes.
std::optional<std::string> from_base64url(std::string_view text);

}  // namespace agora
