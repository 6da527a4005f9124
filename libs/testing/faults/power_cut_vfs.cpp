// A SQLite VFS in which only what was fsynced survives.
//
// Writes to databases and WALs stay in this process's memory, visible to all its connections, and reach the file when
// SQLite syncs it. SIGKILL is then the power cut: the page cache that would have kept unsynced writes never had them.
// Deletions and the shared-memory index go straight through: SQLite rebuilds the index from the WAL, and never counts
// on a deletion being undone.

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <sqlite3.h>

#include "libs/sql/faults.hpp"
#include "libs/testing/faults/control.hpp"

namespace agora::faults {
namespace {

constexpr sqlite3_int64 kBlock = 4'096;

/// What was written to one file and not fsynced yet; shared by the connections that have it open.
struct Volatile {
  std::mutex mutex;
  std::map<sqlite3_int64, std::array<char, kBlock>> blocks;  ///< by offset
  bool resized = false;
  sqlite3_int64 size = 0;  ///< of the file as its readers see it, once resized
};

/// All files of this process, by path.
struct Volatiles {
  std::mutex mutex;
  std::map<std::string, std::shared_ptr<Volatile>> files;
};

Volatiles& volatiles() {
  static Volatiles all;
  return all;
}

std::shared_ptr<Volatile> volatile_of(const std::string& path) {
  const std::lock_guard lock(volatiles().mutex);
  auto& file = volatiles().files[path];
  if (!file) file = std::make_shared<Volatile>();
  return file;
}

/// A deleted file takes its unsynced writes along; a new one of its name starts empty.
void forget(const std::string& path) {
  const std::lock_guard lock(volatiles().mutex);
  volatiles().files.erase(path);
}

/// Ours in front, the real file's right behind it, in the memory that SQLite gives us.
struct File {
  sqlite3_file base;
  std::shared_ptr<Volatile>* held;  ///< null: a file that writes through

  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

File* self(sqlite3_file* file) {
  return reinterpret_cast<File*>(file);
}
sqlite3_file* real(sqlite3_file* file) {
  return self(file)->real();
}
sqlite3_vfs* real_vfs() {
  return sqlite3_vfs_find("unix");
}

sqlite3_int64 size_of(sqlite3_file* file, Volatile& state) {
  sqlite3_int64 size = 0;
  real(file)->pMethods->xFileSize(real(file), &size);
  return state.resized ? state.size : size;
}

/// The block at an offset as readers see it: ours, or the file's padded with zeros.
std::array<char, kBlock> load(sqlite3_file* file, Volatile& state, sqlite3_int64 offset) {
  const auto found = state.blocks.find(offset);
  if (found != state.blocks.end()) return found->second;
  std::array<char, kBlock> block{};
  real(file)->pMethods->xRead(real(file), block.data(), static_cast<int>(kBlock), offset);
  return block;
}

int close_file(sqlite3_file* file) {
  const int code = real(file)->pMethods->xClose(real(file));
  delete self(file)->held;
  return code;
}

int read_file(sqlite3_file* file, void* out, int amount, sqlite3_int64 offset) {
  if (self(file)->held == nullptr) return real(file)->pMethods->xRead(real(file), out, amount, offset);
  auto& state = **self(file)->held;
  const std::lock_guard lock(state.mutex);
  const auto size = size_of(file, state);
  auto* bytes = static_cast<char*>(out);
  std::memset(bytes, 0, static_cast<std::size_t>(amount));
  for (sqlite3_int64 at = offset; at < std::min(offset + amount, size);) {
    const auto start = at / kBlock * kBlock;
    const auto end = std::min({start + kBlock, offset + amount, size});
    const auto block = load(file, state, start);
    std::memcpy(bytes + (at - offset), block.data() + (at - start), static_cast<std::size_t>(end - at));
    at = end;
  }
  return offset + amount <= size ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

int write_file(sqlite3_file* file, const void* in, int amount, sqlite3_int64 offset) {
  if (disk_fault() == DiskFault::disk_full) return SQLITE_FULL;
  if (self(file)->held == nullptr) return real(file)->pMethods->xWrite(real(file), in, amount, offset);
  auto& state = **self(file)->held;
  const std::lock_guard lock(state.mutex);
  const auto size = size_of(file, state);
  const auto* bytes = static_cast<const char*>(in);
  for (sqlite3_int64 at = offset; at < offset + amount;) {
    const auto start = at / kBlock * kBlock;
    const auto end = std::min(start + kBlock, offset + amount);
    auto block = load(file, state, start);
    std::memcpy(block.data() + (at - start), bytes + (at - offset), static_cast<std::size_t>(end - at));
    state.blocks[start] = block;
    at = end;
  }
  state.resized = true;
  state.size = std::max(size, offset + amount);
  return SQLITE_OK;
}

int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
  if (self(file)->held == nullptr) return real(file)->pMethods->xTruncate(real(file), size);
  auto& state = **self(file)->held;
  const std::lock_guard lock(state.mutex);
  // Nothing beyond the end may come back when the file grows again.
  if (size % kBlock != 0) {
    const auto start = size / kBlock * kBlock;
    auto block = load(file, state, start);
    std::memset(block.data() + size % kBlock, 0, static_cast<std::size_t>(kBlock - size % kBlock));
    state.blocks[start] = block;
  }
  const auto before = size_of(file, state);
  for (auto start = (size + kBlock - 1) / kBlock * kBlock; start < before; start += kBlock) state.blocks[start] = {};
  state.resized = true;
  state.size = size;
  return SQLITE_OK;
}

int sync_file(sqlite3_file* file, int flags) {
  if (disk_fault() == DiskFault::fsync_fails) return SQLITE_IOERR_FSYNC;
  if (self(file)->held != nullptr) {
    auto& state = **self(file)->held;
    const std::lock_guard lock(state.mutex);
    for (const auto& [offset, block] : state.blocks) {
      const auto amount = state.resized ? std::min(kBlock, state.size - offset) : kBlock;
      if (amount <= 0) continue;
      const int code = real(file)->pMethods->xWrite(real(file), block.data(), static_cast<int>(amount), offset);
      if (code != SQLITE_OK) return code;
    }
    if (state.resized) {
      const int code = real(file)->pMethods->xTruncate(real(file), state.size);
      if (code != SQLITE_OK) return code;
    }
    state.blocks.clear();
    state.resized = false;
  }
  return real(file)->pMethods->xSync(real(file), flags);
}

int file_size(sqlite3_file* file, sqlite3_int64* out) {
  if (self(file)->held == nullptr) return real(file)->pMethods->xFileSize(real(file), out);
  auto& state = **self(file)->held;
  const std::lock_guard lock(state.mutex);
  *out = size_of(file, state);
  return SQLITE_OK;
}

int lock_file(sqlite3_file* file, int level) {
  return real(file)->pMethods->xLock(real(file), level);
}
int unlock_file(sqlite3_file* file, int level) {
  return real(file)->pMethods->xUnlock(real(file), level);
}
int check_lock(sqlite3_file* file, int* out) {
  return real(file)->pMethods->xCheckReservedLock(real(file), out);
}
int sector_size(sqlite3_file* file) {
  return real(file)->pMethods->xSectorSize(real(file));
}
int device_traits(sqlite3_file* file) {
  return real(file)->pMethods->xDeviceCharacteristics(real(file));
}
int shm_map(sqlite3_file* file, int page, int size, int extend, void volatile** out) {
  return real(file)->pMethods->xShmMap(real(file), page, size, extend, out);
}
int shm_lock(sqlite3_file* file, int offset, int n, int flags) {
  return real(file)->pMethods->xShmLock(real(file), offset, n, flags);
}
void shm_barrier(sqlite3_file* file) {
  real(file)->pMethods->xShmBarrier(real(file));
}
int shm_unmap(sqlite3_file* file, int remove) {
  return real(file)->pMethods->xShmUnmap(real(file), remove);
}

int file_control(sqlite3_file* file, int operation, void* argument) {
  // Growing ahead or mapping would go past the blocks held here.
  if (operation == SQLITE_FCNTL_SIZE_HINT || operation == SQLITE_FCNTL_MMAP_SIZE) return SQLITE_NOTFOUND;
  return real(file)->pMethods->xFileControl(real(file), operation, argument);
}

constexpr sqlite3_io_methods kMethods{
    2,         close_file,  read_file,  write_file,   truncate_file, sync_file,     file_size,
    lock_file, unlock_file, check_lock, file_control, sector_size,   device_traits, shm_map,
    shm_lock,  shm_barrier, shm_unmap,  nullptr,      nullptr};

int open_file(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  auto* ours = self(file);
  ours->base.pMethods = nullptr;
  ours->held = nullptr;
  const int code = real_vfs()->xOpen(real_vfs(), name, ours->real(), flags, out_flags);
  if (code != SQLITE_OK) return code;
  const bool power_cut = std::getenv("AGORA_FAULT_POWER_CUT") != nullptr;
  const bool durable = (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)) != 0;
  if (power_cut && durable && name != nullptr) ours->held = new std::shared_ptr<Volatile>(volatile_of(name));
  ours->base.pMethods = &kMethods;
  return SQLITE_OK;
}

int delete_file(sqlite3_vfs*, const char* name, int sync_folder) {
  const int code = real_vfs()->xDelete(real_vfs(), name, sync_folder);
  if (code == SQLITE_OK) forget(name);
  return code;
}

sqlite3_vfs make_vfs() {
  sqlite3_vfs vfs = *real_vfs();
  vfs.zName = "agora-faults";
  vfs.pNext = nullptr;
  vfs.szOsFile = static_cast<int>(sizeof(File)) + real_vfs()->szOsFile;
  vfs.xOpen = open_file;
  vfs.xDelete = delete_file;
  return vfs;
}

}  // namespace

const char* sqlite_vfs() {
  static sqlite3_vfs vfs = make_vfs();
  static const int registered = sqlite3_vfs_register(&vfs, 0);
  return registered == SQLITE_OK ? vfs.zName : nullptr;
}

}  // namespace agora::faults
