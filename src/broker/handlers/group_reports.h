#pragma once
// What this broker knows of a group and no request of Kafka's tells: read-only entries of
// DescribeConfigs for the resource type GROUP, in JSON. They are answered only where they are asked
// for by name, so that Kafka's own tools never see them.
//
//   partita.group.lag          how far behind it is, and what retention takes: broker/group_lag.h
//   partita.group.rebalances   its latest rebalances with their causes:
//                              coordinators/group/rebalance_history.h

#include <string>
#include <string_view>

#include "broker/handler_table.h"

namespace partita::broker {

bool is_group_report(std::string_view key);
/// The report. REQUIRED: is_group_report(key).
Task<Result<std::string>> group_report(HandlerContext& context, std::string_view group,
                                       std::string_view key);

}  // namespace partita::broker
