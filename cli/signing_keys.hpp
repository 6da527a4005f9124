#pragma once
#include <filesystem>

#include "libs/jwt/private_key.hpp"

namespace agora::cli {

/// The signing key in a PEM file. Throws std::runtime_error that names the file.
jwt::PrivateKey read_signing_key(const std::filesystem::path& file);

/// Keeps a new signing key in a file that only we may read (0600).
void keep_signing_key(const std::filesystem::path& file, const jwt::PrivateKey& key);

/// Adds the key's public half to a JWK set, which is made when it is not there; a key that is in it stays. Everybody
/// may read the file. Throws std::runtime_error when it is there and no JWK set.
void publish_key(const std::filesystem::path& file, const jwt::PrivateKey& key);

/// The marketplace's own, under `agora up`.
std::filesystem::path demo_key_file(const std::filesystem::path& data);
std::filesystem::path demo_key_set_file(const std::filesystem::path& data);

}  // namespace agora::cli
