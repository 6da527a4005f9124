#pragma once
#include <string_view>

namespace agora::http {

/// Checks a request's head (request line and header fields, with the blank line that ends them) before any parser's
/// reading of it is trusted: Beast 1.81 alone takes heads that another server in front reads differently (RFC 9112
/// §11.2, request smuggling).
///
/// Refused, always with 400 and the connection closed: anything but `METHOD SP target SP HTTP/1.0|1.1`; bare CR or LF,
/// NUL; a name that is no token, white space before the colon, obs-fold; no Host or two in 1.1; Content-Length twice or
/// not digits alone; Transfer-Encoding that is not one field with the single value `chunked`, or with Content-Length,
/// or in 1.0; an absolute target whose authority is not Host's. Null when the head passes, else a sentence.
const char* refuse_head(std::string_view head);

}  // namespace agora::http
