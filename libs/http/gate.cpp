#include "libs/http/gate.hpp"

#include <algorithm>

#include "libs/http/text.hpp"

namespace agora::http {
namespace {

bool is_token_char(char c) {
  // RFC 9110 §5.6.2
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// The next line without its CRLF; false when it does not end in CRLF or holds a control character but tab.
bool take_line(std::string_view& rest, std::string_view& line) {
  const auto end = rest.find('\n');
  if (end == std::string_view::npos || end == 0 || rest[end - 1] != '\r') return false;
  line = rest.substr(0, end - 1);
  rest.remove_prefix(end + 1);
  return std::none_of(line.begin(), line.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7F;
  });
}

struct Fields {
  int hosts = 0;
  std::string_view host{};
  int content_lengths = 0;
  int transfer_encodings = 0;
};

const char* refuse_field(std::string_view line, bool is_1_0, Fields& fields) {
  if (line.front() == ' ' || line.front() == '\t') return "a header field is folded";
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) return "a header field's name is no token";
  const auto name = line.substr(0, colon);
  const auto value = trim(line.substr(colon + 1));
  if (equals_ignoring_case(name, "host")) {
    ++fields.hosts;
    fields.host = value;
  } else if (equals_ignoring_case(name, "content-length")) {
    const bool digits = !value.empty() && value.size() <= 18 &&
                        std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (++fields.content_lengths > 1 || !digits) return "Content-Length must be one number";
  } else if (equals_ignoring_case(name, "transfer-encoding")) {
    if (++fields.transfer_encodings > 1 || !equals_ignoring_case(value, "chunked") || is_1_0) {
      return "Transfer-Encoding must be one chunked, in HTTP/1.1";
    }
  }
  return nullptr;
}

const char* refuse_target(std::string_view target, const Fields& fields) {
  if (target.starts_with('/') || target == "*") return nullptr;
  // Absolute form: what a proxy is sent. Its authority must be the Host, or the two ends of a chain see two sites.
  const auto scheme_end = target.find("://");
  if (scheme_end == std::string_view::npos) return "the request target is not a path";
  const auto scheme = target.substr(0, scheme_end);
  if (!equals_ignoring_case(scheme, "http") && !equals_ignoring_case(scheme, "https"))
    return "the target has another scheme";
  const auto rest = target.substr(scheme_end + 3);
  if (!equals_ignoring_case(rest.substr(0, rest.find_first_of("/?")), fields.host))
    return "the target is not at this Host";
  return nullptr;
}

}  // namespace

const char* refuse_head(std::string_view head) {
  std::string_view line;
  if (!take_line(head, line)) return "the request line is malformed";
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return "the request line is malformed";
  const auto target = line.substr(first + 1, last - first - 1);
  const auto version = line.substr(last + 1);
  if (!is_token(line.substr(0, first))) return "the method is no token";
  if (target.empty() || target.find_first_of(" \t#") != std::string_view::npos)
    return "the request target is malformed";
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return "the HTTP version is not 1.0 or 1.1";
  const bool is_1_0 = version == "HTTP/1.0";

  Fields fields;
  while (true) {
    if (!take_line(head, line)) return "a header line is malformed";
    if (line.empty()) break;
    if (const char* reason = refuse_field(line, is_1_0, fields)) return reason;
  }
  if (fields.hosts > 1 || (fields.hosts == 0 && !is_1_0)) return "there must be one Host";
  if (fields.host.find_first_of(" \t/,@") != std::string_view::npos) return "Host is malformed";
  if (fields.content_lengths > 0 && fields.transfer_encodings > 0) {
    return "Content-Length and Transfer-Encoding exclude each other";
  }
  return refuse_target(target, fields);
}

}  // namespace agora::http
