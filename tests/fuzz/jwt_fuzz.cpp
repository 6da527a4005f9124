// Any bytes as a token, as claims and as a key set. No token but the one that was signed is ever good, whatever is done
// to it; claims that are taken say what they must.

#include <cstdint>
#include <cstdlib>
#include <string>

#include "libs/base/id.hpp"
#include "libs/jwt/token.hpp"

namespace {

using namespace agora;

// RFC 8037 appendix A, and RFC 7515 appendix A.3.
constexpr std::string_view kKeySet =
    R"({"keys":[{"kid":"ed","kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},)"
    R"({"kid":"ec","kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]})";
// {"alg":"EdDSA","typ":"at+jwt","kid":"ed"} over the claims of u1 at 1,000,000 s, signed once with appendix A's key.
constexpr std::string_view kSigned =
    "eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCIsImtpZCI6ImVkIn0.eyJpc3MiOiJhZ29yYSIsImF1ZCI6ImFnb3JhIiwic3ViIjoidTEi"
    "LCJqdGkiOiJ0MSIsImlhdCI6MTAwMDAwMCwiZXhwIjoxMDAwMzAwLCJyb2xlcyI6WyJ1c2VyIl19.he0105IXyfKpVe1T6Da_gkYY8NiqB77"
    "-KRgs657p61NZ18-V_OhecHhYxNxDrGr6HHMGAdow-lpqpzem2gu9BQ";
constexpr Timestamp kNow{std::chrono::seconds(1'000'100)};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto keys = jwt::KeySet::parse(kKeySet).value();
  const std::string text(reinterpret_cast<const char*>(data), size);

  const auto verdict = jwt::verify(text, keys, {}, kNow);
  const bool is_good = std::holds_alternative<jwt::Claims>(verdict);
  if (is_good != (text == kSigned)) std::abort();

  const auto read = jwt::read_claims(text, {}, kNow);
  if (const auto* claims = std::get_if<jwt::Claims>(&read)) {
    constexpr auto kNever = static_cast<std::uint8_t>(Role::service);
    if (!is_id(claims->subject) || (claims->roles & kNever) != 0) std::abort();
    if (kNow >= claims->expires + jwt::kClockSkewMax) std::abort();
  }

  const auto set = jwt::KeySet::parse(text);
  if (set && (set->size() == 0 || set->size() > jwt::kKeysMax)) std::abort();
  return 0;
}
