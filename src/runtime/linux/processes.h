#pragma once
// Other processes of this machine, as /proc shows them, and what a process knows of where it is.

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace partita {

struct RunningProcess {
  pid_t id = 0;
  std::vector<std::string> arguments;  ///< the program's name first
  std::string directory;               ///< that it works in; empty where that is not known
};

/// Those of this user, without this process, by rising id. One that ends meanwhile is left out.
Result<std::vector<RunningProcess>> running_processes();

/// SIGTERM.
Result<> ask_to_stop(pid_t process);

/// From the root, however the path is written; the file need not be there.
std::string absolute_path(std::string_view path);

}  // namespace partita
