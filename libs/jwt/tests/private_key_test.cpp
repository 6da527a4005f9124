#include "libs/jwt/private_key.hpp"

#include <gtest/gtest.h>
#include <openssl/pem.h>

#include "libs/base/base64url.hpp"
#include "libs/jwt/key_set.hpp"

namespace agora::jwt {
namespace {

/// RFC 8037 appendix A.1, as PKCS #8.
Secret<std::string> rfc_key() {
  const auto d = from_base64url("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").value();
  const auto der = std::string("\x30\x2E\x02\x01\x00\x30\x05\x06\x03\x2B\x65\x70\x04\x22\x04\x20", 16) + d;
  std::string text(4 * ((der.size() + 2) / 3) + 1, '\0');
  text.resize(static_cast<std::size_t>(
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes_of(der), static_cast<int>(der.size()))));
  return Secret<std::string>("-----BEGIN PRIVATE KEY-----\n" + text + "\n-----END PRIVATE KEY-----\n");
}

TEST(PrivateKey, SignsAndIsNamedAsTheRfcSays) {
  const auto key = PrivateKey::from_pem(rfc_key());
  EXPECT_EQ(key.algorithm(), Algorithm::eddsa);
  // RFC 8037 appendices A.3 and A.4.
  EXPECT_EQ(key.id(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
  EXPECT_EQ(to_base64url(key.sign("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc")),
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg");
}

TEST(PrivateKey, SurvivesItsFileAndSignsWhatItsPublicHalfVerifies) {
  for (const auto algorithm : {Algorithm::es256, Algorithm::eddsa}) {
    const auto made = PrivateKey::generate(algorithm);
    const auto key = PrivateKey::from_pem(made.to_pem());
    EXPECT_EQ(key.algorithm(), algorithm);
    EXPECT_EQ(key.id(), made.id());
    EXPECT_EQ(key.id().size(), 43U);
    EXPECT_EQ(key.public_jwk().find("\"d\""), std::string::npos);
    const auto set = KeySet::parse(R"({"keys":[)" + made.public_jwk() + "]}");
    ASSERT_TRUE(set);
    // Often enough for r and s with leading zeros (one in 128).
    for (int i = 0; i < 1'000; ++i) {
      const auto message = std::to_string(i);
      const auto signature = key.sign(message);
      ASSERT_EQ(signature.size(), 64U);
      ASSERT_TRUE(set->find(made.id())->verify(message, signature)) << i;
    }
  }
}

TEST(PrivateKey, IsNotMadeOfOtherKeys) {
  EXPECT_THROW(PrivateKey::generate(Algorithm::rs256), std::invalid_argument);
  EXPECT_THROW(PrivateKey::from_pem(Secret<std::string>("")), std::runtime_error);
  EXPECT_THROW(PrivateKey::from_pem(Secret<std::string>("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n")),
               std::runtime_error);
  const Pkey p384(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "secp384r1"));
  const Bio out(BIO_new(BIO_s_mem()));
  ASSERT_EQ(PEM_write_bio_PKCS8PrivateKey(out.get(), p384.get(), nullptr, nullptr, 0, nullptr, nullptr), 1);
  char* data = nullptr;
  const auto size = BIO_get_mem_data(out.get(), &data);
  const Secret<std::string> pem(std::string(data, static_cast<std::size_t>(size)));
  EXPECT_THROW(PrivateKey::from_pem(pem), std::runtime_error);
}

}  // namespace
}  // namespace agora::jwt
