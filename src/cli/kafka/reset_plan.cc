#include "cli/kafka/reset_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>

namespace partita::cli::kafka {
namespace {

constexpr int64_t kMsADay = 86'400'000;
constexpr size_t kQuoteBeyond = 24;  // what writes these files in Java looks no further

/// Eats digits from the front; nothing where there are none, or more than `digits_max`.
std::optional<int64_t> take_number(std::string_view& text, size_t digits_max = 18) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const auto size = static_cast<size_t>(end - text.data());
  if (error != std::errc() || size > digits_max || text.starts_with('-')) return std::nullopt;
  text.remove_prefix(size);
  return number;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

/// Exactly two digits.
std::optional<int64_t> take_two_digits(std::string_view& text) {
  std::string_view digits = text.substr(0, 2);
  const auto number = take_number(digits, 2);
  if (!number || !digits.empty() || text.size() < 2) return std::nullopt;
  text.remove_prefix(2);
  return number;
}

/// In milliseconds to the east of UTC. What follows is not looked at, as Java does.
std::optional<int64_t> take_zone(std::string_view& text) {
  if (take(text, 'Z')) return 0;
  const bool west = text.starts_with('-');
  if (!west && !text.starts_with('+')) return std::nullopt;
  text.remove_prefix(1);
  const auto hours = take_two_digits(text);
  if (!hours || *hours > 23) return std::nullopt;
  int64_t minutes = 0;
  if (take(text, ':')) {
    const auto given = take_two_digits(text);
    if (!given || *given > 59) return std::nullopt;
    minutes = *given;
  }
  const int64_t ms = (*hours * 60 + minutes) * 60'000;
  return west ? -ms : ms;
}

/// Days since 1970; nothing for what is no date.
std::optional<int64_t> days_of(int64_t year, int64_t month, int64_t day) {
  if (year > 9999 || month > 12 || day > 31) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(year)),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch().count();
}

std::optional<int64_t> parse_datetime_with_zone(std::string_view text) {
  const auto year = take_number(text, 4);
  if (!year || !take(text, '-')) return std::nullopt;
  const auto month = take_number(text, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  const auto day = take_number(text, 2);
  if (!day || !take(text, 'T')) return std::nullopt;
  const auto hour = take_number(text, 2);
  if (!hour || *hour > 23 || !take(text, ':')) return std::nullopt;
  const auto minute = take_number(text, 2);
  if (!minute || *minute > 59 || !take(text, ':')) return std::nullopt;
  const auto second = take_number(text, 2);
  if (!second || *second > 59 || !take(text, '.')) return std::nullopt;
  const auto ms = take_number(text, 9);
  if (!ms || *ms > 999) return std::nullopt;
  const auto zone = take_zone(text);
  const auto days = days_of(*year, *month, *day);
  if (!zone || !days) return std::nullopt;
  return *days * kMsADay + ((*hour * 60 + *minute) * 60 + *second) * 1000 + *ms - *zone;
}

/// One part of a duration after the other: "2H", "-4.5S".
class DurationReader {
 public:
  explicit DurationReader(std::string_view text) : text_(text) {}

  std::optional<int64_t> read() {
    while (!text_.empty()) {
      if (take(text_, 'T') || take(text_, 't')) {
        if (in_time_ || text_.empty()) return std::nullopt;
        in_time_ = true;
      } else if (!read_part()) {
        return std::nullopt;
      }
    }
    if (parts_ == 0) return std::nullopt;
    return total_;
  }

 private:
  bool read_part() {
    const bool minus = text_.starts_with('-');
    if (minus || text_.starts_with('+')) text_.remove_prefix(1);
    const auto number = take_number(text_);
    if (!number) return false;
    const bool fraction = text_.starts_with('.') || text_.starts_with(',');
    const int64_t thousandths = fraction ? take_thousandths() : 0;
    if (text_.empty()) return false;
    const char letter = static_cast<char>(text_.front() & ~0x20);
    text_.remove_prefix(1);
    constexpr std::pair<char, int64_t> kUnits[] = {
        {'D', kMsADay}, {'H', 3'600'000}, {'M', 60'000}, {'S', 1000}};
    while (unit_ < std::size(kUnits) && kUnits[unit_].first != letter) unit_++;
    const bool fits =
        unit_ < std::size(kUnits) && in_time_ == (letter != 'D') && (!fraction || letter == 'S');
    int64_t ms = 0;
    if (!fits || __builtin_mul_overflow(*number, kUnits[unit_].second, &ms)) return false;
    ms += thousandths;
    unit_++;
    parts_++;
    return !__builtin_add_overflow(total_, minus ? -ms : ms, &total_);
  }

  int64_t take_thousandths() {
    text_.remove_prefix(1);
    int64_t thousandths = 0;
    for (int64_t weight = 100; !text_.empty() && text_.front() >= '0' && text_.front() <= '9';
         weight /= 10) {
      thousandths += (text_.front() - '0') * weight;
      text_.remove_prefix(1);
    }
    return thousandths;
  }

  std::string_view text_;
  size_t unit_ = 0;  // which may come next
  size_t parts_ = 0;
  bool in_time_ = false;
  int64_t total_ = 0;
};

/// The text between quotes, two of which stand for one; nothing where they are not closed.
std::optional<std::string> take_quoted(std::string_view& line) {
  std::string column;
  do {
    const size_t quote = line.find('"');
    if (quote == std::string_view::npos) return std::nullopt;
    if (!column.empty()) column += '"';
    column += line.substr(0, quote);
    line.remove_prefix(quote + 1);
  } while (take(line, '"'));
  return column;
}

/// The columns of a line; nothing where a quote is not closed.
std::optional<std::vector<std::string>> columns_of(std::string_view line) {
  std::vector<std::string> columns;
  while (true) {
    if (take(line, '"')) {
      auto column = take_quoted(line);
      if (!column || (!line.empty() && !line.starts_with(','))) return std::nullopt;
      columns.push_back(*std::move(column));
    } else {
      const size_t comma = line.find(',');
      columns.emplace_back(line.substr(0, comma));
      line.remove_prefix(comma == std::string_view::npos ? line.size() : comma);
    }
    if (!take(line, ',')) return columns;
  }
}

template <class Number>
bool read_number(const std::string& text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

std::string quoted(const std::string& name) {
  const bool plain = name.size() <= kQuoteBeyond && std::ranges::all_of(name, [](char c) {
                       return static_cast<uint8_t>(c) > ',';
                     });
  if (plain) return name;
  std::string text = "\"";
  for (const char c : name) text += c == '"' ? std::string("\"\"") : std::string(1, c);
  return text + "\"";
}

}  // namespace

Result<int64_t> parse_datetime(std::string_view text) {
  const size_t t = text.find('T');
  if (t == std::string_view::npos || t + 1 == text.size()) {
    return fail(Errc::malformed,
                "java.text.ParseException: Error parsing timestamp. It does not contain a 'T' "
                "according to ISO8601 format");
  }
  std::string whole(text);
  if (text.substr(t + 1).find_first_of("+-Z") == std::string_view::npos) whole += 'Z';
  if (const auto ms = parse_datetime_with_zone(whole)) return *ms;
  return fail(Errc::malformed,
              fmt::format("java.text.ParseException: Unparseable date: \"{}\"", whole));
}

Result<int64_t> parse_duration_ms(std::string_view text) {
  const bool negated = text.starts_with('-');
  if (negated || text.starts_with('+')) text.remove_prefix(1);
  std::optional<int64_t> ms;
  if (take(text, 'P') || take(text, 'p')) ms = DurationReader(text).read();
  if (!ms) return fail(Errc::malformed, "Text cannot be parsed to a Duration");
  return negated ? -*ms : *ms;
}

Result<std::vector<PlannedOffset>> parse_reset_plan(std::string_view csv) {
  std::vector<PlannedOffset> plan;
  while (!csv.empty()) {
    const size_t end = csv.find('\n');
    std::string_view line = csv.substr(0, end);
    csv.remove_prefix(end == std::string_view::npos ? csv.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    auto columns = columns_of(line);
    PlannedOffset planned;
    if (columns && columns->size() == 4) {
      planned.group = columns->front();
      columns->erase(columns->begin());
    }
    int32_t index = 0;
    if (!columns || columns->size() != 3 || !read_number((*columns)[1], index) ||
        !read_number((*columns)[2], planned.offset)) {
      return fail(Errc::malformed, fmt::format("Not a line of a reset plan: {}", line));
    }
    planned.partition = {(*columns)[0], PartitionIndex(index)};
    plan.push_back(std::move(planned));
  }
  return plan;
}

std::string reset_plan_line(const PlannedOffset& planned) {
  const std::string group = planned.group.empty() ? "" : quoted(planned.group) + ",";
  return fmt::format("{}{},{},{}\n", group, quoted(planned.partition.topic),
                     planned.partition.partition.value(), planned.offset);
}

}  // namespace partita::cli::kafka
