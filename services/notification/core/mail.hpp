#pragma once
#include <string>
#include <string_view>

#include "libs/base/clock.hpp"
#include "libs/base/result.hpp"

namespace agora::notification {

/// A mail to one recipient. All texts are UTF-8 and may hold what users wrote.
struct Mail {
  std::string message_id;  ///< `local@domain`, without angle brackets; the same whenever this mail is tried again
  std::string from;        ///< address, checked by is_mail_address()
  std::string from_name;
  std::string to;  ///< address, checked by is_mail_address(); the only recipient
  std::string to_name;
  std::string subject;
  std::string text;
  std::string html;
  Timestamp date{};
};

/// Whether this is a plain mailbox (`local@domain`, printable ASCII, at most 254 bytes) that can stand in an SMTP
/// command and a header without quoting. Stricter than RFC 5321 §4.1.2: no quoted local parts, no address literals.
bool is_mail_address(std::string_view text);

/// The message as RFC 5322 and MIME (RFC 2045–2047) want it: CRLF lines, ASCII only, multipart/alternative. No field's
/// content can begin a header, name a recipient or end the message: addresses must be is_mail_address(), everything
/// else is encoded.
std::string to_rfc5322(const Mail& mail);

}  // namespace agora::notification
