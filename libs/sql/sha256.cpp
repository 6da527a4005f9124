#include "libs/sql/sha256.hpp"

#include <memory>
#include <stdexcept>

#include <openssl/evp.h>

namespace agora::sql {

Sha256 sha256(std::string_view bytes) {
  // Fetching the algorithm and making a context cost more than hashing a key: kept per thread.
  static thread_local const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                                            &EVP_MD_CTX_free);
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  Sha256 hash{};
  if (!context || EVP_DigestInit_ex2(context.get(), algorithm, nullptr) != 1 ||
      EVP_DigestUpdate(context.get(), bytes.data(), bytes.size()) != 1 ||
      EVP_DigestFinal_ex(context.get(), reinterpret_cast<unsigned char*>(hash.data()), nullptr) != 1) {
    throw std::runtime_error("SHA-256 is not available");
  }
  return hash;
}

std::string hex(const Sha256& hash) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * hash.size());
  for (const auto byte : hash) {
    text += kHex[std::to_integer<unsigned>(byte) >> 4];
    text += kHex[std::to_integer<unsigned>(byte) & 0x0F];
  }
  return text;
}

}  // namespace agora::sql
