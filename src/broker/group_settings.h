#pragma once
// The group coordinator's part of the broker's settings.

#include "broker/settings.h"
#include "coordinators/group/group_settings.h"

namespace partita::broker {

coordinators::GroupSettings group_settings(const Settings& settings);

}  // namespace partita::broker
