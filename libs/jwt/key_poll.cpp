#include "libs/jwt/key_poll.hpp"

#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <unistd.h>

#include "libs/log/log.hpp"

namespace agora::jwt {
namespace {

namespace fs = std::filesystem;

bool is_url(std::string_view source) {
  return source.starts_with("http://") || source.starts_with("https://");
}

/// None when it cannot be read. Of a file that is too large only so much that it is seen to be.
std::optional<std::string> read_file(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return std::nullopt;
  std::string text(kKeySetBytesMax + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return std::nullopt;
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

/// Replaces the file, all or nothing.
void write_file(const fs::path& file, std::string_view text) {
  if (file.has_parent_path()) fs::create_directories(file.parent_path());
  const fs::path temporary = file.string() + ".new";
  const int out = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  bool done = out >= 0 && ::write(out, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  done = done && ::fsync(out) == 0;
  const int failure = errno;
  if (out >= 0) ::close(out);
  if (!done) throw std::system_error(failure, std::generic_category(), "cannot write " + temporary.string());
  fs::rename(temporary, file);
}

}  // namespace

KeyPoll::KeyPoll(KeyPollOptions options, Verifier& verifier) : options_(std::move(options)), verifier_(verifier) {
  const bool url = is_url(options_.source);
  auto text = read_file(url ? options_.copy : fs::path(options_.source));
  if (url) {
    transfers_.emplace();
    if (!text) return;
    const auto taken = take(*std::move(text), Origin::copy);
    if (!taken) log::warn({}, "the copy of the signing keys cannot be used", {{"reason", taken.error().message}});
    return;
  }
  if (!text) throw std::runtime_error("cannot read " + options_.source);
  const auto taken = take(*std::move(text), Origin::source);
  if (!taken) throw std::runtime_error(options_.source + ": " + taken.error().message);
}

Task<telemetry::MoreWork> KeyPoll::poll(Ctx ctx) {
  std::string text;
  if (transfers_) {
    text = co_await fetch(std::move(ctx));
  } else {
    auto read = read_file(options_.source);
    if (!read) throw std::runtime_error("cannot read the key set");
    text = *std::move(read);
  }
  const auto taken = take(std::move(text), Origin::source);
  if (!taken) throw std::runtime_error(taken.error().message);
  co_return telemetry::MoreWork::no;
}

Result<void> KeyPoll::take(std::string text, Origin origin) {
  // A copy may be of any age.
  const auto fresh_until =
      origin == Origin::copy ? Deadline::min() : std::chrono::steady_clock::now() + 2 * options_.interval;
  if (text == text_ && verifier_.has_keys()) {
    verifier_.confirm(fresh_until);
    return {};
  }
  AGORA_TRY(auto keys, KeySet::parse(text));
  const auto count = keys.size();
  verifier_.use(std::move(keys), fresh_until);
  text_ = std::move(text);
  if (origin == Origin::copy || !transfers_) return {};
  log::info({}, "the signing keys are new", {{"keys", static_cast<std::uint64_t>(count)}});
  try {
    write_file(options_.copy, text_);
  } catch (const std::system_error& failure) {
    // They count all the same; only a restart without the issuer would lack them.
    log::warn({}, "the signing keys could not be kept on disk", {{"reason", failure.what()}});
  }
  return {};
}

Task<std::string> KeyPoll::fetch(Ctx ctx) {
  // Whom we trust is named in the settings, not by who answers.
  transfer::HttpRequest request{.url = options_.source, .answer_bytes_max = kKeySetBytesMax};
  ctx.deadline = std::min(ctx.deadline, std::chrono::steady_clock::now() + options_.fetch_deadline);
  auto answer = co_await transfer::ask(*transfers_, std::move(ctx), std::move(request));
  if (!answer) throw std::runtime_error("the key set: " + answer.error().message);
  if (answer->status != 200) {
    throw std::runtime_error("the key set was answered with " + std::to_string(answer->status));
  }
  co_return std::move(answer->body);
}

std::optional<std::string> KeyPoll::complaint() const {
  if (verifier_.is_fresh()) return std::nullopt;
  if (verifier_.has_keys()) return "the signing keys are old: " + options_.source + " gives none";
  return "there are no signing keys: " + options_.source + " gave none yet";
}

void KeyPoll::stop() {
  if (transfers_) transfers_->stop();
}

}  // namespace agora::jwt
