#pragma once
// The transaction coordinator's settings, from the broker's.

#include "broker/settings.h"
#include "coordinators/txn/transaction_settings.h"

namespace partita::broker {

coordinators::TransactionSettings transaction_settings(const Settings& settings);

}  // namespace partita::broker
