#include "broker/compatibility.h"

#include <fmt/format.h>

#include "broker/handler_table.h"

namespace partita::broker {

std::string compatibility_page() {
  std::string page =
      "# Compatibility\n\n"
      "Every request that the broker serves, made from its handler table "
      "(`src/broker/handler_table.cc`); ApiVersions says\n"
      "the same to clients. What is not here is not advertised. Versions that Kafka 4 has dropped "
      "are served while\n"
      "`compat.old.versions` is true.\n\n"
      "| key | API | advertised | served | without old versions |\n"
      "|---|---|---|---|---|\n";
  const auto current = handler_table(false);
  for (const Handler& row : handler_table(true)) {
    const Handler& now = *find_handler(current, row.key);
    page += fmt::format("| {} | {} | {}-{} | {}-{} | {}-{} |\n", static_cast<int>(row.key),
                        wire::api_name(row.key), row.listed_from, row.last, row.first, row.last,
                        now.first, now.last);
  }
  return page;
}

}  // namespace partita::broker
