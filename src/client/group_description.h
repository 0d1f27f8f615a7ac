#pragma once
// Answers of DescribeGroups and ConsumerGroupDescribe in GroupAdmin's form.

#include "client/group_admin.h"

namespace partita::client {

/// Into `described`; answers the groups that are none of the new protocol, to be asked about by
/// DescribeGroups.
Result<std::vector<std::string>> take_consumer_groups(const Answer& answer,
                                                      const BrokerView& coordinator,
                                                      Outcomes<GroupDescription>& described);
Result<> take_classic_groups(const Answer& answer, const BrokerView& coordinator,
                             Outcomes<GroupDescription>& described);

}  // namespace partita::client
