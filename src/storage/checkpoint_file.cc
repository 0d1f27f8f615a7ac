#include "storage/checkpoint_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/check.h"
#include "base/fault_points.h"
#include "base/log.h"

namespace partita::storage {
namespace {

/// What replace_file would be without its last step.
Task<Result<>> replace_and_forget_directory(Executor& executor, Disk& disk, std::string path,
                                            Bytes contents) {
  const std::string temporary = path + ".tmp";
  CO_TRY(auto file, disk.open(temporary, OpenMode::create_or_open));
  CO_CHECKED(file->truncate(0));
  CO_CHECKED(file->write(0, contents.view()));
  CO_CHECKED(co_await sync(executor, *file));
  co_return disk.rename(temporary, path);
}

/// Takes the next line from the front of `text`; nothing where no line ends there.
Result<std::string_view> take_line(std::string_view& text) {
  const size_t end = text.find('\n');
  if (end == std::string_view::npos) {
    return fail(Errc::corrupt_data, "the checkpoint ends inside a line");
  }
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

}  // namespace

Result<std::vector<std::string_view>> parse_checkpoint(ByteView bytes, int version) {
  std::string_view text = as_text(bytes);
  TRY(const std::string_view version_line, take_line(text));
  if (version_line != std::to_string(version)) {
    return fail(Errc::corrupt_data, "unknown checkpoint version " + quoted(version_line));
  }
  TRY(const std::string_view count_line, take_line(text));
  // Each entry takes two bytes at least, which bounds what the count can make us reserve.
  TRY(const int64_t count, parse_count(count_line, static_cast<int64_t>(text.size() / 2)));
  std::vector<std::string_view> lines;
  lines.reserve(static_cast<size_t>(count));
  while (!text.empty()) {
    TRY(const std::string_view line, take_line(text));
    lines.push_back(line);
  }
  if (lines.size() != static_cast<size_t>(count)) {
    return fail(Errc::corrupt_data,
                fmt::format("{} entries instead of {} in a checkpoint", lines.size(), count));
  }
  return lines;
}

Bytes encode_checkpoint(int version, size_t count, std::string_view lines) {
  CHECK(std::ranges::count(lines, '\n') == static_cast<int64_t>(count));
  const std::string head = fmt::format("{}\n{}\n", version, count);
  Buffer out(head.size() + lines.size());
  out.append(as_bytes(head));
  out.append(as_bytes(lines));
  return std::move(out).freeze();
}

Result<> split_words(std::string_view line, std::span<std::string_view> words) {
  for (size_t i = 0; i < words.size(); i++) {
    const bool last = i + 1 == words.size();
    const size_t end = line.find(' ');
    if (last != (end == std::string_view::npos) || end == 0 || line.empty()) {
      return fail(Errc::corrupt_data, "malformed checkpoint entry " + quoted(line));
    }
    words[i] = line.substr(0, end);
    line.remove_prefix(last ? line.size() : end + 1);
  }
  return {};
}

Result<int64_t> parse_count(std::string_view word, int64_t most) {
  int64_t value = -1;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  const bool whole = error == std::errc() && end == word.data() + word.size();
  if (!whole || word.front() == '-' || (word.front() == '0' && word.size() > 1) || value > most) {
    return fail(Errc::corrupt_data, "malformed number in a checkpoint: " + quoted(word));
  }
  return value;
}

Task<Result<>> write_checkpoint(Executor& executor, Disk& disk, std::string path, Bytes contents) {
  if (mutant("storage.checkpoint_no_rename_sync")) {
    co_return co_await replace_and_forget_directory(executor, disk, std::move(path),
                                                    std::move(contents));
  }
  co_return co_await replace_file(executor, disk, std::move(path), std::move(contents));
}

}  // namespace partita::storage
