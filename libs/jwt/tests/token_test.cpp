#include "libs/jwt/token.hpp"

#include <gtest/gtest.h>
#include <openssl/hmac.h>

#include "libs/jwt/tests/forge.hpp"

namespace agora::jwt {
namespace {

constexpr Timestamp at(std::int64_t seconds) {
  return Timestamp(std::chrono::seconds(seconds));
}

/// J-01 of docs/proof.md: what must not pass, each as the only thing that is wrong.
class TokenTest : public ::testing::TestWithParam<Algorithm> {
 protected:
  std::variant<Claims, Refusal> look(const std::string& token, Timestamp now = at(1'000'100)) const {
    return verify(token, keys_, {}, now);
  }
  /// "ok", or why not.
  std::string verdict(const std::string& token, Timestamp now = at(1'000'100)) const {
    const auto result = look(token, now);
    const auto* refusal = std::get_if<Refusal>(&result);
    return refusal != nullptr ? std::string(to_string(*refusal)) : "ok";
  }
  Forge forge() const { return Forge(key_); }
  std::string good() const { return forge().token(); }

  PrivateKey key_ = PrivateKey::generate(GetParam());
  PrivateKey other_ = PrivateKey::generate(GetParam() == Algorithm::es256 ? Algorithm::eddsa : Algorithm::es256);
  KeySet keys_ = KeySet::parse(R"({"keys":[)" + key_.public_jwk() + "," + other_.public_jwk() + "]}").value();
};

TEST_P(TokenTest, SaysWhoItIsFor) {
  const auto token = make_token(key_, {.subject = "u1", .roles = {"user", "support"}}, at(1'000'000));
  const auto result = look(token);
  const auto* claims = std::get_if<Claims>(&result);
  ASSERT_NE(claims, nullptr) << to_string(std::get<Refusal>(result));
  EXPECT_EQ(claims->subject, "u1");
  EXPECT_EQ(claims->roles, static_cast<std::uint8_t>(Role::user) | static_cast<std::uint8_t>(Role::support));
  EXPECT_EQ(claims->expires, at(1'000'300));
  EXPECT_EQ(verdict(good()), "ok");
  EXPECT_EQ(verdict(Forge(other_).token()), "ok");
}

TEST_P(TokenTest, WithoutASignatureIsRefused) {
  for (const auto* none :
       {"none", "None", "NONE", "nOnE", "", "ES256 ", "es256", "EDDSA", "Ed25519", "HS512", "PS256"}) {
    auto forged = forge().head("alg", Forge::quoted(none));
    EXPECT_EQ(verdict(forged.token()), "algorithm") << none;
    EXPECT_EQ(verdict(forged.signed_part() + "."), "algorithm") << none;
  }
  EXPECT_EQ(verdict(forge().signed_part() + "."), "signature");
  EXPECT_EQ(verdict(forge().head("alg", "null").token()), "algorithm");
  EXPECT_EQ(verdict(forge().head("alg", R"(["ES256"])").token()), "algorithm");
  EXPECT_EQ(verdict(forge().headless("alg").token()), "algorithm");
}

TEST_P(TokenTest, SignedWithThePublicKeyAsASecretIsRefused) {
  for (const auto& secret : {key_.public_jwk(), key_.id(), std::string()}) {
    const auto part = forge().head("alg", R"("HS256")").signed_part();
    std::string mac(32, '\0');
    unsigned size = 0;
    ASSERT_NE(HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), bytes_of(part), part.size(),
                   reinterpret_cast<unsigned char*>(mac.data()), &size),
              nullptr);
    EXPECT_EQ(verdict(part + "." + to_base64url(mac)), "algorithm");
  }
}

TEST_P(TokenTest, OfAnotherAlgorithmThanItsKeyIsRefused) {
  const auto swapped = Forge::quoted(to_string(other_.algorithm()));
  EXPECT_EQ(verdict(forge().head("alg", swapped).token()), "algorithm");
  EXPECT_EQ(verdict(forge().head("alg", R"("RS256")").token()), "algorithm");
  // Another's key signed in this one's name.
  auto forged = Forge(other_);
  forged.head("kid", Forge::quoted(key_.id()));
  EXPECT_EQ(verdict(forged.token()), "algorithm");
  EXPECT_EQ(verdict(forged.head("alg", Forge::quoted(to_string(key_.algorithm()))).token()), "signature");
  const auto stranger = PrivateKey::generate(GetParam());
  EXPECT_EQ(verdict(Forge(stranger).head("kid", Forge::quoted(key_.id())).token()), "signature");
  EXPECT_EQ(verdict(Forge(stranger).token()), "unknown_key");
}

TEST_P(TokenTest, OfAnUnknownKeyIsRefused) {
  for (const auto* id : {R"("../../dev/null")", R"("' OR '1'='1")", R"("x' UNION SELECT 'k'--")", R"("")",
                         R"("\u0000")", R"("http://127.0.0.1:9/k")"}) {
    EXPECT_EQ(verdict(forge().head("kid", id).token()), "unknown_key") << id;
  }
  for (const auto* id : {"7", "null", "[]"}) EXPECT_EQ(verdict(forge().head("kid", id).token()), "header") << id;
  EXPECT_EQ(verdict(forge().headless("kid").token()), "header");
}

TEST_P(TokenTest, ThatBringsItsOwnKeyOrExtensionsIsRefused) {
  for (const auto& [name, value] : std::map<std::string, std::string>{
           {"jku", R"("http://127.0.0.1:9/jwks.json")"},
           {"x5u", R"("http://127.0.0.1:9/cert.pem")"},
           {"x5c", R"(["MIIB"])"},
           {"jwk", key_.public_jwk()},
           {"crit", R"(["exp"])"},
           {"b64", "false"},
       }) {
    EXPECT_EQ(verdict(forge().head(name, value).token()), "header") << name;
    EXPECT_EQ(verdict(forge().head(name, "null").token()), "header") << name;
  }
  // What has no meaning to us changes none (RFC 7515 §4).
  EXPECT_EQ(verdict(forge().head("x-new", "7").token()), "ok");
}

TEST_P(TokenTest, OfAnotherKindIsRefused) {
  for (const auto* type : {R"("JWT")", R"("id+jwt")", R"("rt+jwt")", R"("AT+JWT")", R"("at+jwt ")", R"("")", "null",
                           "7", R"("application/jwt")"}) {
    EXPECT_EQ(verdict(forge().head("typ", type).token()), "type") << type;
  }
  EXPECT_EQ(verdict(forge().headless("typ").token()), "type");
  EXPECT_EQ(verdict(forge().head("typ", R"("application/at+jwt")").token()), "ok");
}

TEST_P(TokenTest, IsGoodForItsTimeAndAMinuteOfSkew) {
  EXPECT_EQ(verdict(good(), at(1'000'000 - 61)), "not_yet_valid");
  EXPECT_EQ(verdict(good(), at(1'000'000 - 60)), "ok");
  EXPECT_EQ(verdict(good(), at(1'000'300 + 59)), "ok");
  EXPECT_EQ(verdict(good(), at(1'000'300 + 60)), "expired");
  const auto later = forge().set("nbf", "1000200").token();
  EXPECT_EQ(verdict(later, at(1'000'139)), "not_yet_valid");
  EXPECT_EQ(verdict(later, at(1'000'140)), "ok");
  EXPECT_EQ(verdict(forge().set("iat", "253402300799").set("exp", "253402300799").token()), "not_yet_valid");
  EXPECT_EQ(verdict(forge().set("exp", "0").token()), "expired");
}

TEST_P(TokenTest, OfAnotherIssuerOrForOthersIsRefused) {
  for (const auto* issuer : {R"("Agora")", R"("agora ")", R"("evil")", R"("")"}) {
    EXPECT_EQ(verdict(forge().set("iss", issuer).token()), "issuer") << issuer;
  }
  for (const auto* audience : {R"("other")", "[]", R"(["other","agora2"])", R"("")", R"("agora agora")"}) {
    EXPECT_EQ(verdict(forge().set("aud", audience).token()), "audience") << audience;
  }
  EXPECT_EQ(verdict(forge().set("aud", R"(["other","agora"])").token()), "ok");
}

TEST_P(TokenTest, WithAClaimMissingOrOfAWrongTypeIsRefused) {
  for (const auto* name : {"iss", "aud", "sub", "jti", "iat", "exp", "roles"}) {
    EXPECT_EQ(verdict(forge().without(name).token()), "claims") << name;
    for (const auto* value :
         {"null", "true", "{}", R"([7])", "1.5", "-1", "1e9", "1000300.0", "9223372036854775808", "253402300800"}) {
      EXPECT_EQ(verdict(forge().set(name, value).token()), "claims") << name << " " << value;
    }
  }
  for (const auto* nbf : {R"("1000000")", "null", "-1", "1000000.0"}) {
    EXPECT_EQ(verdict(forge().set("nbf", nbf).token()), "claims") << nbf;
  }
  for (const auto* name : {"iat", "exp"}) EXPECT_EQ(verdict(forge().set(name, R"("1000300")").token()), "claims");
  for (const auto* subject : {R"("")", R"("u 1")", R"("u1\u0000")", R"("../u1")", R"("ü")"}) {
    EXPECT_EQ(verdict(forge().set("sub", subject).token()), "claims") << subject;
  }
  EXPECT_EQ(verdict(forge().set("sub", Forge::quoted(std::string(65, 'u'))).token()), "claims");
  EXPECT_EQ(verdict(forge().set("jti", Forge::quoted(std::string(129, 't'))).token()), "claims");
  EXPECT_EQ(verdict(forge().set("jti", R"("")").token()), "claims");
}

TEST_P(TokenTest, GivesNoRoleThatIsNoneOfATokens) {
  const auto result = look(forge().set("roles", R"(["service","root","Admin","admin "])").token());
  ASSERT_TRUE(std::holds_alternative<Claims>(result));
  EXPECT_EQ(std::get<Claims>(result).roles, 0);
}

TEST_P(TokenTest, WithAClaimTwiceIsRefused) {
  auto forged = forge();
  const auto payload = Forge::object(forged.payload);
  forged.payload_text = payload.substr(0, payload.size() - 1) + R"(,"sub":"u2"})";
  EXPECT_EQ(verdict(forged.token()), "malformed");
  auto twice = forge();
  const auto header = Forge::object(twice.header);
  twice.header_text = header.substr(0, header.size() - 1) + R"(,"alg":"none"})";
  EXPECT_EQ(verdict(twice.token()), "malformed");
}

TEST_P(TokenTest, ThatIsNoJsonIsRefused) {
  for (const std::string text :
       {"", "{", "[]", "7", "null", "{}x", "{\"a\":1,}", "\xEF\xBB\xBF{}", "{\"a\":\"\xFF\"}"}) {
    auto payload = forge();
    payload.payload_text = text;
    EXPECT_EQ(verdict(payload.token()), "malformed") << text;
    auto header = forge();
    header.header_text = text;
    EXPECT_EQ(verdict(header.token()), "malformed") << text;
  }
  const auto deep = std::string(33, '[') + std::string(33, ']');
  EXPECT_EQ(verdict(forge().set("deep", deep).token()), "malformed");
  std::string many = "[0";
  for (int i = 0; i < 300; ++i) many += ",0";
  EXPECT_EQ(verdict(forge().set("many", many + "]").token()), "malformed");
}

TEST_P(TokenTest, ThatIsNotThreePartsOfBase64UrlIsRefused) {
  const auto token = good();
  const auto first = token.find('.');
  const auto last = token.rfind('.');
  for (const auto& wrong : {std::string(),
                            std::string("."),
                            std::string(".."),
                            std::string("..."),
                            token.substr(0, last),
                            token.substr(first + 1),
                            token + ".",
                            "." + token,
                            token + ".e30",
                            token + "=",
                            token + "==",
                            token + "\n",
                            " " + token,
                            token + " ",
                            token.substr(0, last) + " " + token.substr(last),
                            token + "A",
                            token + "AA",
                            token.substr(0, token.size() - 1),
                            std::string("token-u1"),
                            token + token,
                            token.substr(0, first) + "=" + token.substr(first)}) {
    EXPECT_NE(verdict(wrong), "ok") << wrong;
  }
  // 64 bytes leave four spare bits: 16 texts, of which one is good.
  int good_ones = 0;
  for (const char c : std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")) {
    auto other = token;
    other.back() = c;
    good_ones += verdict(other) == "ok" ? 1 : 0;
  }
  EXPECT_EQ(good_ones, 1);
}

TEST_P(TokenTest, IsRefusedWithAnyCharacterChanged) {
  const auto token = good();
  for (std::size_t i = 0; i < token.size(); ++i) {
    auto other = token;
    other[i] = other[i] == 'A' ? 'B' : 'A';
    EXPECT_NE(verdict(other), "ok") << i;
  }
}

TEST_P(TokenTest, OfMoreThanEightKibibytesIsRefused) {
  const auto padded = [this](std::size_t size) {
    return forge().set("padding", Forge::quoted(std::string(size, 'x'))).token();
  };
  EXPECT_EQ(verdict(padded(5'600)), "ok");
  EXPECT_LT(padded(5'600).size(), kTokenBytesMax);
  EXPECT_EQ(verdict(padded(6'600)), "malformed");
  EXPECT_GT(padded(6'600).size(), 9'000U);
}

INSTANTIATE_TEST_SUITE_P(Each, TokenTest, ::testing::Values(Algorithm::es256, Algorithm::eddsa),
                         [](const auto& one) { return std::string(to_string(one.param)); });

}  // namespace
}  // namespace agora::jwt
