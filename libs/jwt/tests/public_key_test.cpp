#include "libs/jwt/public_key.hpp"

#include <gtest/gtest.h>

#include "libs/base/base64url.hpp"

namespace agora::jwt {
namespace {

std::string bytes(std::string_view text) {
  return from_base64url(text).value();
}

// RFC 7515 appendix A.3.
constexpr const char* kX = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
constexpr const char* kY = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
constexpr const char* kEs256Message =
    "eyJhbGciOiJFUzI1NiJ9."
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
constexpr const char* kEs256Signature =
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

// RFC 7515 appendix A.2.
constexpr const char* kModulus =
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-"
    "pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-"
    "KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethF"
    "kMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
constexpr const char* kRs256Message =
    "eyJhbGciOiJSUzI1NiJ9."
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
constexpr const char* kRs256Signature =
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_"
    "O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_"
    "nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_"
    "eSN9383LcOLn6_dO--xi12jzDwusC-"
    "eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVr"
    "Bp0igcN_IoypGlUPQGe77Rw";

// RFC 8037 appendix A.
constexpr const char* kEdX = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
constexpr const char* kEdMessage = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
constexpr const char* kEdSignature =
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

const std::string kOrder = "\xFF\xFF\xFF\xFF" + std::string(4, '\0') + std::string(8, '\xFF') +
                           "\xBC\xE6\xFA\xAD\xA7\x17\x9E\x84\xF3\xB9\xCA\xC2\xFC\x63\x25\x51";

void expect_verifies_only(const PublicKey& key, std::string_view message, std::string signature) {
  EXPECT_TRUE(key.verify(message, signature));
  EXPECT_FALSE(key.verify(std::string(message) + "x", signature));
  EXPECT_FALSE(key.verify("", signature));
  EXPECT_FALSE(key.verify(message, ""));
  EXPECT_FALSE(key.verify(message, signature + '\0'));
  EXPECT_FALSE(key.verify(message, std::string_view(signature).substr(1)));
  for (std::size_t i = 0; i < signature.size(); ++i) {
    signature[i] = static_cast<char>(signature[i] ^ 1);
    EXPECT_FALSE(key.verify(message, signature)) << i;
    signature[i] = static_cast<char>(signature[i] ^ 1);
  }
}

TEST(PublicKey, VerifiesTheRfcsExamplesAndNothingNearThem) {
  expect_verifies_only(PublicKey::p256(bytes(kX), bytes(kY)).value(), kEs256Message, bytes(kEs256Signature));
  expect_verifies_only(PublicKey::rsa(bytes(kModulus), bytes("AQAB")).value(), kRs256Message, bytes(kRs256Signature));
  expect_verifies_only(PublicKey::ed25519(bytes(kEdX)).value(), kEdMessage, bytes(kEdSignature));
}

TEST(PublicKey, RefusesNumbersOutOfRangeAndDer) {
  const auto key = PublicKey::p256(bytes(kX), bytes(kY)).value();
  const auto signature = bytes(kEs256Signature);
  const auto r = signature.substr(0, 32);
  const auto s = signature.substr(32);
  const std::string zero(32, '\0');
  for (const auto& wrong : {zero + zero, zero + s, r + zero, kOrder + s, r + kOrder, kOrder + kOrder,
                            std::string(64, '\xFF'), r + std::string(32, '\xFF')}) {
    EXPECT_FALSE(key.verify(kEs256Message, wrong));
  }
  // r and s that are right, as ASN.1: 0x02 0x20 r, and s is above 2^255 so a zero byte leads.
  const auto der = "\x30\x45\x02\x20" + r + "\x02\x21" + std::string(1, '\0') + s;
  EXPECT_EQ(der.size(), 71U);
  EXPECT_FALSE(key.verify(kEs256Message, der));
}

TEST(PublicKey, IsNotMadeOfWhatIsNone) {
  EXPECT_FALSE(PublicKey::p256(bytes(kX), bytes(kX)));
  EXPECT_FALSE(PublicKey::p256(bytes(kX), ""));
  EXPECT_FALSE(PublicKey::p256(bytes(kX).substr(1), bytes(kY)));
  EXPECT_FALSE(PublicKey::p256(std::string(32, '\0'), std::string(32, '\0')));
  EXPECT_FALSE(PublicKey::ed25519(bytes(kEdX) + "x"));
  EXPECT_FALSE(PublicKey::ed25519(""));
  EXPECT_FALSE(PublicKey::rsa(bytes(kModulus), bytes("AA")));
  EXPECT_FALSE(PublicKey::rsa(bytes(kModulus), bytes("AQ")));
  EXPECT_FALSE(PublicKey::rsa(bytes(kModulus), bytes("Ag")));
  // 2,047 and 2,040 bits.
  EXPECT_FALSE(PublicKey::rsa("\x7F" + std::string(255, '\xFF'), bytes("AQAB")));
  EXPECT_FALSE(PublicKey::rsa(bytes(kModulus).substr(1), bytes("AQAB")));
  EXPECT_FALSE(PublicKey::rsa(std::string(1'025, '\xFF'), bytes("AQAB")));
  EXPECT_FALSE(PublicKey::rsa("", ""));
}

}  // namespace
}  // namespace agora::jwt
