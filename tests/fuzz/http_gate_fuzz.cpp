// Any bytes as what a connection sends. What the gate lets through has one Host and at most one way to tell where its
// body ends; and a request is read the same in one piece, in two, and byte by byte.

#include <cstdint>
#include <cstdlib>
#include <numeric>
#include <string>
#include <vector>

#include "libs/http/gate.hpp"
#include "libs/http/request_reader.hpp"
#include "libs/http/text.hpp"

namespace {

int count(const std::string& text, const std::string& what) {
  int found = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

void check_head(const std::string& bytes) {
  const auto head = bytes + "\r\n\r\n";
  auto passed = head.substr(0, head.find("\r\n\r\n") + 4);
  agora::http::percent_decode(passed, agora::http::Plus::blank);
  if (agora::http::refuse_head(passed) != nullptr) return;
  passed = agora::http::lower(passed);
  const int lengths = count(passed, "\r\ncontent-length:");
  const int encodings = count(passed, "\r\ntransfer-encoding:");
  if (count(passed, "\r\nhost:") > 1 || lengths + encodings > 1) std::abort();
  if (passed.find('\0') != std::string::npos || count(passed, "\n") != count(passed, "\r\n")) std::abort();
}

/// All that is known of a request once its bytes were read; `cut` says in which pieces they came.
std::string outcome(const std::string& bytes, const std::vector<std::size_t>& cuts) {
  using Progress = agora::http::RequestReader::Progress;
  // Long heads and trailers are cut off where a piece ends; that limit is not looked at here.
  agora::http::RequestReader reader(1 << 20, 256);
  std::string input;
  auto progress = Progress::head;
  std::size_t fed = 0;
  for (const auto cut : cuts) {
    input += bytes.substr(fed, cut - fed);
    fed = cut;
    if (progress == Progress::head || progress == Progress::body) progress = reader.read(input);
  }
  // In pieces a mistake may be seen some bytes later: what counts is what passes.
  if (progress != Progress::complete) return "nothing";
  const auto rest = input.size();
  if (!reader.method()) return "complete, another method";
  const auto request = reader.take();
  return request.path + '?' + request.query + ' ' + std::to_string(request.headers.size()) + ' ' + request.body + ' ' +
         std::to_string(rest);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  check_head(bytes);
  const auto whole = outcome(bytes, {size});
  std::vector<std::size_t> each(size);
  std::iota(each.begin(), each.end(), std::size_t{1});
  if (outcome(bytes, each) != whole || outcome(bytes, {size / 2, size}) != whole) std::abort();
  return 0;
}
