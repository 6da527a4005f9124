#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "libs/jwt/verifier.hpp"
#include "libs/telemetry/job_loop.hpp"
#include "libs/transfer/http.hpp"

namespace agora::jwt {

struct KeyPollOptions {
  std::string source;          ///< a file, or http:// or https://
  std::filesystem::path copy;  ///< where the last good answer of a URL is kept
  std::chrono::milliseconds interval{std::chrono::minutes{1}};
  std::chrono::milliseconds fetch_deadline{5'000};
};

/// Keeps a verifier's keys as the issuer publishes them: reads the source at every poll, whatever tokens come. A source
/// that fails leaves the keys as they are; after two intervals they are stale. The last good answer of a URL is kept on
/// disk, so that a process starts with it when the issuer is down. Used on the io thread.
class KeyPoll {
 public:
  /// Reads the file; or the copy, if there is one that can be read. Throws std::runtime_error when the source is a file
  /// that holds no usable key set: nobody would correct it later. The verifier must outlive it.
  KeyPoll(KeyPollOptions options, Verifier& verifier);

  /// One poll. Throws when there was no usable answer; the job's border says so.
  Task<telemetry::MoreWork> poll(Ctx ctx);
  /// A sentence when tokens may be refused for want of keys; for /readyz?verbose.
  std::optional<std::string> complaint() const;
  /// Ends the transfer under way.
  void stop();

 private:
  enum class Origin { source, copy };
  /// Gives the verifier the keys, unless they are those it has. The error of a text that is no key set.
  Result<void> take(std::string text, Origin origin);
  Task<std::string> fetch(Ctx ctx);

  const KeyPollOptions options_;
  Verifier& verifier_;
  std::string text_;                                ///< what the verifier's keys were read from
  std::optional<transfer::Transfers> transfers_{};  ///< its thread only where there is something to transfer
};

}  // namespace agora::jwt
