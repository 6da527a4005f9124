#include "cli/files.hpp"

#include <cerrno>
#include <fcntl.h>
#include <stdexcept>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "libs/sql/error.hpp"

namespace agora::cli {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

/// A descriptor that is closed when it goes.
class Descriptor {
 public:
  Descriptor(const fs::path& path, int flags, mode_t mode = 0) : fd_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {
    if (fd_ < 0) fail("cannot open " + path.string());
  }
  ~Descriptor() { ::close(fd_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

std::string read_pid(int fd) {
  char text[32] = {};
  const auto size = ::pread(fd, text, sizeof text - 1, 0);
  return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : std::string("unknown");
}

}  // namespace

FileLock::FileLock(const fs::path& lock_file, const std::string& what) {
  fd_ = ::open(lock_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd_ < 0) fail("cannot open " + lock_file.string());
  if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    const auto holder = read_pid(fd_);
    ::close(fd_);
    throw sql::FileInUse(what + " is in use by process " + holder);
  }
  const auto pid = std::to_string(::getpid());
  if (::ftruncate(fd_, 0) != 0 || ::pwrite(fd_, pid.data(), pid.size(), 0) < 0) {
    ::close(fd_);
    fail("cannot write " + lock_file.string());
  }
}

FileLock::FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

FileLock lock_data_folder(const fs::path& data) {
  return FileLock(data / "up.lock", data.string());
}

void make_folder(const fs::path& folder) {
  if (!fs::create_directories(folder)) return;
  fs::permissions(folder, fs::perms::owner_all);
}

void make_private_file(const fs::path& file) {
  const Descriptor made(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
}

void give_to_owner_of(const fs::path& folder, const fs::path& file) {
  struct stat owner{};
  if (::geteuid() != 0 || ::stat(folder.c_str(), &owner) != 0) return;
  if (::lchown(file.c_str(), owner.st_uid, owner.st_gid) != 0) fail("cannot give away " + file.string());
}

void sync(const fs::path& file_or_folder) {
  const Descriptor opened(file_or_folder, O_RDONLY);
  if (::fsync(opened.get()) != 0) fail("cannot sync " + file_or_folder.string());
}

void rename_to_new(const fs::path& from, const fs::path& to) {
  // link(2) refuses what is there; rename(2) would replace it.
  if (::link(from.c_str(), to.c_str()) != 0) fail("cannot make " + to.string());
  fs::remove(from);
}

void write_private_file(const fs::path& file, std::string_view content) {
  const fs::path temporary = file.string() + ".new";
  fs::remove(temporary);
  {
    const Descriptor out(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (::write(out.get(), content.data(), content.size()) != static_cast<ssize_t>(content.size()) ||
        ::fsync(out.get()) != 0) {
      fail("cannot write " + temporary.string());
    }
  }
  fs::rename(temporary, file);
  sync(fs::absolute(file).parent_path());
}

}  // namespace agora::cli
