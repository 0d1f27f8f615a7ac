#include "coordinators/group/group.h"

namespace partita::coordinators {

std::string_view group_type_name(GroupType type) {
  return type == GroupType::classic ? "Classic" : "Consumer";
}

}  // namespace partita::coordinators
