// Any bytes as a cursor: refused, or exactly what its bytes say. What was encoded decodes to itself.

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "libs/http/pages.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto decoded = agora::http::Cursor::decode(text, "filters", 2);
  if (decoded && decoded->fields.size() != 2) std::abort();

  const agora::http::Cursor cursor{{text.substr(0, 300), text.substr(std::min<std::size_t>(300, size)).substr(0, 300)}};
  const auto again = agora::http::Cursor::decode(cursor.encode("filters"), "filters", 2);
  if (!again || again->fields != cursor.fields) std::abort();
  if (agora::http::Cursor::decode(cursor.encode("filters"), "other filters", 2)) std::abort();
  return 0;
}
