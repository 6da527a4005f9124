#pragma once

namespace agora::faults {

/// What the file named by AGORA_FAULT_FILE says now; tests write it while the program runs.
enum class DiskFault {
  none,
  disk_full,       ///< every write fails until the file says otherwise
  fsync_fails,     ///< every fsync answers an I/O error
  disk_full_once,  ///< the next transaction runs full in its middle; then the file is removed
};

DiskFault disk_fault();
/// Removes the file: a fault that happens once has happened.
void clear_disk_fault();

}  // namespace agora::faults
