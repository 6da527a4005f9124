// Any bytes as a request's head. What the gate lets through has one Host and at most one way to tell where its body
// ends.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "libs/http/gate.hpp"
#include "libs/http/text.hpp"

namespace {

int count(const std::string& text, const std::string& what) {
  int found = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string head = std::string(reinterpret_cast<const char*>(data), size) + "\r\n\r\n";
  const auto end = head.find("\r\n\r\n") + 4;
  auto passed = head.substr(0, end);
  agora::http::percent_decode(passed, agora::http::Plus::blank);
  if (agora::http::refuse_head(passed) != nullptr) return 0;
  std::transform(passed.begin(), passed.end(), passed.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  const int lengths = count(passed, "\r\ncontent-length:");
  const int encodings = count(passed, "\r\ntransfer-encoding:");
  if (count(passed, "\r\nhost:") > 1 || lengths + encodings > 1) std::abort();
  if (passed.find('\0') != std::string::npos || count(passed, "\n") != count(passed, "\r\n")) std::abort();
  return 0;
}
