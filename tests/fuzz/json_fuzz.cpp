// Any bytes as a body: refused or bound, never a crash; what is refused says why in the words of the contract.

#include <cstdlib>

#include <boost/describe/class.hpp>

#include "libs/json/reader.hpp"

namespace {

struct Line {
  std::optional<agora::Id<struct ThingTag>> id{};
  agora::json::Integer<1, 1'000'000> quantity{};
  agora::Decimal price{};
};
BOOST_DESCRIBE_STRUCT(Line, (), (id, quantity, price))

struct Body {
  std::optional<std::string> text{};
  std::optional<bool> flag{};
  std::optional<std::vector<Line>> items{};
  std::optional<agora::Timestamp> at{};
};
BOOST_DESCRIBE_STRUCT(Body, (), (text, flag, items, at))

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto body = agora::json::read<Body>(text);
  if (!body && !agora::json::is_malformed(body.error()) && body.error().fields.empty()) std::abort();
  if (!body && body.error().fields.size() > agora::json::kFieldErrorsMax) std::abort();
  return 0;
}
