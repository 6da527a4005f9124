#include "libs/jwt/key_set.hpp"

#include <gtest/gtest.h>

#include "libs/jwt/private_key.hpp"

namespace agora::jwt {
namespace {

constexpr const char* kEd = R"("kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")";
constexpr const char* kEc =
    R"("kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0")";

std::string set_of(const std::string& keys) {
  return R"({"keys":[)" + keys + "]}";
}

TEST(KeySet, FindsKeysByTheirIds) {
  const auto made = PrivateKey::generate(Algorithm::es256);
  const auto set = KeySet::parse(
      set_of(std::string(R"({"kid":"ed",)") + kEd + R"(,"use":"sig","key_ops":["verify"]},)" + made.public_jwk()));
  ASSERT_TRUE(set) << set.error().message;
  EXPECT_EQ(set->size(), 2U);
  ASSERT_NE(set->find("ed"), nullptr);
  EXPECT_EQ(set->find("ed")->algorithm(), Algorithm::eddsa);
  ASSERT_NE(set->find(made.id()), nullptr);
  EXPECT_EQ(set->find(made.id())->algorithm(), Algorithm::es256);
  for (const auto* other : {"", "e", "ed ", "ED", "../ed"}) EXPECT_EQ(set->find(other), nullptr) << other;
}

TEST(KeySet, PassesOverKeysThatAreNotForThis) {
  const std::string ed(kEd);
  const std::string ec(kEc);
  for (const auto& other :
       {"{" + ed + "}",                                  // no id
        R"({"kid":7,)" + ed + "}",                       //
        R"({"kid":"k","use":"enc",)" + ed + "}",         //
        R"({"kid":"k","use":7,)" + ed + "}",             //
        R"({"kid":"k","key_ops":["sign"],)" + ed + "}",  //
        R"({"kid":"k","key_ops":"verify",)" + ed + "}",  //
        R"({"kid":"k","alg":"ES256",)" + ed + "}",       // another's algorithm
        R"({"kid":"k","alg":"EdDSA",)" + ec + "}",       //
        R"({"kid":"k","alg":"HS256",)" + ec + "}",       //
        R"({"kid":"k","alg":"none",)" + ec + "}",        //
        R"({"kid":"k","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",)" + ed + "}",
        std::string(R"({"kid":"k","kty":"oct","k":"c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"})"),
        std::string(R"({"kid":"k","kty":"OKP","crv":"X25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})"),
        std::string(R"({"kid":"k","kty":"EC","crv":"P-384","x":"AA","y":"AA"})"),
        std::string(R"({"kid":"k","kty":"EC","crv":"P-256","x":"AA","y":"AA"})"),
        std::string(R"({"kid":"k","kty":"RSA","n":"AQAB","e":"AQAB"})"),
        std::string(R"({"kid":"k","kty":"lattice"})"),
        std::string(R"({"kid":"k"})"),
        std::string("7"),
        std::string("null")}) {
    const auto set = KeySet::parse(set_of(other + R"(,{"kid":"good",)" + kEd + "}"));
    ASSERT_TRUE(set) << other;
    EXPECT_EQ(set->size(), 1U) << other;
    EXPECT_NE(set->find("good"), nullptr) << other;
  }
}

TEST(KeySet, IsNoneWithoutAKeyOrWithAnIdTwice) {
  const auto good = std::string(R"({"kid":"good",)") + kEd + "}";
  std::string many = good;
  for (std::size_t i = 0; i < kKeysMax; ++i) many += ",{}";
  for (const auto& text : {std::string(), std::string("[]"), std::string("{}"), std::string(R"({"keys":{}})"),
                           set_of(""), set_of("{}"), set_of(good + "," + good), R"({"keys":[],"keys":[)" + good + "]}",
                           set_of(good) + "x", set_of(many), std::string(kKeySetBytesMax, ' ') + set_of(good)}) {
    const auto set = KeySet::parse(text);
    ASSERT_FALSE(set) << text.substr(0, 200);
    EXPECT_EQ(set.error().code, "unusable_key_set");
  }
}

}  // namespace
}  // namespace agora::jwt
