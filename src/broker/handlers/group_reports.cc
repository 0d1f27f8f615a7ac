#include "broker/handlers/group_reports.h"

#include <algorithm>

#include "base/check.h"
#include "broker/coordination.h"
#include "broker/group_lag.h"

namespace partita::broker {
namespace {

using Report = Task<Result<std::string>> (*)(HandlerContext& context, std::string_view group);

struct Row {
  std::string_view key;
  Report report;
};

Task<Result<std::string>> report_lag(HandlerContext& context, std::string_view group) {
  CO_TRY(const GroupLag lag, co_await find_group_lag(context, group));
  co_return to_json(lag);
}

Task<Result<std::string>> report_rebalances(HandlerContext& context, std::string_view group) {
  auto told = co_await on_group(context, group,
                                [&](GroupMachine& machine, Now now, GroupMachine::Effects&) {
                                  return machine.why(group, now);
                                });
  if (!told) co_return std::unexpected(std::move(told).error());
  co_return *std::move(told);
}

constexpr Row kRows[] = {
    {"partita.group.lag", report_lag},
    {"partita.group.rebalances", report_rebalances},
};

}  // namespace

bool is_group_report(std::string_view key) {
  return std::ranges::find(kRows, key, &Row::key) != std::end(kRows);
}

Task<Result<std::string>> group_report(HandlerContext& context, std::string_view group,
                                       std::string_view key) {
  const Row* row = std::ranges::find(kRows, key, &Row::key);
  CHECK(row != std::end(kRows));
  return row->report(context, group);
}

}  // namespace partita::broker
