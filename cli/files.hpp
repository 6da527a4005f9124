#pragma once
#include <filesystem>
#include <string>
#include <string_view>

namespace agora::cli {

/// An flock, held until destruction; its file holds our process id, for whoever is refused. Not passed on to children.
/// The same protocol as libs/sql's for `<database>.lock`.
class FileLock {
 public:
  /// Throws sql::FileInUse, "`what` is in use by process N", when another process holds it; std::runtime_error when
  /// the file cannot be opened.
  FileLock(const std::filesystem::path& lock_file, const std::string& what);
  ~FileLock();
  FileLock(FileLock&& other) noexcept;
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int fd_ = -1;
};

/// The lock of `agora up` on a data folder: services that it supervises may be down for a moment, the folder is in use
/// all the same.
FileLock lock_data_folder(const std::filesystem::path& data);

/// Makes a folder, and its parents, that only we may enter; one that is there stays as it is.
void make_folder(const std::filesystem::path& folder);
/// Makes an empty file that only we may read (0600). Throws when it is there.
void make_private_file(const std::filesystem::path& file);
/// Gives a file we made to the folder's owner, where we may: root puts back what a service's user must open.
void give_to_owner_of(const std::filesystem::path& folder, const std::filesystem::path& file);
/// Has the file's or the folder's content on disk. All throw std::system_error.
void sync(const std::filesystem::path& file_or_folder);
/// Renames; std::system_error (file_exists) when the target is there.
void rename_to_new(const std::filesystem::path& from, const std::filesystem::path& to);
/// Replaces a file's content, all or nothing, readable by us alone (0600).
void write_private_file(const std::filesystem::path& file, std::string_view content);

}  // namespace agora::cli
