#include "runtime/linux/processes.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <climits>
#include <csignal>
#include <memory>

#include "runtime/linux/descriptor.h"
#include "runtime/linux/errno_error.h"

namespace partita {

namespace {

constexpr size_t kCommandLineBytesMax = 64 * 1024;

std::vector<std::string> arguments_of(const std::string& directory) {
  const Descriptor file(::open((directory + "/cmdline").c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return {};
  std::string text(kCommandLineBytesMax, '\0');
  const ssize_t count =
      retry_interrupted([&] { return ::read(file.get(), text.data(), text.size()); });
  if (count <= 0) return {};
  std::string_view rest(text.data(), static_cast<size_t>(count));
  std::vector<std::string> arguments;
  while (!rest.empty()) {
    const size_t end = rest.find('\0');
    arguments.emplace_back(rest.substr(0, end));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  return arguments;
}

std::string working_directory_of(const std::string& directory) {
  char path[PATH_MAX];
  const ssize_t size = ::readlink((directory + "/cwd").c_str(), path, sizeof path);
  return size < 0 ? std::string() : std::string(path, static_cast<size_t>(size));
}

bool is_ours(const std::string& directory) {
  struct stat status{};
  return ::stat(directory.c_str(), &status) == 0 && status.st_uid == ::getuid();
}

}  // namespace

Result<std::vector<RunningProcess>> running_processes() {
  const std::unique_ptr<DIR, int (*)(DIR*)> all(::opendir("/proc"), ::closedir);
  if (!all) return errno_error("/proc");
  std::vector<RunningProcess> found;
  while (const dirent* entry = ::readdir(all.get())) {
    const std::string_view name(entry->d_name);
    pid_t id = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
    if (error != std::errc() || end != name.data() + name.size() || id == ::getpid()) continue;
    const std::string directory = "/proc/" + std::string(name);
    if (!is_ours(directory)) continue;
    std::vector<std::string> arguments = arguments_of(directory);
    if (arguments.empty()) continue;
    found.push_back({.id = id,
                     .arguments = std::move(arguments),
                     .directory = working_directory_of(directory)});
  }
  std::ranges::sort(found, {}, &RunningProcess::id);
  return found;
}

Result<> ask_to_stop(pid_t process) {
  if (::kill(process, SIGTERM) < 0) return errno_error("kill " + std::to_string(process));
  return {};
}

std::string absolute_path(std::string_view path) {
  if (path.starts_with('/')) return std::string(path);
  char directory[PATH_MAX];
  if (::getcwd(directory, sizeof directory) == nullptr) return std::string(path);
  return std::string(directory) + "/" + std::string(path);
}

}  // namespace partita
