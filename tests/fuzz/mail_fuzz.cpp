// Any bytes as what people write: names, subjects, texts, addresses. Whatever they are, a mail has its eight headers
// and one recipient, and is ASCII in lines that SMTP takes.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "services/notification/core/mail.hpp"

namespace {

constexpr std::size_t kLineMax = 78;  // RFC 5322 §2.1.1

void check_lines(const std::string& message) {
  std::size_t line = 0;
  for (std::size_t i = 0; i < message.size(); ++i) {
    const auto c = static_cast<unsigned char>(message[i]);
    if (c >= 0x80 || (c < 0x20 && c != '\r' && c != '\n')) std::abort();
    if ((c == '\n') != (i > 0 && message[i - 1] == '\r')) std::abort();
    if (c == '\n') {
      line = 0;
    } else if (c != '\r' && ++line > kLineMax) {
      std::abort();
    }
  }
}

void check_headers(const std::string& message, const std::string& to) {
  const auto head = message.substr(0, message.find("\r\n\r\n") + 2);
  int headers = 0;
  for (std::size_t at = 0; at < head.size(); at = head.find("\r\n", at) + 2) headers += head[at] != ' ';
  if (headers != 8) std::abort();
  const auto begin = head.find("\r\nTo: ");
  const auto line = head.substr(begin, head.find("\r\nSubject: ") - begin);
  if (!line.ends_with("<" + to + ">") || line.find('@') != line.rfind('@')) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string all(reinterpret_cast<const char*>(data), size);
  // The first line is an address, the rest is cut in three.
  const auto end = std::min(all.find('\n'), all.size());
  const auto address = all.substr(0, end);
  const auto rest = all.substr(std::min(end + 1, all.size()));
  const auto third = rest.size() / 3;
  const bool valid = agora::notification::is_mail_address(address);
  if (valid && address.find_first_of("\r\n\t <>,;:\"()[]\\") != std::string::npos) std::abort();
  const std::string to = valid ? address : "u1@example.com";
  const auto message = agora::notification::to_rfc5322({.message_id = "e1.u1@agora.example",
                                                        .from = "no-reply@agora.example",
                                                        .from_name = rest.substr(0, third),
                                                        .to = to,
                                                        .to_name = rest.substr(third, third),
                                                        .subject = rest.substr(2 * third),
                                                        .text = rest,
                                                        .html = rest,
                                                        .date = {}});
  check_headers(message, to);
  // An address may be longer than a line should be; nothing else may.
  if (to.size() < kLineMax - 4) check_lines(message);
  return 0;
}
