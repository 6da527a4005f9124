#include "services/notification/remote/maildir.hpp"

#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

#include "libs/sql/faults.hpp"

namespace agora::notification {
namespace {

namespace fs = std::filesystem;

Error deferred(const std::string& what) {
  return {Errc::unavailable, "mail_deferred", "The mail could not be written: " + what + "."};
}

/// A file descriptor that is closed when it goes.
class File {
 public:
  File(const fs::path& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  bool opened() const { return fd_ >= 0; }
  bool write(std::string_view bytes) const {
    while (!bytes.empty()) {
      const auto written = ::write(fd_, bytes.data(), bytes.size());
      if (written < 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
  }
  bool sync() const { return ::fsync(fd_) == 0; }

 private:
  int fd_;
};

/// All characters that an id of ours or a domain has may stand in a file's name.
Result<void> deliver(const fs::path& folder, const std::string& name, const std::string& message) {
  const auto temporary = folder / "tmp" / name;
  const auto final = folder / "new" / name;
  {
    const File file(temporary, O_WRONLY | O_CREAT | O_TRUNC);
    if (!file.opened() || !file.write(message) || !file.sync()) return deferred("no space, or no permission");
  }
  std::error_code error;
  fs::rename(temporary, final, error);
  if (error) return deferred(error.message());
  // The name itself must be on disk before anybody notes that the mail is delivered.
  const File directory(final.parent_path(), O_RDONLY | O_DIRECTORY);
  if (!directory.opened() || !directory.sync()) return deferred("its folder could not be synced");
  return {};
}

}  // namespace

Maildir::Maildir(std::string folder) : folder_(std::move(folder)) {
  for (const auto* part : {"tmp", "new", "cur"}) fs::create_directories(fs::path(folder_) / part);
}

Task<Result<void>> Maildir::send(Ctx, Mail mail) {
  auto work = [folder = folder_, name = mail.message_id, message = to_rfc5322(mail)] {
    return deliver(folder, name, message);
  };
  auto delivered = co_await pool_.run(std::move(work));
  if (delivered) AGORA_CRASH_POINT("notification.mail.sent");
  co_return delivered;
}

}  // namespace agora::notification
