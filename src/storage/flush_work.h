#pragma once
// FlushWork: what must reach the disk before a log may call an offset durable: gathered by the log
// as it appends and rolls (which never wait), done by the Flusher in the order of the steps below.
//
// Order: 1. every file's bytes; 2. the renames, each of a file of step 1; 3. the directories. A
// file whose name is new has its directory in step 3.

#include <string>
#include <vector>

#include "base/ids.h"
#include "storage/open_files.h"

namespace partita::storage {

struct FlushWork {
  struct Rename {
    std::string from;
    std::string to;
  };

  FilePin active;  ///< the active segment's file, where it has unflushed bytes
  std::vector<std::string>
      files;  ///< further files, by path: rolled segments, their indexes, snapshots
  std::vector<Rename>
      renames;  ///< temporary files that become visible when their bytes are durable
  std::vector<std::string> directories;  ///< whose names changed
  Offset end = Offset(0);                ///< the log's end that is durable when all this is done

  size_t file_count() const { return files.size() + (active ? 1 : 0); }
  bool empty() const { return file_count() == 0 && renames.empty() && directories.empty(); }
};

}  // namespace partita::storage
